//! Which keys a profile speaks of: `s3://BUCKET-GLOB/KEY-GLOB`, as a list prefix and a matcher.
//!
//! Keys are bytes, not paths: `//`, a leading `/`, `..`, `%`, `+`, spaces, newlines and any Unicode mean themselves. A *segment*
//! is what stands between two `/`, and may be empty. A *character* is one Unicode scalar; a byte that is not UTF-8 counts as one.
//!
//! | written | means |
//! |---|---|
//! | `?` | one character other than `/` |
//! | `*` | any run of characters other than `/`, also none |
//! | `**` | any run of characters, `/` included, also none |
//! | `**/` at the start of a segment, written as one | any number of whole segments, also none |
//! | `[a-z_]`, `[!a-z]` | one character of the class, or outside it; never `/` |
//! | `{a,b*,}` | one of the alternatives, each a glob; one of them may be empty; they nest |
//! | `{8..12}` | a number of the range, both ends included, without leading zeros |
//! | `{000..127}`, `{08..12}` | as above, padded with zeros to the wider end, where an end begins with a zero |
//! | `\` and a character | that character |
//!
//! Line by line, and tested so:
//!
//! | key glob | key | matches | because |
//! |---|---|---|---|
//! | `a/b.tar` | `a/b.tar` | yes | without metacharacters a glob is one key |
//! | `a/b.tar` | `a/b.tar.gz` | no | a glob covers the whole key |
//! | `a/B.tar` | `a/b.tar` | no | keys have case |
//! | `?.tar` | `é.tar` | yes | `?` is a character, however many bytes |
//! | `??.tar` | `é.tar` | no | two bytes, but one character |
//! | `a?b` | `a/b` | no | `?` stays within a segment |
//! | `a?b` | `ab` | no | `?` is exactly one |
//! | `*.tar` | `x.tar` | yes | `*` is any run |
//! | `model*.bin` | `model.bin` | yes | also none |
//! | `*.tar` | `a/x.tar` | no | `*` stays within a segment |
//! | `*` | `.hidden` | yes | a leading dot is a character |
//! | `a/*` | `a/` | yes | the last segment of a folder marker is empty, and `*` may be |
//! | `a/*/b` | `a//b` | yes | an empty segment is a segment |
//! | `a/*/b` | `a/b` | no | both `/` have to be there |
//! | `**` | `a/b/c` | yes | `**` crosses segments |
//! | `a/**` | `a/b/c` | yes | everything below `a/` |
//! | `a/**` | `a/` | yes | its folder marker too |
//! | `a/**` | `a` | no | the `/` has to be there |
//! | `a/**` | `ab/c` | no | the `/` has to be there |
//! | `a/**/b` | `a/b` | yes | `**/` may be no segment at all |
//! | `a/**/b` | `a/x/y/b` | yes | or several |
//! | `a/**/b` | `a/xb` | no | whole ones |
//! | `**/b` | `b` | yes | a key begins with a segment |
//! | `**/b` | `/b` | yes | which may be empty |
//! | `run-**` | `run-7/x/y` | yes | anything that begins with `run-` |
//! | `a**b` | `ab` | yes | inside a segment `**` is any run, also none |
//! | `a**b` | `ax/yb` | yes | and it crosses |
//! | `a**/b` | `ab` | no | only at the start of a segment does `**/` vanish with its `/` |
//! | `{a,b/c}/x` | `b/c/x` | yes | an alternative may cross segments |
//! | `x.tar{,.gz}` | `x.tar` | yes | an alternative may be empty |
//! | `{a,b{c,d}}` | `bd` | yes | braces nest |
//! | `a/{**/b,c}` | `a/b` | yes | an alternative begins where its brace begins |
//! | `{a/,b/}**/c` | `a/c` | yes | a segment begins behind a brace whose alternatives all end one |
//! | `a/{**,b}/c` | `a/c` | no | `**` and `/` on two sides of a brace are not `**/` |
//! | `[a-c]x` | `bx` | yes | a class is a range |
//! | `[!a-c]x` | `bx` | no | or all but a range |
//! | `[!a-c]x` | `éx` | yes | of all characters |
//! | `[!a]` | `/` | no | a class stays within a segment |
//! | `[α-ω]` | `λ` | yes | classes are of characters, too |
//! | `[a\]-]` | `]` | yes | `\]` inside a class, `-` at its end |
//! | `n-{000..127}` | `n-007` | yes | padded as its ends are |
//! | `n-{000..127}` | `n-7` | no | and only so |
//! | `n-{000..127}` | `n-128` | no | past the end |
//! | `n-{8..12}` | `n-10` | yes | not padded where neither end is |
//! | `n-{8..12}` | `n-08` | no | and only so |
//! | `a\*b` | `a*b` | yes | a backslash takes the meaning away |
//! | `a\*b` | `axb` | no | and only that key is left |
//! | `a+b%20 c` | `a+b%20 c` | yes | nothing is decoded |
//! | `a//b/../c` | `a//b/../c` | yes | nothing is normalised |
//! | `]x,y` | `]x,y` | yes | `]` and `,` mean something only inside brackets and braces |

