//! One page of a listing: what is asked for, and what is read out of the answer.

pub(super) mod xml;

use std::borrow::Cow;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use percent_encoding::{percent_decode, percent_encode};

use super::error::{Class, RequestError};
use super::wire::NAME;
use crate::object::{Bucket, ETag, Escaped, Key, Object};
use xml::{Broken, Reader};

/// Where a page begins.
#[derive(Clone, Copy, Debug)]
pub struct PageRequest<'a> {
    pub bucket: &'a Bucket,
    pub prefix: &'a Key,
    /// Only what comes after this key; of a page without a token.
    pub after: Option<&'a Key>,
    /// The server's token, echoed.
    pub continuation: Option<&'a str>,
    /// Only up to the next `/`: what lies behind one comes as a folder.
    pub delimiter: bool,
}

/// One page of a listing.
#[derive(Clone, Debug, Default)]
pub struct Page {
    pub objects: Vec<Object>,
    /// What the keys behind a delimiter begin with, the delimiter included. Each is below the prefix that was asked for.
    pub folders: Vec<Key>,
    /// `None` on the last page.
    pub next: Option<String>,
    /// The server's clock.
    pub date: Option<DateTime<Utc>>,
}

impl PageRequest<'_> {
    /// Escaped, with its names in order, as it is signed.
    pub(super) fn query(&self) -> String {
        let (prefix, token) = (self.prefix.as_bytes(), self.continuation.unwrap_or_default());
        let mut query = String::with_capacity(64 + prefix.len() + token.len());
        let mut say = |name: &str, value: &[u8]| {
            query.push_str(name);
            query.extend(percent_encode(value, NAME));
        };
        if self.continuation.is_some() {
            say("continuation-token=", token.as_bytes());
            say("&", b"");
        }
        if self.delimiter {
            say("delimiter=", b"/");
            say("&", b"");
        }
        say("encoding-type=url&list-type=2", b"");
        if !prefix.is_empty() {
            say("&prefix=", prefix);
        }
        if let Some(after) = self.after {
            say("&start-after=", after.as_bytes());
        }
        query
    }

    /// What the server answered with 200.
    pub(super) fn read(&self, body: &[u8], date: Option<DateTime<Utc>>) -> Result<Page, RequestError> {
        let bucket = self.bucket;
        let malformed = |what: String| RequestError::new(Class::Malformed, format!("a page of `{bucket}` {what}"));
        let text = std::str::from_utf8(body).map_err(|error| malformed(format!("is not UTF-8: {error}")))?;
        let listed = Listed::read(text).map_err(|wrong| malformed(wrong.to_string()))?;
        self.made_of(listed, date).map_err(malformed)
    }

    fn made_of(&self, listed: Listed<'_>, date: Option<DateTime<Utc>>) -> Result<Page, String> {
        let decode = |text: &str| if listed.encoded { decoded(text) } else { Key::from(text) };
        let next = listed.next.filter(|token| !token.is_empty());
        if listed.truncated == Some(true) && next.is_none() {
            return Err("says that more follows and not how to ask for it".to_owned());
        }
        let mut folders = Vec::with_capacity(listed.folders.len());
        for folder in &listed.folders {
            let folder = folder.as_deref().filter(|text| !text.is_empty());
            let folder = decode(folder.ok_or("has a folder without a name")?);
            // Whoever goes down into it would list something else, or the same for ever.
            if !folder.as_bytes().strip_prefix(self.prefix.as_bytes()).is_some_and(|name| name.ends_with(b"/")) {
                return Err(format!("has the folder `{folder}`, which is none below `{}`", self.prefix));
            }
            folders.push(folder);
        }
        let mut classes = Classes::default();
        let mut objects = Vec::with_capacity(listed.items.len());
        for item in listed.items {
            // The HEAD of an empty key would be one of the bucket.
            let key = item.key.as_deref().filter(|key| !key.is_empty()).ok_or("has an object without a key")?;
            objects.push(Object {
                bucket: self.bucket.clone(),
                key: decode(key),
                size: item.size.ok_or_else(|| format!("has no size for `{}`", Escaped(key)))?,
                etag: item.etag.as_deref().map(ETag::new),
                last_modified: item.modified.ok_or_else(|| format!("has no time for `{}`", Escaped(key)))?,
                storage_class: item.class.map(|class| classes.share(&class)),
            });
        }
        // A token from a server that does not say whether more follows is worth another page: less would pass for all.
        let next = next.filter(|_| listed.truncated != Some(false)).map(Cow::into_owned);
        Ok(Page { objects, folders, next, date })
    }
}

/// What a page says, before it is known whether its keys are escaped: some servers say that last.
#[derive(Default)]
struct Listed<'a> {
    items: Vec<Item<'a>>,
    folders: Vec<Option<Cow<'a, str>>>,
    next: Option<Cow<'a, str>>,
    truncated: Option<bool>,
    encoded: bool,
}

#[derive(Default)]
struct Item<'a> {
    key: Option<Cow<'a, str>>,
    size: Option<u64>,
    etag: Option<Cow<'a, str>>,
    modified: Option<DateTime<Utc>>,
    class: Option<Cow<'a, str>>,
}

