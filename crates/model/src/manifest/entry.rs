//! One line of a manifest.

use std::borrow::Cow;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono::{DateTime, Utc};
use serde::Deserialize;

use crate::object::{Bucket, ETag, Key, Object};

/// Bytes of a key, as S3 has them.
const MAX_KEY_BYTES: usize = 1024;
/// Bytes of any other text: none is ever as long.
const MAX_LINE_BYTES: usize = 1024;

/// What one line says of an object. The name is there; the rest may be left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// From 1.
    pub line: u64,
    pub bucket: Bucket,
    pub key: Key,
    /// Bytes.
    pub size: Option<u64>,
    pub etag: Option<ETag>,
    pub last_modified: Option<DateTime<Utc>>,
    /// Absent means `STANDARD`.
    pub storage_class: Option<Arc<str>>,
}

impl Entry {
    /// Whether rules and caps have all that they ask for.
    pub fn is_complete(&self) -> bool {
        self.size.is_some() && self.last_modified.is_some()
    }

    /// With nothing, at the beginning of time, in the place of what is not said.
    pub fn into_object(self) -> Object {
        Object {
            bucket: self.bucket,
            key: self.key,
            size: self.size.unwrap_or_default(),
            etag: self.etag,
            last_modified: self.last_modified.unwrap_or_default(),
            storage_class: self.storage_class,
        }
    }
}

/// As `plan --objects` writes it. Names that are none of these are passed over: others write manifests, too.
#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    bucket: Cow<'a, str>,
    #[serde(borrow)]
    key: Option<Cow<'a, str>>,
    key_b64: Option<Cow<'a, str>>,
    size: Option<u64>,
    etag: Option<Cow<'a, str>>,
    last_modified: Option<Cow<'a, str>>,
    storage_class: Option<Cow<'a, str>>,
}

/// Reads one line after the other. Texts that come again are kept once.
#[derive(Debug, Default)]
pub(super) struct Reader {
    bucket: Option<Bucket>,
    class: Option<Arc<str>>,
}

impl Reader {
    /// # Errors
    /// Why the text is no entry.
    pub fn read(&mut self, text: &[u8], line: u64) -> Result<Entry, String> {
        // Of an array, values would be taken for fields by their order.
        if !text.starts_with(b"{") {
            return Err("an entry is a JSON object, such as {\"bucket\":\"training\",\"key\":\"a/b\"}".to_owned());
        }
        let parsed: Line<'_> = serde_json::from_slice(text).map_err(|error| told(&error))?;
        let key = match (parsed.key, parsed.key_b64) {
            (Some(key), None) => key.into_owned().into_bytes(),
            (None, Some(key)) => BASE64.decode(&*key).map_err(|_| "`key_b64` is no base64".to_owned())?,
            (None, None) => return Err("an entry has a `key`, or a `key_b64`".to_owned()),
            (Some(_), Some(_)) => return Err("an entry has a `key` or a `key_b64`, not both".to_owned()),
        };
        if key.is_empty() || key.len() > MAX_KEY_BYTES {
            return Err(format!("a key has 1 to {MAX_KEY_BYTES} bytes, and this one {}", key.len()));
        }
        for text in [&parsed.etag, &parsed.storage_class].into_iter().flatten() {
            if text.is_empty() || text.len() > MAX_LINE_BYTES {
                return Err(format!(
                    "`etag` and `storage_class` have 1 to {MAX_LINE_BYTES} bytes where they are given"
                ));
            }
        }
        let last_modified = match parsed.last_modified {
            None => None,
            Some(text) => Some(time(&text)?),
        };
        Ok(Entry {
            line,
            bucket: self.bucket(&parsed.bucket)?,
            key: Key::from_bytes(key),
            size: parsed.size,
            etag: parsed.etag.map(|etag| ETag::new(&etag)),
            last_modified,
            storage_class: parsed.storage_class.map(|class| self.class(&class)),
        })
    }

    /// A name becomes part of a host or a path, so it is held to what names are made of.
    fn bucket(&mut self, name: &str) -> Result<Bucket, String> {
        if let Some(bucket) = self.bucket.as_ref().filter(|bucket| bucket.as_str() == name) {
            return Ok(bucket.clone());
        }
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
        if !(1..=255).contains(&name.len()) || !name.bytes().all(plain) || matches!(name, "." | "..") {
            return Err("`bucket` is the name of a bucket: letters, digits, `.`, `-` and `_`".to_owned());
        }
        Ok(self.bucket.insert(Bucket::new(name)).clone())
    }

    fn class(&mut self, name: &str) -> Arc<str> {
        match &self.class {
            Some(class) if **class == *name => class.clone(),
            _ => self.class.insert(name.into()).clone(),
        }
    }
}

fn time(text: &str) -> Result<DateTime<Utc>, String> {
    let time = DateTime::parse_from_rfc3339(text);
    time.map(|time| time.to_utc()).map_err(|_| "`last_modified` is a time such as 2026-11-26T03:04:05Z".to_owned())
}

/// Where in the line the reader of JSON stopped, and why. Its own count of lines is of this one.
fn told(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let what = text.rsplit_once(" at line ").map_or(&*text, |(what, _)| what);
    format!("{} (column {})", crate::object::Escaped(what), error.column())
}
