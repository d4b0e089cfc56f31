use std::collections::BTreeSet;
use std::ops::Bound;

use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::*;
use crate::object::{Bucket, Object};

/// A server with these keys, and its ways.
#[derive(Clone, Debug)]
struct Server {
    keys: BTreeSet<Vec<u8>>,
    page: usize,
    /// It begins a page with what the one before ended with.
    repeats: bool,
    /// It has never heard of `start-after`.
    ignores: bool,
    /// Every so many pages come empty, and say that more follow.
    empties: usize,
}

impl Server {
    fn of(keys: impl IntoIterator<Item = String>, page: usize) -> Self {
        let keys = keys.into_iter().map(String::into_bytes).collect();
        Self { keys, page, repeats: false, ignores: false, empties: 0 }
    }

    fn answer(&self, ask: &Ask, requests: usize) -> Page {
        let after = ask.after.as_ref().filter(|_| !self.ignores).map(|key| key.as_bytes().to_vec());
        let from = ask.token.as_ref().map(|token| unhex(token.split(':').next().unwrap()));
        let begin = from.clone().or(after).map_or(Bound::Unbounded, |from| {
            if self.repeats && ask.token.is_some() { Bound::Included(from) } else { Bound::Excluded(from) }
        });
        let mut keys: Vec<&Vec<u8>> = self.keys.range((begin, Bound::Unbounded)).take(self.page + 1).collect();
        let is_empty = self.empties > 0 && requests % self.empties == 0 && from.is_some();
        let more = is_empty || keys.len() > self.page;
        keys.truncate(if is_empty { 0 } else { self.page });
        let at = keys.last().map(|key| (*key).clone()).or(from).unwrap_or_default();
        // Any text that is no key: tokens are opaque. No two are the same.
        let next = more.then(|| format!("{}:{requests}", at.iter().map(|b| format!("{b:02x}")).collect::<String>()));
        Page { objects: keys.into_iter().map(|key| object(key)).collect(), next, ..Page::default() }
    }
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn object(key: &[u8]) -> Object {
    Object {
        bucket: Bucket::new("b"),
        key: Key::from_bytes(key),
        size: 1,
        etag: None,
        last_modified: chrono::DateTime::UNIX_EPOCH,
        storage_class: None,
    }
}

/// How a listing went.
#[derive(Debug)]
struct Went {
    keys: Vec<Vec<u8>>,
    requests: usize,
    /// Each a round trip, with as many requests as there is room for.
    rounds: usize,
}

/// Lists with room for so many requests; answers come in any order.
fn list(server: &Server, room: usize, seed: u64) -> Result<Went, RequestError> {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut parts = Parts::telling(&Key::from(""), 2.min(server.page));
    let (mut asked, mut went) = (Vec::new(), Went { keys: vec![], requests: 0, rounds: 0 });
    loop {
        while asked.len() < room
            && let Some(ask) = parts.next(true)
        {
            asked.push(ask);
        }
        if asked.is_empty() {
            assert!(parts.is_over());
            went.keys.sort();
            return Ok(went);
        }
        went.rounds += 1;
        // A round trip later some of them are answered, if not all.
        for _ in 0..rng.random_range(1..=asked.len()) {
            let ask = asked.swap_remove(rng.random_range(0..asked.len()));
            went.requests += 1;
            assert!(went.requests < 20_000, "it does not end");
            let mut page = server.answer(&ask, went.requests);
            parts.answered(ask.part, &mut page)?;
            went.keys.extend(page.objects.iter().map(|object| object.key.as_bytes().to_vec()));
        }
    }
}

/// With room for so many, and all of them answered in each round.
fn rounds(server: &Server, room: usize) -> Went {
    let mut parts = Parts::new(&Key::from(""));
    let mut went = Went { keys: vec![], requests: 0, rounds: 0 };
    while !parts.is_over() {
        let asked: Vec<Ask> = std::iter::from_fn(|| parts.next(true)).take(room).collect();
        went.rounds += 1;
        went.requests += asked.len();
        for ask in asked {
            let mut page = server.answer(&ask, 1);
            parts.answered(ask.part, &mut page).unwrap();
            went.keys.extend(page.objects.iter().map(|object| object.key.as_bytes().to_vec()));
        }
    }
    went.keys.sort();
    went
}

/// Numbers that look like hashes.
fn hashed(n: u64) -> String {
    format!("{:016x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (n << 7))
}

#[test]
fn one_flat_prefix_is_listed_by_all_that_there_is_room_for() {
    let deep = "a/".repeat(400);
    let shapes: [(&str, Box<dyn Fn(u64) -> String>); 6] = [
        ("counted", Box::new(|n| format!("data/shard-{n:08}.tar"))),
        ("hashed", Box::new(hashed)),
        ("behind much", Box::new(move |n| format!("{deep}img_{n:06}"))),
        ("folders", Box::new(|n| format!("{:03}/{:04}.jpg", n / 1000, n % 1000))),
        ("uneven folders", Box::new(|n| format!("{}/{n:07}", ["a", "train", "train", "train", "val", "z"][n as usize % 6]))),
        ("dates", Box::new(|n| format!("log/2026/{:02}/{:02}/{n:06}", 1 + n % 12, 1 + n % 28))),
    ];
    for (name, shape) in shapes {
        let server = Server::of((0..200_000).map(shape), 1_000);
        let serial = server.keys.len().div_ceil(1_000);
        let went = rounds(&server, 32);
        assert!(went.keys.iter().eq(&server.keys), "{name}");
        println!("{name}: {} rounds, {} requests for {serial} pages", went.rounds, went.requests);
        assert!(went.rounds <= 25, "{name}: {} rounds", went.rounds);
        // Where each folder fills a page, every cut makes pages of two halves.
        assert!(went.requests <= 2 * serial + 10, "{name}: {} requests for {serial} pages", went.requests);
    }
}

#[test]
fn a_short_listing_takes_two_requests_more_at_the_most() {
    for shape in [|n| format!("data/shard-{n:08}.tar"), hashed, |n| format!("{}/{n}", n % 7)] {
        for keys in [0, 1, 999, 1_000, 1_001, 1_500, 2_000, 2_001, 2_900, 3_001, 4_000] {
            let server = Server::of((0..keys).map(shape), 1_000);
            let (serial, went) = (keys.div_ceil(1_000).max(1) as usize, rounds(&server, 32));
            assert!(went.keys.iter().eq(&server.keys));
            assert!(went.requests <= serial + 2, "{keys} keys: {} requests for {serial} pages", went.requests);
        }
    }
}

#[test]
fn keys_out_of_order_are_listed_one_page_after_the_other() {
    let mut parts = Parts::telling(&Key::from(""), 2);
    let ask = parts.next(true).unwrap();
    let page = |keys: &[&str], next: Option<&str>| Page {
        objects: keys.iter().map(|key| object(key.as_bytes())).collect(),
        next: next.map(str::to_owned),
        ..Page::default()
    };
    parts.answered(ask.part, &mut page(&["b", "a"], Some("1"))).unwrap();
    let ask = parts.next(true).unwrap();
    assert_eq!((ask.token.as_deref(), parts.next(true)), (Some("1"), None));
    let mut second = page(&["aa", "c"], None);
    parts.answered(ask.part, &mut second).unwrap();
    assert_eq!((second.objects.len(), parts.is_over()), (2, true), "and nothing is dropped");
}

#[test]
fn keys_that_turn_out_of_order_later_are_an_error() {
    let server = Server::of((0..200).map(|n| format!("{n:04}")), 10);
    let mut parts = Parts::telling(&Key::from(""), 2);
    let first = parts.next(true).unwrap();
    parts.answered(first.part, &mut server.answer(&first, 1)).unwrap();
    let asked: Vec<Ask> = std::iter::from_fn(|| parts.next(true)).collect();
    assert!(asked.len() > 1);
    let mut page = server.answer(&asked[0], 1);
    page.objects.reverse();
    assert!(parts.answered(asked[0].part, &mut page).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    /// Whatever the keys, the pages and the server's ways, and in whatever order it answers: each key once.
    #[test]
    fn every_key_is_listed_once(
        keys in prop::collection::btree_set("((data|a|é)/){0,3}(x{300})?[a-c0-9\u{0}+%&]{0,4}[0-9]{1,3}", 0..300),
        page in 1_usize..30,
        room in 1_usize..20,
        (repeats, ignores) in (any::<bool>(), prop::bool::weighted(0.2)),
        empties in 0_usize..5,
        seed in any::<u64>(),
    ) {
        let repeats = repeats && page > 1;
        let server = Server { repeats, ignores, empties: if empties == 1 { 0 } else { empties }, ..Server::of(keys, page) };
        let went = list(&server, room, seed).unwrap();
        prop_assert!(went.keys.iter().eq(&server.keys), "{} of {}", went.keys.len(), server.keys.len());
    }

    /// Of what changes meanwhile anything may be said, and of all else the truth.
    #[test]
    fn what_comes_and_goes_disturbs_nothing_else(
        stay in prop::collection::btree_set("[a-c0-9]{1,5}", 1..200),
        other in prop::collection::btree_set("[a-c0-9]{1,5}", 1..50),
        page in 2_usize..20,
        seed in any::<u64>(),
    ) {
        let server = Server::of(stay.clone(), page);
        let busy = Server::of(stay.iter().chain(&other).cloned(), page);
        let mut rng = StdRng::seed_from_u64(seed);
        let mut parts = Parts::telling(&Key::from(""), 2);
        let (mut seen, mut requests) = (Vec::new(), 0);
        while let Some(ask) = parts.next(true) {
            requests += 1;
            let mut page = if rng.random_bool(0.5) { &server } else { &busy }.answer(&ask, requests);
            parts.answered(ask.part, &mut page).unwrap();
            seen.extend(page.objects.iter().map(|object| object.key.as_str().unwrap().to_owned()));
        }
        let once: BTreeSet<String> = seen.iter().cloned().collect();
        prop_assert_eq!(once.len(), seen.len(), "nothing is listed twice");
        prop_assert!(stay.is_subset(&once), "and nothing that stayed is missed");
    }
}
