//! The bounded channel from the selection to the warm, for a profile without caps whose listing still goes on (backpressure).

use tokio::sync::mpsc::{Receiver, Sender, channel};

use model::object::ObjectIndex;
use model::select::Selector;

/// Objects of a portion at the most. The first portion is the first page, so that warming begins at once. Later ones grow, as
/// each is sorted and looked up in the ledger by itself.
const MAX_PORTION: u32 = 1 << 16;
/// Each portion is this many times as large as the one before.
const PORTION_GROWTH: u32 = 4;
/// Portions that may wait in the channel. Beyond them the selection holds what it selects; both are bounded in memory.
const MAX_WAITING_PORTIONS: usize = 1 << 10;

/// Hands over what is selected.
#[derive(Clone, Debug)]
pub(super) struct StreamChannel {
    to: Sender<ObjectIndex>,
    together: u32,
}

impl StreamChannel {
    pub fn new() -> (Self, Receiver<ObjectIndex>) {
        Self::holding(MAX_WAITING_PORTIONS)
    }

    fn holding(portions: usize) -> (Self, Receiver<ObjectIndex>) {
        let (to, from) = channel(portions);
        (Self { to, together: 1 }, from)
    }

    /// Takes what `selector` has selected, once it is enough and there is room for it.
    pub fn take(&mut self, selector: &mut Selector) {
        if selector.held() < self.together {
            return;
        }
        // Where nobody takes anything any more the run is about to end.
        let Ok(room) = self.to.try_reserve() else { return };
        let Some(portion) = selector.hand_over() else { return };
        self.together =
            u32::try_from(portion.len()).unwrap_or(u32::MAX).saturating_mul(PORTION_GROWTH).min(MAX_PORTION);
        room.send(portion);
    }

    /// Hands over the rest, as soon as there is room.
    pub async fn finish(self, rest: ObjectIndex) {
        if !rest.is_empty() && self.to.send(rest).await.is_err() {
            tracing::debug!("the warm ended before the listing did");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use chrono::DateTime;

    use super::*;
    use model::config::{Source, load_sources};
    use model::object::{Bucket, Key, Object};

    /// Selects all of bucket `b`.
    fn selector() -> Selector {
        let text = "[endpoint.e]\ncache_url = \"http://cache.test\"\nregion = \"r\"\naddressing = \"path\"\n\
                    [profile.p]\nobjects = [\"s3://b/**\"]\nmax_bytes = \"unlimited\"\n";
        let source = Source::trusted("hotset.toml", text, 0);
        let config = load_sources(vec![source]).unwrap_or_else(|wrong| panic!("{}", wrong.render(false)));
        Selector::new(Arc::new(config.profiles["p"].rules.clone()), DateTime::UNIX_EPOCH)
    }

    fn object(n: usize) -> Object {
        Object {
            bucket: Bucket::new("b"),
            key: Key::from(format!("{n:04}").as_str()),
            size: 1,
            etag: None,
            last_modified: DateTime::UNIX_EPOCH,
            storage_class: None,
        }
    }

    /// The sizes of the portions that wait.
    fn waiting(from: &mut Receiver<ObjectIndex>) -> Vec<usize> {
        std::iter::from_fn(|| from.try_recv().ok()).map(|portion| portion.len()).collect()
    }

    #[test]
    fn portions_grow() {
        let (mut out, mut from) = StreamChannel::new();
        let mut selector = selector();
        for n in 0..200 {
            selector.offer(object(n).row());
            out.take(&mut selector);
        }
        assert_eq!(waiting(&mut from), [1, 4, 16, 64]);
        assert_eq!((selector.held(), selector.finish().selected.len()), (115, 115));
    }

    #[tokio::test]
    async fn what_has_no_room_stays_selected_and_comes_in_the_end() {
        let (mut out, mut from) = StreamChannel::holding(2);
        let mut selector = selector();
        for n in 0..200 {
            selector.offer(object(n).row());
            out.take(&mut selector);
        }
        let selection = selector.finish();
        assert_eq!((selection.selected.len(), selection.kept().objects), (195, 200));
        let (left, ()) = futures::join!(
            async {
                let mut left = Vec::new();
                while let Some(portion) = from.recv().await {
                    left.push(portion.len());
                }
                left
            },
            out.finish(selection.selected)
        );
        assert_eq!(left, [1, 4, 195]);
    }
}
