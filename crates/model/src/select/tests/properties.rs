use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// Few ages and sizes, so that ties are common; each key once.
fn objects() -> impl Strategy<Value = Vec<Object>> {
    let one = ("[ab]{1,3}/?", 0_u64..6, -2_i64..6, prop::sample::select(vec!["b", "c"]), any::<bool>());
    let one = one.prop_map(|(key, size, age, bucket, standard)| Object {
        bucket: Bucket::new(bucket),
        storage_class: (!standard).then(|| "GLACIER".into()),
        ..object(&key, size, age)
    });
    let name = |object: &Object| (object.bucket.clone(), object.key.clone());
    prop::collection::vec(one, 0..40).prop_map(move |mut objects| {
        let mut seen = BTreeSet::new();
        objects.retain(|object| seen.insert(name(object)));
        objects
    })
}

fn some_rules() -> impl Strategy<Value = Rules> {
    let order = prop::sample::select(vec![Order::Newest, Order::Oldest, Order::Key, Order::Largest, Order::Smallest]);
    let patterns = prop::sample::select(vec!["s3://b/**", "s3://*/a*", "s3://{b,c}/**"]);
    let caps = (prop::option::of(0_u64..20), prop::option::of(0_u64..60));
    let bounds = (prop::option::of(0_u64..4), prop::option::of(2_u64..6), prop::option::of(0_u64..6), any::<bool>());
    (order, patterns, caps, bounds).prop_map(
        |(order, text, (max_objects, bytes), (min_size, max_size, newer_than, exclude))| Rules {
            patterns: vec![pattern(text), pattern("s3://b/ab*")],
            exclude: if exclude { vec![pattern("s3://*/b*")] } else { Vec::new() },
            min_size,
            max_size,
            newer_than: newer_than.map(Duration::from_secs),
            max_objects,
            max_bytes: bytes.map_or(Cap::Unlimited, Cap::Bytes),
            order,
            ..rules()
        },
    )
}

fn count<'a>(objects: impl IntoIterator<Item = &'a Object>) -> Count {
    objects.into_iter().fold(Count::default(), |mut sum, object| {
        sum.add(object.size);
        sum
    })
}

/// The rules by brute force: sort all, take from the front.
fn reference(rules: &Rules, objects: &[Object]) -> Vec<Object> {
    let mut candidates: Vec<Object> = objects
        .iter()
        .filter(|object| rules.matches(object.row()) && rules.reason(object.row(), NOW).is_none())
        .cloned()
        .collect();
    candidates.sort_by_key(|object| (object.bucket.clone(), object.key.clone()));
    match rules.order {
        Order::Newest => candidates.sort_by_key(|object| std::cmp::Reverse(object.last_modified)),
        Order::Oldest => candidates.sort_by_key(|object| object.last_modified),
        Order::Key => candidates.sort_by_key(|object| object.key.clone()),
        Order::Largest => candidates.sort_by_key(|object| std::cmp::Reverse(object.size)),
        Order::Smallest => candidates.sort_by_key(|object| object.size),
    }
    let (mut chosen, mut bytes) = (Vec::new(), 0);
    for object in candidates {
        bytes += object.size;
        let fits = rules.max_objects.is_none_or(|max| (chosen.len() as u64) < max);
        if !fits || matches!(rules.max_bytes, Cap::Bytes(max) if bytes > max) {
            break;
        }
        chosen.push(object);
    }
    chosen
}

proptest! {
    #[test]
    fn selects_what_sorting_everything_would(rules in some_rules(), objects in objects()) {
        prop_assert_eq!(select(rules.clone(), objects.clone()).selected, ObjectIndex::from(reference(&rules, &objects)));
    }

    #[test]
    fn every_candidate_is_selected_or_left_out_once(rules in some_rules(), objects in objects()) {
        let selection = select(rules.clone(), objects.clone());
        prop_assert_eq!(selection.listed, count(&objects));
        prop_assert_eq!(selection.matched, count(objects.iter().filter(|object| rules.matches(object.row()))));
        prop_assert_eq!(selection.kept() + selection.left_out.values().map(|left| left.count).sum(), selection.matched);
        for (reason, left) in &selection.left_out {
            prop_assert_eq!(left.sample.len() as u64, left.count.objects.min(LeftOut::SAMPLE as u64), "{}", reason);
        }
    }

    #[test]
    fn chooses_among_the_matching_and_within_the_caps(rules in some_rules(), objects in objects()) {
        let selection = select(rules.clone(), objects.clone());
        prop_assert!(selection.selected.iter().all(|object| rules.matches(object.row()) && objects.contains(&object)));
        prop_assert!(rules.max_objects.is_none_or(|max| selection.kept().objects <= max));
        if let Cap::Bytes(max) = rules.max_bytes {
            prop_assert!(selection.kept().bytes <= max);
        }
        prop_assert_eq!(selection.cutoff.is_some(), selection.over_cap().objects > 0 && !selection.selected.is_empty());
    }

    #[test]
    fn wanted_is_what_would_be_chosen_without_a_byte_cap_unless_it_trims(rules in some_rules(), objects in objects()) {
        let without = Rules { max_bytes: Cap::Unlimited, ..rules.clone() };
        prop_assert_eq!(select(rules.clone(), objects.clone()).wanted(), count(&reference(&without, &objects)));
        let trimmed = select(Rules { on_excess: OnExcess::Trim, ..rules }, objects);
        prop_assert_eq!(trimmed.wanted(), trimmed.kept());
    }

    #[test]
    fn the_order_of_arrival_does_not_matter(rules in some_rules(), (objects, shuffled) in objects().prop_flat_map(|objects| (Just(objects.clone()), Just(objects).prop_shuffle()))) {
        prop_assert_eq!(select(rules.clone(), objects), select(rules, shuffled));
    }

    #[test]
    fn a_larger_cap_never_loses_an_object(rules in some_rules(), objects in objects(), more in (0_u64..5, 0_u64..20)) {
        let max_bytes = match rules.max_bytes {
            Cap::Bytes(max) => Cap::Bytes(max + more.1),
            Cap::Unlimited => Cap::Unlimited,
        };
        let larger = Rules { max_objects: rules.max_objects.map(|max| max + more.0), max_bytes, ..rules.clone() };
        let (few, many) = (select(rules, objects.clone()).selected, select(larger, objects).selected);
        prop_assert!(many.iter().take(few.len()).eq(&few), "what a smaller cap keeps comes first");
    }
}
