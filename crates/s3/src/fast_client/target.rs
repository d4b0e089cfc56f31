//! Percent-encoding of a request line, and the split of a URL into origin and path.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

use model::object::Key;

/// Characters of a key that are percent-encoded: all but the unreserved ones of Signature V4, and `/`.
pub(crate) const KEY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// Characters of a query that are percent-encoded: all but the unreserved ones of Signature V4.
pub(crate) const NAME: &AsciiSet = &KEY.add(b'/');

/// The path of a key, percent-encoded as it is sent and signed.
pub(super) fn path_of(before: &str, key: &Key) -> String {
    // Room for a few characters that are escaped; more of them cost an allocation.
    let mut path = String::with_capacity(before.len() + key.as_bytes().len() + 16);
    path.push_str(before);
    path.extend(percent_encode(key.as_bytes(), KEY));
    path
}

/// Scheme, host and port of a bucket's URL, and the path that stands before its keys.
pub(super) fn split(url: &str) -> (&str, String) {
    let host = url.find("://").map_or(0, |at| at + 3);
    let (origin, path) = url.split_at(url[host..].find('/').map_or(url.len(), |at| host + at));
    (origin, format!("{path}/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_stands_in_the_host_or_before_the_key() {
        for (url, origin, path) in [
            ("http://training.cwlota.com", "http://training.cwlota.com", "/"),
            ("http://127.0.0.1:7480/Odd_Name.x", "http://127.0.0.1:7480", "/Odd_Name.x/"),
        ] {
            assert_eq!(split(url), (origin, path.to_owned()), "{url}");
        }
    }

    #[test]
    fn every_byte_that_is_not_plain_is_escaped() {
        for (key, path) in [
            (&b"a/b-c._~"[..], "/a/b-c._~"),
            (b"/lead//two/", "//lead//two/"),
            (b"a b+c%", "/a%20b%2Bc%25"),
            (b"../..", "/../.."),
            (b"\xff\n", "/%FF%0A"),
        ] {
            assert_eq!(path_of("/", &Key::from_bytes(key)), path);
        }
    }
}
