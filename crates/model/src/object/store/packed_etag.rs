//! A packed ETag: nearly every one is an MD5 in hexadecimal, alone or with a number of parts.

use super::varint;
use crate::object::ETag;

const HASH: usize = 16;

/// A packed ETag. It unpacks to exactly the text that it was made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PackedETag<'a> {
    Absent,
    /// 32 lower-case hexadecimal digits.
    Hash([u8; HASH]),
    /// The same, a hyphen, and a number as it is printed.
    Parts([u8; HASH], u32),
    /// Anything else.
    Text(&'a str),
}

impl<'a> PackedETag<'a> {
    /// Bits that tell the kinds apart.
    pub const KINDS: u8 = 0b11;

    pub fn of(etag: Option<&'a str>) -> Self {
        let Some(text) = etag else { return Self::Absent };
        let packed = text.split_at_checked(2 * HASH).and_then(|(digits, rest)| {
            let hash = hash(digits.as_bytes())?;
            match rest.strip_prefix('-') {
                None => rest.is_empty().then_some(Self::Hash(hash)),
                Some(parts) => number(parts).map(|parts| Self::Parts(hash, parts)),
            }
        });
        packed.unwrap_or(Self::Text(text))
    }

    pub fn kind(self) -> u8 {
        match self {
            Self::Absent => 0,
            Self::Hash(_) => 1,
            Self::Parts(..) => 2,
            Self::Text(_) => 3,
        }
    }

    pub fn write(self, to: &mut Vec<u8>) {
        match self {
            Self::Absent => {}
            Self::Hash(hash) => to.extend_from_slice(&hash),
            Self::Parts(hash, parts) => {
                to.extend_from_slice(&hash);
                varint::write(u64::from(parts), to);
            }
            Self::Text(text) => {
                varint::write(text.len() as u64, to);
                to.extend_from_slice(text.as_bytes());
            }
        }
    }

    /// What `write` wrote of this kind.
    pub fn read(kind: u8, from: &mut &'a [u8]) -> Self {
        match kind {
            0 => Self::Absent,
            1 => Self::Hash(take_hash(from)),
            2 => Self::Parts(take_hash(from), u32::try_from(varint::read(from)).unwrap_or(u32::MAX)),
            _ => {
                let length = varint::read_length(from);
                let text = varint::take(from, length);
                Self::Text(std::str::from_utf8(text).unwrap_or_else(|_| unreachable!("it was written as text")))
            }
        }
    }

    pub fn to_etag(self) -> Option<ETag> {
        match self {
            Self::Absent => None,
            Self::Hash(hash) => Some(ETag(digits(&hash, 0).into_boxed_str())),
            Self::Parts(hash, parts) => {
                // The longest number has ten digits.
                let mut text = digits(&hash, 11);
                text.push('-');
                text.push_str(&parts.to_string());
                Some(ETag(text.into_boxed_str()))
            }
            Self::Text(text) => Some(ETag(text.into())),
        }
    }
}

fn take_hash(from: &mut &[u8]) -> [u8; HASH] {
    let mut hash = [0; HASH];
    hash.copy_from_slice(varint::take(from, HASH));
    hash
}

fn hash(digits: &[u8]) -> Option<[u8; HASH]> {
    let mut hash = [0; HASH];
    let mut seen = 0;
    for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
        let (high, low) = (VALUES[usize::from(pair[0])], VALUES[usize::from(pair[1])]);
        *byte = high << 4 | low & 15;
        seen |= high | low;
    }
    (seen < 16).then_some(hash)
}

/// What each byte is worth as a digit; 16 and more is none.
const VALUES: [u8; 256] = {
    let mut values = [u8::MAX; 256];
    let mut value = 0;
    while value < 16 {
        values[DIGITS[value as usize] as usize] = value;
        value += 1;
    }
    values
};

const DIGITS: &[u8; 16] = b"0123456789abcdef";

fn digits(hash: &[u8; HASH], more: usize) -> String {
    let mut text = String::with_capacity(2 * HASH + more);
    for byte in hash {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

/// A number, unless it would be printed in another way.
fn number(text: &str) -> Option<u32> {
    let is_plain = text == "0" || text.starts_with(|c: char| matches!(c, '1'..='9'));
    if is_plain { text.parse().ok() } else { None }
}
