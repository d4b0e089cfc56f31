//! Lists one scope as several key ranges at the same time.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::fair_semaphore::Ticket;
use super::splitter::{Ask, Splitter};
use super::{ListError, Lister, Lists, Scope};
use futures::future::{BoxFuture, FutureExt};
use futures::stream::{self, FuturesUnordered, Stream, StreamExt};
use s3::{Page, PageRequest, RequestError};
use tokio::time::sleep;

struct ParallelListing<L> {
    lister: Arc<Lister<L>>,
    scope: Scope,
    /// Of the whole key space, and how much of it has been shown.
    share: u64,
    shown: u64,
    splitter: Splitter,
    requests: FuturesUnordered<BoxFuture<'static, (u64, Result<Page, RequestError>)>>,
    failed: bool,
}

/// The pages of `scope`, in no order, each key once. `share` is what they are of the whole key space, for the progress.
pub(super) fn list_parallel<L: Lists>(
    lister: Arc<Lister<L>>,
    scope: Scope,
    share: u64,
) -> impl Stream<Item = Result<Page, ListError>> + Send {
    let splitter = Splitter::new(&scope.prefix);
    let start =
        ParallelListing { lister, scope, share, shown: 0, splitter, requests: FuturesUnordered::new(), failed: false };
    stream::unfold(start, |mut listing| async move {
        if listing.failed {
            return None;
        }
        listing.send();
        let (range, answer) = listing.requests.next().await?;
        let answer = answer.and_then(|mut page| listing.splitter.answered(range, &mut page).map(|()| page));
        let answer = answer.map_err(|source| listing.scope.error(source));
        match &answer {
            Ok(page) => listing.tell(page),
            Err(_) => listing.failed = true,
        }
        Some((answer, listing))
    })
}

impl<L: Lists> ParallelListing<L> {
    /// Asks for the next page of every part, and of new ones while there is room.
    fn send(&mut self) {
        loop {
            let share = &self.lister.retry_policy.share;
            let divides = share.is_calm() && !self.lister.is_undivided.load(Ordering::Relaxed) && share.has_room();
            let Some(ask) = self.splitter.next(divides) else { return };
            self.requests.push(self.request(ask, share.ticket()).boxed());
        }
    }

    /// Shows how far it has come, and what has been found out of the server.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "millionths"
    )]
    fn tell(&mut self, page: &Page) {
        self.lister.listed(page);
        let share = (self.splitter.share() * self.share as f64) as u64;
        let more = share.min(self.share).saturating_sub(self.shown);
        self.shown += more;
        self.lister.progress.listed_share.fetch_add(more, Ordering::Relaxed);
        if let Some(why) = self.splitter.undivided() {
            self.lister.undivided(&self.scope, why);
        }
    }

    fn request(
        &self,
        Ask { range: range_id, after, token, pause }: Ask,
        ticket: Ticket,
    ) -> impl Future<Output = (u64, Result<Page, RequestError>)> + Send + use<L> {
        let (lister, scope) = (self.lister.clone(), self.scope.clone());
        async move {
            let Scope { bucket, prefix, .. } = &scope;
            let (after, continuation) = (after.as_ref(), token.as_deref());
            let request = PageRequest { bucket, prefix, after, continuation, delimiter: false };
            if let Some(pause) = pause {
                sleep(pause).await;
            }
            (range_id, lister.page(request, ticket).await)
        }
    }
}
