use super::*;
use model::object::{ETag, Object};

fn item(key: &str) -> String {
    format!("<Contents><Key>{key}</Key><LastModified>1970-01-01T00:00:00.000Z</LastModified><Size>3</Size></Contents>")
}

fn page(inside: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult xmlns=\"x\"><Name>b</Name>{inside}</ListBucketResult>"
    )
}

fn below(prefix: &str, body: &str) -> Result<Page, RequestError> {
    let (bucket, prefix) = (Bucket::new("b"), Key::from(prefix));
    PageRequest { bucket: &bucket, prefix: &prefix, after: None, continuation: None, delimiter: true }
        .read(body.as_bytes(), None)
}

fn read(inside: &str) -> Result<Page, RequestError> {
    below("", &page(inside))
}

#[test]
fn an_object_is_read_with_all_that_is_said_of_it() {
    let read = read(
        "<IsTruncated>false</IsTruncated><Contents><Owner><ID>1</ID><DisplayName>Key</DisplayName></Owner><Key>a &amp; b</Key>\
         <LastModified>2026-11-25T19:14:23.123Z</LastModified><ETag>&quot;9a-3&quot;</ETag><Size> 5368709120 </Size>\
         <ChecksumAlgorithm>CRC32</ChecksumAlgorithm><StorageClass>GLACIER</StorageClass></Contents><Contents>\
         <Size>0</Size><LastModified>2026-11-25T19:14:23+02:00</LastModified><Key>c</Key></Contents>",
    );
    let objects = read.unwrap().objects;
    let first = Object {
        bucket: Bucket::new("b"),
        key: Key::from("a & b"),
        size: 5_368_709_120,
        etag: Some(ETag::new("\"9a-3\"")),
        last_modified: "2026-11-25T19:14:23.123Z".parse().unwrap(),
        storage_class: Some("GLACIER".into()),
    };
    let second = Object {
        key: Key::from("c"),
        size: 0,
        etag: None,
        last_modified: "2026-11-25T17:14:23Z".parse().unwrap(),
        storage_class: None,
        ..first.clone()
    };
    assert!(objects.iter().eq([&first, &second].map(Object::row)), "{objects:?}");
}

#[test]
fn keys_are_decoded_only_when_the_server_says_they_are_encoded_be_it_at_the_end() {
    let key = |inside: &str| Key::from_bytes(read(inside).unwrap().objects.first().unwrap().key);
    assert_eq!(key(&item("a+b%20c")), Key::from("a+b%20c"));
    let escaped = item("a+b%20c%2Bd%2Fe/f%0A%FF");
    let plain = Key::from_bytes(&b"a b c+d/e/f\n\xff"[..]);
    assert_eq!(key(&format!("<EncodingType>url</EncodingType>{escaped}")), plain);
    assert_eq!(key(&format!("{escaped}<EncodingType>url</EncodingType>")), plain);
}

#[test]
fn how_it_goes_on_is_what_the_server_says() {
    let token = "<NextContinuationToken>t</NextContinuationToken>";
    for (truncated, followed) in
        [("<IsTruncated>true</IsTruncated>", true), ("<IsTruncated>false</IsTruncated>", false), ("", true)]
    {
        assert_eq!(read(&format!("{truncated}{token}")).unwrap().next.is_some(), followed, "{truncated}");
    }
    let error = read("<IsTruncated>true</IsTruncated><NextContinuationToken/>").unwrap_err();
    assert_eq!(error.to_string(), "malformed: a page of `b` says that more follows and not how to ask for it");
}