use std::fmt;
use std::sync::Arc;

use crate::object::{Bucket, Key};
use crate::text_error::TextError;

mod below;
mod cover;
mod glob;
mod key_glob;
mod number;
mod parse;
mod prefix;
mod residual;
mod walk;

use glob::Glob;
pub use key_glob::KeyGlob;
use parse::Dialect;
pub use parse::escape;
use residual::Folders;

const SCHEME: &str = "s3://";

/// Gives globs their text, and compares and shows them by it.
macro_rules! as_written {
    ($($glob:ident),+) => {$(
        impl $glob {
            /// As it was written.
            pub fn text(&self) -> &str {
                &self.0.text
            }
        }

        impl PartialEq for $glob {
            fn eq(&self, other: &Self) -> bool {
                self.text() == other.text()
            }
        }

        impl Eq for $glob {}

        impl fmt::Debug for $glob {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($glob)).field(&self.text()).finish()
            }
        }
    )+};
}

use as_written;

as_written!(Pattern, BucketGlob);

/// A pattern of keys in one or several buckets. Cheap to clone; equal when written alike.
#[derive(Clone)]
pub struct Pattern(Arc<Parsed>);

struct Parsed {
    text: String,
    bucket: BucketGlob,
    key: Glob,
    prefixes: Vec<Key>,
}

impl Pattern {
    /// Reads `s3://BUCKET-GLOB/KEY-GLOB`.
    ///
    /// # Errors
    ///
    /// Names the bytes of `text` at fault, and the fix where there is an obvious one.
    pub fn parse(text: &str) -> Result<Self, TextError> {
        let key_start = parse::split(text)?;
        let bucket = parse::glob(text, SCHEME.len()..key_start - 1, Dialect::Bucket)?;
        let key = parse::glob(text, key_start..text.len(), Dialect::Key)?;
        Ok(Self(Arc::new(Parsed {
            text: text.to_owned(),
            bucket: BucketGlob::new(&text[SCHEME.len()..key_start - 1], bucket),
            prefixes: prefix::of(&key),
            key: Glob::new(key),
        })))
    }

    pub fn bucket(&self) -> &BucketGlob {
        &self.0.bucket
    }

    /// What it comes to with ranges and alternatives written out.
    pub fn nodes(&self) -> usize {
        self.0.bucket.nodes() + self.0.key.nodes()
    }

    /// What to LIST so that no matching key is missed: sorted, at most 64, none a prefix of another.
    ///
    /// Alternatives and ranges are followed as long as they narrow the listing and stay few.
    pub fn list_prefixes(&self) -> Vec<Key> {
        self.0.prefixes.clone()
    }

