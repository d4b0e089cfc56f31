//! Drops duplicates: an object that a server lists twice, in one page or on two, is one object.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};

use model::object::{Key, PageBuffer};
use s3::RequestError;

/// Drops what stands twice in a page, and, of a listing in order, what overlaps the end of the page before, whose `last` key that
/// was. Whether what is left is in order.
pub(super) fn drop_repeated(objects: &mut PageBuffer, last: Option<&[u8]>) -> bool {
    if !objects.is_sorted() {
        objects.drop_repeated();
        if !objects.is_sorted() {
            return false;
        }
    }
    if let (Some(last), Some(first)) = (last, objects.first())
        && first.key <= last
        && objects.iter().any(|object| object.key == last)
    {
        objects.retain(|object| object.key > last);
    }
    true
}

/// The names of a listing that is not in order, since that showed: 16 bytes each. With ten million names two share them in one
/// listing of 10^24.
#[derive(Debug, Default)]
pub(super) struct Seen {
    states: [RandomState; 2],
    names: HashSet<[u64; 2]>,
    /// The first and the last name of what came before, in order. Names between them are not remembered.
    forgotten: Option<(Key, Key)>,
}

impl Seen {
    /// Begun behind names that came in order, from the first of these to the last.
    pub fn after(listed: Option<(&Key, &Key)>) -> Self {
        let mut seen = Self::default();
        if let Some((first, last)) = listed {
            seen.is_new(first.as_bytes());
            seen.is_new(last.as_bytes());
            seen.forgotten = Some((first.clone(), last.clone()));
        }
        seen
    }

    /// Whether it comes for the first time.
    pub fn is_new(&mut self, name: &[u8]) -> bool {
        self.names.insert([self.states[0].hash_one(name), self.states[1].hash_one(name)])
    }

    /// Drops the objects that came before.
    ///
    /// # Errors
    /// A key goes back into what came in order: it cannot be told whether it came before.
    pub fn keep_new(&mut self, objects: &mut PageBuffer) -> Result<(), RequestError> {
        if let Some((first, last)) = &self.forgotten {
            let is_between = |key: &[u8]| first.as_bytes() < key && key < last.as_bytes();
            if let Some(object) = objects.iter().find(|object| is_between(object.key)) {
                let key = Key::from_bytes(object.key);
                return Err(RequestError::malformed(&format!("a page goes back: it has `{key}`, behind `{last}`")));
            }
        }
        objects.retain(|object| self.is_new(object.key));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::object::{Bucket, Object};

    #[test]
    fn what_a_page_says_again_is_dropped_and_nothing_else() {
        for (keys, last, left, sorted, case) in [
            ("a b c", None, "a b c", true, "a page"),
            ("a a b b b c", None, "a b c", true, "each twice, or three times"),
            ("c d", Some("c"), "d", true, "the last key again"),
            ("a b c d", Some("c"), "d", true, "an overlap"),
            ("a b c", Some("c"), "", true, "the same page again"),
            ("d e", Some("c"), "d e", true, "what follows"),
            ("a b", Some("c"), "a b", true, "another order: nothing shows that it was there"),
            ("b a b", None, "b a b", false, "no order"),
            ("", Some("c"), "", true, "nothing"),
        ] {
            let object = |key: &str| Object {
                bucket: Bucket::new("b"),
                key: Key::from(key),
                size: 1,
                etag: None,
                last_modified: chrono::DateTime::UNIX_EPOCH,
                storage_class: None,
            };
            let mut rows: PageBuffer = keys.split_whitespace().map(object).collect();
            assert_eq!(drop_repeated(&mut rows, last.map(str::as_bytes)), sorted, "{case}");
            assert_eq!(rows.names().join(" "), left, "{case}");
        }
    }
}
