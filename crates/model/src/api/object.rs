//! Objects by name, and why some were not warmed.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use ulid::Ulid;

use super::time;
use crate::object::{Bucket, Count, ETag, Escaped, Key, Object};
use crate::select::group::Group;
use crate::select::{self, Reason};

/// A key. In JSON the field `key`, or `key_b64`, in base64, where it is not UTF-8.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "KeyFields", try_from = "KeyFields")]
pub struct KeyField(pub Key);

#[derive(Serialize, Deserialize)]
struct KeyFields {
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_b64: Option<String>,
}

impl From<KeyField> for KeyFields {
    fn from(KeyField(key): KeyField) -> Self {
        match key.as_str() {
            Some(text) => Self { key: Some(text.to_owned()), key_b64: None },
            None => Self { key: None, key_b64: Some(BASE64.encode(key.as_bytes())) },
        }
    }
}

impl TryFrom<KeyFields> for KeyField {
    type Error = String;

    fn try_from(fields: KeyFields) -> Result<Self, String> {
        let key = match (fields.key, fields.key_b64) {
            (Some(key), _) => key.into_bytes(),
            (None, Some(key)) => BASE64.decode(key).map_err(|_| "`key_b64` is no base64".to_owned())?,
            (None, None) => return Err("missing field `key`".to_owned()),
        };
        Ok(Self(Key::from_bytes(key)))
    }
}

/// An object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectName {
    pub bucket: String,
    #[serde(flatten)]
    pub key: KeyField,
}

impl ObjectName {
    pub fn new(bucket: &Bucket, key: &Key) -> Self {
        Self { bucket: bucket.to_string(), key: KeyField(key.clone()) }
    }
}

/// As people read it: the key is escaped.
impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", Escaped(&self.bucket), self.key.0)
    }
}

/// One object that was not warmed. Where its run is said beside it, `run`, `profile` and `at` are absent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<Ulid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// When its run ended.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "time::write_if_any")]
    pub at: Option<DateTime<Utc>>,
    pub class: String,
    #[serde(flatten)]
    pub object: ObjectName,
    pub message: String,
}

impl Failure {
    /// Of a run that is said beside it.
    pub fn new(class: &str, object: ObjectName, message: &str) -> Self {
        let (class, message) = (class.to_owned(), message.to_owned());
        Self { run: None, profile: None, at: None, class, object, message }
    }
}

/// The errors of one class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorClass {
    pub class: String,
    /// Objects.
    pub count: u64,
    /// The first few of them.
    pub sample: Vec<Sample>,
}

/// One object of an error class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    #[serde(flatten)]
    pub object: ObjectName,
    pub message: String,
}

/// What was left out under one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    #[serde(flatten)]
    pub count: Count,
    /// The first few by bucket and key.
    pub sample: Vec<ObjectName>,
}

impl LeftOut {
    /// By reason.
    pub fn all(left_out: &BTreeMap<Reason, select::LeftOut>) -> BTreeMap<Reason, Self> {
        let sample = |left: &select::LeftOut| left.sample.iter().map(|(b, k)| ObjectName::new(b, k)).collect();
        left_out.iter().map(|(reason, left)| (*reason, Self { count: left.count, sample: sample(left) })).collect()
    }
}

/// One line of `plan --objects`; [`crate::manifest`] reads it.
#[derive(Debug, Serialize)]
pub struct ObjectLine<'a> {
    profile: &'a str,
    #[serde(flatten)]
    object: ObjectName,
    /// Bytes.
    size: u64,
    etag: Option<&'a str>,
    #[serde(serialize_with = "time::write")]
    last_modified: DateTime<Utc>,
    /// Absent where it is `STANDARD`.
    #[serde(skip_serializing_if = "Option::is_none")]
    storage_class: Option<&'a str>,
    /// The name of its checkpoint.
    group: Option<String>,
    /// The run of its checkpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<String>,
}

impl<'a> ObjectLine<'a> {
    pub fn new(profile: &'a str, object: &'a Object, group: Option<&Group>) -> Self {
        Self {
            profile,
            object: ObjectName::new(&object.bucket, &object.key),
            size: object.size,
            etag: object.etag.as_ref().map(ETag::as_str),
            last_modified: object.last_modified,
            storage_class: object.storage_class.as_deref().filter(|class| *class != "STANDARD"),
            group: group.map(|group| group.name.to_string()),
            run: group.map(|group| group.run.to_string()),
        }
    }
}
