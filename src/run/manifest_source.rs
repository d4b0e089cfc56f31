//! The manifest as a source: selects from the objects that it names in place of a listing.
//!
//! What an entry does not say and the rules need is asked of the list endpoint, object by object, so that nothing passes a cap
//! without its size.

mod bytes;

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures::{StreamExt, stream};

use self::bytes::Bytes;
use super::connection::Connection;
use super::list_and_select::{Offers, Selections, unless, verdict};
use super::scopes::allowed;
use crate::list::{Lister, RetryPolicy};
use crate::report::Progress;
use model::manifest::{Account, Decoder, Entry, ManifestError, Named, Place};
use model::object::{Bucket, Object};
use model::select::Rules;
use model::select::plan::Verdict;
use s3::Stat;

/// Objects that are looked up together, and held in memory meanwhile.
const MAX_LOOK_UPS: usize = 1024;

/// Reads the manifest once, and offers every object to all of the rules; no longer than `until` takes.
pub(super) async fn read(
    connection: &Connection,
    (place, rules): (&Place, &[Arc<Rules>]),
    progress: &Arc<Progress>,
    until: impl Future<Output = Verdict>,
) -> Selections {
    let mut reading = ManifestSource {
        connection,
        lister: connection.lister(progress),
        progress,
        place,
        offers: Offers::new(rules, connection, None),
        named: Named::default(),
        waiting: Vec::new(),
        usable: None,
        account: Account { place: place.to_string(), ..Account::default() },
    };
    let verdict = unless(until, Box::pin(reading.execute())).await;
    let ManifestSource { mut offers, account, lister, .. } = reading;
    offers.begin(None);
    Selections {
        at: offers.at,
        selections: offers.finish(),
        verdict,
        list_requests: lister.requests(),
        manifest: Some(account),
    }
}

/// The first entry, from as much as is read at once; `None` where nothing is in it.
///
/// # Errors
/// Why it cannot be read.
pub(super) async fn glance(connection: &Connection, place: &Place) -> Result<Option<Entry>, String> {
    let mut first = None;
    let mut take = |entries: Vec<Entry>| {
        first = entries.into_iter().next();
        if first.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    each(connection, place, &mut take).await?;
    Ok(first)
}

/// The buckets that its entries name.
///
/// # Errors
/// Why it cannot be read.
pub async fn named_buckets(connection: &Connection, place: &Place) -> Result<BTreeSet<Bucket>, String> {
    let mut buckets = BTreeSet::new();
    let mut take = |entries: Vec<Entry>| {
        buckets.extend(entries.into_iter().map(|entry| entry.bucket));
        ControlFlow::Continue(())
    };
    each(connection, place, &mut take).await?;
    Ok(buckets)
}

/// Reads entries for as long as `take` goes on.
async fn each(
    connection: &Connection,
    place: &Place,
    take: &mut (dyn FnMut(Vec<Entry>) -> ControlFlow<()> + Send),
) -> Result<(), String> {
    let told = |verdict: Verdict| verdict.why().map(|why| why.text.clone()).unwrap_or_default();
    let retry_policy = RetryPolicy { retries: 0, ..connection.retry_policy() };
    let lister = Lister::new(connection.lists.clone(), retry_policy, Arc::default());
    let mut bytes = Bytes::open(place).await.map_err(told)?;
    let mut decoder = Decoder::default();
    while let Some((some, _)) = bytes.next(&lister).await.map_err(told)? {
        for portion in Decoder::portions(&some) {
            if take(decoder.push(portion).map_err(|error| error.to_string())?).is_break() {
                return Ok(());
            }
        }
    }
    let _ = take(decoder.finish().map_err(|error| error.to_string())?);
    Ok(())
}

struct ManifestSource<'a> {
    connection: &'a Connection,
    lister: Arc<Lister>,
    progress: &'a Progress,
    place: &'a Place,
    offers: Offers<'a>,
    named: Named,
    /// Candidates to be looked up.
    waiting: Vec<Object>,
    /// The last bucket that was found to be one that the credentials are for.
    usable: Option<Bucket>,
    account: Account,
}

