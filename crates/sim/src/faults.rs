//! Fault injection: rules that tests push while the simulator runs say what fails, where, and how often.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use super::counters::{Arrival, Kind, Side};
use super::lock;
use super::series::scramble;

/// One thing that goes wrong.
#[derive(Clone, Debug)]
pub enum Fault {
    /// This status and S3 error code instead of the answer; nothing is filled.
    Status { status: u16, code: String, retry_after: Option<Duration> },
    /// The same after the fill has ended: the object is warm, the client does not know.
    StatusAfterFill { status: u16, code: String },
    /// These bytes, head and all, instead of an answer; counted under `status`.
    Raw { status: u16, answer: Bytes },
    /// The connection is reset before any byte of the answer.
    Reset,
    /// The connection is closed in order before any byte of the answer.
    Close,
    /// The fill begins, and the connection is reset so long after the request.
    ResetMidFill { after: Duration },
    /// This request is answered; the next on the same connection is reset before any byte of its answer.
    ResetNext,
    /// This request is answered as if the connection stayed open; so long after it is closed, by a reset if `reset`.
    CloseIdle { after: Duration, reset: bool },
    /// Never answered.
    Stall,
    /// Answered so much later.
    Slow(Duration),
    /// Served once this is cancelled.
    Held(CancellationToken),
    /// The object gets another ETag (and time) before the request is served.
    Overwritten,
    /// The object is deleted before the request is served.
    Deleted,
    /// The object loses its bytes before the request is served.
    Truncated,
    /// The Date header of the answer is off by so many seconds.
    SkewedDate(i64),
    /// A page of a LIST holds at most so many keys and goes on.
    ShortPage(usize),
    /// A page of a LIST holds nothing, and says that more follows, by another token each time.
    BarrenPage,
}

impl Fault {
    pub fn status(status: u16, code: &str) -> Self {
        Self::Status { status, code: code.to_owned(), retry_after: None }
    }

    /// A HEAD error with a chunked body, which a HEAD must not have: its last chunk stays on the connection and is
    /// taken for the next answer by a client that trusts its pool. OpenStack Swift does this.
    pub fn stray_chunk(status: u16) -> Self {
        let head =
            format!("HTTP/1.1 {status} Error\r\nContent-Type: application/xml\r\nTransfer-Encoding: chunked\r\n");
        Self::Raw { status, answer: (head + "\r\n0\r\n\r\n").into() }
    }
}

#[derive(Clone, Debug)]
enum Which {
    All,
    Key(Vec<u8>),
    Prefix(Vec<u8>),
    OneKeyIn(u64),
}

/// Which of the requests that match everything else, counted from 1.
#[derive(Clone, Copy, Debug)]
enum Turn {
    Each,
    EveryNth(u64),
    Nth(u64),
    /// So many of 2^64, by a hash of the seed and the request's number.
    Chance {
        of: u64,
        seed: u64,
    },
}

/// Where and how often a fault strikes. Made by [`Rule::new`] and narrowed.
#[derive(Clone, Debug)]
pub struct Rule {
    side: Option<Side>,
    kind: Option<Kind>,
    bucket: Option<String>,
    which: Which,
    turn: Turn,
    times: u64,
    fault: Fault,
}

impl Rule {
    /// Strikes every request.
    pub fn new(fault: Fault) -> Self {
        Self { side: None, kind: None, bucket: None, which: Which::All, turn: Turn::Each, times: u64::MAX, fault }
    }

    #[must_use]
    pub fn on(mut self, kind: Kind) -> Self {
        self.kind = Some(kind);
        self
    }

    #[must_use]
    pub fn side(mut self, side: Side) -> Self {
        self.side = Some(side);
        self
    }

    #[must_use]
    pub fn bucket(mut self, bucket: &str) -> Self {
        self.bucket = Some(bucket.to_owned());
        self
    }

    #[must_use]
    pub fn key(mut self, key: impl Into<Vec<u8>>) -> Self {
        self.which = Which::Key(key.into());
        self
    }

    /// Keys that begin so.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<Vec<u8>>) -> Self {
        self.which = Which::Prefix(prefix.into());
        self
    }

    /// About one key in `n`, the same ones every time.
    #[must_use]
    pub fn one_key_in(mut self, n: u64) -> Self {
        self.which = Which::OneKeyIn(n.max(1));
        self
    }

    /// Every `n`-th request that matches the rest.
    #[must_use]
    pub fn every_nth(mut self, n: u64) -> Self {
        self.turn = Turn::EveryNth(n.max(1));
        self
    }

    /// Only the `n`-th request, from 1, that matches the rest.
    #[must_use]
    pub fn nth(mut self, n: u64) -> Self {
        self.turn = Turn::Nth(n);
        self
    }

    /// This share of the requests that match the rest, from 0 to 1, at random. The same numbers of them every time for one
    /// `seed`.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float becomes the nearest u64")]
    pub fn chance(mut self, share: f64, seed: u64) -> Self {
        self.turn = Turn::Chance { of: (share * 2_f64.powi(64)) as u64, seed };
        self
    }

    /// At most so often.
    #[must_use]
    pub fn times(mut self, times: u64) -> Self {
        self.times = times;
        self
    }

    fn addresses(&self, arrival: &Arrival) -> bool {
        let key = arrival.key.as_deref();
        self.side.is_none_or(|side| side == arrival.side)
            && self.kind.is_none_or(|kind| kind == arrival.kind)
            && self.bucket.as_ref().is_none_or(|bucket| Some(bucket) == arrival.bucket.as_ref())
            && match &self.which {
                Which::All => true,
                Which::Key(wanted) => key == Some(wanted),
                Which::Prefix(prefix) => key.is_some_and(|key| key.starts_with(prefix)),
                Which::OneKeyIn(n) => key.is_some_and(|key| hash(key).is_multiple_of(*n)),
            }
    }
}

