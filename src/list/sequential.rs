//! Lists one scope page by page, in order, with the continuation tokens of the server.

use std::sync::Arc;

use futures::stream::{self, Stream};
use tokio::time::sleep;

use super::once::Seen;
use super::range::KeyRange;
use super::splitter::Ask;
use super::{Depth, ListError, Lister, Lists, Scope};
use s3::{Page, PageRequest, RequestError};

/// One scope as one range, and what was listed of it.
struct SequentialListing {
    scope: Scope,
    range: KeyRange,
    folders: Seen,
    pages: u32,
}

pub(super) fn list_sequential<L: Lists>(
    lister: Arc<Lister<L>>,
    scope: Scope,
) -> impl Stream<Item = Result<Page, ListError>> + Send {
    let start = SequentialListing { scope, range: KeyRange::default(), folders: Seen::default(), pages: 0 };
    stream::unfold((lister, start), |(lister, mut listing)| async move {
        let Ask { token, pause, .. } = listing.range.ask()?;
        let Scope { bucket, prefix, depth } = &listing.scope;
        let (continuation, delimiter) = (token.as_deref(), *depth == Depth::Folders);
        let request = PageRequest { bucket, prefix, after: None, continuation, delimiter };
        if let Some(pause) = pause {
            sleep(pause).await;
        }
        let answer = lister.page(request, lister.ticket()).await;
        let answer = answer.and_then(|page| listing.advance(page)).map_err(|source| {
            listing.range.close();
            listing.scope.error(source)
        });
        if let Ok(page) = &answer {
            lister.listed(page);
        }
        Some((answer, (lister, listing)))
    })
}

impl SequentialListing {
    /// Takes note of `page`, and gives what is new in it.
    fn advance(&mut self, mut page: Page) -> Result<Page, RequestError> {
        self.range.goes_on(&page)?;
        let sorted = self.range.drop_repeated(&mut page);
        if !self.range.is_in_order(&page, sorted) {
            self.range.take_unordered();
        }
        page.folders.retain(|folder| self.folders.is_new(folder.as_bytes()));
        let next = page.next.clone();
        self.pages = self.pages.saturating_add(1);
        if matches!(self.scope.depth, Depth::FirstKeys { pages } if self.pages >= pages) {
            page.next = None;
        }
        self.range.take(&mut page, sorted)?;
        Ok(Page { next, ..page })
    }
}
