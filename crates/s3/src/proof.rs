//! What an answer to a HEAD proves of an object. Proxies, login pages, web servers and other buckets answer 200 and 404, too.

use std::fmt::Write as _;

use chrono::SubsecRound as _;
use http::header::{CONTENT_RANGE, CONTENT_TYPE, LAST_MODIFIED, SERVER};

use super::probe::{Head, Headers, http_date};
use model::object::{ETag, Escaped, Object};

/// Characters of a header that a message repeats.
const SHOWN: usize = 80;
/// Headers that S3 gives with each answer. Others that begin with `x-amz` are of CloudFront and API Gateway, too.
const S3_HEADERS: [&str; 2] = ["x-amz-request-id", "x-amz-id-2"];
/// Hex digits of an S3 ETag, before the `-N` of a multipart upload.
const ETAG_DIGITS: usize = 32;
const UNSIGNED: &str =
    "not the listed ETag, and no sign of S3: no x-amz-request-id, no ETag of its form, no Last-Modified as listed";

/// Holds a 2xx answer to the object that was `listed`. `Ok(Some)` says what answered, where the object was changed since.
///
/// The listed ETag is proof, unless a size contradicts it. Any other answer must tell a size and show that S3 gave it; a size that
/// differs from the listed one is the object's only where its ETag differs, too.
///
/// # Errors
/// Why the answer is none about the object.
pub(super) fn prove(head: &Head, headers: &(impl Headers + ?Sized), listed: &Object) -> Result<Option<String>, String> {
    let (now, before) = (head.etag.as_ref(), listed.etag.as_ref().filter(|etag| !etag.as_str().is_empty()));
    let is_listed = now.is_some() && now == before;
    let is_changed = !is_listed && now.is_some() && before.is_some();
    let answerer = || answerer(head.status, headers);
    let refused = |why: &str| Err(format!("{}: {why}", answerer()));
    let range = headers.text(CONTENT_RANGE.as_str()).filter(|_| head.status == 206);
    if range.is_some_and(|range| !begins_object(range)) {
        return refused("a Content-Range of something else than the first byte");
    }
    match head.size() {
        Some(size) if size != listed.size && !is_changed => {
            refused(&format!("{size} bytes, and {} were listed", listed.size))
        }
        None if !is_listed => refused("neither the listed ETag nor a size"),
        _ if is_listed || is_signed(now, headers) => Ok(is_changed.then(answerer)),
        // Whatever is written anew is modified anew.
        _ if !is_changed && is_modified_as(listed, headers) => Ok(None),
        _ => refused(UNSIGNED),
    }
}

/// Why a 404 does not prove that there is no such object: nothing shows that S3 gave it. `None` for any other status.
pub(super) fn doubt_absence(status: u16, headers: &(impl Headers + ?Sized)) -> Option<String> {
    let kind = headers.text(CONTENT_TYPE.as_str()).unwrap_or_default();
    let is_xml = ["application/xml", "text/xml"].iter().any(|xml| kind.starts_with(xml));
    let is_unsigned = status == 404 && !is_of_s3(headers) && !is_xml;
    is_unsigned.then(|| format!("{}, without a sign of S3", answerer(status, headers)))
}

/// Whether something shows that S3 gave a 200.
pub(super) fn is_signed(etag: Option<&ETag>, headers: &(impl Headers + ?Sized)) -> bool {
    etag.is_some_and(is_s3_etag) || is_of_s3(headers)
}

fn is_of_s3(headers: &(impl Headers + ?Sized)) -> bool {
    S3_HEADERS.iter().any(|name| headers.text(name).is_some())
}

/// Whether a `Content-Range` is one of bytes from the first on: `bytes 0-0/67108864`, or `/*` where the total is not known.
fn begins_object(range: &str) -> bool {
    let Some((end, total)) = range.trim().strip_prefix("bytes 0-").and_then(|rest| rest.split_once('/')) else {
        return false;
    };
    end.parse().is_ok_and(|end: u64| total == "*" || total.parse().is_ok_and(|total: u64| end < total))
}

/// Whether it is an MD5, as S3 servers name an object, or an upload of `-N` parts. Web servers have other forms.
fn is_s3_etag(etag: &ETag) -> bool {
    let (digits, parts) = etag.as_str().split_once('-').unwrap_or((etag.as_str(), "1"));
    digits.len() == ETAG_DIGITS && digits.bytes().all(|b| b.is_ascii_hexdigit()) && parts.parse::<u32>().is_ok()
}

fn is_modified_as(listed: &Object, headers: &(impl Headers + ?Sized)) -> bool {
    headers.text(LAST_MODIFIED.as_str()).and_then(http_date) == Some(listed.last_modified.trunc_subsecs(0))
}

