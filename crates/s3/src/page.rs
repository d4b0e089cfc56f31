//! One page of a listing: its request, and the parser of its answer.

use std::borrow::Cow;

use chrono::{DateTime, NaiveDate, Utc};
use percent_encoding::{percent_decode, percent_encode};

use super::error::{Class, RequestError};
use super::fast_client::NAME;
use super::xml::{Broken, Reader};
use model::object::{Bucket, Escaped, Key, ObjectFields, PageBuffer};

/// The request for one page.
#[derive(Clone, Copy, Debug)]
pub struct PageRequest<'a> {
    pub bucket: &'a Bucket,
    pub prefix: &'a Key,
    /// Only keys after this one; for a page without a token.
    pub after: Option<&'a Key>,
    /// The continuation token of the page before.
    pub continuation: Option<&'a str>,
    /// List up to the next `/`: keys beyond one are grouped as a folder.
    pub delimiter: bool,
}

/// One page of a listing.
#[derive(Clone, Debug, Default)]
pub struct Page {
    pub objects: PageBuffer,
    /// Common prefixes, the delimiter included. Each is below the prefix of the request.
    pub folders: Vec<Key>,
    /// `None` on the last page.
    pub next: Option<String>,
    /// The server's clock.
    pub date: Option<DateTime<Utc>>,
}

impl PageRequest<'_> {
    /// The query, percent-encoded and sorted by name, as it is signed.
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

    /// Parses the body of a 200; `date` is the clock of the server.
    ///
    /// # Errors
    /// The body is no whole page, or an object lacks a field that every object has.
    pub fn read(&self, body: &[u8], date: Option<DateTime<Utc>>) -> Result<Page, RequestError> {
        let bucket = self.bucket;
        let malformed = |what: String| RequestError::new(Class::Malformed, format!("a page of `{bucket}` {what}"));
        let text = std::str::from_utf8(body).map_err(|error| malformed(format!("is not UTF-8: {error}")))?;
        let read = |encoded| Listed::read(text, bucket, encoded).map_err(|wrong| malformed(wrong.to_string()));
        let mut listed = read(true)?;
        if !listed.is_encoded && listed.was_decoded {
            listed = read(false)?;
        }
        self.made_of(listed, date).map_err(malformed)
    }

    fn made_of(&self, listed: Listed<'_>, date: Option<DateTime<Utc>>) -> Result<Page, String> {
        let next = listed.next.filter(|token| !token.is_empty());
        if listed.truncated == Some(true) && next.is_none() {
            return Err("says that more follows and not how to ask for it".to_owned());
        }
        let mut folders = Vec::with_capacity(listed.folders.len());
        for folder in &listed.folders {
            let folder = folder.as_deref().filter(|text| !text.is_empty()).ok_or("has a folder without a name")?;
            let mut name = Vec::with_capacity(folder.len());
            write(folder, listed.is_encoded, &mut name);
            let folder = Key::from_bytes(name);
            // Whoever goes down into it would list something else, or the same for ever.
            if !folder.as_bytes().strip_prefix(self.prefix.as_bytes()).is_some_and(|name| name.ends_with(b"/")) {
                return Err(format!("has the folder `{folder}`, which is none below `{}`", self.prefix));
            }
            folders.push(folder);
        }
        // A token from a server that does not say whether more follows is worth another page: less would pass for all.
        let next = next.filter(|_| listed.truncated != Some(false)).map(Cow::into_owned);
        Ok(Page { objects: listed.objects, folders, next, date })
    }
}

/// A page as it was parsed, before its consistency is checked.
struct Listed<'a> {
    objects: PageBuffer,
    folders: Vec<Option<Cow<'a, str>>>,
    next: Option<Cow<'a, str>>,
    truncated: Option<bool>,
    /// The page says that its keys are encoded. Some servers say so at the end.
    is_encoded: bool,
    /// A key was decoded, and differs from what it would be undecoded.
    was_decoded: bool,
}

#[derive(Debug, Default)]
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
    #[error("is of the bucket `{}`", Escaped(.0))]
    Elsewhere(String),
    #[error("has an object without a key")]
    NoKey,
    #[error("has no {what} for `{}`", Escaped(.key))]
    Lacks { what: &'static str, key: String },
}

/// Objects of a page, as most servers send them.
const PAGE_OBJECTS: usize = 1_000;

