//! One key range of a scope: where it begins and ends, and how far it is listed.

use std::time::Duration;

use super::key_stats::KeyStats;
use super::once::{Seen, drop_repeated};
use super::split_point::progress;
use model::object::{Key, Row};
use s3::{Page, RequestError};

/// Less progress than this, as a fraction of the range, says nothing of how far there is to go.
const MIN_PROGRESS: f64 = 1e-6;

/// Pages in a row that may bring nothing new, as in a bucket with many deleted versions.
const MAX_BARREN: u32 = 500;
/// From this many on they are asked for no faster than one in [`BARREN_PAUSE`].
const FREE_BARREN: u32 = 20;
const BARREN_PAUSE: Duration = Duration::from_millis(50);

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ask {
    pub range: u64,
    pub after: Option<Key>,
    pub token: Option<String>,
    /// To wait first.
    pub pause: Option<Duration>,
}

/// Where a range ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum End {
    /// With all that the scope holds.
    #[default]
    Scope,
    /// With the keys up to this one.
    Until(Key),
    /// With the keys up to this one, without it.
    Before(Key),
}

impl End {
    pub fn key(&self) -> Option<&Key> {
        match self {
            Self::Scope => None,
            Self::Until(key) | Self::Before(key) => Some(key),
        }
    }

    pub fn holds(&self, key: &[u8]) -> bool {
        match self {
            Self::Scope => true,
            Self::Until(end) => key <= end.as_bytes(),
            Self::Before(end) => key < end.as_bytes(),
        }
    }
}

/// The progress of a range.
#[derive(Clone, Copy, Debug)]
pub(super) struct Estimate {
    /// How much of it is listed, from 0 to 1, since `share` was set.
    pub done: f64,
    /// Pages that are still to come; infinite without an end.
    pub left: f64,
    /// What it was estimated from: the version of the key statistics, and the keys of a page.
    pub of: (u64, usize),
}

#[derive(Debug, Default)]
pub(super) struct KeyRange {
    pub id: u64,
    /// It holds what comes after this key.
    pub after: Option<Key>,
    pub end: End,
    next: Next,
    /// What was asked last, to ask it again.
    asked: Next,
    pub is_asked: bool,
    /// It was over, and lists again what was left to the range behind it.
    rereads: bool,
    /// The first and the last key so far.
    pub first: Option<Key>,
    pub last: Option<Key>,
    /// The first key that came behind its end.
    pub beyond: Option<Key>,
    /// What the range behind it began with, where that one is done.
    pub follows: Option<Key>,
    /// It lists what the range behind it has left out.
    pub fills: bool,
    circle: Circle,
    barren: Barren,
    /// Its keys since they have come out of order.
    unordered: Option<Seen>,
    pub keys: usize,
    /// The first place where the keys of its latest page differ.
    pub differ: usize,
    /// Splits of it in a row that had nothing behind them.
    pub misses: u32,
    /// Pages that did not bring its end nearer.
    pub surprises: u32,
    /// Its share of the scope, behind this key.
    pub share: f64,
    pub since: Option<Key>,
    /// Cached until it or the key statistics change.
    pub estimate: Option<Estimate>,
}

impl KeyRange {
    pub fn new(id: u64, after: Option<Key>, end: End) -> Self {
        Self { id, after, end, ..Self::default() }
    }

    pub fn is_over(&self) -> bool {
        matches!(self.next, Next::Over)
    }

    /// The server has begun it where it begins, or there is nothing in it.
    pub fn is_begun(&self) -> bool {
        self.first.is_some() || self.is_over()
    }

    /// How much of it is listed, from 0 to 1, since `share` was set.
    pub fn done(&self, stats: &KeyStats) -> f64 {
        match (self.since.as_ref().or(self.first.as_ref()), &self.last, self.end.key()) {
            _ if self.is_over() => 1.0,
            (Some(since), Some(last), Some(end)) => progress(stats, since.as_bytes(), last.as_bytes(), end.as_bytes()),
            _ => 0.0,
        }
    }

    /// Pages of `page` keys that are still to come; infinite without an end.
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    pub fn pages_left(&self, stats: &KeyStats, page: usize) -> f64 {
        let (Some(first), Some(last), Some(end)) = (&self.first, &self.last, self.end.key()) else {
            return f64::INFINITY;
        };
        let done = |from: &Key| progress(stats, from.as_bytes(), last.as_bytes(), end.as_bytes());
        // From its first key: between the cut and that there may be nothing.
        let done = match (done(first), &self.after) {
            (near, Some(after)) if near < MIN_PROGRESS => done(after),
            (done, _) => done,
        };
        self.keys as f64 / page as f64 * (1.0 - done) / done.max(f64::MIN_POSITIVE)
    }

    pub fn ask(&mut self) -> Option<Ask> {
        let (after, token) = match &self.next {
            Next::First => (self.after.clone(), None),
            Next::After(token) => (None, Some(token.clone())),
            Next::Over => return None,
        };
        self.is_asked = true;
        self.asked = self.next.clone();
        Some(Ask { range: self.id, after, token, pause: self.barren.pause() })
    }

    /// Its latest page is to be asked for again, if it was the last: what lies behind its end belongs to it now.
    pub fn reopen(&mut self, end: End) {
        self.move_end(end);
        if self.is_over() {
            (self.next, self.rereads, self.beyond) = (self.asked.clone(), true, None);
            self.circle = Circle::default();
        }
    }

    /// Ends elsewhere from now on; gives where it ended.
    pub fn move_end(&mut self, end: End) -> End {
        self.estimate = None;
        std::mem::replace(&mut self.end, end)
    }

