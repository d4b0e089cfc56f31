//! Filters single candidates: excluded, empty, or of a class, size or age that the profile does not ask for.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{Reason, Rules};
use crate::object::Row;

/// What an object without a storage class is.
const DEFAULT_CLASS: &str = "STANDARD";

impl Rules {
    /// Why `object`, a candidate, is left out whatever the others are. The first that holds of: excluded, folder marker, empty,
    /// storage class, too small, too large, too old, too new.
    ///
    /// `now` is the server's clock. An object from its future is 0 s old.
    pub fn reason(&self, object: Row<'_>, now: DateTime<Utc>) -> Option<Reason> {
        let any_age = self.newer_than.is_none() && self.older_than.is_none();
        self.reason_in_group(object).or_else(|| if any_age { None } else { self.by_age(age(object, now)) })
    }

    /// The same for a member of a checkpoint, of which no age is asked.
    pub fn reason_in_group(&self, object: Row<'_>) -> Option<Reason> {
        let excluded = || self.exclude.iter().any(|pattern| pattern.matches(object.bucket, object.key));
        if excluded() {
            return Some(Reason::Excluded);
        }
        let by_kind = without_bytes(object).or_else(|| self.by_class(object));
        by_kind.or_else(|| self.by_size(object.size))
    }

    fn by_class(&self, object: Row<'_>) -> Option<Reason> {
        let class = object.storage_class.map_or(DEFAULT_CLASS, |class| class);
        let asked_for = self.storage_classes.iter().any(|asked| **asked == *class);
        (!asked_for).then_some(Reason::StorageClass)
    }

    /// A size at a bound is inside.
    fn by_size(&self, size: u64) -> Option<Reason> {
        if self.min_size.is_some_and(|min| size < min) {
            return Some(Reason::TooSmall);
        }
        self.max_size.is_some_and(|max| size > max).then_some(Reason::TooLarge)
    }

    /// An age at a bound is inside.
    fn by_age(&self, age: Duration) -> Option<Reason> {
        if self.newer_than.is_some_and(|oldest| age > oldest) {
            return Some(Reason::TooOld);
        }
        self.older_than.is_some_and(|youngest| age < youngest).then_some(Reason::TooNew)
    }
}

/// A folder marker is a convention of tools that show keys as folders; with bytes, the same key is an object like others.
fn without_bytes(object: Row<'_>) -> Option<Reason> {
    match (object.size, object.key.last()) {
        (0, Some(b'/')) => Some(Reason::FolderMarker),
        (0, _) => Some(Reason::Empty),
        _ => None,
    }
}

fn age(object: Row<'_>, now: DateTime<Utc>) -> Duration {
    now.signed_duration_since(object.last_modified).to_std().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::object::Object;
    use crate::select::tests::{NOW, object, pattern, rules};

    fn strict() -> Rules {
        Rules {
            exclude: vec![pattern("s3://b/**/_tmp/**")],
            newer_than: Some(Duration::from_secs(100)),
            older_than: Some(Duration::from_secs(10)),
            min_size: Some(10),
            max_size: Some(20),
            ..rules()
        }
    }

    fn reason(key: &str, size: u64, age: i64, class: Option<&str>) -> Option<Reason> {
        let storage_class = class.map(Arc::from);
        strict().reason(Object { storage_class, ..object(key, size, age) }.row(), NOW)
    }

    #[test]
    fn each_candidate_is_left_out_for_the_first_reason_that_holds() {
        for (candidate, expected, because) in [
            (("x", 10, 100, None), None, "sizes and ages at a bound are inside, at the lower"),
            (("x", 20, 10, None), None, "and at the upper"),
            (("x", 15, 50, Some("STANDARD")), None, "a class that is asked for"),
            (("x", 15, 50, Some("STANDARD_IA")), Some(Reason::StorageClass), "and one that is not"),
            (("x", 15, 50, Some("standard")), Some(Reason::StorageClass), "classes have case"),
            (("x", 9, 50, None), Some(Reason::TooSmall), "a byte below"),
            (("x", 21, 50, None), Some(Reason::TooLarge), "a byte above"),
            (("x", 15, 101, None), Some(Reason::TooOld), "a second too old"),
            (("x", 15, 9, None), Some(Reason::TooNew), "a second too young"),
            (("x", 15, -3_600, None), Some(Reason::TooNew), "what comes from the future is 0 s old"),
            (("a/_SUCCESS", 0, 50, None), Some(Reason::Empty), "empty comes before too small"),
            (("a/", 0, 50, None), Some(Reason::FolderMarker), "and a folder marker before empty"),
            (("a/", 15, 50, None), None, "with bytes it is an object like others"),
            (("a/_tmp/x", 0, 500, Some("GLACIER")), Some(Reason::Excluded), "excluded comes before all"),
            (("x", 9, 500, Some("GLACIER")), Some(Reason::StorageClass), "the class before size and age"),
            (("x", 9, 500, None), Some(Reason::TooSmall), "the size before the age"),
        ] {
            let (key, size, age, class) = candidate;
            assert_eq!(reason(key, size, age, class), expected, "{candidate:?}: {because}");
        }
    }

    #[test]
    fn without_newer_than_nothing_is_too_old() {
        assert_eq!(rules().reason(object("x", 1, 1 << 40).row(), NOW), None);
        assert_eq!(rules().reason(object("x", 1, -5).row(), NOW), None);
    }
}
