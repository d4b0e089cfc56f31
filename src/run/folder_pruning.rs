//! Prunes a listing by folders. Where a pattern has a wildcard segment before a named one (`a/*/b/**`), it lists the folders of
//! the first, and below each only the prefix that can match.
//!
//! A LIST returns a thousand keys, and a folder costs at least one LIST, so this pays only where folders hold more than a page.
//! Two pages of the scope, and then a sample of its folders, decide whether it does.

use std::pin::pin;
use std::sync::Arc;

use futures::{StreamExt, stream};

use crate::list::{Depth, ListError, Lister, Lists, Scope};
use model::object::{Bucket, Key, Row};
use model::pattern::Pattern;
use s3::Page;

/// Folders that are listed one by one. Where there are more, the level above is listed whole.
const MAX_FOLDERS: usize = 10_000;
/// Objects beside folders that are held in memory until it is known whether pruning pays.
const MAX_OBJECTS_BESIDE: usize = 20_000;
/// Pages of a scope that are listed first: whether there are more, and whether one folder fills the last of them.
const GLANCE_PAGES: u32 = 2;
/// Folders that are sampled, evenly from the first to the last.
const TRIED_FOLDERS: usize = 8;
/// Up to this many folders are listed without a sample.
const MIN_TRIED: usize = 2;

/// A scope after pruning.
#[derive(Debug, Default)]
pub(super) struct Pruned {
    /// What was listed on the way, and is not listed again.
    pub seen: Vec<Page>,
    /// What is still to be listed.
    pub left: Vec<Scope>,
}

/// Looks for folders in `scopes` of all keys, as far as the patterns say something of what is below them.
pub(super) struct FolderPruning<'a, L> {
    pub lister: &'a Arc<Lister<L>>,
    pub patterns: &'a [&'a Pattern],
}

impl<L: Lists> FolderPruning<'_, L> {
    /// A scope that no pattern narrows comes back as it is, without a request.
    ///
    /// # Errors
    /// A page that cannot be had.
    pub async fn all(&self, scopes: Vec<Scope>) -> Result<Pruned, ListError> {
        let mut pruned = Pruned::default();
        let each = stream::iter(scopes).map(|scope| self.one(scope));
        let mut each = pin!(each.buffer_unordered(self.lister.most()));
        while let Some(one) = each.next().await {
            let Pruned { seen, left } = one?;
            pruned.seen.extend(seen);
            pruned.left.extend(left);
        }
        Ok(pruned)
    }

    async fn one(&self, scope: Scope) -> Result<Pruned, ListError> {
        let patterns = self.patterns.iter().filter(|pattern| pattern.bucket().matches(scope.bucket.as_str()));
        let scout = Scout { pruning: self, bucket: &scope.bucket, patterns: patterns.copied().collect() };
        if scope.depth != Depth::Keys || !scout.is_prunable(&scope.prefix) {
            return Ok(Pruned { seen: Vec::new(), left: vec![scope] });
        }
        let glance = scout.glance(&scope.prefix).await?;
        let Some(last) = glance.last().filter(|last| last.next.is_some()) else {
            return Ok(Pruned { seen: glance, left: Vec::new() });
        };
        if !scout.is_worth_it(&scope.prefix, last) {
            return Ok(Pruned { seen: Vec::new(), left: vec![scope] });
        }
        scout.descend(scope.prefix.clone()).await
    }
}

/// Pruning within one bucket.
struct Scout<'a, L> {
    pruning: &'a FolderPruning<'a, L>,
    bucket: &'a Bucket,
    patterns: Vec<&'a Pattern>,
}

/// The folders behind one prefix or several, and what stands beside them.
#[derive(Default)]
struct Level {
    beside: Vec<Page>,
    /// Those below which something can match, with what is to be listed there.
    folders: Vec<(Key, Vec<Key>)>,
}

