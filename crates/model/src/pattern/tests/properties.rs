use proptest::prelude::*;

use super::*;

/// Globs from few characters, so that they often match.
fn glob() -> impl Strategy<Value = String> {
    let plain = prop_oneof![
        4 => prop::sample::select(vec!["a", "b", "/", "é", "1", "0", r"\*"]),
        3 => prop::sample::select(vec!["*", "?", "**", "/**/", "[a-b]", "[!a]", "[é1]", "{8..11}", "{08..11}", "{*}"]),
    ];
    let plain = plain.prop_map(str::to_owned);
    let nested = plain.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            3 => prop::collection::vec(inner.clone(), 1..5).prop_map(|parts| parts.concat()),
            1 => prop::collection::vec(inner, 1..4).prop_map(|parts| format!("{{{}}}", parts.join(","))),
        ]
    });
    nested.prop_filter("valid", |glob| Pattern::parse(&format!("s3://b/{glob}")).is_ok())
}

fn key() -> impl Strategy<Value = String> {
    let character = prop::sample::select(vec!["a", "b", "/", "é", "1", "0", "8", "*"]);
    prop::collection::vec(character, 0..9).prop_map(|parts| parts.concat())
}

/// What runs and single characters are filled with, to make keys of a glob.
fn fills() -> impl Strategy<Value = [&'static str; 4]> {
    let segments = prop::sample::select(vec!["", "/", "a", "a/b", "é/", "/b/"]);
    let deep = prop::sample::select(vec!["/", "/a/", "//", "/a/b/"]);
    let run = prop::sample::select(vec!["", "a", "é1", "/"]);
    let one = prop::sample::select(vec!["a", "b", "é", "/"]);
    (deep, segments, run, one).prop_map(|(deep, segments, run, one)| [deep, segments, run, one])
}

/// Keys that `glob` is likely to match.
fn near(glob: &str, fills: &[&str; 4]) -> Vec<String> {
    let key = |glob: Vec<char>| {
        let mut key: String = glob.into_iter().filter(|&c| c != naive::SEAM).collect();
        for (meta, fill) in [(r"\*", "\u{2}"), ("/**/", fills[0]), ("**", fills[1]), ("*", fills[2]), ("?", fills[3])] {
            key = key.replace(meta, fill);
        }
        key.replace("[a-b]", fills[3]).replace("[!a]", fills[3]).replace("[é1]", "é").replace('\u{2}', "*")
    };
    naive::expand(&glob.chars().collect::<Vec<_>>()).into_iter().take(20).map(key).collect()
}

/// Where what stands beside a brace decides whether `**/` is written as one, the table decides.
fn has_seams(glob: &str) -> bool {
    glob.contains("}**")
}