/// The status, the type and the server that an answer names.
pub(super) fn answerer(status: u16, headers: &(impl Headers + ?Sized)) -> String {
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
    const TIME: &str = "Thu, 26 Nov 2026 03:04:05 GMT";
    const MD5: &str = "\"9b2cf535f27731c974343645a3985328-8\"";

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
        prove(&Head::undated(status, &map), &map, listed).err()
    }

    #[test]
    fn an_answer_about_another_thing_is_malformed_and_named() {
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
                &[("content-type", "text/html")],
                "200 text/html: neither the listed ETag nor a size",
                "neither a size nor a sign",
            ),
            (
                200,
                &[("content-type", "text/html"), ("x-amz-request-id", "7")],
                "200 text/html: neither the listed ETag nor a size",
                "a header of S3, and nothing of the object",
            ),
            (200, &[("last-modified", TIME)], "200: neither the listed ETag nor a size", "the time, and no size"),
            (
                206,
                &[("etag", MD5), ("x-amz-request-id", "7")],
                "206: neither the listed ETag nor a size",
                "another ETag, and no size of its own",
            ),
        ] {
            assert_eq!(why(status, headers, &listed(Some("a"))).as_deref(), Some(said), "{case}");
        }
    }

    #[test]
    fn an_answer_without_a_sign_of_s3_is_malformed() {
        let total = "bytes 0-0/67108864";
        for (status, headers, said, case) in [
            (
                200,
                &[("content-length", "67108864"), ("content-type", "application/x-tar")][..],
                "200 application/x-tar",
                "the right length, and no sign of S3",
            ),
            (
                206,
                &[("content-range", total), ("last-modified", "Thu, 26 Nov 2026 03:04:06 GMT")],
                "206",
                "another time",
            ),
            (
                200,
                &[("etag", "\"\""), ("content-length", "67108864"), ("server", "nginx")],
                "200 from nginx",
                "an ETag of nothing",
            ),
            (
                200,
                &[
                    ("content-type", "text/html"),
                    ("etag", "\"5f3a-15f4\""),
                    ("content-length", "5620"),
                    ("server", "nginx"),
                ],
                "200 text/html from nginx",
                "the page of a web server, under its own ETag",
            ),
            (206, &[("etag", "\"5f3a-15f4\""), ("content-range", "bytes 0-0/5620")], "206", "the same, in part"),
            (
                200,
                &[("etag", "\"deadbeef\""), ("content-length", "67108864"), ("last-modified", TIME)],
                "200",
                "another ETag, and written when the listed one was",
            ),
        ] {
            let said = format!("{said}: {UNSIGNED}");
            assert_eq!(why(status, headers, &listed(Some("a"))), Some(said), "{case}");
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
            (206, &[("etag", "\"b\""), ("content-range", total), ("x-amz-id-2", "7")], "overwritten by as many bytes"),
            (200, &[("etag", "\"b\""), ("content-length", "9"), ("x-amz-request-id", "7")], "overwritten by fewer"),
            (206, &[("content-range", total), ("x-amz-request-id", "7")], "a header of S3 in the place of an ETag"),
            (200, &[("content-length", "67108864"), ("last-modified", TIME)], "the time"),
            (206, &[("etag", "\"a\""), ("content-range", "bytes 0-67108863/67108864")], "the whole of it as a part"),
            (206, &[("etag", "\"a\""), ("content-range", "bytes 0-0/*")], "a part of an unknown total"),
            (206, &[("etag", MD5), ("content-range", "bytes 0-0/9")], "overwritten, of a server without headers of S3"),
        ] {
            assert_eq!(why(status, headers, &listed(Some("a"))), None, "{case}");
        }
    }

    #[test]
    fn of_an_object_listed_without_an_etag_its_size_is_held_to() {
        let of = |headers| why(200, headers, &listed(None));
        assert_eq!(of(&[("etag", MD5), ("content-length", "67108864")]), None);
        assert_eq!(of(&[("etag", "\"b\""), ("content-length", "67108864")]), Some(format!("200: {UNSIGNED}")));
        let other = of(&[("etag", MD5), ("content-length", "9")]);
        assert_eq!(other.as_deref(), Some("200: 9 bytes, and 67108864 were listed"));
    }

    #[test]
    fn a_part_that_does_not_begin_the_object_is_none_of_it() {
        for range in
            ["*/67108864", "5-5/67108864", "0-0/0", "0-9/5", "0-0/-5", "0-0/99999999999999999999999", "0-0", "-", ""]
        {
            let range = format!("bytes {range}");
            let said = why(206, &[("etag", "\"a\""), ("content-range", &range)], &listed(Some("a")));
            assert_eq!(said.as_deref(), Some("206: a Content-Range of something else than the first byte"), "{range}");
        }
        for range in ["items 0-0/67108864", "lalala"] {
            assert!(why(206, &[("etag", "\"a\""), ("content-range", range)], &listed(Some("a"))).is_some(), "{range}");
        }
    }

    #[test]
    fn a_404_proves_an_absence_where_s3_gave_it() {
        let of = |status, headers: &[(&'static str, &str)]| {
            let map = headers.iter().map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap()));
            doubt_absence(status, &map.collect::<HeaderMap>())
        };
        for headers in [
            &[("x-amz-request-id", "7")][..],
            &[("content-type", "application/xml")],
            &[("content-type", "text/xml;charset=utf-8"), ("server", "s3s")],
            &[("content-type", "text/html; charset=utf-8"), ("x-amz-request-id", "7")],
        ] {
            assert_eq!(of(404, headers), None, "{headers:?}");
        }
        let page = of(404, &[("content-type", "text/html"), ("server", "nginx")]);
        assert_eq!(page.as_deref(), Some("404 text/html from nginx, without a sign of S3"));
        assert_eq!(of(404, &[]).as_deref(), Some("404, without a sign of S3"));
        assert_eq!(of(403, &[("content-type", "text/html")]), None, "of another status it says nothing");
    }

    #[test]
    fn what_a_server_says_of_itself_does_not_disturb_a_terminal_and_does_not_fill_it() {
        let long = "x".repeat(1000);
        let said = why(200, &[("server", &long), ("content-length", "1")], &listed(None)).unwrap();
        assert!(said.len() < 200 && said.contains(&"x".repeat(SHOWN)), "{said}");
    }
}
