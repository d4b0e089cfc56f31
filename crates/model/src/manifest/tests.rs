use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;

use super::*;
use crate::object::ETag;

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(text).unwrap();
    packed.finish().unwrap()
}

/// All entries, given in pieces of `at_once` bytes.
fn read_by(bytes: &[u8], at_once: usize) -> Result<Vec<Entry>, ManifestError> {
    let mut decoder = Decoder::default();
    let mut entries = Vec::new();
    for piece in bytes.chunks(at_once) {
        for portion in Decoder::portions(piece) {
            entries.extend(decoder.push(portion)?);
        }
    }
    entries.extend(decoder.finish()?);
    Ok(entries)
}

fn read(bytes: &[u8]) -> Result<Vec<Entry>, ManifestError> {
    read_by(bytes, usize::MAX)
}

fn keys(bytes: &[u8]) -> Vec<String> {
    read(bytes).unwrap().into_iter().map(|entry| entry.key.to_string()).collect()
}

const FULL: &str = r#"{"profile":"p","bucket":"b","key":"a/é \"x\"","size":12,"etag":"abc-2","last_modified":"2026-11-26T03:04:05.678Z","storage_class":"GLACIER","group":null}"#;

#[test]
fn an_entry_says_what_a_plan_writes() {
    let entry = read(FULL.as_bytes()).unwrap().remove(0);
    assert_eq!((entry.bucket.as_str(), entry.key.as_str(), entry.line), ("b", Some("a/é \"x\""), 1));
    assert_eq!((entry.size, entry.etag.clone()), (Some(12), Some(ETag::new("abc-2"))));
    assert_eq!(entry.last_modified, Some("2026-11-26T03:04:05.678Z".parse().unwrap()));
    assert_eq!(entry.storage_class.as_deref(), Some("GLACIER"));
    assert!(entry.is_complete());
    let bare = read(br#"{"bucket":"b","key_b64":"YWL/","size":null,"etag":null}"#).unwrap().remove(0);
    assert_eq!((bare.key.as_bytes(), bare.size, bare.etag.clone()), (&b"ab\xff"[..], None, None));
    assert!(!bare.is_complete());
}

#[test]
fn lines_end_as_people_end_them() {
    let line = |key: &str| format!("{{\"bucket\":\"b\",\"key\":\"{key}\"}}");
    let (a, b) = (line("a"), line("b"));
    for (text, because) in [
        (format!("{a}\n{b}\n"), "each with its end"),
        (format!("{a}\n{b}"), "the last without"),
        (format!("\u{feff}{a}\r\n{b}\r\n"), "as Windows writes it"),
        (format!("\n{a}\n  \n\n{b}\n\n"), "with empty lines"),
    ] {
        assert_eq!(keys(text.as_bytes()), ["a", "b"], "{because}");
        assert_eq!(keys(&gzip(text.as_bytes())), ["a", "b"], "{because}");
    }
    for nothing in [&b""[..], b"\n", &gzip(b"")] {
        assert_eq!(keys(nothing), [""; 0]);
    }
    let members = [gzip(format!("{a}\n").as_bytes()), gzip(b.as_bytes())].concat();
    assert_eq!(keys(&members), ["a", "b"], "one gzip behind the other");
}

#[test]
fn what_is_no_entry_is_named_by_its_line() {
    let good = "{\"bucket\":\"b\",\"key\":\"a\"}\n";
    let said: Vec<String> = [
        "{\"bucket\":\"b\",\"key\":\"a\"",
        "{\"bucket\":\"b\",\"key\":\"a\"}{\"bucket\":\"b\",\"key\":\"a\"}",
        "s3://b/a",
        "[\"b\",\"k\",null,1,null,null,null]",
        "{\"key\":\"a\"}",
        "{\"bucket\":\"b\"}",
        "{\"bucket\":\"b\",\"key\":\"a\",\"key_b64\":\"YQ==\"}",
        "{\"bucket\":\"b\",\"key_b64\":\"?\"}",
        "{\"bucket\":\"b\",\"key\":\"\"}",
        "{\"bucket\":\"b\",\"key\":\"a\",\"key\":\"b\"}",
        "{\"bucket\":\"b\",\"key\":\"a\",\"size\":-1}",
        "{\"bucket\":\"b\",\"key\":\"a\",\"size\":\"12\"}",
        "{\"bucket\":\"b\",\"key\":\"a\",\"size\":1e30}",
        "{\"bucket\":\"b\",\"key\":\"a\",\"etag\":\"\"}",
        "{\"bucket\":\"b\",\"key\":\"a\",\"last_modified\":\"yesterday\"}",
        "{\"bucket\":\"evil.example/x?\",\"key\":\"a\"}",
        "{\"bucket\":\"..\",\"key\":\"a\"}",
        "{\"bucket\":\"\",\"key\":\"a\"}",
        "{\"bucket\":\"b\",\"key\":\"\\ud800\"}",
        "{\"\u{1b}[31m\":1,\"bucket\":2}",
    ]
    .into_iter()
    .map(|bad| {
        let text = format!("{good}{bad}\n{good}");
        let plain = read(text.as_bytes()).unwrap_err();
        assert_eq!(read(&gzip(text.as_bytes())).unwrap_err(), plain, "packed as well");
        assert_eq!(plain.line, 2);
        plain.to_string()
    })
    .collect();
    insta::assert_snapshot!(said.join("\n"));
}

#[test]
fn a_byte_that_is_no_text_is_no_entry() {
    assert_eq!(read(b"{\"bucket\":\"b\",\"key\":\"\xff\"}").unwrap_err().line, 1);
    assert_eq!(read(b"\0\0\0\0").unwrap_err().line, 1);
}

#[test]
fn a_key_is_as_long_as_keys_are() {
    let entry = |length: usize| format!("{{\"bucket\":\"b\",\"key\":\"{}\"}}", "\\u0001".repeat(length));
    assert_eq!(read(entry(1024).as_bytes()).unwrap()[0].key.as_bytes().len(), 1024);
    assert!(read(entry(1025).as_bytes()).is_err());
}

#[test]
fn a_gzip_that_is_cut_off_anywhere_is_an_error_and_no_shorter_list() {
    let text: String = (0..50).map(|n| format!("{{\"bucket\":\"b\",\"key\":\"k{n}\"}}\n")).collect();
    let packed = gzip(text.as_bytes());
    assert_eq!(read(&packed).unwrap().len(), 50);
    for length in 2..packed.len() {
        assert!(read(&packed[..length]).is_err(), "{length} of {}", packed.len());
    }
    let mut flipped = packed.clone();
    let checksum = packed.len() - 6;
    flipped[checksum] ^= 1;
    assert!(read(&flipped).unwrap_err().what.contains("gzip"), "a checksum that is wrong");
    assert!(read(&[&packed[..], b"more"].concat()).is_err(), "something behind it");
}

#[test]
fn what_is_compressed_well_takes_no_memory() {
    for (name, line) in [("a line without an end", &[b' '; 1 << 16][..]), ("lines without anything", &[b'\n'; 1 << 16])]
    {
        let mut packed = GzEncoder::new(Vec::new(), Compression::best());
        for _ in 0..1024 {
            packed.write_all(line).unwrap();
        }
        let error = read(&packed.finish().unwrap()).unwrap_err();
        assert!(error.line <= 1001, "{name}: {error}");
    }
    // The shortest entries there are, a thousand to one.
    let line = b"{\"bucket\":\"b\",\"key\":\"k\"}\n";
    let packed = gzip(&line.repeat(1 << 20));
    let mut decoder = Decoder::default();
    let most = Decoder::portions(&packed).map(|portion| decoder.push(portion).unwrap().len()).max();
    assert!(most.unwrap() <= 200_000, "{most:?} at once");
}

#[test]
fn an_object_that_is_named_again_is_told() {
    let text = "{\"bucket\":\"b\",\"key\":\"k\",\"size\":1}\n{\"bucket\":\"c\",\"key\":\"k\"}\n{\"bucket\":\"b\",\"key_b64\":\"aw==\",\"size\":2}\n";
    let mut named = Named::default();
    let again: Vec<bool> = read(text.as_bytes()).unwrap().iter().map(|entry| named.again(entry)).collect();
    assert_eq!(again, [false, false, true]);
}

proptest! {
    #[test]
    fn where_the_bytes_are_cut_makes_no_difference(
        keys in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..20), 0..30),
        at_once in 1..200_usize,
        packed: bool,
    ) {
        use base64::Engine as _;
        let base64 = base64::engine::general_purpose::STANDARD;
        let text: String =
            keys.iter().map(|key| format!("{{\"bucket\":\"b\",\"key_b64\":\"{}\"}}\n", base64.encode(key))).collect();
        let bytes = if packed { gzip(text.as_bytes()) } else { text.into_bytes() };
        let read = read_by(&bytes, at_once).unwrap();
        prop_assert!(read.iter().map(|entry| entry.key.as_bytes()).eq(keys.iter().map(|key| &**key)));
        prop_assert!(read.iter().map(|entry| entry.line).eq(1..=keys.len() as u64));
    }

    #[test]
    fn bytes_of_any_kind_are_entries_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200), packed: bool) {
        let bytes = if packed { [&GZIP[..], &bytes].concat() } else { bytes };
        drop(read(&bytes));
    }
}
