//! One prefix after the other, each page by page with the server's own tokens: in order.

use std::sync::Arc;

use futures::stream::{self, Stream};

use super::{Asking, Depth, ListError, Lists, Range};
use model::object::Key;
use s3::{Page, PageRequest, RequestError};

/// Where a walk stands.
#[derive(Clone, Debug)]
pub(super) enum Next {
    First,
    After(String),
    Over,
}

/// Notices tokens that come round again, whatever the length of the circle (Brent): one of them is kept and compared with
/// all that follow, and replaced after 1, 2, 4, 8, … pages.
#[derive(Debug, Default)]
pub(super) struct Circle {
    kept: Option<String>,
    seen: u64,
}

impl Circle {
    pub fn closes(&mut self, token: &str) -> bool {
        let closes = self.kept.as_deref() == Some(token);
        self.seen += 1;
        if self.seen.is_power_of_two() {
            self.kept = Some(token.to_owned());
        }
        closes
    }
}

/// One prefix, and how far it has been listed.
struct Walk {
    range: Range,
    next: Next,
    circle: Circle,
    /// The last key and the last folder so far.
    last: (Option<Key>, Option<Key>),
    pages: u32,
}

pub(super) fn walk<L: Lists>(
    asking: Arc<Asking<L>>,
    range: Range,
) -> impl Stream<Item = Result<Page, ListError>> + Send {
    let start = Walk { range, next: Next::First, circle: Circle::default(), last: (None, None), pages: 0 };
    stream::unfold((asking, start), |(asking, mut walk)| async move {
        let continuation = match &walk.next {
            Next::First => None,
            Next::After(token) => Some(token.as_str()),
            Next::Over => return None,
        };
        let Range { bucket, prefix, depth } = &walk.range;
        let delimiter = *depth == Depth::Folders;
        let request = PageRequest { bucket, prefix, after: None, continuation, delimiter };
        let answer = asking.page(request, asking.claim()).await;
        let answer = answer.and_then(|page| walk.advance(page)).map_err(|source| {
            walk.next = Next::Over;
            walk.range.error(source)
        });
        if let Ok(page) = &answer {
            asking.listed(page);
        }
        Some((answer, (asking, walk)))
    })
}

impl Walk {
    /// Takes note of `page`, and gives what is new in it.
    fn advance(&mut self, mut page: Page) -> Result<Page, RequestError> {
        if page.next.as_deref().is_some_and(|next| self.circle.closes(next)) {
            return Err(RequestError::malformed("the same page again"));
        }
        self.pages = self.pages.saturating_add(1);
        let enough = matches!(self.range.depth, Depth::FirstKeys { pages } if self.pages >= pages);
        let more = page.next.clone().filter(|_| !enough);
        self.next = more.map_or(Next::Over, Next::After);
        // Some servers begin a page with what the one before ended with: it is one object, or folder, all the same.
        let (key, folder) = &mut self.last;
        if key.is_some() && page.objects.first().map(|object| object.key) == key.as_ref().map(Key::as_bytes) {
            page.objects.remove_first();
        }
        if folder.is_some() && page.folders.first() == folder.as_ref() {
            page.folders.remove(0);
        }
        *key = page.objects.last().map(|object| Key::from_bytes(object.key)).or(key.take());
        *folder = page.folders.last().cloned().or(folder.take());
        Ok(page)
    }
}
