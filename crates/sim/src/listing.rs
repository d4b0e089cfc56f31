//! Builds one page of a listing: prefix, delimiter, continuation.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::store::{Bucket, Entry};

pub struct Query<'a> {
    pub prefix: &'a [u8],
    /// Empty for none.
    pub delimiter: &'a [u8],
    pub from: Position,
    pub max_keys: usize,
}

#[derive(Default)]
pub struct Page {
    pub objects: Vec<(Vec<u8>, Entry)>,
    pub common_prefixes: Vec<Vec<u8>>,
    /// Where the next page begins; `None` after the last.
    pub next: Option<Position>,
}

/// The first key a page may hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Position(Vec<u8>);

impl Position {
    /// Right after `key`: no key lies between one and the same with a zero byte added.
    pub fn after(key: &[u8]) -> Self {
        Self([key, b"\0"].concat())
    }

    /// After every key that begins with `prefix`. `None` when nothing can be.
    fn past(prefix: &[u8]) -> Option<Self> {
        let last = prefix.iter().rposition(|byte| *byte != 0xff)?;
        let mut bound = prefix[..=last].to_vec();
        bound[last] += 1;
        Some(Self(bound))
    }

    /// As a continuation token.
    pub fn to_token(&self) -> String {
        URL_SAFE_NO_PAD.encode([b"1", self.0.as_slice()].concat())
    }

    /// `None` where this simulator never gave out such a token.
    pub fn from_token(token: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        bytes.strip_prefix(b"1").map(|key| Self(key.to_vec()))
    }
}

pub fn page(bucket: &Bucket, query: &Query<'_>) -> Page {
    let mut page = Page::default();
    let mut from = query.from.clone();
    'seek: loop {
        for (key, entry) in bucket.scan(query.prefix, &from.0) {
            if page.objects.len() + page.common_prefixes.len() == query.max_keys {
                page.next = (query.max_keys > 0).then_some(from);
                return page;
            }
            let Some(prefix) = common_prefix(&key, query) else {
                from = Position::after(&key);
                page.objects.push((key, entry));
                continue;
            };
            let past = Position::past(&prefix);
            page.common_prefixes.push(prefix);
            let Some(past) = past else { return page };
            from = past;
            continue 'seek;
        }
        return page;
    }
}

fn common_prefix(key: &[u8], query: &Query<'_>) -> Option<Vec<u8>> {
    if query.delimiter.is_empty() {
        return None;
    }
    let rest = &key[query.prefix.len()..];
    let at = rest.windows(query.delimiter.len()).position(|window| window == query.delimiter)?;
    Some(key[..query.prefix.len() + at + query.delimiter.len()].to_vec())
}

#[cfg(test)]
mod tests {
    use super::super::series::Series;
    use super::*;

    fn bucket() -> Bucket {
        let keys = ["a", "b/1", "b/2", "b/c/3", "d//e", "f/", "g"];
        keys.into_iter().fold(Bucket::new(), |bucket, key| bucket.object(key, Entry::sized(1)))
    }

    /// All pages of a listing: objects and common prefixes (these with a `>`), pages split by `|`.
    fn read(bucket: &Bucket, prefix: &str, delimiter: &str, max_keys: usize) -> String {
        let mut pages = Vec::new();
        let mut from = Position::default();
        loop {
            let query = Query { prefix: prefix.as_bytes(), delimiter: delimiter.as_bytes(), from, max_keys };
            let page = page(bucket, &query);
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            let mut names: Vec<_> = page.objects.iter().map(|(key, _)| text(key)).collect();
            names.extend(page.common_prefixes.iter().map(|prefix| text(prefix) + ">"));
            names.sort();
            pages.push(names.join(" "));
            let Some(next) = page.next else { return pages.join(" | ") };
            from = Position::from_token(&next.to_token()).unwrap();
        }
    }

    #[test]
    fn pages_hold_every_key_once_in_order() {
        for (prefix, delimiter, max, expected) in [
            ("", "", 1000, "a b/1 b/2 b/c/3 d//e f/ g"),
            ("", "", 3, "a b/1 b/2 | b/c/3 d//e f/ | g"),
            ("", "", 7, "a b/1 b/2 b/c/3 d//e f/ g"),
            ("", "/", 1000, "a b/> d/> f/> g"),
            ("", "/", 2, "a b/> | d/> f/> | g"),
            ("b/", "/", 1000, "b/1 b/2 b/c/>"),
            ("d/", "/", 1000, "d//>"),
            ("b", "", 1, "b/1 | b/2 | b/c/3"),
            ("", "//", 1000, "a b/1 b/2 b/c/3 d//> f/ g"),
            ("nothing", "", 1000, ""),
            ("", "", 0, ""),
        ] {
            assert_eq!(read(&bucket(), prefix, delimiter, max), expected, "prefix {prefix:?}, delimiter {delimiter:?}");
        }
    }

    #[test]
    fn a_million_keys_below_one_prefix_cost_one_step() {
        let bucket = Bucket::new().series(Series::new("a/", 5_000_000, "")).series(Series::new("b/", 5_000_000, ""));
        assert_eq!(read(&bucket, "", "/", 1000), "a/> b/>");
    }

    #[test]
    fn folders_that_are_not_in_the_order_of_their_numbers_come_once_each() {
        let series = (1..=120).map(|n| Series::new(format!("checkpoint-{n}/f-"), 50, "").width(2));
        let bucket = series.fold(Bucket::new(), Bucket::series);
        let bucket = bucket.object("checkpoint-10/z", Entry::sized(1)).object("checkpoint-9", Entry::sized(1));
        let mut names: Vec<_> = (1..=120).map(|n| format!("checkpoint-{n}/>")).chain(["checkpoint-9".into()]).collect();
        names.sort();
        let pages: Vec<_> = names.chunks(7).map(|page| page.join(" ")).collect();
        assert_eq!(read(&bucket, "", "/", 7), pages.join(" | "));
        assert_eq!(read(&bucket, "checkpoint-10/f-48", "", 7), "checkpoint-10/f-48");
        assert!(read(&bucket, "checkpoint-10/", "/", 60).ends_with("checkpoint-10/f-49 checkpoint-10/z"));
    }

    #[test]
    fn a_foreign_token_is_refused() {
        assert_eq!(Position::from_token("what is this"), None);
        assert_eq!(Position::from_token(""), None);
    }
}
