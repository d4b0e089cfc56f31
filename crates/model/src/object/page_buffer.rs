//! A buffer for one page of a listing: objects side by side, without an allocation for each.

use std::ops::Range;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::{Bucket, ETag, Key, Object};

/// An object, wherever it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row<'a> {
    pub bucket: &'a Bucket,
    pub key: &'a [u8],
    /// Bytes.
    pub size: u64,
    /// Without its quotes.
    pub etag: Option<&'a str>,
    pub last_modified: DateTime<Utc>,
    pub storage_class: Option<&'a Arc<str>>,
}

impl Row<'_> {
    pub fn to_object(self) -> Object {
        Object {
            bucket: self.bucket.clone(),
            key: Key::from_bytes(self.key),
            size: self.size,
            etag: self.etag.map(|etag| ETag(etag.into())),
            last_modified: self.last_modified,
            storage_class: self.storage_class.cloned(),
        }
    }
}

impl Object {
    pub fn row(&self) -> Row<'_> {
        Row {
            bucket: &self.bucket,
            key: self.key.as_bytes(),
            size: self.size,
            etag: self.etag.as_ref().map(ETag::as_str),
            last_modified: self.last_modified,
            storage_class: self.storage_class.as_ref(),
        }
    }
}

/// Objects of one bucket, in the order in which they were listed.
#[derive(Clone, Debug)]
pub struct PageBuffer {
    bucket: Bucket,
    keys: Vec<u8>,
    etags: String,
    /// The few names of classes, each held once.
    classes: Vec<Arc<str>>,
    rows: Vec<Packed>,
}

#[derive(Clone, Debug)]
struct Packed {
    /// Among all keys.
    key: Range<usize>,
    /// Among all entity tags.
    etag: Option<Range<usize>>,
    size: u64,
    last_modified: DateTime<Utc>,
    /// Its place among the classes.
    class: Option<usize>,
}

/// The fields of an object beside its bucket and key.
#[derive(Clone, Copy, Debug)]
pub struct ObjectFields<'a> {
    /// Bytes.
    pub size: u64,
    /// As the server names it.
    pub etag: Option<&'a str>,
    pub last_modified: DateTime<Utc>,
    pub storage_class: Option<&'a str>,
}

impl PageBuffer {
    /// With room for so many objects.
    pub fn with_capacity(bucket: Bucket, objects: usize) -> Self {
        Self {
            bucket,
            keys: Vec::with_capacity(objects * 64),
            etags: String::with_capacity(objects * 32),
            classes: Vec::new(),
            rows: Vec::with_capacity(objects),
        }
    }

    /// Takes one more, whose key `write` appends.
    pub fn push(&mut self, facts: ObjectFields<'_>, write: impl FnOnce(&mut Vec<u8>)) {
        let (key, etag) = (self.keys.len(), self.etags.len());
        write(&mut self.keys);
        if let Some(text) = facts.etag {
            self.etags.push_str(ETag::bare(text));
        }
        let class = facts.storage_class.map(|name| self.class(name));
        self.rows.push(Packed {
            key: key..self.keys.len(),
            etag: facts.etag.map(|_| etag..self.etags.len()),
            size: facts.size,
            last_modified: facts.last_modified,
            class,
        });
    }

    fn class(&mut self, name: &str) -> usize {
        let index = self.classes.iter().position(|class| **class == *name);
        index.unwrap_or_else(|| {
            self.classes.push(name.into());
            self.classes.len() - 1
        })
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub fn first(&self) -> Option<Row<'_>> {
        self.rows.first().map(|packed| self.row(packed))
    }

    pub fn last(&self) -> Option<Row<'_>> {
        self.rows.last().map(|packed| self.row(packed))
    }

    /// The names of their keys, as they are printed.
    pub fn names(&self) -> Vec<String> {
        self.iter().map(|row| Key::from_bytes(row.key).to_string()).collect()
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = Row<'_>> + Clone {
        self.rows.iter().map(|packed| self.row(packed))
    }

    /// Whether their keys are in order, each of them once.
    pub fn is_sorted(&self) -> bool {
        self.rows.is_sorted_by(|a, b| self.keys[a.key.clone()] < self.keys[b.key.clone()])
    }

    /// Keeps the first of those with one key that stand side by side.
    pub fn drop_repeated(&mut self) {
        let keys = &self.keys;
        self.rows.dedup_by(|later, earlier| keys[later.key.clone()] == keys[earlier.key.clone()]);
    }

    /// Keeps those of which `kept` says so.
    pub fn retain(&mut self, mut kept: impl FnMut(Row<'_>) -> bool) {
        let mut rows = std::mem::take(&mut self.rows);
        rows.retain(|packed| kept(self.row(packed)));
        self.rows = rows;
    }

    pub fn clear(&mut self) {
        self.rows.clear();
    }

    fn row(&self, packed: &Packed) -> Row<'_> {
        Row {
            bucket: &self.bucket,
            key: &self.keys[packed.key.clone()],
            size: packed.size,
            etag: packed.etag.clone().map(|etag| &self.etags[etag]),
            last_modified: packed.last_modified,
            storage_class: packed.class.and_then(|class| self.classes.get(class)),
        }
    }
}

/// None, of a bucket without a name.
impl Default for PageBuffer {
    fn default() -> Self {
        Self::with_capacity(Bucket::new(""), 0)
    }
}

impl PartialEq for PageBuffer {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for PageBuffer {}

/// Of one bucket; panics where it is not.
impl FromIterator<Object> for PageBuffer {
    fn from_iter<I: IntoIterator<Item = Object>>(objects: I) -> Self {
        let mut objects = objects.into_iter().peekable();
        let bucket = objects.peek().map_or_else(|| Bucket::new(""), |object| object.bucket.clone());
        let mut rows = Self::with_capacity(bucket, 0);
        for object in objects {
            assert_eq!(object.bucket, rows.bucket, "all are of one bucket");
            let facts = ObjectFields {
                size: object.size,
                etag: object.etag.as_ref().map(ETag::as_str),
                last_modified: object.last_modified,
                storage_class: object.storage_class.as_deref(),
            };
            rows.push(facts, |keys| keys.extend_from_slice(object.key.as_bytes()));
        }
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(key: &str, etag: Option<&str>, class: Option<&str>) -> Object {
        Object {
            bucket: Bucket::new("b"),
            key: Key::from(key),
            size: key.len() as u64,
            etag: etag.map(ETag::new),
            last_modified: DateTime::UNIX_EPOCH,
            storage_class: class.map(Into::into),
        }
    }

    #[test]
    fn what_was_pushed_comes_back_whatever_is_dropped_beside_it() {
        let all = [
            object("a", Some("one"), Some("STANDARD")),
            object("b", None, None),
            object("cc", Some("\"two\""), Some("GLACIER")),
            object("d", Some(""), Some("STANDARD")),
        ];
        let mut rows: PageBuffer = all.iter().cloned().collect();
        assert!(rows.iter().map(Row::to_object).eq(all.iter().cloned()));
        assert!(rows.iter().eq(all.iter().map(Object::row)));
        rows.retain(|row| !matches!(row.key, b"a" | b"b"));
        assert!(rows.iter().map(Row::to_object).eq(all[2..].iter().cloned()));
        assert_eq!((rows.first(), rows.last(), rows.len()), (Some(all[2].row()), Some(all[3].row()), 2));
        rows.clear();
        assert_eq!((rows.first(), rows.is_empty()), (None, true));
    }
}