proptest! {
    #[test]
    fn agrees_with_brute_force(glob in glob(), keys in prop::collection::vec(key(), 20), fills in fills()) {
        prop_assume!(!has_seams(&glob));
        let pattern = key_glob(&glob);
        for key in keys.into_iter().chain(near(&glob, &fills)) {
            prop_assert_eq!(pattern.matches_key(&key.as_str().into()), naive::matches(&glob, &key), "{} {}", glob, key);
        }
    }

    #[test]
    fn both_ways_to_match_give_one_answer(
        glob in glob(),
        key in prop::collection::vec(prop::sample::select(b"ab/1*\xc3\xa9\xff".to_vec()), 0..9),
    ) {
        let nodes = parse::glob(&glob, 0..glob.len(), Dialect::Key).unwrap();
        prop_assert_eq!(key_glob(&glob).matches_key(&Key::from_bytes(key.clone())), walk::matches(&nodes, &key));
    }

    #[test]
    fn every_match_begins_with_a_listed_prefix(glob in glob(), keys in prop::collection::vec(key(), 20)) {
        let pattern = key_glob(&glob);
        let prefixes = pattern.list_prefixes();
        prop_assert!(prefixes.len() <= prefix::MAX_PREFIXES);
        prop_assert!(prefixes.windows(2).all(|pair| pair[0] < pair[1] && !pair[1].as_bytes().starts_with(pair[0].as_bytes())));
        for key in keys.iter().filter(|key| pattern.matches_key(&key.as_str().into())) {
            prop_assert!(prefixes.iter().any(|prefix| key.as_bytes().starts_with(prefix.as_bytes())), "{} {:?}", key, prefixes);
        }
    }

    #[test]
    fn every_match_below_a_folder_begins_with_what_is_listed_below_it(
        glob in glob(),
        keys in prop::collection::vec(prop::collection::vec(prop::sample::select(b"ab//1*\xc3\xa9\xff".to_vec()), 0..9), 8),
        fills in fills(),
    ) {
        let pattern = key_glob(&glob);
        let near = near(&glob, &fills).into_iter().map(String::into_bytes);
        for key in keys.into_iter().chain(near) {
            let matches = pattern.matches_key(&Key::from_bytes(key.clone()));
            for end in (0..key.len()).filter(|end| key[*end] == b'/').map(|slash| slash + 1).chain([0]) {
                let folder = Key::from_bytes(&key[..end]);
                let below = pattern.prefixes_below(&folder);
                prop_assert!(below.windows(2).all(|pair| !pair[1].as_bytes().starts_with(pair[0].as_bytes())));
                prop_assert!(below.iter().all(|prefix| prefix.as_bytes().starts_with(&key[..end])));
                let is_listed = below.iter().any(|prefix| key.starts_with(prefix.as_bytes()));
                prop_assert!(!matches || is_listed, "{} {:?} below {:?}: {:?}", glob, key, folder, below);
                let deeper = key[end..].contains(&b'/');
                prop_assert!(!(matches && deeper) || pattern.is_steered_by_folders(&folder).is_some(), "{} {:?}", glob, folder);
            }
        }
    }

    #[test]
    fn nothing_is_said_of_a_folder_that_a_key_below_it_denies(
        glob in glob(),
        keys in prop::collection::vec(prop::collection::vec(prop::sample::select(b"ab//1*\xc3\xa9\xff".to_vec()), 0..9), 8),
        fills in fills(),
    ) {
        let pattern = key_glob(&glob);
        let near = near(&glob, &fills).into_iter().map(String::into_bytes);
        for key in keys.into_iter().chain(near) {
            let matches = pattern.matches_key(&Key::from_bytes(key.clone()));
            for end in 0..=key.len() {
                let prefix = Key::from_bytes(&key[..end]);
                prop_assert!(!matches || pattern.may_match_below(&prefix), "{} reaches {:?}", glob, prefix);
                prop_assert!(matches || !pattern.matches_all_below(&prefix), "{} covers {:?}", glob, prefix);
            }
        }
    }

    #[test]
    fn an_escaped_key_is_the_glob_of_that_key_alone(key in "\\PC{1,20}|[*?{}\\[\\]\\\\,!/a-c\n-]{1,9}", other in "\\PC{0,20}") {
        let pattern = key_glob(&escape(&key));
        prop_assert!(pattern.matches_key(&key.as_str().into()));
        prop_assert_eq!(pattern.list_prefixes(), vec![Key::from(key.as_str())]);
        let longer = format!("{key}{other}");
        for other in [&other, &longer, &key[..key.len() - key.chars().last().unwrap().len_utf8()]] {
            prop_assert_eq!(pattern.matches_key(&other.into()), *other == key);
        }
    }

    #[test]
    fn a_range_is_the_alternatives_that_it_stands_for(low in 0_u64..1_200, length in 0_u64..1_200, width in 1_usize..6, n in 0_u64..3_000) {
        let high = low + length;
        let width = if width > high.to_string().len() { width } else { 0 };
        let pattern = key_glob(&format!("n-{{{low:0width$}..{high}}}"));
        for key in [format!("n-{n}"), format!("n-{n:0width$}"), format!("n-0{n}")] {
            let inside = (low..=high).contains(&n) && key == format!("n-{n:0width$}");
            prop_assert_eq!(pattern.matches_key(&key.as_str().into()), inside, "{} {}", pattern, key);
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in "(s3://)?\\PC{0,60}|s3://b/[*?{}\\[\\]\\\\,!/.0-9a-c-]{0,60}", key in "\\PC{0,20}") {
        match Pattern::parse(&text) {
            Ok(pattern) => {
                pattern.matches_key(&key.as_str().into());
            }
            Err(error) => prop_assert!(text.get(error.span.clone().unwrap()).is_some(), "{:?} is no part of the text", error.span),
        }
    }
}
