//! Resolves checkpoints: asks the endpoint, round by round, what the searches for the newest complete ones need to know.
//! What several searches need in one round is asked once.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures::{StreamExt, stream};

use super::connection::Connection;
use super::list_and_select::{Selections, unless, verdict};
use super::scopes::{buckets, scopes};
use crate::clock;
use crate::list::{Depth, Lister, Scope};
use crate::report::Progress;
use model::object::{Bucket, Key, Row};
use model::pattern::Pattern;
use model::select::Rules;
use model::select::checkpoint::{Checkpoint, Listing, Need, Search};
use model::select::plan::Verdict;

/// What is searched for.
pub(super) type Wanted = (Arc<Rules>, Arc<Checkpoint>);

/// Searches for all of `wanted`, no longer than `until` takes.
pub(super) async fn resolve(
    connection: &Connection,
    wanted: &[Wanted],
    progress: &Arc<Progress>,
    until: impl Future<Output = Verdict>,
) -> Selections {
    let mut rounds = Rounds { connection, lister: connection.lister(progress), searches: Vec::new(), date: None };
    let verdict = unless(until, rounds.execute(wanted)).await;
    let mut searches = rounds.searches.into_iter();
    Selections {
        selections: wanted
            .iter()
            .map(|_| searches.next().map(Search::finish).unwrap_or_default())
            .collect::<Vec<_>>()
            .into_iter(),
        verdict,
        at: rounds.date.unwrap_or_else(clock::now),
        list_requests: rounds.lister.requests(),
        manifest: None,
    }
}

/// Who asked for something: a search, and the place in its round.
type Askers = Vec<(usize, usize)>;
type Asked<T> = (T, Askers);

/// What is asked in one round.
#[derive(Default)]
struct Round {
    lists: Vec<Asked<Scope>>,
    reads: Vec<Asked<(Bucket, Key)>>,
}

struct Rounds<'a> {
    connection: &'a Connection,
    lister: Arc<Lister>,
    searches: Vec<Search>,
    /// The server's clock, at its first answer.
    date: Option<DateTime<Utc>>,
}

impl Rounds<'_> {
    async fn execute(&mut self, wanted: &[Wanted]) -> Result<(), Verdict> {
        let patterns: Vec<&Pattern> = wanted.iter().flat_map(|(rules, _)| &rules.patterns).collect();
        let found = buckets(&self.lister, &patterns).await?;
        for (rules, checkpoint) in wanted {
            let patterns: Vec<&Pattern> = rules.patterns.iter().collect();
            let scopes = scopes(self.connection, &patterns, &found)?;
            let scopes = scopes.into_iter().map(|scope| (scope.bucket, scope.prefix)).collect();
            self.searches.push(Search::new(rules.clone(), checkpoint.clone(), scopes, clock::now()));
        }
        loop {
            let Round { lists, reads } = self.next();
            if lists.is_empty() && reads.is_empty() {
                return Ok(());
            }
            self.read(reads).await?;
            self.list(lists).await?;
        }
    }

    /// What the searches ask for in this round, in the order in which they do.
    fn next(&mut self) -> Round {
        let mut asked: HashMap<Need, Askers> = HashMap::new();
        for (search, needs) in self.searches.iter_mut().map(Search::needs).enumerate() {
            for (nth, need) in needs.into_iter().enumerate() {
                asked.entry(need).or_default().push((search, nth));
            }
        }
        let mut asked: Vec<Asked<Need>> = asked.into_iter().collect();
        asked.sort_unstable_by(|(_, a), (_, b)| a.cmp(b));
        let mut round = Round::default();
        for (need, askers) in asked {
            match need {
                Need::List { bucket, prefix, listing } => {
                    round.lists.push((Scope { bucket, prefix, depth: depth(listing) }, askers));
                }
                Need::Read { bucket, key } => round.reads.push(((bucket, key), askers)),
            }
        }
        round
    }

    async fn read(&mut self, asked: Vec<Asked<(Bucket, Key)>>) -> Result<(), Verdict> {
        let lister = &self.lister;
        let read = |((bucket, key), askers): Asked<(Bucket, Key)>| async move {
            let text = lister.read(&bucket, &key, Search::READ).await;
            (text, askers)
        };
        let mut texts = pin!(stream::iter(asked).map(read).buffer_unordered(lister.most()));
        while let Some((text, askers)) = texts.next().await {
            let text = text.map_err(|error| verdict(&error))?;
            for (search, nth) in askers {
                self.searches[search].read(nth, text.as_deref());
            }
        }
        Ok(())
    }

    async fn list(&mut self, asked: Vec<Asked<Scope>>) -> Result<(), Verdict> {
        let (scopes, askers): (Vec<_>, Vec<Askers>) = asked.into_iter().unzip();
        let mut pages = pin!(self.lister.pages_of(scopes));
        while let Some(page) = pages.next().await {
            let (scope, page) = page.map_err(|error| verdict(&error))?;
            if let (None, Some(date)) = (self.date, page.date) {
                self.date = Some(date);
                self.searches.iter_mut().for_each(|search| search.begin(date));
            }
            let more = page.next.is_some();
            if let Some(((search, nth), others)) = askers[scope].split_last() {
                let objects: Vec<_> = page.objects.iter().map(Row::to_object).collect();
                for (search, nth) in others {
                    self.searches[*search].page(*nth, (objects.clone(), page.folders.clone()), more);
                }
                self.searches[*search].page(*nth, (objects, page.folders), more);
            }
        }
        Ok(())
    }
}

fn depth(listing: Listing) -> Depth {
    match listing {
        Listing::Keys => Depth::Keys,
        Listing::FirstKeys { pages } => Depth::FirstKeys { pages },
        Listing::Folders => Depth::Folders,
    }
}