impl ManifestSource<'_> {
    async fn execute(&mut self) -> Result<(), Verdict> {
        let mut bytes = Bytes::open(self.place).await?;
        let mut decoder = Decoder::default();
        while let Some((some, date)) = bytes.next(&self.lister).await? {
            if date.is_some() {
                self.offers.begin(date);
            }
            for portion in Decoder::portions(&some) {
                let entries = decoder.push(portion).map_err(|error| self.refused(&error))?;
                self.take(entries).await?;
            }
        }
        bytes.finish().await?;
        let entries = decoder.finish().map_err(|error| self.refused(&error))?;
        self.take(entries).await?;
        self.look_up().await
    }

    /// ManifestSource it again would find the same.
    fn refused(&self, error: &ManifestError) -> Verdict {
        Verdict::Refused(format!("manifest {}, {error}", self.place).into())
    }

    async fn take(&mut self, entries: Vec<Entry>) -> Result<(), Verdict> {
        self.offers.begin(None);
        for entry in entries {
            self.account.entries += 1;
            if self.named.again(&entry) {
                self.account.duplicates += 1;
                continue;
            }
            let (is_complete, line) = (entry.is_complete(), entry.line);
            let object = entry.into_object();
            if !self.offers.rules.iter().any(|rules| rules.is_candidate(object.row())) {
                self.offer(&object);
                continue;
            }
            self.may_use(&object.bucket, line)?;
            if is_complete {
                self.account.without_etag += u64::from(object.etag.is_none());
                self.offer(&object);
                continue;
            }
            self.waiting.push(object);
            if self.waiting.len() >= MAX_LOOK_UPS {
                self.look_up().await?;
            }
        }
        // Nothing else waits while a file is read.
        tokio::task::yield_now().await;
        Ok(())
    }

    fn offer(&mut self, object: &Object) {
        self.progress.listed.fetch_add(1, Ordering::Relaxed);
        self.offers.offer(object.row());
    }

    /// A pattern that names a bucket which must not be used is refused, and so is an entry.
    fn may_use(&mut self, bucket: &Bucket, line: u64) -> Result<(), Verdict> {
        if self.usable.as_ref() == Some(bucket) {
            return Ok(());
        }
        let usable = allowed(self.connection, bucket).and_then(|()| self.connection.wire.cache.can_name(bucket));
        usable.map_err(|why| self.refused(&ManifestError { line, what: why }))?;
        self.usable = Some(bucket.clone());
        Ok(())
    }

    /// Asks the list endpoint for what the waiting entries do not say. What the entries do say is not believed beside it:
    /// it may be of another version.
    async fn look_up(&mut self) -> Result<(), Verdict> {
        let waiting = std::mem::take(&mut self.waiting);
        self.account.looked_up += waiting.len() as u64;
        let in_flight = self.lister.most();
        let mut found = Vec::with_capacity(waiting.len());
        {
            let lister = &self.lister;
            let ask = |object: Object| async move {
                let stat = lister.stat(&object.bucket, &object.key).await;
                (object, stat)
            };
            let mut asked = pin!(stream::iter(waiting).map(ask).buffer_unordered(in_flight));
            while let Some((object, stat)) = asked.next().await {
                found.push((object, stat.map_err(|error| verdict(&error))?));
            }
        }
        for (named, stat) in found {
            let Some(stat) = stat else {
                self.account.gone += 1;
                self.account.gone_sample.get_or_insert((named.bucket, named.key));
                continue;
            };
            self.account.without_etag += u64::from(stat.etag.is_none());
            let Object { bucket, key, .. } = named;
            let Stat { size, etag, last_modified, storage_class } = stat;
            let object = Object { bucket, key, size, etag, last_modified, storage_class };
            self.offer(&object);
        }
        Ok(())
    }
}