#[test]
fn what_is_no_whole_page_is_an_error_that_names_it() {
    let whole = page(&item("a"));
    for (body, why) in [
        (String::new(), "is no listing: it is empty"),
        ("<html>welcome</html>".to_owned(), "is no listing: it is a `html`"),
        ("{\"objects\":[]}".to_owned(), "is no well-formed XML: byte 0: text outside of all elements"),
        (format!("{whole}<a/>"), "is no listing: something follows it"),
        (page(&item("")), "has an object without a key"),
        (page("<Contents/>"), "has an object without a key"),
        (page("<Contents><Key>a</Key></Contents>"), "has no size for `a`"),
        (page("<Contents><Key>\u{1b}[31mred</Key></Contents>"), "has no size for `\\u{1b}[31mred`"),
        (page("<Contents><Key>a</Key><Size>3</Size></Contents>"), "has no time for `a`"),
        (page(&item("a").replace('3', "-3")), "says `-3` where a size belongs"),
        (page(&item("a").replace("00:00:00", "0:00:00")), "says `1970-01-01T0:00:00.000Z` where a time belongs"),
        (page("").replace("<Name>b<", "<Name>other<"), "is of the bucket `other`"),
        (whole.replace("<Name>b<", "<Name>B<"), "is of the bucket `B`"),
        (page("<Name>c</Name>"), "is of the bucket `c`"),
        (page("<IsTruncated>no</IsTruncated>"), "says `no` where `true` or `false` belongs"),
    ] {
        assert_eq!(below("", &body).unwrap_err().to_string(), format!("malformed: a page of `b` {why}"));
    }
    for cut in 0..whole.len() {
        assert!(below("", &whole[..cut]).is_err(), "cut at {cut}");
    }
    let (bucket, prefix) = (Bucket::new("b"), Key::from(""));
    let request = PageRequest { bucket: &bucket, prefix: &prefix, after: None, continuation: None, delimiter: false };
    assert!(request.read(b"<ListBucketResult>\xff</ListBucketResult>", None).is_err());
}

#[test]
fn a_page_without_the_name_of_a_bucket_is_taken() {
    for name in ["", "<Name/>", "<Name></Name>", "<Name> b </Name>"] {
        let body = page(&item("a")).replace("<Name>b</Name>", name);
        assert_eq!(below("", &body).unwrap().objects.len(), 1, "{name}");
    }
}

#[test]
fn folders_are_decoded_as_keys_are_and_lie_below_what_was_asked_for() {
    let folder = |name: &str| {
        page(&format!("<EncodingType>url</EncodingType><CommonPrefixes><Prefix>{name}</Prefix></CommonPrefixes>"))
    };
    let page = below("", &folder("a+b%2B%25%0A%FF%2F/")).unwrap();
    assert_eq!((page.folders, page.objects), (vec![Key::from_bytes(&b"a b+%\n\xff//"[..])], PageBuffer::default()));
    for (name, why) in [("", "has a folder without a name"), ("a", "has the folder `a`, which is none below ``")] {
        assert_eq!(below("", &folder(name)).unwrap_err().message, format!("a page of `b` {why}"));
    }
    for (name, there) in [("a/b/", true), ("a//", true), ("a/", false), ("b/c/", false)] {
        assert_eq!(below("a/", &folder(name)).is_ok(), there, "{name}");
    }
}

#[test]
fn a_query_is_escaped_and_in_order() {
    let (bucket, prefix) = (Bucket::new("b"), Key::from_bytes(&b"a/b c+\xff"[..]));
    let request =
        PageRequest { bucket: &bucket, prefix: &prefix, after: None, continuation: Some("1+/="), delimiter: true };
    let whole = "continuation-token=1%2B%2F%3D&delimiter=%2F&encoding-type=url&list-type=2&prefix=a%2Fb%20c%2B%FF";
    assert_eq!(request.query(), whole);
    let request = PageRequest { prefix: &Key::from(""), after: None, continuation: None, delimiter: false, ..request };
    assert_eq!(request.query(), "encoding-type=url&list-type=2");
}

proptest::proptest! {
    #[test]
    fn a_time_is_read_as_by_everybody_else(seconds in 0_i64..4_102_444_800, nanos in 0_u32..1_000_000_000, digits in 0_usize..10) {
        let written = DateTime::from_timestamp(seconds, nanos).unwrap();
        let mut text = written.format("%Y-%m-%dT%H:%M:%S%.9f").to_string();
        text.truncate(if digits == 0 { 19 } else { 20 + digits });
        text.push('Z');
        proptest::prop_assert_eq!(Days::default().usual_time(&text), Some(DateTime::parse_from_rfc3339(&text).unwrap().to_utc()));
    }

    #[test]
    fn nothing_that_looks_like_a_time_is_taken_for_one(text in "[0-9]{4}[-0-9/]{6}[T ][0-9:]{8}[.0-9Z+-]{0,6}") {
        let read = Days::default().usual_time(&text);
        proptest::prop_assert!(read.is_none() || read == Some(DateTime::parse_from_rfc3339(&text).unwrap().to_utc()));
    }
}

