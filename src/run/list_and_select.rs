//! Lists what patterns ask for and selects from it. One listing may feed several profiles.

use std::pin::pin;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures::StreamExt;

use super::connection::Connection;
use super::folder_pruning::{FolderPruning, Pruned};
use super::outcome::reason_class_of;
use super::scopes::{buckets, scopes};
use super::spill::Spills;
use super::stream_channel::StreamChannel;
use crate::clock;
use crate::list::{ListError, Lister};
use crate::report::{Progress, ReasonClass};
use model::manifest::Account;
use model::object::Row;
use model::pattern::Pattern;
use model::select::plan::{Verdict, Why};
use model::select::{Rules, Selection, Selector};
use s3::{Class, Page};

/// What a listing came to.
pub(super) struct Selections {
    /// One for each of the rules; what was seen so far where the listing was cut short.
    pub selections: std::vec::IntoIter<Selection>,
    /// Ready, unless the listing could not be finished.
    pub verdict: Verdict,
    /// The server's clock, else ours.
    pub at: DateTime<Utc>,
    pub list_requests: u64,
    /// What was read in place of a listing.
    pub manifest: Option<Account>,
}

/// Lists once what any of `rules` asks for, and offers every object to all of them; no longer than `until` takes.
pub(super) async fn list_and_select(
    (connection, out): (&Connection, Option<StreamChannel>),
    rules: &[Arc<Rules>],
    progress: &Arc<Progress>,
    until: impl Future<Output = Verdict>,
) -> Selections {
    let lister = connection.lister(progress);
    let mut offers = Offers::new(rules, connection, out);
    let verdict = unless(until, offer_all(connection, &lister, &mut offers)).await;
    Selections { at: offers.at, selections: offers.finish(), verdict, list_requests: lister.requests(), manifest: None }
}

/// Does `work` until `until` says why not to; `Ready` where it is done.
pub(super) async fn unless(
    until: impl Future<Output = Verdict>,
    work: impl Future<Output = Result<(), Verdict>>,
) -> Verdict {
    tokio::select! {
        biased;
        why = until => why,
        done = work => done.err().unwrap_or(Verdict::Ready),
    }
}

/// Selectors, begun when the server's clock is known.
pub(super) struct Offers<'a> {
    pub rules: &'a [Arc<Rules>],
    spills: Option<&'a Spills>,
    out: Option<StreamChannel>,
    selectors: Vec<Selector>,
    pub at: DateTime<Utc>,
}

impl<'a> Offers<'a> {
    pub fn new(rules: &'a [Arc<Rules>], connection: &'a Connection, out: Option<StreamChannel>) -> Self {
        Self { rules, spills: connection.spills.as_ref(), out, selectors: Vec::new(), at: clock::now() }
    }

    fn take(&mut self, page: &Page) {
        self.begin(page.date);
        page.objects.iter().for_each(|object| self.offer(object));
        self.hand_over();
    }

    /// Lets go of what is selected already.
    pub fn hand_over(&mut self) {
        let Some(out) = &mut self.out else { return };
        self.selectors.iter_mut().for_each(|selector| out.take(selector));
    }

    pub fn offer(&mut self, object: Row<'_>) {
        self.selectors.iter_mut().for_each(|selector| selector.offer(object));
    }

    pub fn finish(mut self) -> std::vec::IntoIter<Selection> {
        self.begin(None);
        self.selectors.into_iter().map(Selector::finish).collect::<Vec<_>>().into_iter()
    }

    /// Ages are by the server's clock, which the first answer shows.
    pub fn begin(&mut self, date: Option<DateTime<Utc>>) {
        if self.selectors.is_empty() {
            self.at = date.unwrap_or(self.at);
            let is_handed_over = self.out.is_some();
            let selector = |rules: &Arc<Rules>| match self.spills {
                Some(spills) => {
                    Selector::new(rules.clone(), self.at).spilling(spills.folder(), spills.room(is_handed_over))
                }
                None => Selector::new(rules.clone(), self.at),
            };
            self.selectors.extend(self.rules.iter().map(selector));
        }
    }
}

async fn offer_all(connection: &Connection, lister: &Arc<Lister>, offers: &mut Offers<'_>) -> Result<(), Verdict> {
    let patterns: Vec<&Pattern> = offers.rules.iter().flat_map(|rules| &rules.patterns).collect();
    let found = buckets(lister, &patterns).await?;
    let scopes = scopes(connection, &patterns, &found)?;
    let pruning = FolderPruning { lister, patterns: &patterns };
    let Pruned { seen, left } = Box::pin(pruning.all(scopes)).await.map_err(|error| verdict(&error))?;
    seen.iter().for_each(|page| offers.take(page));
    drop(seen);
    let mut pages = pin!(lister.pages(left));
    while let Some(page) = pages.next().await {
        offers.take(&page.map_err(|error| verdict(&error))?);
    }
    Ok(())
}

/// An endpoint that says no is a refusal; one that cannot be reached or understood is worth another try.
pub(super) fn verdict(error: &ListError) -> Verdict {
    let class = if error.source.lacks_keys() { Some(ReasonClass::NoKeys) } else { reason_class_of(error.source.class) };
    let why = Why::new(class, error.to_string());
    match error.source.class {
        Class::Denied | Class::NotFound | Class::Rejected | Class::Truncated => Verdict::Refused(why),
        _ => Verdict::Failed(why),
    }
}
