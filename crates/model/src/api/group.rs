//! Checkpoints.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::time;
use crate::select::group::{Group, State};

/// A checkpoint. Names are for people, and escaped; `plan --objects` has the exact keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupField {
    pub bucket: String,
    pub run: String,
    pub name: String,
    pub step: Option<u64>,
    /// `null` where the checkpoint did not have to be listed.
    pub objects: Option<u64>,
    pub bytes: Option<u64>,
    /// Age of its newest object when the plan was made, in seconds.
    pub age_s: Option<u64>,
    /// When its newest object was modified.
    #[serde(serialize_with = "time::write_if_any")]
    pub last_modified: Option<DateTime<Utc>>,
    pub state: State,
    pub why: Option<String>,
}

impl GroupField {
    /// As of `at`.
    pub fn new(group: &Group, at: DateTime<Utc>) -> Self {
        Self {
            bucket: group.bucket.to_string(),
            run: group.run.to_string(),
            name: group.name.to_string(),
            step: group.step,
            objects: group.count.map(|count| count.objects),
            bytes: group.count.map(|count| count.bytes),
            age_s: group.age(at).map(|age| age.as_secs()),
            last_modified: group.newest,
            state: group.state,
            why: group.why.clone(),
        }
    }

    /// All checkpoints of a plan, as of `at`.
    pub fn all(groups: &[Group], at: DateTime<Utc>) -> Vec<Self> {
        groups.iter().map(|group| Self::new(group, at)).collect()
    }

    pub fn is_of_the_run_of(&self, other: &Self) -> bool {
        (&self.bucket, &self.run) == (&other.bucket, &other.run)
    }
}

impl fmt::Display for GroupField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&title(&self.run, &self.name, self.step))
    }
}

/// A checkpoint as people read it: run and name, and the step where the name does not show it.
pub fn title(run: &str, name: &str, step: Option<u64>) -> String {
    let slash = if run.is_empty() { "" } else { "/" };
    let mut numbers = name.split(|c: char| !c.is_ascii_digit());
    let step = step.filter(|step| !numbers.any(|number| number.parse() == Ok(*step)));
    let step = step.map_or_else(String::new, |step| format!(" (step {step})"));
    format!("{run}{slash}{name}{step}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::{Bucket, Key};

    fn group(run: &'static [u8], name: &str, step: Option<u64>) -> GroupField {
        let group = Group {
            bucket: Bucket::new("ckpt"),
            run: Key::from_bytes(run),
            name: Key::from(name),
            step,
            count: None,
            newest: None,
            state: State::Chosen,
            why: None,
        };
        GroupField::new(&group, DateTime::UNIX_EPOCH)
    }

    #[test]
    fn a_step_is_shown_once() {
        for (name, shown) in
            [("iter_0000400", "iter_0000400"), ("last", "last (step 400)"), ("v4001", "v4001 (step 400)")]
        {
            assert_eq!(group(b"", name, Some(400)).to_string(), shown);
        }
    }

    #[test]
    fn names_are_escaped_whatever_bytes_they_are() {
        let field = group(b"r\xff", "line\nbreak", None);
        assert_eq!(field.to_string(), "r\\xff/line\\nbreak");
        let line = serde_json::to_string(&field).unwrap();
        assert_eq!(serde_json::from_str::<GroupField>(&line).unwrap(), field, "a journal gives it back");
    }
}