    /// What to LIST of the keys that begin with `folder` so that no matching key is missed: sorted, none a prefix of another, and
    /// none at all where nothing there matches.
    pub fn prefixes_below(&self, folder: &Key) -> Vec<Key> {
        match self.0.key.behind(folder.as_bytes()) {
            Some(residuals) => residual::prefixes(folder, &residuals),
            None => vec![folder.clone()],
        }
    }

    /// Whether finding the folders of the next segment behind `prefix` spares a listing something: below each of them only some
    /// keys can match. `None`: below none of them any can.
    pub fn is_steered_by_folders(&self, prefix: &Key) -> Option<bool> {
        let residuals = self.0.key.behind(prefix.as_bytes());
        let folders = residuals.map(|residuals| residuals.iter().map(|residual| residual::folders(residual)).collect());
        let folders: Vec<Folders> = folders.unwrap_or_else(|| vec![Folders::All]);
        if folders.contains(&Folders::All) {
            return Some(false);
        }
        folders.contains(&Folders::Some).then_some(true)
    }

    /// Whether listing for this pattern reads every key of a bucket.
    pub fn lists_whole_bucket(&self) -> bool {
        self.0.prefixes.iter().any(|prefix| prefix.as_bytes().is_empty())
    }

    pub fn matches_key(&self, key: &Key) -> bool {
        self.0.key.matches(key.as_bytes())
    }

    /// Whether some key that begins with `prefix` could match. False is certain: nothing there has to be listed.
    pub fn may_match_below(&self, prefix: &Key) -> bool {
        self.0.key.below(prefix.as_bytes()).may_match
    }

    /// Whether every key that begins with `prefix`, a folder, is known to match. True is certain.
    pub fn matches_all_below(&self, prefix: &Key) -> bool {
        self.0.key.below(prefix.as_bytes()).matches_all
    }

    pub fn matches(&self, bucket: &Bucket, key: &[u8]) -> bool {
        self.0.bucket.matches(bucket.as_str()) && self.0.key.matches(key)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.text)
    }
}

/// The bucket part of a pattern, also used for allow-lists. The dialect of keys without `**` and `/`. Equal when written alike.
#[derive(Clone)]
pub struct BucketGlob(Arc<ParsedBucket>);

struct ParsedBucket {
    text: String,
    /// The one name it matches.
    literal: Option<Bucket>,
    glob: Glob,
}

impl BucketGlob {
    /// Reads a glob of bucket names.
    ///
    /// # Errors
    ///
    /// Names the bytes of `text` at fault, and the fix where there is an obvious one.
    pub fn parse(text: &str) -> Result<Self, TextError> {
        Ok(Self::new(text, parse::glob(text, 0..text.len(), Dialect::Bucket)?))
    }

    fn new(text: &str, nodes: Vec<parse::Node>) -> Self {
        let glob = Glob::new(nodes);
        Self(Arc::new(ParsedBucket { text: text.to_owned(), literal: glob.only().map(Bucket::new), glob }))
    }

    /// The one bucket it names, unless it has to be looked up among existing ones.
    pub fn literal(&self) -> Option<Bucket> {
        self.0.literal.clone()
    }

    /// What it comes to with ranges and alternatives written out.
    pub fn nodes(&self) -> usize {
        self.0.glob.nodes()
    }

    pub fn matches(&self, name: &str) -> bool {
        self.0.glob.matches(name.as_bytes())
    }

    /// Whether each bucket that `narrow` may match is matched by one of `wide`. True is certain.
    pub fn cover(wide: &[Self], narrow: &Self) -> bool {
        let wide: Vec<_> = wide.iter().map(|glob| glob.0.glob.parsed()).collect();
        cover::covers(&wide, &narrow.0.glob.parsed())
    }
}

/// The prefixes of several patterns for one bucket as one listing: sorted, none a prefix of another.
pub fn merge_prefixes(patterns: &[&Pattern]) -> Vec<Key> {
    prefix::merge(patterns.iter().flat_map(|pattern| pattern.list_prefixes()).collect())
}

#[cfg(test)]
mod tests;