impl<L: Lists> Scout<'_, L> {
    /// Whether a pattern narrows what is listed below the folders behind `prefix`, and none wants all of them.
    fn is_prunable(&self, prefix: &Key) -> bool {
        let said: Vec<bool> =
            self.patterns.iter().filter_map(|pattern| pattern.is_steered_by_folders(prefix)).collect();
        !said.is_empty() && said.into_iter().all(|pruned| pruned)
    }

    fn prefixes_below(&self, folder: &Key) -> Vec<Key> {
        let mut all: Vec<Key> = self.patterns.iter().flat_map(|pattern| pattern.prefixes_below(folder)).collect();
        all.sort_unstable();
        all.dedup_by(|next, kept| next.as_bytes().starts_with(kept.as_bytes()));
        all
    }

    async fn glance(&self, prefix: &Key) -> Result<Vec<Page>, ListError> {
        let mut pages = pin!(self.pages(vec![prefix.clone()], Depth::FirstKeys { pages: GLANCE_PAGES }));
        let mut seen = Vec::new();
        while let Some(page) = pages.next().await {
            seen.push(page?.1);
        }
        Ok(seen)
    }

    /// Whether all of `page` is of one folder, of which only some is to be listed.
    fn is_worth_it(&self, prefix: &Key, page: &Page) -> bool {
        let folder = |object: Option<Row<'_>>| folder(prefix, object?.key);
        let (first, last) = (folder(page.objects.first()), folder(page.objects.last()));
        first == last && first.is_some_and(|folder| self.prefixes_below(&folder) != [folder])
    }

    /// Goes down segment by segment, as long as that is worth it; what is not is listed as it stands.
    async fn descend(&self, prefix: Key) -> Result<Pruned, ListError> {
        let mut pruned = Pruned::default();
        let mut frontier = vec![prefix];
        while !frontier.is_empty() {
            let level = match self.level(&frontier).await? {
                Some(level) if self.are_worth_it(&level.folders).await? => level,
                _ => {
                    pruned.left.extend(frontier.into_iter().map(|prefix| self.scope(prefix, Depth::Keys)));
                    break;
                }
            };
            pruned.seen.extend(level.beside);
            let below = level.folders.into_iter().flat_map(|(_, prefixes)| prefixes);
            let (deeper, left): (Vec<Key>, Vec<Key>) = below.partition(|prefix| self.is_prunable(prefix));
            pruned.left.extend(left.into_iter().map(|prefix| self.scope(prefix, Depth::Keys)));
            frontier = deeper;
        }
        Ok(pruned)
    }

    /// `None` where there are too many folders, or too much stands beside them.
    async fn level(&self, prefixes: &[Key]) -> Result<Option<Level>, ListError> {
        let mut level = Level::default();
        let (mut beside, mut found) = (0, 0);
        let mut pages = pin!(self.pages(prefixes.to_vec(), Depth::Folders));
        while let Some(page) = pages.next().await {
            let (_, mut page) = page?;
            beside += page.objects.len();
            found += page.folders.len();
            if beside > MAX_OBJECTS_BESIDE || found > MAX_FOLDERS {
                return Ok(None);
            }
            for folder in std::mem::take(&mut page.folders) {
                let below = self.prefixes_below(&folder);
                if !below.is_empty() {
                    level.folders.push((folder, below));
                }
            }
            level.beside.push(page);
        }
        Ok(Some(level))
    }

    /// Whether most of a few of them hold more than a page: where they do not, a page holds more than one of them.
    async fn are_worth_it(&self, folders: &[(Key, Vec<Key>)]) -> Result<bool, ListError> {
        if folders.len() <= MIN_TRIED {
            return Ok(true);
        }
        let tried = TRIED_FOLDERS.min(folders.len());
        let at = |n: usize| folders[n * (folders.len() - 1) / (tried - 1)].0.clone();
        let mut pages = pin!(self.pages((0..tried).map(at).collect(), Depth::FirstKeys { pages: 1 }));
        let mut more = 0;
        while let Some(page) = pages.next().await {
            more += usize::from(page?.1.next.is_some());
        }
        Ok(more * 2 >= tried)
    }

    fn pages(
        &self,
        prefixes: Vec<Key>,
        depth: Depth,
    ) -> impl stream::Stream<Item = Result<(usize, Page), ListError>> + Send + use<L> {
        let scopes = prefixes.into_iter().map(|prefix| self.scope(prefix, depth)).collect();
        self.pruning.lister.pages_of(scopes)
    }

    fn scope(&self, prefix: Key, depth: Depth) -> Scope {
        Scope { bucket: self.bucket.clone(), prefix, depth }
    }
}

/// The folder behind `prefix` that `key` lies in.
fn folder(prefix: &Key, key: &[u8]) -> Option<Key> {
    let beyond = key.get(prefix.as_bytes().len()..)?;
    let slash = beyond.iter().position(|byte| *byte == b'/')?;
    Some(Key::from_bytes(&key[..prefix.as_bytes().len() + slash + 1]))
}

#[cfg(test)]
mod tests;
