//! Pruned listings of a store in memory, held against listings of all of it.

use std::collections::BTreeSet;
use std::sync::Mutex;

use proptest::prelude::*;

use super::*;
use crate::list::{FairSemaphore, RetryPolicy};
use model::object::Object;
use model::pattern::merge_prefixes;
use s3::{BucketName, PageRequest, RequestError};

/// Keys in order, and pages of so many of them.
struct Store {
    keys: BTreeSet<Vec<u8>>,
    page: usize,
    asked: Mutex<u64>,
}

impl Lists for Store {
    async fn page(&self, request: PageRequest<'_>) -> Result<Page, RequestError> {
        *self.asked.lock().unwrap() += 1;
        let prefix = request.prefix.as_bytes();
        let skipped: usize = request.continuation.map_or(0, |token| token.parse().unwrap());
        let mut entries: Vec<(Vec<u8>, bool)> = Vec::new();
        for key in self.keys.range(prefix.to_vec()..).take_while(|key| key.starts_with(prefix)) {
            let slash = key[prefix.len()..].iter().position(|byte| *byte == b'/').filter(|_| request.delimiter);
            let entry = slash.map_or((key.clone(), false), |slash| (key[..prefix.len() + slash + 1].to_vec(), true));
            if entries.last() != Some(&entry) {
                entries.push(entry);
            }
        }
        let (folders, objects): (Vec<_>, Vec<_>) =
            entries.iter().skip(skipped).take(self.page).cloned().partition(|(_, is_folder)| *is_folder);
        let next = skipped + self.page;
        Ok(Page {
            objects: objects.into_iter().map(|(key, _)| object(key)).collect(),
            folders: folders.into_iter().map(|(key, _)| Key::from_bytes(key)).collect(),
            next: (next < entries.len()).then(|| next.to_string()),
            ..Page::default()
        })
    }

    async fn buckets(&self) -> Result<Vec<BucketName>, RequestError> {
        Ok(Vec::new())
    }

    async fn read(&self, _: &Bucket, _: &Key, _: usize) -> Result<Option<Vec<u8>>, RequestError> {
        Ok(None)
    }

    async fn reread_keys(&self) -> Result<(), String> {
        Ok(())
    }

    fn learn(&self, _: &Bucket, _: &str) -> bool {
        false
    }
}

fn object(key: Vec<u8>) -> Object {
    Object {
        bucket: Bucket::new("b"),
        key: Key::from_bytes(key),
        size: 1,
        etag: None,
        last_modified: chrono::DateTime::UNIX_EPOCH,
        storage_class: None,
    }
}

/// What was listed: all keys with how often each, requests of the pruned and of the plain listing.
struct Listed {
    keys: Vec<Vec<u8>>,
    pruned: u64,
    plain: u64,
}

fn listed(patterns: &[Pattern], keys: impl IntoIterator<Item = Vec<u8>>, page: usize) -> Listed {
    let store = Arc::new(Store { keys: keys.into_iter().collect(), page, asked: Mutex::default() });
    let patterns: Vec<&Pattern> = patterns.iter().collect();
    let scopes: Vec<Scope> = merge_prefixes(&patterns)
        .into_iter()
        .map(|prefix| Scope { bucket: Bucket::new("b"), prefix, depth: Depth::Keys })
        .collect();
    let minute = std::time::Duration::from_secs(60);
    let share = Arc::new(FairSemaphore::new(4).share());
    let retry_policy = RetryPolicy { share, page_timeout: minute, retries: 0, outage_wait: minute, first_wait: minute };
    let lister = Lister::new(store.clone(), retry_policy, Arc::default());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let asked = || std::mem::take(&mut *store.asked.lock().unwrap());
    runtime.block_on(async {
        let all = |scopes| lister.pages_of(scopes);
        let mut plain = pin!(all(scopes.clone()));
        while let Some(page) = plain.next().await {
            page.unwrap();
        }
        let plain = asked();
        let pruning = FolderPruning { lister: &lister, patterns: &patterns };
        let Pruned { seen, left } = pruning.all(scopes).await.unwrap();
        let mut keys: Vec<Vec<u8>> = Vec::new();
        let mut take = |page: Page| keys.extend(page.objects.iter().map(|object| object.key.to_vec()));
        seen.into_iter().for_each(&mut take);
        let mut pages = pin!(all(left));
        while let Some(page) = pages.next().await {
            take(page.unwrap().1);
        }
        keys.sort();
        Listed { keys, pruned: asked(), plain }
    })
}

fn pattern(glob: &str) -> Pattern {
    Pattern::parse(&format!("s3://b/{glob}")).unwrap()
}

/// `folders` of `parts` of `keys` keys each.
fn tree(folders: usize, parts: &[&str], keys: usize) -> Vec<Vec<u8>> {
    let folder = |n: usize| {
        parts.iter().flat_map(move |part| (0..keys).map(move |k| format!("a/{n:05}/{part}/{k:05}").into_bytes()))
    };
    (0..folders).flat_map(folder).collect()
}

