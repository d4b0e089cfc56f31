//! Lists one scope page by page, in order, with the continuation tokens of the server.

use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, Stream};
use tokio::time::sleep;

use super::once::{Seen, drop_repeated};
use super::{Depth, ListError, Lister, Lists, Scope};
use model::object::Key;
use s3::{Page, PageRequest, RequestError};

/// Pages in a row that may bring nothing new, as in a bucket with many deleted versions.
const MAX_BARREN: u32 = 500;
/// From this many on they are asked for no faster than one in [`BARREN_PAUSE`].
const FREE_BARREN: u32 = 20;
const BARREN_PAUSE: Duration = Duration::from_millis(50);

/// Where a listing stands.
#[derive(Clone, Debug, Default)]
pub(super) enum Next {
    #[default]
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

/// Pages in a row that brought nothing new, and said that more follows.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Barren(u32);

impl Barren {
    /// Takes note of a page that more follows.
    ///
    /// # Errors
    /// There were too many: a server that never comes to an end.
    pub fn note(&mut self, brings: bool) -> Result<(), RequestError> {
        self.0 = if brings { 0 } else { self.0 + 1 };
        if self.0 < MAX_BARREN {
            return Ok(());
        }
        Err(RequestError::malformed(&format!(
            "{MAX_BARREN} pages in a row bring nothing new, and say that more follows"
        )))
    }

    /// How long to wait before the next page is asked for.
    pub fn pause(self) -> Option<Duration> {
        (self.0 >= FREE_BARREN).then_some(BARREN_PAUSE)
    }
}

/// One prefix, and how far it has been listed.
struct SequentialListing {
    scope: Scope,
    next: Next,
    circle: Circle,
    barren: Barren,
    /// The last key so far.
    last: Option<Key>,
    /// The keys since they have come out of order.
    unordered: Option<Seen>,
    folders: Seen,
    pages: u32,
}

pub(super) fn list_sequential<L: Lists>(
    lister: Arc<Lister<L>>,
    scope: Scope,
) -> impl Stream<Item = Result<Page, ListError>> + Send {
    let start = SequentialListing::new(scope);
    stream::unfold((lister, start), |(lister, mut listing)| async move {
        let continuation = match &listing.next {
            Next::First => None,
            Next::After(token) => Some(token.as_str()),
            Next::Over => return None,
        };
        let Scope { bucket, prefix, depth } = &listing.scope;
        let delimiter = *depth == Depth::Folders;
        let request = PageRequest { bucket, prefix, after: None, continuation, delimiter };
        if let Some(pause) = listing.barren.pause() {
            sleep(pause).await;
        }
        let answer = lister.page(request, lister.ticket()).await;
        let answer = answer.and_then(|page| listing.advance(page)).map_err(|source| {
            listing.next = Next::Over;
            listing.scope.error(source)
        });
        if let Ok(page) = &answer {
            lister.listed(page);
        }
        Some((answer, (lister, listing)))
    })
}

impl SequentialListing {
    fn new(scope: Scope) -> Self {
        Self {
            scope,
            next: Next::First,
            circle: Circle::default(),
            barren: Barren::default(),
            last: None,
            unordered: None,
            folders: Seen::default(),
            pages: 0,
        }
    }

    /// Takes note of `page`, and gives what is new in it.
    fn advance(&mut self, mut page: Page) -> Result<Page, RequestError> {
        if page.next.as_deref().is_some_and(|next| self.circle.closes(next)) {
            return Err(RequestError::malformed("the same page again"));
        }
        self.pages = self.pages.saturating_add(1);
        let enough = matches!(self.scope.depth, Depth::FirstKeys { pages } if self.pages >= pages);
        let more = page.next.clone().filter(|_| !enough);
        self.next = more.map_or(Next::Over, Next::After);
        let last = self.last.as_ref().map(Key::as_bytes);
        let sorted = drop_repeated(&mut page.objects, last.filter(|_| self.unordered.is_none()));
        if !sorted || page.objects.first().is_some_and(|first| Some(first.key) < last) {
            self.unordered.get_or_insert_with(|| Seen::after(last));
        }
        if let Some(seen) = &mut self.unordered {
            page.objects.retain(|object| seen.is_new(object.key));
        }
        page.folders.retain(|folder| self.folders.is_new(folder.as_bytes()));
        self.last = page.objects.last().map(|object| Key::from_bytes(object.key)).or(self.last.take());
        if matches!(self.next, Next::After(_)) {
            self.barren.note(!page.objects.is_empty() || !page.folders.is_empty())?;
        }
        Ok(page)
    }
}
