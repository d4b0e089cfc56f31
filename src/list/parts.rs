//! Which parts of one range are listed at the same time: begins as one, and is cut where there is room for another request.
//! Pure: it says what is to be asked, and is told what was answered.
//!
//! A part ends with the key that the next one begins after, so that no key is listed twice and none is missed, however the
//! cuts fall. A server that does not heed `start-after` is found out, and nothing is cut any more: where it begins a part too
//! early, by the part's first keys, and the part goes back to the one before it; where it begins it too late, by what the one
//! before it finds behind its end, and that one lists what is missing.

use chrono::{DateTime, Utc};

use super::cut::{Stretch, cut};
use super::letters::Letters;
use super::part::{End, Estimate, Part};
use model::object::{Key, Row};
use s3::{Page, RequestError};

pub(super) use super::part::Ask;

/// A page of fewer keys says too little of how they go on.
const TELLS: usize = 100;
/// Each cut may cost a request. So many are free, for listings of any length; more are earned by pages, but the first ones:
/// two each, up to so many ahead.
const FREE: usize = 1;
const FIRST_PAGES: usize = 3;
const AHEAD: usize = 64;
/// Cuts may have nothing behind them: so many, and one more for every two pages.
const MISSES: usize = 4;
/// So many cuts of one part wait for their first page at the same time.
const WAITING: usize = 6;
/// A part of fewer pages is not worth a cut.
const WORTH: f64 = 3.0;

/// The parts of one range, in the order of their keys.
#[derive(Debug)]
pub(super) struct Parts {
    prefix: Key,
    parts: Vec<Part>,
    letters: Letters,
    next_id: u64,
    cuts: usize,
    /// Cuts with nothing behind them.
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
    /// The share of the range that is listed and stands in no part.
    done: f64,
    /// Why nothing is cut any more.
    undivided: Option<&'static str>,
}

impl Parts {
    pub fn new(prefix: &Key) -> Self {
        Self::telling(prefix, TELLS)
    }

    /// With another number of keys that a page has to have.
    pub fn telling(prefix: &Key, tells: usize) -> Self {
        let mut whole = Part::new(0, None, End::Range);
        whole.share = 1.0;
        Self {
            prefix: prefix.clone(),
            parts: vec![whole],
            letters: Letters::default(),
            next_id: 1,
            cuts: 0,
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
        self.parts.iter().all(Part::is_over)
    }

    /// Why the server cannot be asked for parts, once that has shown.
    pub fn undivided(&self) -> Option<&'static str> {
        self.undivided
    }

    /// How much of the range is listed, from 0 to 1, as far as can be told: of a part without an end nothing.
    pub fn share(&mut self) -> f64 {
        (0..self.parts.len()).map(|place| self.parts[place].share * self.estimate(place).done).sum::<f64>() + self.done
    }

    /// What is told of a part; told anew where it or the letters have changed.
    fn estimate(&mut self, place: usize) -> Estimate {
        let part = &self.parts[place];
        let known = part.estimate.filter(|estimate| estimate.of == (self.letters.changes(), self.page));
        let estimate = known.unwrap_or_else(|| Estimate {
            done: part.done(&self.letters),
            left: part.pages_left(&self.letters, self.page),
            of: (self.letters.changes(), self.page),
        });
        self.parts[place].estimate = Some(estimate);
        estimate
    }

    /// What to ask next: the next page of a part, or the first one of a new part, where there is `room` for one more request.
    pub fn next(&mut self, room: bool) -> Option<Ask> {
        let waiting = self.parts.iter().position(|part| !part.is_asked && !part.is_over());
        let place = waiting.or_else(|| if room { self.divide() } else { None })?;
        self.parts[place].ask()
    }