impl<'a> Listed<'a> {
    /// Reads a page whose keys are taken to be `encoded` or not.
    fn read(text: &'a str, bucket: &Bucket, encoded: bool) -> Result<Self, Wrong> {
        let mut xml = Reader::new(text);
        match xml.child()? {
            Some("ListBucketResult") => {}
            Some(root) => return Err(Wrong::NoListing(format!("it is a `{}`", Escaped(root)))),
            None => return Err(Wrong::NoListing("it is empty".to_owned())),
        }
        let mut listed = Self {
            objects: PageBuffer::with_capacity(bucket.clone(), PAGE_OBJECTS),
            folders: Vec::new(),
            next: None,
            truncated: None,
            is_encoded: false,
            was_decoded: false,
        };
        let mut days = Days::default();
        loop {
            match xml.child()? {
                Some("Contents") => listed.take(&Item::read(&mut xml, &mut days)?, encoded)?,
                Some("CommonPrefixes") => listed.folders.push(folder(&mut xml)?),
                Some("Name") => {
                    let name = xml.content()?.trim().to_owned();
                    // Some servers leave it empty.
                    if !name.is_empty() && name != bucket.as_str() {
                        return Err(Wrong::Elsewhere(name));
                    }
                }
                Some("IsTruncated") => listed.truncated = Some(truth(&xml.content()?)?),
                Some("NextContinuationToken") => listed.next = Some(xml.content()?),
                Some("EncodingType") => listed.is_encoded = xml.content()? == "url",
                Some(_) => xml.skip()?,
                None => break,
            }
        }
        match xml.child()? {
            None => Ok(listed),
            Some(_) => Err(Wrong::NoListing("something follows it".to_owned())),
        }
    }

    fn take(&mut self, item: &Item<'_>, encoded: bool) -> Result<(), Wrong> {
        // The HEAD of an empty key would be one of the bucket.
        let key = item.key.as_deref().filter(|key| !key.is_empty()).ok_or(Wrong::NoKey)?;
        let lacks = |what| Wrong::Lacks { what, key: key.to_owned() };
        let fields = ObjectFields {
            size: item.size.ok_or_else(|| lacks("size"))?,
            etag: item.etag.as_deref(),
            last_modified: item.modified.ok_or_else(|| lacks("time"))?,
            storage_class: item.class.as_deref(),
        };
        let mut decoded = false;
        self.objects.push(fields, |keys| decoded = write(key, encoded, keys));
        self.was_decoded |= decoded;
        Ok(())
    }
}

impl<'a> Item<'a> {
    fn read(xml: &mut Reader<'a>, days: &mut Days) -> Result<Self, Wrong> {
        let mut item = Self::default();
        while let Some(name) = xml.child()? {
            match name {
                "Key" => item.key = Some(xml.content()?),
                "Size" => item.size = Some(number(&xml.content()?)?),
                "ETag" => item.etag = Some(xml.content()?),
                "LastModified" => item.modified = Some(days.time(&xml.content()?)?),
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

/// Parses times, and caches the last day: most objects of a page share theirs.
#[derive(Debug, Default)]
struct Days {
    /// As it is written.
    text: [u8; 10],
    day: Option<NaiveDate>,
}

impl Days {
    fn time(&mut self, said: &str) -> Result<DateTime<Utc>, Wrong> {
        let said = said.trim();
        let read = self.usual_time(said).or_else(|| Some(DateTime::parse_from_rfc3339(said).ok()?.to_utc()));
        read.ok_or_else(|| Wrong::Odd { what: "a time", said: said.to_owned() })
    }

    /// `2026-11-25T19:14:23Z`, with any fraction of a second: what every server writes.
    fn usual_time(&mut self, said: &str) -> Option<DateTime<Utc>> {
        let (day, rest) = said.as_bytes().split_first_chunk::<10>()?;
        let (time, fraction) = rest.split_first_chunk::<9>()?;
        let fraction = fraction.strip_suffix(b"Z")?;
        if [(0, b'T'), (3, b':'), (6, b':')].iter().any(|(at, separator)| time[*at] != *separator) {
            return None;
        }
        let nanos = match fraction.split_first() {
            None => 0,
            Some((b'.', all)) if (1..=9).contains(&all.len()) => {
                digits(all)? * 10_u32.pow(9 - u32::try_from(all.len()).ok()?)
            }
            Some(_) => return None,
        };
        let (hour, minute, second) = (digits(&time[1..3])?, digits(&time[4..6])?, digits(&time[7..9])?);
        Some(self.day(day)?.and_hms_nano_opt(hour, minute, second, nanos)?.and_utc())
    }

    fn day(&mut self, text: &[u8; 10]) -> Option<NaiveDate> {
        if self.day.is_none() || self.text != *text {
            if text[4] != b'-' || text[7] != b'-' {
                return None;
            }
            let year = i32::try_from(digits(&text[..4])?).ok()?;
            self.day = Some(NaiveDate::from_ymd_opt(year, digits(&text[5..7])?, digits(&text[8..])?)?);
            self.text = *text;
        }
        self.day
    }
}

fn digits(text: &[u8]) -> Option<u32> {
    let add = |sum: u32, b: &u8| b.is_ascii_digit().then(|| sum * 10 + u32::from(b - b'0'));
    text.iter().try_fold(0, add)
}

/// Appends a key as it is, or decoded; whether that differs. Under `encoding-type=url` a space is `+` on some servers and `%20`
/// on others, a plus always `%2B`.
fn write(key: &str, encoded: bool, to: &mut Vec<u8>) -> bool {
    let differs = encoded && memchr::memchr2(b'+', b'%', key.as_bytes()).is_some();
    if !differs {
        to.extend_from_slice(key.as_bytes());
        return false;
    }
    for (nth, part) in key.split('+').enumerate() {
        if nth > 0 {
            to.push(b' ');
        }
        to.extend(percent_decode(part.as_bytes()));
    }
    true
}

#[cfg(test)]
mod tests;
