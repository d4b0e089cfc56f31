use std::fmt::Write as _;

use super::*;

mod naive;
mod properties;

fn key_glob(glob: &str) -> Pattern {
    Pattern::parse(&format!("s3://b/{glob}")).unwrap_or_else(|error| panic!("{glob}: {error} ({:?})", error.help))
}

#[test]
fn the_table_of_the_manual_holds_line_by_line() {
    let mut lines = 0;
    for row in include_str!("../pattern.rs").lines().filter_map(|line| line.strip_prefix("//! | `")) {
        let cells: Vec<&str> = row.split(" | ").map(|cell| cell.trim_matches('`')).collect();
        let [glob, key, answer @ ("yes" | "no"), because] = cells[..] else { continue };
        assert_eq!(key_glob(glob).matches_key(&key.into()), answer == "yes", "{glob} against {key}: {because}");
        lines += 1;
    }
    assert!(lines > 45, "the table was not found: {lines}");
}

#[test]
fn keys_that_no_table_can_show() {
    for (glob, key, matches, because) in [
        ("a\nb\tc", &b"a\nb\tc"[..], true, "control characters mean themselves"),
        ("a*b", b"a\nb", true, "a newline is a character"),
        ("a?b", b"a\xffb", true, "a byte that is not UTF-8 is a character"),
        ("a??b", b"a\xe2\x82b", true, "two such bytes are two, also where they begin a longer one"),
        ("a?b", b"a\xe2\x82b", false, "and not one"),
        ("a[!x]b", b"a\xffb", true, "it is outside of any class"),
        ("a[!x]\u{e9}", b"a\xff\xc3\xa9", true, "and what follows it is still read as UTF-8"),
        ("a[\u{0}-\u{10ffff}]b", b"a\xffb", false, "which holds for the widest one"),
        ("a/{*}*/b", b"a/x/y/b", false, "two runs side by side are no `**`"),
        ("**", b"\xff/\xfe", true, "`**` runs over anything"),
        ("/a", b"/a", true, "a leading `/` means itself"),
        ("a", b"", false, "no glob but a run matches an empty key"),
        ("*", b"", true, "a run does"),
    ] {
        assert_eq!(key_glob(glob).matches_key(&Key::from_bytes(key)), matches, "{glob:?}: {because}");
    }
}

#[test]
fn lists_no_more_than_the_literal_beginning_asks_for() {
    let many = (0..100).map(|n| format!("shard-{n}/x")).collect::<Vec<_>>().join(",");
    for (glob, prefixes, because) in [
        ("data/train.tar", &["data/train.tar"][..], "one key"),
        ("data/**", &["data/"], "everything below"),
        ("data/a*.tar", &["data/a"], "up to the first metacharacter"),
        ("**/x", &[""], "a match may stand anywhere"),
        ("data/**/x", &["data/"], "the short form begins alike"),
        (r"a\*b/*", &["a*b/"], "escapes are resolved"),
        ("é/?", &["é/"], "in whole characters"),
        ("{b,a}/x*", &["a/x", "b/x"], "each alternative, sorted"),
        ("{a,ab}*", &["a"], "nested ones once"),
        ("{a,b*}/x", &["a/x", "b"], "an alternative with a run ends early"),
        (
            "y=202[34]/m={11..12}/*",
            &["y=2023/m=11/", "y=2023/m=12/", "y=2024/m=11/", "y=2024/m=12/"],
            "small classes too",
        ),
        ("train-{000000..009999}.tar", &["train-00"], "all ten digits do not"),
        (
            "train-{0098..0101}.tar",
            &["train-0098.tar", "train-0099.tar", "train-0100.tar", "train-0101.tar"],
            "few keys",
        ),
        ("n-{7..12}", &["n-10", "n-11", "n-12", "n-7", "n-8", "n-9"], "in the order of keys, not of numbers"),
        (&format!("{{{many}}}/y"), &["shard-"], "too many alternatives fall back to what they share"),
        ("{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}", &[], "the first six pairs are as many as are worth it"),
    ] {
        let found = key_glob(glob).list_prefixes();
        if prefixes.is_empty() {
            assert_eq!(found.len(), prefix::MAX_PREFIXES, "{glob}: {because}");
        } else {
            assert_eq!(found, prefixes.iter().map(|&prefix| prefix.into()).collect::<Vec<Key>>(), "{glob}: {because}");
        }
    }
}