#[test]
fn only_the_folders_that_can_match_are_listed() {
    let keys = tree(50, &["b", "c", "d", "e"], 80);
    let listed = listed(&[pattern("a/*/c/**")], keys, 100);
    assert!(listed.keys.iter().all(|key| key[8..].starts_with(b"c/")));
    assert_eq!(listed.keys.len(), 50 * 80);
    assert_eq!((listed.plain, listed.pruned), (160, 50 + 1 + 2 + 8), "the folders, a glance, and eight of them tried");
}

#[test]
fn segments_are_followed_one_after_the_other() {
    let group =
        |n: usize| tree(6, &["b", "c"], 150).into_iter().map(move |key| [format!("g/{n}/").as_bytes(), &key].concat());
    let keys: Vec<_> = (0..6).flat_map(group).collect();
    let listed = listed(&[pattern("g/*/a/*3/c/0001*")], keys, 100);
    assert_eq!(listed.keys.len(), 6 * 10);
    assert!(listed.plain == 108 && listed.pruned < 40, "{} {}", listed.plain, listed.pruned);
}

#[test]
fn a_small_tree_costs_hardly_more_than_a_listing() {
    for (name, keys, more) in [
        ("nothing", Vec::new(), 0),
        ("a few", tree(3, &["b", "c"], 10), 0),
        ("two pages", tree(2, &["b", "c"], 50), 0),
        ("many small folders", tree(300, &["b", "c"], 2), 2),
        ("as many as a page takes", tree(900, &["c"], 1), 2),
        ("one folder", tree(1, &["b", "c"], 300), 0),
        ("a large one before many small ones", [tree(1, &["a", "b"], 200), tree(50, &["c"], 1)].concat(), 2 + 1 + 8),
    ] {
        let listed = listed(&[pattern("a/*/c/**")], keys, 100);
        assert!(listed.pruned <= listed.plain + more, "{name}: {} for {}", listed.pruned, listed.plain);
    }
}

#[test]
fn what_no_segment_steers_costs_no_request_more() {
    let keys = tree(20, &["b", "c"], 50);
    for globs in [&["a/**"][..], &["a/*/**/c"], &["a/*"], &["a/*/*/*"], &["a/*/c/**", "a/0*/**"]] {
        let patterns: Vec<Pattern> = globs.iter().map(|glob| pattern(glob)).collect();
        let listed = listed(&patterns, keys.clone(), 100);
        assert_eq!((listed.pruned, listed.keys.len()), (listed.plain, keys.len()), "{globs:?}");
    }
}

#[test]
fn too_many_folders_are_listed_with_all_that_stands_beside_them() {
    // The first folder is large, so that a glance promises something.
    let keys = [tree(1, &["a", "b", "c"], 700), tree(MAX_FOLDERS + 1, &["c"], 1)].concat();
    let listed = listed(&[pattern("a/*/c/**")], keys, 1000);
    assert!(listed.pruned <= listed.plain + 2 + 11, "{} for {}", listed.pruned, listed.plain);
    assert_eq!(listed.keys.len(), 1_400 + 700 + MAX_FOLDERS + 1 - 1, "all of it");
}

/// Globs that steer, and some that do not.
fn glob() -> impl Strategy<Value = String> {
    let segment = prop::sample::select(vec![
        "a", "b", "*", "*", "a*", "?", "[ab]", "{a,b}", "{a,b/a}", "", "**", "é", "*é", "{a*,b}",
    ]);
    let glob = prop::collection::vec(segment, 1..5).prop_map(|segments| segments.join("/"));
    glob.prop_filter("valid", |glob| Pattern::parse(&format!("s3://b/{glob}")).is_ok())
}

fn key() -> impl Strategy<Value = Vec<u8>> {
    let segment =
        prop::sample::select(vec![&b"a"[..], b"b", b"", b"ab", b"\xff", b"\xc3", b"\xc3\xa9", b"a\n", b"b%2F+ "]);
    prop::collection::vec(segment, 1..6).prop_map(|segments| segments.join(&b'/'))
}

proptest! {
    #[test]
    fn nothing_that_matches_is_missed_and_nothing_comes_twice(
        globs in prop::collection::vec(glob(), 1..3),
        keys in prop::collection::vec(key(), 0..80),
        page in 1..6_usize,
    ) {
        let patterns: Vec<Pattern> = globs.iter().map(|glob| pattern(glob)).collect();
        let is_matched = |key: &Vec<u8>| patterns.iter().any(|pattern| pattern.matches_key(&Key::from_bytes(key.clone())));
        let keys: BTreeSet<Vec<u8>> = keys.into_iter().filter(|key| !key.is_empty()).collect();
        let listed = listed(&patterns, keys.clone(), page);
        prop_assert!(listed.keys.windows(2).all(|pair| pair[0] < pair[1]), "twice: {:?}", listed.keys);
        let found: Vec<_> = listed.keys.into_iter().filter(is_matched).collect();
        prop_assert_eq!(found, keys.into_iter().filter(is_matched).collect::<Vec<_>>(), "{:?}", globs);
    }
}
