//! Counts of what a manifest holds.

use crate::object::{Bucket, Key};

/// What became of the entries of a manifest on their way to the rules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Where it is, safe to print.
    pub place: String,
    pub entries: u64,
    /// Entries of objects that stood before them, too.
    pub duplicates: u64,
    /// Candidates without a size or a time, which the list endpoint was asked for, one by one.
    pub looked_up: u64,
    /// Of those, objects that are not there.
    pub gone: u64,
    /// One of these.
    pub gone_sample: Option<(Bucket, Key)>,
    /// Candidates whose ETag nobody has said.
    pub without_etag: u64,
}

impl Account {
    /// What a user should know of it.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.looked_up > 0 {
            let what = "without a size or a last_modified";
            notes.push(format!(
                "{} {what} in the manifest: looked up by {}",
                some(self.looked_up, "object stands", "objects stand"),
                some(self.looked_up, "plain HEAD at the list endpoint", "plain HEADs at the list endpoint"),
            ));
        }
        if let Some((bucket, key)) = &self.gone_sample {
            notes.push(format!(
                "{} not there any more, such as s3://{bucket}/{key}",
                some(self.gone, "object of the manifest is", "objects of the manifest are")
            ));
        }
        if self.without_etag > 0 {
            notes.push(format!(
                "{} without an ETag in the manifest: never fresh, and sent again at every run",
                some(self.without_etag, "object stands", "objects stand")
            ));
        }
        if self.duplicates > 0 {
            notes.push(format!(
                "{} an object once more: the first entry counts",
                some(self.duplicates, "entry of the manifest names", "entries of the manifest name")
            ));
        }
        notes
    }
}

fn some(n: u64, one: &str, more: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { more })
}
