//! The splitter decides which key ranges of one scope are listed at the same time. Pure: it says what to ask, and is told the
//! answer.
//!
//! It begins with one range and splits where there is room for another request. A range ends with the key that the next one
//! begins after, so no key is listed twice and none is missed, wherever the split points fall.
//!
//! A server that mishandles `start-after` is found out, and nothing is split any more. Where it begins a range too early, the
//! first keys show that, and the range goes back to the one before it. Where it begins a range too late, the one before it finds
//! keys behind its end, and lists what is missing.

use chrono::{DateTime, Utc};

use super::key_stats::KeyStats;
use super::range::{End, Estimate, KeyRange};
use super::split_point::{Stretch, split_point};
use model::object::{Key, Row};
use s3::{Page, RequestError};

pub(super) use super::range::Ask;

/// Keys that a page must have to say how keys go on.
const MIN_TELLING_KEYS: usize = 100;
/// Splits that any listing may make. Each may cost a request.
const FREE_SPLITS: usize = 1;
/// Every page beyond the first three earns two more splits,
const UNPAID_PAGES: usize = 3;
/// but no more than this many beyond one a page.
const MAX_SPLITS_AHEAD: usize = 64;
/// Splits that may have nothing behind them, and one more for every two pages.
const MAX_MISSES: usize = 4;
/// Splits of one range that may wait for their first page at the same time.
const MAX_WAITING_SPLITS: usize = 6;
/// Pages that must be left of a range for a split to pay.
const MIN_PAGES_LEFT: f64 = 3.0;

/// The key ranges of one scope, in the order of their keys.
#[derive(Debug)]
pub(super) struct Splitter {
    prefix: Key,
    ranges: Vec<KeyRange>,
    stats: KeyStats,
    next_id: u64,
    splits: usize,
    /// Splits with nothing behind them.
    misses: usize,
    /// All that were listed.
    keys: usize,
    /// Keys of the largest page.
    page: usize,
    /// There is a page that tells how keys go on, and more behind it.
    tells_enough: bool,
    tells: usize,
    /// The server's clock at the first page.
    began: Option<DateTime<Utc>>,
    /// The share of the scope that is listed and stands in no range.
    done: f64,
    /// Why nothing is split any more.
    undivided: Option<&'static str>,
}

impl Splitter {
    pub fn new(prefix: &Key) -> Self {
        Self::telling(prefix, MIN_TELLING_KEYS)
    }

    /// With another number of keys that a page has to have.
    pub fn telling(prefix: &Key, tells: usize) -> Self {
        let mut whole = KeyRange::new(0, None, End::Scope);
        whole.share = 1.0;
        Self {
            prefix: prefix.clone(),
            ranges: vec![whole],
            stats: KeyStats::default(),
            next_id: 1,
            splits: 0,
            misses: 0,
            keys: 0,
            page: 1,
            tells_enough: false,
            tells,
            began: None,
            done: 0.0,
            undivided: None,
        }
    }

    #[cfg(test)]
    pub fn is_over(&self) -> bool {
        self.ranges.iter().all(KeyRange::is_over)
    }