#[test]
fn says_when_a_bucket_is_listed_as_a_whole() {
    for (glob, whole) in [("**", true), ("*.tar", true), ("{a,*}/x", true), ("a*", false)] {
        assert_eq!(key_glob(glob).lists_whole_bucket(), whole, "{glob}");
    }
}

#[test]
fn merges_the_listings_of_several_patterns() {
    let [a, b, c] = ["b/x/**", "a/**", "b/**"].map(key_glob);
    assert_eq!(merge_prefixes(&[&a, &b, &c]), ["a/".into(), "b/".into()], "what `b/` lists is not listed again");
    assert_eq!(merge_prefixes(&[]), []);
}

#[test]
fn a_bucket_is_named_or_searched_for() {
    for (glob, literal, name, matches) in [
        ("training", Some("training"), "training", true),
        ("training", Some("training"), "training2", false),
        ("ckpt-*", None, "ckpt-llama", true),
        ("ckpt-*", None, "training", false),
        ("eu-{a,b}", None, "eu-b", true),
        ("zone-{1..3}", None, "zone-2", true),
        ("zone-[ab]", None, "zone-c", false),
        ("a?", None, "ab", true),
        (r"my\.bucket", Some("my.bucket"), "my.bucket", true),
        ("{only}", Some("only"), "only", true),
    ] {
        let bucket = BucketGlob::parse(glob).unwrap();
        assert_eq!(bucket.literal(), literal.map(Bucket::new), "{glob}");
        assert_eq!(bucket.matches(name), matches, "{glob} against {name}");
    }
    let pattern = Pattern::parse("s3://ckpt-*/70b/**").unwrap();
    assert_eq!(pattern.bucket(), &BucketGlob::parse("ckpt-*").unwrap());
    assert!(pattern.matches(&Bucket::new("ckpt-llama"), b"70b/x"));
    assert!(!pattern.matches(&Bucket::new("other"), b"70b/x"));
}

#[test]
fn knows_which_folders_a_pattern_reaches_and_which_it_covers() {
    for (glob, folder, reaches, covers) in [
        ("llama/*/checkpoint-*/**", "", true, false),
        ("llama/*/checkpoint-*/**", "llama/", true, false),
        ("llama/*/checkpoint-*/**", "llama/a/", true, false),
        ("llama/*/checkpoint-*/**", "llama/a/wandb/", false, false),
        ("llama/*/checkpoint-*/**", "llama/a/checkpoint-5/", true, true),
        ("llama/*/checkpoint-*/**", "llama/a/checkpoint-5/x/", true, true),
        ("llama/*/checkpoint-*/**", "llama/a/check", true, false),
        ("llama/*/checkpoint-*/**", "mistral/", false, false),
        ("llama/*/checkpoint-*/**", "llama-2/", false, false),
        ("**/wandb/**", "a/", true, false),
        ("**/wandb/**", "a/wandb/", true, true),
        ("**/wandb/**", "wandb/", true, true),
        ("**/wandb/**", "a/wandb/b/", true, true),
        ("**/wandb/**", "a/mywandb/", true, false),
        ("a/**/*", "a/b/", true, true),
        ("a/**/*.pt", "a/b/", true, false),
        ("**", "", true, true),
        ("**", "a/", true, true),
        ("a/**", "b/", false, false),
        ("a/*", "a/", true, false),
        ("a/*", "a/b/", false, false),
        ("a/?", "a//", false, false),
        ("{a,b/c}/**", "b/", true, false),
        ("{a,b/c}/**", "b/c/", true, true),
        ("{a,b/c}/**", "b/d/", false, false),
        ("{a/**,b/*}", "a/x/", true, true),
        ("{a/**,b/*}", "b/x/", false, false),
        ("{a/**,b/*}.pt", "a/x/", true, false),
        ("{a/**,b/*}{,.pt}", "a/x/", true, true),
        ("step-{8..12}/**", "step-10/", true, true),
        ("step-{8..12}/**", "step-13/", false, false),
        ("step-{8..12}/**", "step-1", true, false),
        ("a/b.tar", "a/", true, false),
        ("a/b.tar", "a/b.tar", true, false),
        ("a/b.tar", "a/b.tar/", false, false),
    ] {
        let pattern = key_glob(glob);
        assert_eq!(pattern.may_match_below(&folder.into()), reaches, "{glob} below {folder}");
        assert_eq!(pattern.matches_all_below(&folder.into()), covers, "{glob} covers {folder}");
    }
    assert!(key_glob("a/é*").may_match_below(&Key::from_bytes(&b"a/\xc3"[..])), "half a character");
}