    /// The range behind it has left out what comes before this end.
    pub fn fill(&mut self, end: End) {
        self.fills = true;
        self.reopen(end);
    }

    /// Nothing more is asked of it.
    pub fn close(&mut self) {
        self.next = Next::Over;
    }

    /// # Errors
    /// The page is one that came before.
    pub fn goes_on(&mut self, page: &Page) -> Result<(), RequestError> {
        if page.next.as_deref().is_some_and(|next| self.circle.closes(next)) {
            return Err(RequestError::malformed("the same page again"));
        }
        Ok(())
    }

    /// Drops what the page says again of what came before; whether its keys are in order.
    pub fn drop_repeated(&self, page: &mut Page) -> bool {
        let last = self.last.as_ref().filter(|_| !self.rereads && self.unordered.is_none());
        drop_repeated(&mut page.objects, last.map(Key::as_bytes))
    }

    /// From now on its keys come in no order.
    pub fn take_unordered(&mut self) {
        let listed = self.after.as_ref().or(self.first.as_ref()).zip(self.last.as_ref());
        self.unordered.get_or_insert_with(|| Seen::after(listed));
    }

    /// The page, whose keys are `sorted`, goes on behind what came before.
    pub fn is_in_order(&self, page: &Page, sorted: bool) -> bool {
        let first = page.objects.first().map(|object| object.key);
        let goes_back = !self.rereads && first.is_some() && first < self.last.as_ref().map(Key::as_bytes);
        !goes_back && sorted
    }

    /// The first keys are none that come after where it begins.
    pub fn begins_wrong(&self, page: &Page) -> bool {
        let (None, Some(after)) = (&self.first, &self.after) else { return false };
        page.objects.iter().any(|object| object.key <= after.as_bytes())
    }

    /// Drops what is not below the prefix; false where there is no such thing. Behind it, in order, there is nothing else.
    pub fn drop_others(page: &mut Page, prefix: &Key, sorted: bool) -> bool {
        let is_below = |object: Row<'_>| object.key.starts_with(prefix.as_bytes());
        // What stands between two that are is, too.
        let ends_are = page.objects.first().is_none_or(is_below) && page.objects.last().is_none_or(is_below);
        if ends_are && (sorted || page.objects.iter().all(is_below)) {
            return false;
        }
        if sorted && page.objects.last().is_some_and(|last| !is_below(last) && last.key > prefix.as_bytes()) {
            page.next = None;
        }
        page.objects.retain(is_below);
        true
    }

    /// Takes what is new in the page, whose keys are `sorted`, and belongs to this range, and notes how it goes on.
    ///
    /// # Errors
    /// Too many pages in a row bring nothing, or one goes back.
    pub fn take(&mut self, page: &mut Page, sorted: bool) -> Result<(), RequestError> {
        if let Some(seen) = &mut self.unordered {
            seen.keep_new(&mut page.objects)?;
        }
        let key = |object: Row<'_>| Key::from_bytes(object.key);
        if self.rereads || self.after.is_some() || self.end != End::Scope {
            let last = self.last.take();
            let is_new = |object: Row<'_>| last.as_ref().is_none_or(|last| object.key > last.as_bytes());
            if !sorted || !page.objects.first().is_none_or(is_new) {
                page.objects.retain(is_new);
            }
            self.last = last;
        }
        self.rereads &= page.objects.is_empty();
        let is_held = |object: Row<'_>| self.end.holds(object.key);
        self.beyond = None;
        if !sorted || !page.objects.last().is_none_or(is_held) {
            self.beyond = page.objects.iter().find(|object| !is_held(*object)).map(key);
            page.objects.retain(is_held);
        }
        self.first = self.first.take().or_else(|| page.objects.first().map(key));
        self.last = page.objects.last().map(key).or(self.last.take());
        self.keys += page.objects.len();
        self.estimate = None;
        self.next = match page.next.take() {
            Some(token) if self.beyond.is_none() => Next::After(token),
            _ => Next::Over,
        };
        let brings = !page.objects.is_empty() || !page.folders.is_empty();
        if self.is_over() { Ok(()) } else { self.barren.note(brings) }
    }
}

/// Where a listing stands.
#[derive(Clone, Debug, Default)]
enum Next {
    #[default]
    First,
    After(String),
    Over,
}

/// Notices tokens that come round again, whatever the length of the circle (Brent): one of them is kept and compared with
/// all that follow, and replaced after 1, 2, 4, 8, … pages.
#[derive(Debug, Default)]
struct Circle {
    kept: Option<String>,
    seen: u64,
}

impl Circle {
    fn closes(&mut self, token: &str) -> bool {
        let closes = self.kept.as_deref() == Some(token);
        self.seen += 1;
        if self.seen.is_power_of_two() {
            self.kept = Some(token.to_owned());
        }
        closes
    }
}

/// Pages in a row that brought nothing new, and said that more follows.
#[derive(Clone, Copy, Debug, Default)]
struct Barren(u32);

impl Barren {
    /// Takes note of a page that more follows.
    ///
    /// # Errors
    /// There were too many: a server that never comes to an end.
    fn note(&mut self, brings: bool) -> Result<(), RequestError> {
        self.0 = if brings { 0 } else { self.0 + 1 };
        if self.0 < MAX_BARREN {
            return Ok(());
        }
        Err(RequestError::malformed(&format!(
            "{MAX_BARREN} pages in a row bring nothing new, and say that more follows"
        )))
    }

    /// How long to wait before the next page is asked for.
    fn pause(self) -> Option<Duration> {
        (self.0 >= FREE_BARREN).then_some(BARREN_PAUSE)
    }
}
