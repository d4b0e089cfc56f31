use std::collections::BTreeSet;
use std::ops::Bound;

use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::*;
use model::object::{Bucket, Object};

/// Where a server begins that is asked to begin after a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Begins {
    #[default]
    Right,
    /// It has never heard of that.
    AtTheFirst,
    /// With that key itself.
    AtIt,
    /// So many keys too late.
    Late(usize),
    /// Behind all that begin as that key does.
    BehindItsName,
    /// Right, and it forgets the prefix.
    Anywhere,
}

const BEGINS: &[Begins] = &[
    Begins::Right,
    Begins::AtTheFirst,
    Begins::AtIt,
    Begins::Late(1),
    Begins::Late(30),
    Begins::BehindItsName,
    Begins::Anywhere,
];

/// A server with these keys, and its ways.
#[derive(Clone, Debug)]
struct Server {
    keys: BTreeSet<Vec<u8>>,
    prefix: &'static str,
    page: usize,
    /// It begins a page with what the one before ended with.
    repeats: bool,
    /// What it makes of `start-after`.
    begins: Begins,
    /// Every so many pages come empty, and say that more follow.
    empties: usize,
}

impl Server {
    fn of(keys: impl IntoIterator<Item = String>, page: usize) -> Self {
        let keys = keys.into_iter().map(String::into_bytes).collect();
        Self { keys, prefix: "", page, repeats: false, begins: Begins::Right, empties: 0 }
    }

