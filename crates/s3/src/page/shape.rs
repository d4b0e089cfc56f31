//! How a page writes its objects. Most pages write all of them alike: where one has been read, those that follow are told by
//! the same markup around other values, which costs a fraction of reading each tag again.

use std::borrow::Cow;

use memchr::{memchr, memchr2};

use super::xml::local;
use super::{Days, Item, number};

/// The markup of an object, and which of its values stands where.
#[derive(Debug)]
pub(super) struct Shape<'a> {
    /// From the end of the object before to the first value.
    lead: &'a str,
    /// Each value, and the markup behind it.
    values: Vec<(Field, &'a str)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Key,
    Size,
    ETag,
    LastModified,
    StorageClass,
    /// Nobody asks for it.
    Other,
}

/// What quotes an entity tag, as nearly every server escapes it.
const QUOTE: &str = "&quot;";
/// How deep an object's own values are.
const OWN: usize = 2;

impl Field {
    fn named(name: &str) -> Self {
        match name {
            "Key" => Self::Key,
            "Size" => Self::Size,
            "ETag" => Self::ETag,
            "LastModified" => Self::LastModified,
            "StorageClass" => Self::StorageClass,
            _ => Self::Other,
        }
    }
}

impl<'a> Shape<'a> {
    /// Of one object that is well-formed, with all that stands between it and the one before. `None` where it has more than
    /// plain elements and texts.
    pub fn of(object: &'a str) -> Option<Self> {
        let bytes = object.as_bytes();
        let (mut lead, mut values): (Option<&str>, Vec<(Field, &str)>) = (None, Vec::new());
        // Where the markup begins that is being gathered.
        let mut from = 0;
        let mut depth = 0_usize;
        let mut at = memchr(b'<', bytes)?;
        let mut gather = |markup: &'a str, values: &mut Vec<(Field, &'a str)>| match values.last_mut() {
            Some((_, behind)) => *behind = markup,
            None => lead = Some(markup),
        };
        loop {
            let end = at + memchr(b'>', &bytes[at..])?;
            let tag = &object[at + 1..end];
            let closed = tag.strip_prefix('/');
            let is_odd = |b: u8| b.is_ascii_whitespace() || matches!(b, b'!' | b'?' | b'=');
            if tag.bytes().any(is_odd) || tag.ends_with('/') {
                return None;
            }
            if closed.is_some() {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    gather(&object[from..], &mut values);
                    return lead.filter(|_| end + 1 == object.len()).map(|lead| Self { lead, values });
                }
                at = end + 1 + memchr(b'<', &bytes[end + 1..])?;
                continue;
            }
            depth += 1;
            at = end + 1 + memchr(b'<', &bytes[end + 1..])?;
            if bytes.get(at + 1) == Some(&b'/') {
                gather(&object[from..=end], &mut values);
                values.push((if depth == OWN { Field::named(local(tag)) } else { Field::Other }, ""));
                from = at;
            }
        }
    }

    /// The object that `text` begins with, where it is written so, and how long it is. Whatever is unusual is left to the
    /// reader of tags.
    pub fn read(&self, text: &'a str, days: &mut Days) -> Option<(Item<'a>, usize)> {
        let mut rest = past(text, self.lead)?;
        let mut item = Item::default();
        for (field, behind) in &self.values {
            let value = match field {
                Field::ETag => tag(&mut rest)?,
                _ => plain(&mut rest)?,
            };
            rest = past(rest, behind)?;
            match field {
                Field::Key => item.key = Some(Cow::Borrowed(value)),
                Field::Size => item.size = Some(number(value).ok()?),
                Field::ETag => item.etag = Some(Cow::Borrowed(value)),
                Field::LastModified => item.modified = Some(days.time(value).ok()?),
                Field::StorageClass => item.class = Some(Cow::Borrowed(value)),
                Field::Other => {}
            }
        }
        Some((item, text.len() - rest.len()))
    }
}

/// What follows `markup` in `text`. Markup is short, and a call for each piece of it costs more than to compare it here.
fn past<'a>(text: &'a str, markup: &str) -> Option<&'a str> {
    let (said, _) = text.as_bytes().split_at_checked(markup.len())?;
    let ((said, said_last), (markup_all, last)) = (said.as_chunks::<8>(), markup.as_bytes().as_chunks::<8>());
    let is_same = said.iter().zip(markup_all).all(|(a, b)| u64::from_ne_bytes(*a) == u64::from_ne_bytes(*b))
        && said_last.iter().zip(last).all(|(a, b)| a == b);
    is_same.then(|| &text[markup.len()..])
}

/// Text up to the next tag, without references.
fn plain<'a>(rest: &mut &'a str) -> Option<&'a str> {
    let (text, behind) = rest.split_at(memchr2(b'<', b'&', rest.as_bytes())?);
    *rest = behind;
    Some(text)
}

/// The same, in quotes or not.
fn tag<'a>(rest: &mut &'a str) -> Option<&'a str> {
    let Some(quoted) = rest.strip_prefix(QUOTE) else { return plain(rest) };
    *rest = quoted;
    // A mark of a weak one is none within the quotes.
    let text = plain(rest).filter(|text| !text.starts_with("W/"))?;
    *rest = rest.strip_prefix(QUOTE)?;
    Some(text)
}
