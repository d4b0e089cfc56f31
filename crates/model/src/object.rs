//! Objects of a bucket: names, sizes, times. Plain values; nothing here does I/O.

mod object_index;
mod page_buffer;
pub mod store;

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};

pub use object_index::ObjectIndex;
pub use page_buffer::{ObjectFields, PageBuffer, Row};

/// A bucket's name, shared by all of its objects.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Bucket(Arc<str>);

impl Bucket {
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Bucket {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An object's key: up to 1,024 bytes, any bytes. Keys are not paths, and the bytes reach the wire as they were listed.
///
/// Ordered by bytes, as S3 lists them. `Display` escapes what would disturb a terminal.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(Box<[u8]>);

impl Key {
    pub fn from_bytes(bytes: impl Into<Box<[u8]>>) -> Self {
        Self(bytes.into())
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The key as text, or `None` where it is not UTF-8.
    pub fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }
}

impl From<&str> for Key {
    fn from(key: &str) -> Self {
        Self(key.as_bytes().into())
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            write!(f, "{}", Escaped(chunk.valid()))?;
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

/// Text from outside, safe to print: control characters, and the marks that reorder or hide text, are escaped.
pub struct Escaped<'a>(pub &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;
        for c in self.0.chars() {
            match c {
                '\\' => f.write_str("\\\\")?,
                c if disturbs(c) => write!(f, "{}", c.escape_default())?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// Whether a terminal would obey it, or a reader be misled by it.
pub fn disturbs(c: char) -> bool {
    c.is_control() || is_invisible(c)
}

/// Zero-width characters, line separators and bidirectional controls (Unicode TR 36): they make one name look like another.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// An entity tag as the server names it, without its quotes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ETag(Box<str>);

impl ETag {
    pub fn new(text: &str) -> Self {
        Self(Self::bare(text).into())
    }

    /// What it is without its quotes.
    fn bare(text: &str) -> &str {
        text.strip_prefix("W/").unwrap_or(text).trim_matches('"')
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// How many parts the object was uploaded in, from the `-N` that multipart uploads carry; `None` for a single PUT.
    pub fn parts(&self) -> Option<u32> {
        self.0.rsplit_once('-')?.1.parse().ok()
    }
}

/// One listed object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    pub bucket: Bucket,
    pub key: Key,
    /// Bytes.
    pub size: u64,
    /// Absent where the server's listing leaves it out.
    pub etag: Option<ETag>,
    pub last_modified: DateTime<Utc>,
    /// Absent means `STANDARD`.
    pub storage_class: Option<Arc<str>>,
}

/// Objects and their bytes: the `C` of the JSON contract.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Count {
    pub objects: u64,
    pub bytes: u64,
}

impl Count {
    pub fn add(&mut self, size: u64) {
        self.objects += 1;
        self.bytes = self.bytes.saturating_add(size);
    }
}

impl std::ops::Add for Count {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { objects: self.objects + other.objects, bytes: self.bytes.saturating_add(other.bytes) }
    }
}

impl std::iter::Sum for Count {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), |a, b| a + b)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_prints_without_disturbing_a_terminal() {
        for (bytes, shown) in [
            (&b"plain/key with spaces"[..], "plain/key with spaces"),
            (b"line\nbreak", "line\\nbreak"),
            (b"\x1b[31mred", "\\u{1b}[31mred"),
            (b"bad\xff\xfeutf8", "bad\\xff\\xfeutf8"),
            (b"back\\slash", "back\\\\slash"),
            ("r\u{202e}txt".as_bytes(), "r\\u{202e}txt"),
            ("café/日本".as_bytes(), "café/日本"),
        ] {
            assert_eq!(Key::from_bytes(bytes).to_string(), shown);
        }
    }

    #[test]
    fn an_etag_tells_its_parts() {
        assert_eq!(ETag::new("\"d41d8cd98f00b204e9800998ecf8427e-17\"").parts(), Some(17));
        assert_eq!(ETag::new("\"d41d8cd98f00b204e9800998ecf8427e\"").parts(), None);
        assert_eq!(ETag::new("W/\"abc\"").as_str(), "abc");
    }
}