#[test]
fn a_glob_without_a_bucket_speaks_the_dialect_of_keys() {
    for (glob, name, matches) in [
        ("*.safetensors", &b"model.safetensors"[..], true),
        ("*.safetensors", b"a/model.safetensors", false),
        ("**/*.safetensors", b"a/model.safetensors", true),
        ("__{0..9}_?.distcp", b"__7_0.distcp", true),
        (".metadata", b".metadata", true),
        (".metadata", b".metadata2", false),
        ("s3://b/x", b"s3://b/x", true),
        ("a*", b"a\xff", true),
    ] {
        assert_eq!(KeyGlob::parse(glob).unwrap().matches(name), matches, "{glob}");
    }
    let glob = KeyGlob::parse("a/{b,c}").unwrap();
    assert_eq!((glob.text(), format!("{glob:?}").as_str()), ("a/{b,c}", "KeyGlob(\"a/{b,c}\")"));
    assert_eq!(glob, KeyGlob::parse("a/{b,c}").unwrap());
    assert_ne!(glob, KeyGlob::parse("a/{c,b}").unwrap(), "equal when written alike");
    let error = KeyGlob::parse("a/[z-a]").unwrap_err();
    assert_eq!((error.span, error.help.as_deref()), (Some(3..6), Some("write `a/[a-z]`")));
    assert!(KeyGlob::parse("").is_err() && KeyGlob::parse("a/").is_err());
}

fn shown(text: &str, error: &TextError) -> String {
    let span = error.span.clone().unwrap();
    let column = text[..span.start].chars().count();
    let width = text[span].chars().count().max(1);
    let mut out = format!("{text}\n{:column$}{} {error}\n", "", "^".repeat(width));
    if let Some(hint) = &error.help {
        writeln!(out, "{:column$}{hint}", "").unwrap();
    }
    out
}

#[test]
fn refuses_what_it_cannot_mean_and_says_what_to_write() {
    let patterns = [
        "",
        "data/**",
        "https://bucket/key",
        "/bucket/key",
        "s3://",
        "s3:///key",
        "s3://data",
        "s3://data/",
        "s3://data/sets/",
        "s3://data/sets\\\\/",
        "s3://da ta/x",
        "s3://däta/x",
        "s3://\\é/x",
        "s3://{a/b,c}/x",
        "s3://a**/x",
        "s3://d/[ab",
        "s3://d/[]",
        "s3://d/[z-a]",
        "s3://d/[a/b]",
        "s3://d/[\\/]",
        "s3://d/{a,b",
        "s3://d/a}b",
        "s3://d/{}",
        "s3://d/{a,,}",
        "s3://d/{12..3}",
        "s3://d/{a..f}",
        "s3://d/{1..}",
        "s3://d/{-3..5}",
        "s3://d/{1..1234567890123456789}",
        "s3://d/{0..3,7}",
        "s3://d/a***b",
        "s3://d/é/***",
        "s3://d/x\\",
    ];
    let buckets = ["", "a/b", "**"];
    let patterns = patterns.map(|text| shown(text, &Pattern::parse(text).unwrap_err()));
    let buckets = buckets.map(|text| shown(text, &BucketGlob::parse(text).unwrap_err()));
    insta::assert_snapshot!(patterns.into_iter().chain(buckets).collect::<Vec<_>>().join("\n"));
}