    fn answer(&self, ask: &Ask, requests: usize) -> Page {
        let from = ask.token.as_ref().map(|token| unhex(token.split(':').next().unwrap()));
        let after = ask.after.as_ref().map(|key| key.as_bytes().to_vec());
        let begin = match (from.clone(), after.clone(), self.begins) {
            (Some(from), ..) if self.repeats => Bound::Included(from),
            (Some(from), ..) => Bound::Excluded(from),
            (_, None, _) | (.., Begins::AtTheFirst) => Bound::Unbounded,
            (_, Some(after), Begins::AtIt) => Bound::Included(after),
            (_, Some(after), _) => Bound::Excluded(after),
        };
        let left_out = |key: &&Vec<u8>, n: usize| match (&after, self.begins) {
            (Some(_), Begins::Late(late)) => n < late,
            (Some(after), Begins::BehindItsName) => key.starts_with(after),
            _ => false,
        };
        let keys = self.keys.range((begin, Bound::Unbounded)).enumerate();
        let keys = keys.filter(|(n, key)| !left_out(key, *n)).map(|(_, key)| key);
        let is_wanted = |key: &&Vec<u8>| key.starts_with(self.prefix.as_bytes()) || self.begins == Begins::Anywhere;
        let mut keys: Vec<&Vec<u8>> = keys.filter(is_wanted).take(self.page + 1).collect();
        let is_empty = self.empties > 0 && requests.is_multiple_of(self.empties) && from.is_some();
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
        last_modified: DateTime::UNIX_EPOCH,
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
fn list(server: &Server, room: usize, seed: u64) -> Went {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut splitter = Splitter::telling(&Key::from(server.prefix), 2.min(server.page));
    let (mut asked, mut went) = (Vec::new(), Went { keys: vec![], requests: 0, rounds: 0 });
    loop {
        while asked.len() < room
            && let Some(ask) = splitter.next(true)
        {
            let text = ask.after.as_ref().map_or(Some(""), Key::as_str).expect("every server takes text");
            assert!(!text.chars().any(char::is_control) && text.len() <= 1024, "{text:?}");
            asked.push(ask);
        }
        if asked.is_empty() {
            assert!(splitter.is_over());
            went.keys.sort();
            return went;
        }
        went.rounds += 1;
        // A round trip later some of them are answered, if not all.
        for _ in 0..rng.random_range(1..=asked.len()) {
            let ask = asked.swap_remove(rng.random_range(0..asked.len()));
            went.requests += 1;
            assert!(went.requests < 20_000, "it does not end");
            let mut page = server.answer(&ask, went.requests);
            splitter.answered(ask.range, &mut page).unwrap();
            went.keys.extend(page.objects.iter().map(|object| object.key.to_vec()));
        }
    }
}

/// With room for so many, and all of them answered in each round.
fn rounds(server: &Server, room: usize) -> Went {
    let mut splitter = Splitter::new(&Key::from(""));
    let mut went = Went { keys: vec![], requests: 0, rounds: 0 };
    while !splitter.is_over() {
        let asked: Vec<Ask> = std::iter::from_fn(|| splitter.next(true)).take(room).collect();
        went.rounds += 1;
        went.requests += asked.len();
        for ask in asked {
            let mut page = server.answer(&ask, 1);
            splitter.answered(ask.range, &mut page).unwrap();
            went.keys.extend(page.objects.iter().map(|object| object.key.to_vec()));
        }
    }
    went.keys.sort();
    went
}

/// Numbers that look like hashes.
fn hashed(n: u64) -> String {
    format!("{:016x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (n << 7))
}

/// What it is called, and its n-th key.
type Shape = (&'static str, Box<dyn Fn(u64) -> String>);

/// Letters of one to four bytes, in the order of their bytes.
const TEXT: [char; 16] = ['+', 'A', 'z', '~', 'à', 'é', 'ÿ', 'ж', 'ա', 'ก', 'あ', '漢', '字', '🂡', '🔥', '🧊'];

#[test]
fn one_flat_prefix_is_listed_by_all_that_there_is_room_for() {
    let deep = "a/".repeat(400);
    let shapes: [Shape; 10] = [
        ("counted", Box::new(|n| format!("data/shard-{n:08}.tar"))),
        ("counted without zeros", Box::new(|n| format!("img/{n}.jpg"))),
        ("hashed", Box::new(hashed)),
        ("behind much", Box::new(move |n| format!("{deep}img_{n:06}"))),
        ("folders", Box::new(|n| format!("{:03}/{:04}.jpg", n / 1000, n % 1000))),
        (
            "uneven folders",
            Box::new(|n| format!("{}/{n:07}", ["a", "train", "train", "train", "val", "z"][n as usize % 6])),
        ),
        ("dates", Box::new(|n| format!("log/2026/{:02}/{:02}/{n:06}", 1 + n % 12, 1 + n % 28))),
        (
            "steps",
            Box::new(|n| {
                format!("run-{}/step-{:07}/{:03}", ["alpha", "b2", "beta"][n as usize % 3], n / 1500 * 500, n % 1500)
            }),
        ),
        (
            "one large folder",
            Box::new(|n| if n < 5_000 { format!("{:02x}/{n}", n % 200) } else { format!("q/data/{n:010}") }),
        ),
        ("any text", Box::new(|n| hashed(n).chars().map(|c| TEXT[c.to_digit(16).unwrap() as usize]).collect())),
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

/// What the server makes of `start-after`, what is said of it, and how often it is asked for a range before that is.
#[test]
fn a_server_that_mishandles_start_after_is_listed_one_page_after_the_other() {
    for begins in BEGINS.iter().copied().filter(|begins| *begins != Begins::Right) {
        // Every cut is a key, or begins as keys do.
        let keys =
            (0..2_000).flat_map(|n| [format!("d/{n:04}"), format!("d/{n:03}"), format!("d/{n:02}"), format!("d/{n}")]);
        let others = (0..2_000).flat_map(|n| [format!("c{n:04}"), format!("e/{n:04}")]);
        let server = Server { begins, prefix: "d/", ..Server::of(keys.clone().chain(others), 100) };
        let mut splitter = Splitter::new(&Key::from("d/"));
        let (mut seen, mut cuts, mut cuts_behind) = (Vec::new(), 0, 0);
        for round in 0.. {
            let asked: Vec<Ask> = std::iter::from_fn(|| splitter.next(true)).take(8).collect();
            if asked.is_empty() {
                break;
            }
            let new = asked.iter().filter(|ask| ask.after.is_some()).count();
            (cuts, cuts_behind) = (cuts + new, cuts_behind + if splitter.undivided().is_some() { new } else { 0 });
            for ask in asked {
                let mut page = server.answer(&ask, round);
                splitter.answered(ask.range, &mut page).unwrap();
                seen.extend(page.objects.names());
            }
        }
        seen.sort();
        let keys: BTreeSet<String> = keys.collect();
        assert!(seen.iter().eq(&keys), "{begins:?}: {} of {}", seen.len(), keys.len());
        let why = splitter.undivided().unwrap_or_default();
        let said = match begins {
            Begins::Late(_) | Begins::BehindItsName => "it leaves out keys",
            Begins::Anywhere => "it answers keys that do not begin",
            _ => "it begins before",
        };
        assert!(why.starts_with(said), "{begins:?}: {why}");
        assert!(
            (cuts > 0 || begins == Begins::Anywhere) && cuts_behind == 0,
            "{begins:?}: {cuts} cuts, {cuts_behind} of them too many"
        );
    }
}

#[test]
fn keys_that_come_and_go_at_a_border_are_no_fault_of_the_server() {
    let date = |second: i64| DateTime::from_timestamp(1_000 + second, 0);
    let mut splitter = Splitter::telling(&Key::from(""), 2);
    let page = |keys: &[&str], at: i64, next: Option<&str>| Page {
        objects: keys.iter().map(|key| Object { last_modified: date(at).unwrap(), ..object(key.as_bytes()) }).collect(),
        next: next.map(str::to_owned),
        date: date(0),
        ..Page::default()
    };
    let first = splitter.next(true).unwrap();
    splitter.answered(first.range, &mut page(&["a0", "a1"], -9, Some("1"))).unwrap();
    let (old, new) = (splitter.next(true).unwrap(), splitter.next(true).unwrap());
    let cut = new.after.clone().unwrap();
    let cut = cut.as_str().unwrap();
    let [early, late] = ["x", "y"].map(|end| format!("{cut}{end}"));
    splitter.answered(new.range, &mut page(&[&late], -9, None)).unwrap();
    // It was written when the range behind had begun.
    let mut found = page(&[&early, &late], 5, None);
    splitter.answered(old.range, &mut found).unwrap();
    assert_eq!(found.objects.len(), 0);
    let again = splitter.next(true).unwrap();
    assert_eq!((again.range, &again.token), (old.range, &old.token), "the same page once more, for what was not there");
    let mut found = page(&[&early, &late], 5, None);
    splitter.answered(again.range, &mut found).unwrap();
    assert_eq!(found.objects.names(), [early]);
    assert_eq!((splitter.is_over(), splitter.undivided()), (true, None));
}

#[test]
fn keys_out_of_order_are_listed_one_page_after_the_other() {
    let mut splitter = Splitter::telling(&Key::from(""), 2);
    let ask = splitter.next(true).unwrap();
    let page = |keys: &[&str], next: Option<&str>| Page {
        objects: keys.iter().map(|key| object(key.as_bytes())).collect(),
        next: next.map(str::to_owned),
        ..Page::default()
    };
    splitter.answered(ask.range, &mut page(&["b", "a"], Some("1"))).unwrap();
    let ask = splitter.next(true).unwrap();
    assert_eq!((ask.token.as_deref(), splitter.next(true)), (Some("1"), None));
    let mut second = page(&["aa", "c"], None);
    splitter.answered(ask.range, &mut second).unwrap();
    assert_eq!((second.objects.len(), splitter.is_over()), (2, true), "and nothing is dropped");
}

#[test]
fn keys_that_turn_out_of_order_later_are_an_error() {
    let server = Server::of((0..200).map(|n| format!("{n:04}")), 10);
    let mut splitter = Splitter::telling(&Key::from(""), 2);
    let first = splitter.next(true).unwrap();
    splitter.answered(first.range, &mut server.answer(&first, 1)).unwrap();
    let asked: Vec<Ask> = std::iter::from_fn(|| splitter.next(true)).collect();
    assert!(asked.len() > 1);
    let mut page = server.answer(&asked[0], 1);
    let mut keys: Vec<_> = page.objects.iter().map(Row::to_object).collect();
    keys.reverse();
    page.objects = keys.into_iter().collect();
    assert!(splitter.answered(asked[0].range, &mut page).is_err());
}

proptest! {
    /// Whatever the keys, the pages and the server's ways, and in whatever order it answers: each key once.
    #[test]
    fn every_key_is_listed_once(
        keys in prop::collection::btree_set("((data|a|é)/){0,3}(x{300})?[a-c0-9\u{0}+%&]{0,4}[0-9]{1,3}", 0..300),
        page in 1_usize..30,
        room in 1_usize..20,
        repeats in any::<bool>(),
        begins in prop::sample::select(BEGINS),
        empties in 0_usize..5,
        seed in any::<u64>(),
    ) {
        let repeats = repeats && page > 1;
        let server = Server { repeats, begins, empties: if empties == 1 { 0 } else { empties }, ..Server::of(keys, page) };
        let went = list(&server, room, seed);
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
        let mut splitter = Splitter::telling(&Key::from(""), 2);
        let (mut seen, mut requests) = (Vec::new(), 0);
        while let Some(ask) = splitter.next(true) {
            requests += 1;
            let mut page = if rng.random_bool(0.5) { &server } else { &busy }.answer(&ask, requests);
            splitter.answered(ask.range, &mut page).unwrap();
            seen.extend(page.objects.names());
        }
        let once: BTreeSet<String> = seen.iter().cloned().collect();
        prop_assert_eq!(once.len(), seen.len(), "nothing is listed twice");
        prop_assert!(stay.is_subset(&once), "and nothing that stayed is missed");
    }
}