    /// Takes the answer for a part, and leaves in it what belongs to that part.
    ///
    /// # Errors
    /// A page that came before, too many that bring nothing, or keys that are not in order, of which it cannot be told which
    /// are missing.
    pub fn answered(&mut self, id: u64, page: &mut Page) -> Result<(), RequestError> {
        let Some(place) = self.parts.iter().position(|part| part.id == id) else {
            return Err(RequestError::malformed("an answer that nobody waits for"));
        };
        self.began = self.began.or(page.date);
        let part = &mut self.parts[place];
        part.is_asked = false;
        if part.is_circular(page) {
            return Err(RequestError::malformed("the same page again"));
        }
        let mut sorted = part.drop_repeated(page);
        if Part::drop_others(page, &self.prefix, sorted) {
            self.undivided = Some("it answers keys that do not begin with the prefix");
            sorted = page.objects.is_sorted();
        }
        if place > 0 && (part.begins_wrong(page) || (part.first.is_none() && !part.is_in_order(page, sorted))) {
            self.undivided = Some("it begins before the key that it is asked to begin after");
            self.give_back(place);
            page.objects.clear();
            return Ok(());
        }
        if !part.is_in_order(page, sorted) {
            if self.parts.len() > 1 {
                return Err(RequestError::malformed("keys that are not in the order of their bytes"));
            }
            self.undivided = Some("its keys are not in the order of their bytes");
            self.parts[place].take_unordered();
        }
        self.learn(place, page);
        self.take(place, page, sorted)?;
        self.settle();
        Ok(())
    }

    /// Takes note of what the keys of a page look like.
    fn learn(&mut self, place: usize, page: &Page) {
        let part = &mut self.parts[place];
        if let Some(first) = page.objects.first().map(|object| object.key) {
            match part {
                Part { last: Some(last), .. } => self.letters.next(last.as_bytes(), first),
                Part { after: Some(after), .. } => self.letters.found(after.as_bytes(), first),
                _ => {}
            }
        }
        if self.undivided.is_none() && page.objects.len() >= self.tells {
            part.differ = self.letters.see(page.objects.iter().map(|object| object.key));
            self.tells_enough |= page.next.is_some();
        }
        self.page = self.page.max(page.objects.len());
    }

    fn take(&mut self, place: usize, page: &mut Page, sorted: bool) -> Result<(), RequestError> {
        let (was_begun, left) = (self.parts[place].is_begun(), self.estimate(place).left);
        self.parts[place].take(page, sorted)?;
        self.keys += page.objects.len();
        // What was written meanwhile may have come when the part behind it had begun.
        let is_old = |object: Row<'_>| self.began.is_none_or(|began| object.last_modified < began);
        if self.parts[place].fills && page.objects.iter().any(is_old) {
            self.undivided = Some("it leaves out keys behind the one that it is asked to begin after");
        }
        if left.is_finite() && self.estimate(place).left > left - 0.5 {
            self.parts[place].surprises += 1;
        }
        let part = &self.parts[place];
        let (Some(after), false, true) = (&part.after, was_begun, part.is_begun()) else { return Ok(()) };
        let is_miss = part.first.is_none();
        if is_miss {
            self.misses += 1;
            self.letters.miss(after.as_bytes());
        }
        if let Some(before) = place.checked_sub(1) {
            let share = if is_miss { std::mem::take(&mut self.parts[place].share) } else { 0.0 };
            let before = &mut self.parts[before];
            (before.misses, before.share) = (if is_miss { before.misses + 1 } else { 0 }, before.share + share);
        }
        Ok(())
    }

    /// Holds what each part found behind its end to what the next one began with, and lets go of those that are done.
    fn settle(&mut self) {
        let mut place = 0;
        while place < self.parts.len() {
            match self.parts[place].is_over().then(|| self.border(place)) {
                Some(Border::Missing(end)) => self.parts[place].fill(end),
                Some(Border::Empty) => {
                    let empty = self.parts.remove(place + 1);
                    self.done += empty.share;
                    self.parts[place].move_end(empty.end);
                    self.parts[place].follows = empty.follows;
                    continue;
                }
                // What is empty is kept for the one before it.
                Some(Border::Right) if place == 0 || self.parts[place].first.is_some() => {
                    let done = self.parts.remove(place);
                    self.done += done.share;
                    if let Some(before) = place.checked_sub(1).map(|before| &mut self.parts[before]) {
                        before.follows = before.follows.take().or(done.first);
                    }
                    continue;
                }
                _ => {}
            }
            place += 1;
        }
    }

