use super::*;

mod properties;

pub(super) const NOW: DateTime<Utc> = DateTime::from_timestamp(1_800_000_000, 0).unwrap();

pub(super) fn pattern(text: &str) -> Pattern {
    Pattern::parse(text).unwrap()
}

/// `age` in seconds.
pub(super) fn object(key: &str, size: u64, age: i64) -> Object {
    Object {
        bucket: Bucket::new("b"),
        key: key.into(),
        size,
        etag: None,
        last_modified: NOW - chrono::TimeDelta::seconds(age),
        storage_class: None,
    }
}

/// All of bucket `b`, without caps.
pub(super) fn rules() -> Rules {
    Rules {
        patterns: vec![pattern("s3://b/**")],
        named: false,
        exclude: Vec::new(),
        newer_than: None,
        older_than: None,
        min_size: None,
        max_size: None,
        max_objects: None,
        max_bytes: Cap::Unlimited,
        on_excess: OnExcess::Partial,
        order: Order::Newest,
        storage_classes: vec!["STANDARD".into()],
        allow_empty: false,
    }
}

fn select(rules: Rules, objects: impl IntoIterator<Item = Object>) -> Selection {
    let mut selector = Selector::new(Arc::new(rules), NOW);
    objects.into_iter().for_each(|object| selector.offer(object.row()));
    selector.finish()
}

fn keys(selection: &Selection) -> Vec<String> {
    selection.selected.iter().map(|object| object.key.to_string()).collect()
}

fn four() -> [Object; 4] {
    [object("a", 10, 40), object("b", 20, 30), object("c", 30, 20), object("d", 40, 10)]
}

#[test]
fn counts_what_was_listed_and_what_matched() {
    let patterns = vec![pattern("s3://b/a*"), pattern("s3://b/*a"), pattern("s3://other/**")];
    let selection = select(Rules { patterns, ..rules() }, [object("a", 1, 0), object("xa", 2, 0), object("x", 4, 0)]);
    assert_eq!(selection.listed, Count { objects: 3, bytes: 7 });
    assert_eq!(selection.matched, Count { objects: 2, bytes: 3 }, "an object that two patterns match counts once");
    assert_eq!(keys(&selection), ["a", "xa"]);
    assert_eq!(selection.refused, None);
}

#[test]
fn says_where_a_cap_cut() {
    let selection = select(Rules { max_bytes: Cap::Bytes(75), ..rules() }, four());
    assert_eq!(keys(&selection), ["d", "c"], "newest first");
    assert_eq!(selection.cutoff, Some(Cutoff { last_modified: four()[2].last_modified, key: "c".into() }));
    assert_eq!(selection.over_cap(), Count { objects: 2, bytes: 30 });
    assert_eq!(selection.kept(), Count { objects: 2, bytes: 70 });
    assert_eq!(selection.wanted(), Count { objects: 4, bytes: 100 });
    assert_eq!(selection.refused, None, "what fits is warmed");
    assert_eq!(select(Rules { max_bytes: Cap::Bytes(100), ..rules() }, four()).cutoff, None, "nothing was cut");
}

#[test]
fn what_max_bytes_cuts_is_wanted_and_what_max_objects_alone_cuts_is_not() {
    let bytes = |most| Rules { max_bytes: Cap::Bytes(most), ..rules() };
    let trim = |rules| Rules { on_excess: OnExcess::Trim, ..rules };
    for (name, rules, kept, wanted, over) in [
        ("all fits", bytes(100), (4, 100), (4, 100), (0, 0)),
        ("bytes cut", bytes(75), (2, 70), (4, 100), (2, 30)),
        ("on purpose", trim(bytes(75)), (2, 70), (2, 70), (2, 30)),
        ("the newest two", Rules { max_objects: Some(2), ..rules() }, (2, 70), (2, 70), (2, 30)),
        ("the newest two, with room", Rules { max_objects: Some(2), ..bytes(100) }, (2, 70), (2, 70), (2, 30)),
        ("no room for the third", Rules { max_objects: Some(3), ..bytes(75) }, (2, 70), (3, 90), (2, 30)),
        ("nor wanted", trim(Rules { max_objects: Some(3), ..bytes(75) }), (2, 70), (2, 70), (2, 30)),
    ] {
        let selection = select(rules, four());
        let counts = [selection.kept(), selection.wanted(), selection.over_cap()];
        assert_eq!(counts.map(|count| (count.objects, count.bytes)), [kept, wanted, over], "{name}");
    }
}