#[test]
fn stays_small_and_quick_whatever_it_is_given() {
    let key = Key::from_bytes("é/".repeat(340).into_bytes());
    let (mut accepted, mut refused) = (0, 0);
    for unit in ["{", "[", "*", "?", "[!a]", "*?", "**/", "a**", "{a,b}", "{a,*}", "{,é?}", "[α-ω]", "\\", "/", "é"]
    {
        for times in [1, 17, 2_000, 8_000] {
            match Pattern::parse(&format!("s3://b/{}x", unit.repeat(times))) {
                Ok(pattern) => {
                    accepted += 1;
                    pattern.matches_key(&key);
                    pattern.matches_key(&Key::from("a".repeat(1024).as_str()));
                    pattern.may_match_below(&key);
                }
                Err(error) => {
                    refused += 1;
                    assert!(error.to_string().len() < 200, "{error}");
                }
            }
        }
    }
    for glob in ["{0..999999999999999999}".repeat(20), format!("{}a{}", "{".repeat(16), "}".repeat(16))] {
        key_glob(&glob).matches_key(&key);
        accepted += 1;
    }
    assert!(accepted > 20 && refused > 10, "{accepted} {refused}");
}

#[test]
fn below_a_folder_only_what_can_match_is_listed() {
    for (glob, folder, below, because) in [
        ("a/*/b/**", "a/x/", &["a/x/b/"][..], "what follows the segment"),
        ("a/*/b/**", "a/", &["a/"], "but not before it is known"),
        ("a/*/b/**", "a//", &["a//b/"], "an empty segment is a segment"),
        ("a/*/b/**", "c/", &[], "elsewhere nothing"),
        ("a/*/b/**", "a/x/c/", &[], "and beside it neither"),
        ("a/*/b/**", "a/x/b/y/", &["a/x/b/y/"], "below it everything"),
        ("a/run-*/{c,d}/[0-9]*", "a/run-7/", &["a/run-7/c/", "a/run-7/d/"], "alternatives are followed"),
        ("a/run-*/{c,d}/[0-9]*", "a/old-7/", &[], "and what the segment begins with"),
        ("a/*/*/b", "a/x/", &["a/x/"], "one segment after the other"),
        ("a/*/*/b", "a/x/y/", &["a/x/y/b"], "until the last"),
        ("a/**/b", "a/x/", &["a/x/"], "anything may be anywhere"),
        ("{a/*,b}/c/**", "a/x/", &["a/x/c/"], "a segment of a brace"),
        ("a/b/c/**", "a/", &["a/b/c/"], "where the pattern itself goes on"),
    ] {
        let found: Vec<String> = key_glob(glob).prefixes_below(&folder.into()).iter().map(Key::to_string).collect();
        assert_eq!(found, below, "{glob} below {folder}: {because}");
    }
}

#[test]
fn folders_are_worth_finding_where_something_certain_follows_them() {
    for (glob, prefix, steered) in [
        ("a/*/b/**", "a/", Some(true)),
        ("a/*/*/b/**", "a/", Some(true)),
        ("a/run-*/b/**", "a/run-", Some(true)),
        ("a/b/**", "", Some(true)),
        ("a/**", "a/", Some(false)),
        ("a/*/**", "a/", Some(false)),
        ("a/*/*", "a/", Some(false)),
        ("a/**/b/c", "a/", Some(false)),
        ("a/*.tar", "a/", None),
        ("a/*/b/**", "c/", None),
    ] {
        assert_eq!(key_glob(glob).is_steered_by_folders(&prefix.into()), steered, "{glob} behind {prefix:?}");
    }
}