    /// What is to be said of the end of a part that is over.
    fn border(&self, place: usize) -> Border {
        let (part, next) = (&self.parts[place], self.parts.get(place + 1));
        let begins = part.follows.as_ref().or(next.and_then(|next| next.first.as_ref()));
        match (&part.beyond, begins, next) {
            (Some(beyond), Some(begins), _) if beyond < begins => Border::Missing(End::Before(begins.clone())),
            (_, Some(_), _) | (_, None, None) => Border::Right,
            (_, None, Some(next)) if !next.is_over() => Border::Unknown,
            (Some(beyond), None, Some(next)) if next.end.holds(beyond.as_bytes()) => Border::Missing(next.end.clone()),
            (_, None, Some(_)) => Border::Empty,
        }
    }

    /// Cuts the part of which most is left, and gives the place of the new one.
    fn divide(&mut self) -> Option<usize> {
        let paid = (self.keys / self.page).saturating_sub(FIRST_PAGES);
        let (cuts, misses) = (FREE.max(paid + paid.min(AHEAD)), MISSES + paid / 2);
        if self.undivided.is_some() || !self.tells_enough || self.cuts >= cuts || self.misses >= misses {
            return None;
        }
        let mut order: Vec<(f64, usize)> = (0..self.parts.len()).map(|place| (self.pages_left(place), place)).collect();
        order.retain(|(pages, place)| *pages >= WORTH && !self.parts[*place].is_over());
        order.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        let (at, place) = order.into_iter().find_map(|(_, place)| Some((self.cut(place)?, place)))?;
        self.cuts += 1;
        let done = self.parts[place].share * self.estimate(place).done;
        let part = &mut self.parts[place];
        self.done += done;
        (part.share, part.since, part.surprises) = ((part.share - done) / 2.0, part.last.clone(), part.surprises / 2);
        let mut new = Part::new(self.next_id, Some(at.clone()), part.move_end(End::Until(at)));
        (new.follows, new.share) = (part.follows.take(), part.share);
        self.parts.insert(place + 1, new);
        self.next_id += 1;
        Some(place + 1)
    }

    /// How many pages of a part are still to be listed. Where pages came that brought its end no nearer, as many may still
    /// come.
    fn pages_left(&mut self, place: usize) -> f64 {
        self.estimate(place).left.max(f64::from(self.parts[place].surprises))
    }

    fn cut(&self, place: usize) -> Option<Key> {
        let part = &self.parts[place];
        let last = part.last.as_ref().or(part.after.as_ref().filter(|_| !part.is_asked))?;
        let waiting = self.parts[place + 1..].iter().take_while(|part| !part.is_begun()).take(WAITING).count();
        if waiting == WAITING {
            return None;
        }
        // What waits may come to nothing, too: then all of it was the same mistake.
        let doubtful = if self.misses > 0 || waiting > 2 { waiting } else { 0 };
        let stretch = Stretch {
            last: last.as_bytes(),
            until: part.end.key().map(Key::as_bytes),
            prefix: self.prefix.as_bytes().len(),
            differ: part.differ,
            misses: part.misses as usize + doubtful,
            is_careful: self.misses > 0,
        };
        cut(&self.letters, stretch).map(Key::from_bytes)
    }

    /// A part that the server would not begin where it begins is listed with the one before it.
    fn give_back(&mut self, place: usize) {
        let part = self.parts.remove(place);
        let before = &mut self.parts[place - 1];
        (before.follows, before.share) = (part.follows, before.share + part.share);
        before.reopen(part.end);
    }
}

/// Between a part that is over and the next.
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
