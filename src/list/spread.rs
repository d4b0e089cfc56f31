//! One range, several of its parts at the same time.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::parts::{Ask, Parts};
use super::places::Claim;
use super::{Asking, ListError, Lists, Range};
use futures::future::{BoxFuture, FutureExt};
use futures::stream::{self, FuturesUnordered, Stream, StreamExt};
use s3::{Page, PageRequest, RequestError};
use tokio::time::sleep;

struct Spread<L> {
    asking: Arc<Asking<L>>,
    range: Range,
    /// Of the whole key space, and how much of it has been shown.
    share: u64,
    shown: u64,
    parts: Parts,
    requests: FuturesUnordered<BoxFuture<'static, (u64, Result<Page, RequestError>)>>,
    failed: bool,
}

/// The pages of `range`, in no order, each key once. `share` is what they are of the whole key space, for the progress.
pub(super) fn spread<L: Lists>(
    asking: Arc<Asking<L>>,
    range: Range,
    share: u64,
) -> impl Stream<Item = Result<Page, ListError>> + Send {
    let parts = Parts::new(&range.prefix);
    let start = Spread { asking, range, share, shown: 0, parts, requests: FuturesUnordered::new(), failed: false };
    stream::unfold(start, |mut spread| async move {
        if spread.failed {
            return None;
        }
        spread.send();
        let (part, answer) = spread.requests.next().await?;
        let answer = answer.and_then(|mut page| spread.parts.answered(part, &mut page).map(|()| page));
        let answer = answer.map_err(|source| spread.range.error(source));
        match &answer {
            Ok(page) => spread.tell(page),
            Err(_) => spread.failed = true,
        }
        Some((answer, spread))
    })
}

impl<L: Lists> Spread<L> {
    /// Asks for the next page of every part, and of new ones while there is room.
    fn send(&mut self) {
        loop {
            let share = &self.asking.patience.share;
            let divides = share.is_calm() && !self.asking.is_undivided.load(Ordering::Relaxed) && share.has_room();
            let Some(ask) = self.parts.next(divides) else { return };
            self.requests.push(self.request(ask, share.claim()).boxed());
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
        self.asking.listed(page);
        let share = (self.parts.share() * self.share as f64) as u64;
        let more = share.min(self.share).saturating_sub(self.shown);
        self.shown += more;
        self.asking.progress.listed_share.fetch_add(more, Ordering::Relaxed);
        if let Some(why) = self.parts.undivided() {
            self.asking.undivided(&self.range, why);
        }
    }

    fn request(
        &self,
        Ask { part, after, token, pause }: Ask,
        claim: Claim,
    ) -> impl Future<Output = (u64, Result<Page, RequestError>)> + Send + use<L> {
        let (asking, range) = (self.asking.clone(), self.range.clone());
        async move {
            let Range { bucket, prefix, .. } = &range;
            let (after, continuation) = (after.as_ref(), token.as_deref());
            let request = PageRequest { bucket, prefix, after, continuation, delimiter: false };
            if let Some(pause) = pause {
                sleep(pause).await;
            }
            (part, asking.page(request, claim).await)
        }
    }
}