/// Names a pushed rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleId(u64);

/// The rules in force. The first that strikes a request decides; a request suffers one fault.
#[derive(Debug, Default)]
pub struct Faults {
    rules: Mutex<Rules>,
}

#[derive(Debug, Default)]
struct Rules {
    next: u64,
    live: Vec<Live>,
}

#[derive(Debug)]
struct Live {
    id: RuleId,
    rule: Rule,
    seen: u64,
    struck: u64,
}

impl Faults {
    pub fn push(&self, rule: Rule) -> RuleId {
        let mut rules = lock(&self.rules);
        let id = RuleId(rules.next);
        rules.next += 1;
        rules.live.push(Live { id, rule, seen: 0, struck: 0 });
        id
    }

    pub fn remove(&self, id: RuleId) {
        lock(&self.rules).live.retain(|live| live.id != id);
    }

    pub fn clear(&self) {
        lock(&self.rules).live.clear();
    }

    /// How often a rule has struck.
    pub fn struck(&self, id: RuleId) -> u64 {
        lock(&self.rules).live.iter().find(|live| live.id == id).map_or(0, |live| live.struck)
    }

    pub(super) fn pick(&self, arrival: &Arrival) -> Option<Fault> {
        lock(&self.rules).live.iter_mut().find_map(|live| live.strike(arrival))
    }
}

impl Live {
    fn strike(&mut self, arrival: &Arrival) -> Option<Fault> {
        if !self.rule.addresses(arrival) || self.struck == self.rule.times {
            return None;
        }
        self.seen += 1;
        let strikes = match self.rule.turn {
            Turn::Each => true,
            Turn::EveryNth(n) => self.seen.is_multiple_of(n),
            Turn::Nth(n) => self.seen == n,
            Turn::Chance { of, seed } => scramble(scramble(seed) ^ self.seen) < of,
        };
        strikes.then(|| {
            self.struck += 1;
            self.rule.fault.clone()
        })
    }
}

fn hash(key: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrival(kind: Kind, key: &str) -> Arrival {
        Arrival {
            side: Side::Cache,
            kind,
            method: http::Method::HEAD,
            host: String::new(),
            target: String::new(),
            range: None,
            bucket: Some("b".to_owned()),
            key: Some(key.as_bytes().to_vec()),
        }
    }

    #[test]
    fn a_rule_strikes_what_it_addresses_and_no_more() {
        let slow = || Rule::new(Fault::Stall).on(Kind::RangedHead);
        for (rule, expected, why) in [
            (slow(), "xxxxxx", "all of a kind"),
            (slow().times(2), "xx....", "at most twice"),
            (slow().key("a"), "x..x..", "one key"),
            (slow().prefix("b"), ".x..x.", "keys that begin so"),
            (slow().every_nth(3), "..x..x", "every third request"),
            (slow().nth(2), ".x....", "the second request only"),
            (slow().key("b").nth(2), "....x.", "the second request for one key"),
            (slow().bucket("other"), "......", "another bucket"),
            (slow().side(Side::List), "......", "the other listener"),
            (Rule::new(Fault::Stall).on(Kind::Get), "......", "another kind"),
        ] {
            let faults = Faults::default();
            let id = faults.push(rule);
            let strikes = |key| if faults.pick(&arrival(Kind::RangedHead, key)).is_some() { 'x' } else { '.' };
            let struck: String = ["a", "b", "c", "a", "b", "c"].map(strikes).iter().collect();
            assert_eq!(struck, expected, "{why}");
            assert_eq!(faults.struck(id), expected.matches('x').count() as u64);
        }
    }

    #[test]
    fn the_first_rule_that_strikes_decides() {
        let faults = Faults::default();
        faults.push(Rule::new(Fault::Reset).key("a").times(1));
        let second = faults.push(Rule::new(Fault::Stall));
        assert!(matches!(faults.pick(&arrival(Kind::Get, "a")), Some(Fault::Reset)));
        assert!(matches!(faults.pick(&arrival(Kind::Get, "a")), Some(Fault::Stall)));
        faults.remove(second);
        assert!(faults.pick(&arrival(Kind::Get, "a")).is_none());
    }

    #[test]
    fn a_chance_strikes_its_share_and_the_same_requests_for_one_seed() {
        let struck = |share, seed| {
            let faults = Faults::default();
            faults.push(Rule::new(Fault::Reset).chance(share, seed));
            (0..10_000).map(|_| faults.pick(&arrival(Kind::Get, "a")).is_some()).collect::<Vec<_>>()
        };
        for (share, least, most) in [(0.0, 0, 0), (0.1, 900, 1_100), (0.5, 4_800, 5_200), (1.0, 10_000, 10_000)] {
            let count = struck(share, 1).iter().filter(|hit| **hit).count();
            assert!((least..=most).contains(&count), "{share}: {count}");
        }
        assert_eq!(struck(0.1, 1), struck(0.1, 1));
        assert_ne!(struck(0.1, 1), struck(0.1, 2));
    }

    #[test]
    fn one_key_in_four_is_always_the_same_quarter() {
        let faults = Faults::default();
        faults.push(Rule::new(Fault::Stall).one_key_in(4));
        let struck = |n: u32| faults.pick(&arrival(Kind::Get, &format!("key-{n}"))).is_some();
        let first: Vec<bool> = (0..1000).map(struck).collect();
        let count = first.iter().filter(|hit| **hit).count();
        assert!((200..300).contains(&count), "{count}");
        assert_eq!(first, (0..1000).map(struck).collect::<Vec<_>>());
    }
}