#[test]
fn refuses_what_must_not_be_warmed() {
    let nothing = || vec![pattern("s3://b/typo/**")];
    let cap = Cap::Bytes(75);
    for (rules, refused, because) in [
        (rules(), None, "all is well"),
        (Rules { patterns: nothing(), ..rules() }, Some(Refusal::NothingMatched { listed: 4 }), "a typo warms nothing"),
        (Rules { patterns: nothing(), allow_empty: true, ..rules() }, None, "unless that is allowed"),
        (Rules { newer_than: Some(Duration::from_secs(1)), ..rules() }, None, "old objects were found, that is all"),
        (Rules { max_bytes: cap, ..rules() }, None, "a cap cuts"),
        (Rules { max_bytes: cap, on_excess: OnExcess::Refuse, ..rules() }, Some(Refusal::OverCap), "or refuses"),
        (Rules { on_excess: OnExcess::Refuse, ..rules() }, None, "where it cuts"),
        (
            Rules { max_bytes: Cap::Bytes(39), ..rules() },
            Some(Refusal::AllOverCap { over: 4 }),
            "never down to nothing",
        ),
        (
            Rules { max_objects: Some(0), on_excess: OnExcess::Refuse, allow_empty: true, ..rules() },
            Some(Refusal::AllOverCap { over: 4 }),
            "whatever else is said",
        ),
    ] {
        assert_eq!(select(rules, four()).refused, refused, "{because}");
    }
}

#[test]
fn a_refused_selection_still_shows_what_it_would_have_been() {
    let selection = select(Rules { max_objects: Some(1), on_excess: OnExcess::Refuse, ..rules() }, four());
    assert_eq!(keys(&selection), ["d"]);
    assert_eq!(selection.over_cap().objects, 3);
    assert!(selection.cutoff.is_some());
}

#[test]
fn refusals_read_like_sentences() {
    let all = [
        Refusal::NothingMatched { listed: 0 },
        Refusal::NothingMatched { listed: 7 },
        Refusal::AllOverCap { over: 1 },
        Refusal::OverCap,
    ];
    insta::assert_snapshot!(all.map(|refusal| refusal.to_string()).join("\n"));
}

#[test]
fn a_sample_is_the_first_few_names_in_any_order_of_arrival() {
    let mut left = LeftOut::default();
    for key in ["g", "b", "f", "a", "e", "c", "d"] {
        left.add(object(key, 2, 0).row());
    }
    assert_eq!(left.count, Count { objects: 7, bytes: 14 });
    assert_eq!(left.sample.iter().map(|(_, key)| key.to_string()).collect::<String>(), "abcde");
}

#[test]
fn reasons_are_spelt_as_the_contract_says() {
    use Reason::*;
    let all = [
        Excluded,
        TooOld,
        TooNew,
        TooSmall,
        TooLarge,
        Empty,
        FolderMarker,
        StorageClass,
        IncompleteGroup,
        OlderGroup,
        OverCap,
    ];
    for reason in all {
        assert_eq!(serde_json::to_value(reason).unwrap(), reason.as_str());
    }
}

#[test]
fn what_is_handed_over_is_counted_and_gone() {
    let mut selector = Selector::new(Arc::new(Rules { min_size: Some(15), ..rules() }), NOW);
    let mut handed = Vec::new();
    for object in four() {
        selector.offer(object.row());
        if selector.held() == 2 {
            handed.extend(selector.hand_over().unwrap().iter());
        }
    }
    assert_eq!(selector.hand_over().map(|roll| roll.len()), Some(1));
    assert!(selector.hand_over().is_none(), "there is no more");
    let selection = selector.finish();
    assert_eq!(handed, four()[1..3]);
    assert_eq!((selection.selected.len(), selection.kept()), (0, Count { objects: 3, bytes: 90 }));
    assert_eq!((selection.wanted(), selection.refused), (Count { objects: 3, bytes: 90 }, None));
}

#[test]
fn what_a_cap_may_still_cut_is_not_handed_over() {
    for capped in [Rules { max_objects: Some(1 << 40), ..rules() }, Rules { max_bytes: Cap::Bytes(1 << 60), ..rules() }]
    {
        let mut selector = Selector::new(Arc::new(capped), NOW);
        four().iter().for_each(|object| selector.offer(object.row()));
        assert!(selector.hand_over().is_none());
        assert_eq!(selector.finish().selected.len(), 4);
    }
}