/// An object of a page, whose values stand in any order, with what some servers say besides.
fn any_item() -> impl proptest::strategy::Strategy<Value = String> {
    use proptest::prelude::*;
    let key = prop_oneof!["[a-c/+%&;<]{1,6}", "shard-[0-9]{3}", "\\PC{1,9}"];
    let key = key.prop_map(|key| key.replace('&', "&amp;").replace('<', "&lt;"));
    let etag = prop_oneof![
        "[0-9a-f]{4}(-[1-9])?",
        "(&quot;|\")[0-9a-f]{4}(&quot;|\")",
        "&quot;W/[a-f]{2}&quot;",
        "W/&quot;[a-f]{2}&quot;",
        "&quot;a&amp;b&quot;",
        Just(String::new()),
    ];
    let time = prop_oneof![
        Just("2026-11-25T19:14:23.000Z".to_owned()),
        "2026-1[01]-[0-2][1-9]T2[0-3]:[0-5][0-9]:[0-5][0-9]Z",
        Just("2026-11-25T19:14:23+02:00".to_owned()),
    ];
    let element = |name: &'static str, text: String| format!("<{name}>{text}</{name}>");
    let parts = (key, etag, time, 0..3_u64, any::<bool>(), prop::sample::select(vec!["", "s:"]));
    let parts = parts.prop_map(move |(key, etag, time, size, owned, prefix)| {
        let mut parts = vec![
            element("Key", key),
            format!("<{prefix}Size>{size}</{prefix}Size>"),
            element("LastModified", time),
            element("ETag", etag),
            element("StorageClass", if size == 1 { "GLACIER" } else { "STANDARD" }.to_owned()),
        ];
        if owned {
            parts.push("<Owner><ID>1</ID><Key>x</Key></Owner>".to_owned());
        }
        parts
    });
    let order = prop_oneof![
        3 => parts.clone(),
        1 => parts.clone().prop_shuffle(),
        1 => parts.prop_map(|mut parts| { parts.remove(3); parts }),
    ];
    (order, prop::sample::select(vec!["", "\n  "]))
        .prop_map(|(parts, blank)| format!("{blank}<Contents>{}{blank}</Contents>", parts.concat()))
}

proptest::proptest! {
    #[test]
    fn objects_written_alike_are_read_as_each_by_itself(items in proptest::collection::vec(any_item(), 0..12), encoded: bool) {
        let said = if encoded { "<EncodingType>url</EncodingType>" } else { "" };
        let quick = read(&format!("{said}{}", items.concat())).unwrap();
        // No two are alike to whoever looks at the markup only.
        let apart = items.iter().zip(0..).map(|(item, n)| item.replace("<Contents>", &format!("<Contents><!-- {n} -->")));
        let slow = read(&format!("{}{said}", apart.collect::<String>())).unwrap();
        proptest::prop_assert_eq!(quick.objects.len(), items.len());
        proptest::prop_assert_eq!(quick.objects, slow.objects);
    }

    #[test]
    fn a_page_that_is_broken_behind_objects_that_are_alike_is_an_error(cut in 1_usize..400) {
        let whole = page(&["a", "b", "c", "d"].map(item).concat());
        proptest::prop_assert!(below("", &whole).is_ok());
        let cut = whole.len() - 1 - cut % (whole.len() - 1);
        proptest::prop_assert!(below("", &whole[..cut]).is_err());
        let kept = whole.char_indices().filter(|(at, _)| *at != cut).map(|(_, c)| c).collect::<String>();
        let named = |page: &Page| page.objects.iter().all(|object| object.key.len() == 1);
        // A byte less in the markup is an error; in a value, another value.
        proptest::prop_assert!(below("", &kept).map_or(true, |page| page.objects.len() == 4 && named(&page)));
    }
}
