use super::*;

fn stats(keys: &[&str]) -> (KeyStats, usize) {
    let mut stats = KeyStats::default();
    let differ = stats.see(keys.iter().map(|key| key.as_bytes()));
    (stats, differ)
}

fn cut_of(keys: &[String], until: Option<&str>, prefix: &str, misses: usize) -> Option<String> {
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let (stats, differ) = stats(&keys);
    let (last, until) = (keys.last().unwrap().as_bytes(), until.map(str::as_bytes));
    let stretch = Stretch { last, until, prefix: prefix.len(), differ, misses, is_careful: misses > 0 };
    Some(String::from_utf8(split_point(&stats, stretch)?).unwrap())
}

/// All that a counter of three digits shows.
fn counted(before: &str) -> Vec<String> {
    (0..1000).map(|n| format!("{before}{n:03}")).collect()
}

#[test]
fn what_counts_up_is_cut_where_it_begins_to_count() {
    let keys = counted("d/shard-000");
    assert_eq!(cut_of(&keys, None, "d/", 0).as_deref(), Some("d/shard-5"));
    assert_eq!(cut_of(&keys, Some("d/shard-5"), "d/", 0).as_deref(), Some("d/shard-2"));
}

#[test]
fn behind_a_miss_half_of_the_places_are_told_by_one_cut() {
    let keys = counted("d/shard-00000");
    assert_eq!(cut_of(&keys, Some("d/shard-5"), "d/", 1).as_deref(), Some("d/shard-001"));
    assert_eq!(cut_of(&keys, Some("d/shard-001"), "d/", 1).as_deref(), Some("d/shard-00001"));
}

#[test]
fn behind_all_that_counts_the_next_name_is_looked_for() {
    let keys = counted("a/");
    assert_eq!(cut_of(&keys, None, "", 0).as_deref(), Some("a0"), "the first key that does not begin with a/");
    assert_eq!(cut_of(&keys, None, "a/", 0), None, "all that is asked for begins so");
}

#[test]
fn a_cut_is_text_that_every_server_takes() {
    for (cut, wanted) in [
        (&b"a/x"[..], Some("a/x")),
        (b"a\x00", Some("a ")),
        (b"a\x7f", Some("a\u{a0}")),
        // Half a character is the first one that begins so.
        (b"a\xc3", Some("a\u{c0}")),
        (b"a\xe0", Some("a\u{800}")),
        (b"a\xf0\x9f", Some("a\u{1f000}")),
        (b"a\xf0", Some("a\u{10000}")),
        // One that begins with control characters, or is no text, cannot be helped.
        (b"a\x01b", None),
        (b"a\xff", None),
        (b"a\xc3b", None),
    ] {
        assert_eq!(text(cut.to_vec()).as_deref(), wanted.map(str::as_bytes), "{cut:?}");
    }
}

proptest::proptest! {
    /// Whatever the keys are, a cut lies between both ends, is below the prefix, and is text.
    #[test]
    fn a_cut_is_a_cut(
        keys in proptest::collection::btree_set("(a/){0,40}[a-c\u{0}\u{7f}\u{80}é漢🧊0-9]{0,6}", 1..40),
        until in "[a-c/é0-9]{0,8}",
        prefix in 0_usize..6,
        (is_bounded, is_careful, misses) in (proptest::bool::ANY, proptest::bool::ANY, 0_usize..4),
    ) {
        let keys: Vec<&[u8]> = keys.iter().map(String::as_bytes).collect();
        let mut stats = KeyStats::default();
        let differ = stats.see(keys.iter().copied());
        let last = keys[keys.len() - 1];
        let until = Some(until.as_bytes()).filter(|until| is_bounded && *until > last);
        let stretch = Stretch { last, until, prefix: prefix.min(last.len()), differ, misses, is_careful };
        if let Some(cut) = split_point(&stats, stretch) {
            proptest::prop_assert!(cut.as_slice() > last);
            proptest::prop_assert!(until.is_none_or(|until| cut.as_slice() < until));
            proptest::prop_assert!(until.is_some() || cut.starts_with(&last[..prefix.min(last.len())]));
            proptest::prop_assert!(std::str::from_utf8(&cut).is_ok());
        }
    }

    #[test]
    fn progress_goes_from_nothing_to_all(mut keys in proptest::array::uniform3("[a-z0-9/é]{0,12}")) {
        keys.sort();
        let [from, at, until] = &keys;
        let stats = stats(&[from, until]).0;
        let done = progress(&stats, from.as_bytes(), at.as_bytes(), until.as_bytes());
        proptest::prop_assert!((0.0..=1.0).contains(&done));
    }
}