    /// Why the server cannot be asked for ranges, once that has shown.
    pub fn undivided(&self) -> Option<&'static str> {
        self.undivided
    }

    /// How much of the scope is listed, from 0 to 1, as far as can be told: of a range without an end nothing.
    pub fn share(&mut self) -> f64 {
        (0..self.ranges.len()).map(|index| self.ranges[index].share * self.estimate(index).done).sum::<f64>()
            + self.done
    }

    /// What is told of a range; told anew where it or the key statistics have changed.
    fn estimate(&mut self, index: usize) -> Estimate {
        let range = &self.ranges[index];
        let known = range.estimate.filter(|estimate| estimate.of == (self.stats.changes(), self.page));
        let estimate = known.unwrap_or_else(|| Estimate {
            done: range.done(&self.stats),
            left: range.pages_left(&self.stats, self.page),
            of: (self.stats.changes(), self.page),
        });
        self.ranges[index].estimate = Some(estimate);
        estimate
    }

    /// What to ask next: the next page of a range, or the first one of a new range, where there is `room` for one more request.
    pub fn next(&mut self, room: bool) -> Option<Ask> {
        let waiting = self.ranges.iter().position(|range| !range.is_asked && !range.is_over());
        let index = waiting.or_else(|| if room { self.divide() } else { None })?;
        self.ranges[index].ask()
    }

    /// Takes the answer for a range, and leaves in it what belongs to that range.
    ///
    /// # Errors
    /// A page that came before, too many that bring nothing, or keys that are not in order, of which it cannot be told which
    /// are missing.
    pub fn answered(&mut self, id: u64, page: &mut Page) -> Result<(), RequestError> {
        let Some(index) = self.ranges.iter().position(|range| range.id == id) else {
            return Err(RequestError::malformed("an answer that nobody waits for"));
        };
        self.began = self.began.or(page.date);
        let range = &mut self.ranges[index];
        range.is_asked = false;
        range.goes_on(page)?;
        let mut sorted = range.drop_repeated(page);
        if KeyRange::drop_others(page, &self.prefix, sorted) {
            self.undivided = Some("it answers keys that do not begin with the prefix");
            sorted = page.objects.is_sorted();
        }
        if index > 0 && (range.begins_wrong(page) || (range.first.is_none() && !range.is_in_order(page, sorted))) {
            self.undivided = Some("it begins before the key that it is asked to begin after");
            self.give_back(index);
            page.objects.clear();
            return Ok(());
        }
        if !range.is_in_order(page, sorted) {
            if self.ranges.len() > 1 {
                return Err(RequestError::malformed("keys that are not in the order of their bytes"));
            }
            self.undivided = Some("its keys are not in the order of their bytes");
            self.ranges[index].take_unordered();
        }
        self.learn(index, page);
        self.take(index, page, sorted)?;
        self.settle();
        Ok(())
    }

    /// Takes note of what the keys of a page look like.
    fn learn(&mut self, index: usize, page: &Page) {
        let range = &mut self.ranges[index];
        if let Some(first) = page.objects.first().map(|object| object.key) {
            match range {
                KeyRange { last: Some(last), .. } => self.stats.next(last.as_bytes(), first),
                KeyRange { after: Some(after), .. } => self.stats.found(after.as_bytes(), first),
                _ => {}
            }
        }
        if self.undivided.is_none() && page.objects.len() >= self.tells {
            range.differ = self.stats.see(page.objects.iter().map(|object| object.key));
            self.tells_enough |= page.next.is_some();
        }
        self.page = self.page.max(page.objects.len());
    }

    fn take(&mut self, index: usize, page: &mut Page, sorted: bool) -> Result<(), RequestError> {
        let (was_begun, left) = (self.ranges[index].is_begun(), self.estimate(index).left);
        self.ranges[index].take(page, sorted)?;
        self.keys += page.objects.len();
        // What was written meanwhile may have come when the range behind it had begun.
        let is_old = |object: Row<'_>| self.began.is_none_or(|began| object.last_modified < began);
        if self.ranges[index].fills && page.objects.iter().any(is_old) {
            self.undivided = Some("it leaves out keys behind the one that it is asked to begin after");
        }
        if left.is_finite() && self.estimate(index).left > left - 0.5 {
            self.ranges[index].surprises += 1;
        }
        let range = &self.ranges[index];
        let (Some(after), false, true) = (&range.after, was_begun, range.is_begun()) else { return Ok(()) };
        let is_miss = range.first.is_none();
        if is_miss {
            self.misses += 1;
            self.stats.miss(after.as_bytes());
        }
        if let Some(before) = index.checked_sub(1) {
            let share = if is_miss { std::mem::take(&mut self.ranges[index].share) } else { 0.0 };
            let before = &mut self.ranges[before];
            (before.misses, before.share) = (if is_miss { before.misses + 1 } else { 0 }, before.share + share);
        }
        Ok(())
    }

    /// Holds what each range found behind its end to what the next one began with, and lets go of those that are done.
    fn settle(&mut self) {
        let mut index = 0;
        while index < self.ranges.len() {
            match self.ranges[index].is_over().then(|| self.border(index)) {
                Some(Border::Missing(end)) => self.ranges[index].fill(end),
                Some(Border::Empty) => {
                    let empty = self.ranges.remove(index + 1);
                    self.done += empty.share;
                    self.ranges[index].move_end(empty.end);
                    self.ranges[index].follows = empty.follows;
                    continue;
                }
                // What is empty is kept for the one before it.
                Some(Border::Right) if index == 0 || self.ranges[index].first.is_some() => {
                    let done = self.ranges.remove(index);
                    self.done += done.share;
                    if let Some(before) = index.checked_sub(1).map(|before| &mut self.ranges[before]) {
                        before.follows = before.follows.take().or(done.first);
                    }
                    continue;
                }
                _ => {}
            }
            index += 1;
        }
    }

    /// What is to be said of the end of a range that is over.
    fn border(&self, index: usize) -> Border {
        let (range, next) = (&self.ranges[index], self.ranges.get(index + 1));
        let begins = range.follows.as_ref().or(next.and_then(|next| next.first.as_ref()));
        match (&range.beyond, begins, next) {
            (Some(beyond), Some(begins), _) if beyond < begins => Border::Missing(End::Before(begins.clone())),
            (_, Some(_), _) | (_, None, None) => Border::Right,
            (_, None, Some(next)) if !next.is_over() => Border::Unknown,
            (Some(beyond), None, Some(next)) if next.end.holds(beyond.as_bytes()) => Border::Missing(next.end.clone()),
            (_, None, Some(_)) => Border::Empty,
        }
    }

    /// Splits the range of which most is left, and gives the index of the new one.
    fn divide(&mut self) -> Option<usize> {
        let paid = (self.keys / self.page).saturating_sub(UNPAID_PAGES);
        let (splits, misses) = (FREE_SPLITS.max(paid + paid.min(MAX_SPLITS_AHEAD)), MAX_MISSES + paid / 2);
        if self.undivided.is_some() || !self.tells_enough || self.splits >= splits || self.misses >= misses {
            return None;
        }
        let mut order: Vec<(f64, usize)> =
            (0..self.ranges.len()).map(|index| (self.pages_left(index), index)).collect();
        order.retain(|(pages, index)| *pages >= MIN_PAGES_LEFT && !self.ranges[*index].is_over());
        order.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        let (at, index) = order.into_iter().find_map(|(_, index)| Some((self.split_point(index)?, index)))?;
        self.splits += 1;
        let done = self.ranges[index].share * self.estimate(index).done;
        let range = &mut self.ranges[index];
        self.done += done;
        (range.share, range.since, range.surprises) =
            ((range.share - done) / 2.0, range.last.clone(), range.surprises / 2);
        let mut new = KeyRange::new(self.next_id, Some(at.clone()), range.move_end(End::Until(at)));
        (new.follows, new.share) = (range.follows.take(), range.share);
        self.ranges.insert(index + 1, new);
        self.next_id += 1;
        Some(index + 1)
    }

    /// How many pages of a range are still to be listed. Where pages came that brought its end no nearer, as many may still
    /// come.
    fn pages_left(&mut self, index: usize) -> f64 {
        self.estimate(index).left.max(f64::from(self.ranges[index].surprises))
    }

    fn split_point(&self, index: usize) -> Option<Key> {
        let range = &self.ranges[index];
        let last = range.last.as_ref().or(range.after.as_ref().filter(|_| !range.is_asked))?;
        let waiting =
            self.ranges[index + 1..].iter().take_while(|range| !range.is_begun()).take(MAX_WAITING_SPLITS).count();
        if waiting == MAX_WAITING_SPLITS {
            return None;
        }
        // What waits may come to nothing, too: then all of it was the same mistake.
        let doubtful = if self.misses > 0 || waiting > 2 { waiting } else { 0 };
        let stretch = Stretch {
            last: last.as_bytes(),
            until: range.end.key().map(Key::as_bytes),
            prefix: self.prefix.as_bytes().len(),
            differ: range.differ,
            misses: range.misses as usize + doubtful,
            is_careful: self.misses > 0,
        };
        split_point(&self.stats, stretch).map(Key::from_bytes)
    }

    /// A range that the server would not begin where it begins is listed with the one before it.
    fn give_back(&mut self, index: usize) {
        let range = self.ranges.remove(index);
        let before = &mut self.ranges[index - 1];
        (before.follows, before.share) = (range.follows, before.share + range.share);
        before.reopen(range.end);
    }
}

/// Between a range that is over and the next.
enum Border {
    /// The next one has begun where this one ended.
    Right,
    /// There is nothing in the next one.
    Empty,
    /// The next one has left out what comes before this end.
    Missing(End),
    /// The next one has not begun.
    Unknown,
}

#[cfg(test)]
mod tests;