#[derive(Debug, thiserror::Error)]
enum Wrong {
    #[error(transparent)]
    Broken(#[from] Broken),
    #[error("is no listing: {0}")]
    NoListing(String),
    #[error("says `{}` where {what} belongs", Escaped(.said))]
    Odd { what: &'static str, said: String },
}

impl<'a> Listed<'a> {
    fn read(text: &'a str) -> Result<Self, Wrong> {
        let mut xml = Reader::new(text);
        match xml.child()? {
            Some("ListBucketResult") => {}
            Some(root) => return Err(Wrong::NoListing(format!("it is a `{}`", Escaped(root)))),
            None => return Err(Wrong::NoListing("it is empty".to_owned())),
        }
        let mut listed = Self { items: Vec::with_capacity(1_000), ..Self::default() };
        while let Some(name) = xml.child()? {
            match name {
                "Contents" => listed.items.push(Item::read(&mut xml)?),
                "CommonPrefixes" => listed.folders.push(folder(&mut xml)?),
                "IsTruncated" => listed.truncated = Some(truth(&xml.content()?)?),
                "NextContinuationToken" => listed.next = Some(xml.content()?),
                "EncodingType" => listed.encoded = xml.content()? == "url",
                _ => xml.skip()?,
            }
        }
        match xml.child()? {
            None => Ok(listed),
            Some(_) => Err(Wrong::NoListing("something follows it".to_owned())),
        }
    }
}

impl<'a> Item<'a> {
    fn read(xml: &mut Reader<'a>) -> Result<Self, Wrong> {
        let mut item = Self::default();
        while let Some(name) = xml.child()? {
            match name {
                "Key" => item.key = Some(xml.content()?),
                "Size" => item.size = Some(number(&xml.content()?)?),
                "ETag" => item.etag = Some(xml.content()?),
                "LastModified" => item.modified = Some(time(&xml.content()?)?),
                "StorageClass" => item.class = Some(xml.content()?),
                _ => xml.skip()?,
            }
        }
        Ok(item)
    }
}

fn folder<'a>(xml: &mut Reader<'a>) -> Result<Option<Cow<'a, str>>, Wrong> {
    let mut prefix = None;
    while let Some(name) = xml.child()? {
        match name {
            "Prefix" => prefix = Some(xml.content()?),
            _ => xml.skip()?,
        }
    }
    Ok(prefix)
}

fn truth(said: &str) -> Result<bool, Wrong> {
    match said.trim() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(Wrong::Odd { what: "`true` or `false`", said: said.to_owned() }),
    }
}

fn number(said: &str) -> Result<u64, Wrong> {
    said.trim().parse().map_err(|_| Wrong::Odd { what: "a size", said: said.to_owned() })
}

fn time(said: &str) -> Result<DateTime<Utc>, Wrong> {
    let said = said.trim();
    let read = usual_time(said).or_else(|| Some(DateTime::parse_from_rfc3339(said).ok()?.to_utc()));
    read.ok_or_else(|| Wrong::Odd { what: "a time", said: said.to_owned() })
}

/// `2026-11-25T19:14:23Z`, with any fraction of a second: what every server writes.
fn usual_time(said: &str) -> Option<DateTime<Utc>> {
    let (whole, rest) = said.as_bytes().split_first_chunk::<19>()?;
    let fraction = rest.strip_suffix(b"Z")?;
    let digits = |range: std::ops::Range<usize>| {
        let add = |sum: u32, b: &u8| b.is_ascii_digit().then(|| sum * 10 + u32::from(b - b'0'));
        whole[range].iter().try_fold(0, add)
    };
    let separators = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    if separators.iter().any(|(at, separator)| whole[*at] != *separator) {
        return None;
    }
    let nanos = match fraction.split_first() {
        None => 0,
        Some((b'.', digits)) if (1..=9).contains(&digits.len()) => {
            let add = |sum: u32, b: &u8| b.is_ascii_digit().then(|| sum * 10 + u32::from(b - b'0'));
            digits.iter().try_fold(0, add)? * 10_u32.pow(9 - u32::try_from(digits.len()).ok()?)
        }
        Some(_) => return None,
    };
    let day = NaiveDate::from_ymd_opt(i32::try_from(digits(0..4)?).ok()?, digits(5..7)?, digits(8..10)?)?;
    let time = day.and_hms_nano_opt(digits(11..13)?, digits(14..16)?, digits(17..19)?, nanos)?;
    Some(time.and_utc())
}

/// The few class names of a page, each held once.
#[derive(Default)]
struct Classes(Vec<Arc<str>>);

impl Classes {
    fn share(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.0.iter().find(|known| &***known == name) {
            return known.clone();
        }
        let class: Arc<str> = name.into();
        self.0.push(class.clone());
        class
    }
}

/// Under `encoding-type=url` a space is `+` on some servers and `%20` on others, a plus always `%2B`.
fn decoded(key: &str) -> Key {
    if memchr::memchr2(b'+', b'%', key.as_bytes()).is_none() {
        return Key::from(key);
    }
    let spaced: Vec<u8> = key.bytes().map(|b| if b == b'+' { b' ' } else { b }).collect();
    Key::from_bytes(percent_decode(&spaced).collect::<Vec<u8>>())
}

#[cfg(test)]
mod tests;
