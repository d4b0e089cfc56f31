//! One range, several of its parts at the same time.

use std::sync::Arc;

use futures::future::{BoxFuture, FutureExt};
use futures::stream::{self, FuturesUnordered, Stream, StreamExt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::parts::{Ask, Parts};
use super::{Asking, ListError, Lists, Range};
use crate::s3::{Page, PageRequest, RequestError};

struct Spread<L> {
    asking: Arc<Asking<L>>,
    /// Shared by all ranges: one for each request.
    places: Arc<Semaphore>,
    range: Range,
    parts: Parts,
    requests: FuturesUnordered<BoxFuture<'static, (u64, Result<Page, RequestError>)>>,
    failed: bool,
}

/// The pages of `range`, in no order, each key once.
pub(super) fn spread<L: Lists>(
    asking: Arc<Asking<L>>,
    places: Arc<Semaphore>,
    range: Range,
) -> impl Stream<Item = Result<Page, ListError>> + Send {
    let parts = Parts::new(&range.prefix);
    let start = Spread { asking, places, range, parts, requests: FuturesUnordered::new(), failed: false };
    stream::unfold(start, |mut spread| async move {
        if spread.failed {
            return None;
        }
        spread.send();
        let (part, answer) = spread.requests.next().await?;
        let answer = answer.and_then(|mut page| spread.parts.answered(part, &mut page).map(|()| page));
        let answer = answer.map_err(|source| spread.range.error(source));
        match &answer {
            Ok(page) => spread.asking.listed(page),
            Err(_) => spread.failed = true,
        }
        Some((answer, spread))
    })
}

impl<L: Lists> Spread<L> {
    /// Asks for the next page of every part, and of new ones while there is room.
    fn send(&mut self) {
        loop {
            let place = self.places.clone().try_acquire_owned().ok();
            let Some(ask) = self.parts.next(place.is_some()) else { return };
            self.requests.push(self.request(ask, place).boxed());
        }
    }

    fn request(
        &self,
        Ask { part, after, token }: Ask,
        place: Option<OwnedSemaphorePermit>,
    ) -> impl Future<Output = (u64, Result<Page, RequestError>)> + Send + use<L> {
        let (asking, places, range) = (self.asking.clone(), self.places.clone(), self.range.clone());
        async move {
            let _place = match place {
                Some(place) => Some(place),
                // It is never closed.
                None => places.acquire_owned().await.ok(),
            };
            let Range { bucket, prefix, .. } = &range;
            let (after, continuation) = (after.as_ref(), token.as_deref());
            let request = PageRequest { bucket, prefix, after, continuation, delimiter: false };
            (part, asking.page(request).await)
        }
    }
}
