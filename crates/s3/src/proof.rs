//! Decides whether a 2xx answer to a HEAD is about the listed object. Proxies, login pages and other buckets answer 200, too.

use std::fmt::Write as _;

use chrono::SubsecRound as _;
use http::header::{CONTENT_TYPE, LAST_MODIFIED, SERVER};

use super::probe::{Head, Headers, http_date};
use model::object::{ETag, Escaped, Object};

/// Characters of a header that a message repeats.
const SHOWN: usize = 80;
const UNSIGNED: &str = "no ETag, no x-amz- header and no Last-Modified as listed";

/// Why the answer is none about `listed`, if it is not.
///
/// A size that differs is the object's only where its ETag differs, too: it was overwritten. An answer without an ETag counts
/// where something else shows that S3 gave it: any `x-amz-` header, or the time that was listed.
pub(super) fn doubt(head: &Head, headers: &(impl Headers + ?Sized), listed: &Object) -> Option<String> {
    let [now, before] =
        [&head.etag, &listed.etag].map(|etag| etag.as_ref().map(ETag::as_str).filter(|etag| !etag.is_empty()));
    let is_changed = now.is_some() && before.is_some() && now != before;
    let other_size = head.size().filter(|size| *size != listed.size && !is_changed);
    if let Some(size) = other_size {
        let what = format!("{size} bytes, and {} were listed", listed.size);
        return Some(format!("{}: {what}", answerer(head.status, headers)));
    }
    let is_signed = now.is_some() || is_signed(headers, listed);
    (!is_signed).then(|| format!("{}: {UNSIGNED}", answerer(head.status, headers)))
}

fn is_signed(headers: &(impl Headers + ?Sized), listed: &Object) -> bool {
    let modified = headers.text(LAST_MODIFIED.as_str()).and_then(http_date);
    headers.any_begins("x-amz-") || modified == Some(listed.last_modified.trunc_subsecs(0))
}

/// The status, the type and the server that an answer names.
fn answerer(status: u16, headers: &(impl Headers + ?Sized)) -> String {
    let mut text = status.to_string();
    for (name, before) in [(CONTENT_TYPE, " "), (SERVER, " from ")] {
        if let Some(value) = headers.text(name.as_str()) {
            let value: String = value.chars().take(SHOWN).collect();
            // Writing to a string does not fail.
            _ = write!(text, "{before}{}", Escaped(&value));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
    use http::HeaderMap;

    use super::*;
    use model::object::{Bucket, ETag, Key};

    const LISTED: u64 = 64 << 20;

    fn listed(etag: Option<&str>) -> Object {
        Object {
            bucket: Bucket::new("training"),
            key: Key::from("ds/shard-00000.tar"),
            size: LISTED,
            etag: etag.map(ETag::new),
            last_modified: "2026-11-26T03:04:05.678Z".parse::<DateTime<Utc>>().unwrap(),
            storage_class: None,
        }
    }

    fn why(status: u16, headers: &[(&'static str, &str)], listed: &Object) -> Option<String> {
        let map = headers.iter().map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap()));
        let map: HeaderMap = map.collect();
        doubt(&Head::undated(status, &map), &map, listed)
    }

    #[test]
    fn an_answer_about_another_thing_is_malformed_and_named() {
        let total = "bytes 0-0/67108864";
        for (status, headers, said, case) in [
            (
                200,
                &[("content-type", "text/html; charset=utf-8"), ("content-length", "5620"), ("server", "nginx")][..],
                "200 text/html; charset=utf-8 from nginx: 5620 bytes, and 67108864 were listed",
                "the page of a bouncer",
            ),
            (
                206,
                &[("etag", "\"a\""), ("content-range", "bytes 0-0/9")],
                "206: 9 bytes, and 67108864 were listed",
                "the listed ETag over another total",
            ),
            (
                200,
                &[("etag", "\"a\""), ("content-length", "1"), ("x-amz-request-id", "7")],
                "200: 1 bytes, and 67108864 were listed",
                "the listed ETag over another length",
            ),
            (
                206,
                &[("content-range", "bytes 0-0/9"), ("x-amz-request-id", "7")],
                "206: 9 bytes, and 67108864 were listed",
                "another total, without an ETag that could have changed",
            ),
            (
                200,
                &[("content-length", "67108864"), ("content-type", "application/x-tar")],
                "200 application/x-tar: no ETag, no x-amz- header and no Last-Modified as listed",
                "the right length, and no sign of S3",
            ),
            (
                206,
                &[("content-range", total), ("last-modified", "Thu, 26 Nov 2026 03:04:06 GMT")],
                "206: no ETag, no x-amz- header and no Last-Modified as listed",
                "another time",
            ),
            (
                200,
                &[("etag", "\"\""), ("content-length", "67108864"), ("server", "nginx")],
                "200 from nginx: no ETag, no x-amz- header and no Last-Modified as listed",
                "an ETag of nothing",
            ),
            (
                200,
                &[("content-type", "text/html")],
                "200 text/html: no ETag, no x-amz- header and no Last-Modified as listed",
                "neither a size nor a sign",
            ),
        ] {
            assert_eq!(why(status, headers, &listed(Some("a"))).as_deref(), Some(said), "{case}");
        }
    }

    #[test]
    fn an_answer_about_the_object_is_believed_with_as_little_as_servers_send() {
        let total = "bytes 0-0/67108864";
        for (status, headers, case) in [
            (200, &[("etag", "\"a\""), ("content-length", "67108864")][..], "the whole of it"),
            (206, &[("etag", "\"a\""), ("content-range", total), ("content-length", "1")], "its first byte"),
            (206, &[("etag", "\"a\""), ("content-length", "1")], "the ETag, and no total"),
            (200, &[("etag", "W/\"a\"")], "a weak one of the same name, and no length"),
            (206, &[("etag", "\"b\""), ("content-range", total)], "overwritten by as many bytes"),
            (200, &[("etag", "\"b\""), ("content-length", "9")], "overwritten by fewer"),
            (206, &[("content-range", total), ("x-amz-request-id", "7")], "an x-amz- header in the place of an ETag"),
            (200, &[("content-length", "67108864"), ("last-modified", "Thu, 26 Nov 2026 03:04:05 GMT")], "the time"),
        ] {
            assert_eq!(why(status, headers, &listed(Some("a"))), None, "{case}");
        }
    }

    #[test]
    fn of_an_object_listed_without_an_etag_only_its_size_can_be_held_to() {
        let of = |headers| why(200, headers, &listed(None));
        assert_eq!(of(&[("etag", "\"b\""), ("content-length", "67108864")]), None);
        let other = of(&[("etag", "\"b\""), ("content-length", "9")]);
        assert_eq!(other.as_deref(), Some("200: 9 bytes, and 67108864 were listed"));
    }

    #[test]
    fn what_a_server_says_of_itself_does_not_disturb_a_terminal_and_does_not_fill_it() {
        let long = "x".repeat(1000);
        let said = why(200, &[("server", &long), ("content-length", "1")], &listed(None)).unwrap();
        assert!(said.len() < 200 && said.contains(&"x".repeat(SHOWN)), "{said}");
    }
}
