//! Which parts of one range are listed at the same time: begins as one, and is cut where there is room for another request.
//! Pure: it says what is to be asked, and is told what was answered.
//!
//! A part ends with the key that the next one begins after, so that no key is listed twice and none is missed, however the
//! cuts fall. A server that does not heed `start-after` is found out at a part's first page: the part goes back to the one
//! before it, and nothing is cut any more.

use super::cut::{Letters, Stretch, common, cut, progress};
use super::walk::{Circle, Next};
use crate::object::Key;
use crate::s3::{Page, RequestError};

/// A page of fewer keys says too little of how they go on.
const TELLS: usize = 100;
/// Each cut may cost a request. So many are free, for listings of any length; more are earned by whole pages, but the first ones.
const FREE: (u64, u64) = (1, 3);
/// A part of fewer whole pages is not worth a cut.
const WORTH: f64 = 3.0;

/// The parts of one range, in the order of their keys.
#[derive(Debug)]
pub(super) struct Parts {
    prefix: usize,
    parts: Vec<Part>,
    letters: Letters,
    /// A key, and the first place where any other differs from it.
    sample: Option<Key>,
    differ: usize,
    next_id: u64,
    cuts: u64,
    whole_pages: u64,
    /// Keys of the largest page.
    page: usize,
    /// Keys are in order and `start-after` is heeded, as far as is known.
    divisible: bool,
    tells: usize,
}

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ask {
    pub part: u64,
    pub after: Option<Key>,
    pub token: Option<String>,
}

#[derive(Debug)]
struct Part {
    id: u64,
    /// It holds what comes after this key.
    after: Option<Key>,
    /// The last key that it holds.
    until: Option<Key>,
    next: Next,
    /// What was asked last, to ask it again.
    asked: Next,
    is_asked: bool,
    /// It is over, and has to ask again for what it left to the one behind.
    rereads: bool,
    /// The first and the last key so far.
    first: Option<Key>,
    last: Option<Key>,
    circle: Circle,
    /// The first place where the keys of its latest page differ.
    differ: usize,
    /// So many cuts of it in a row had nothing behind them.
    misses: u32,
    keys: usize,
}

impl Parts {
    pub fn new(prefix: &Key) -> Self {
        Self::telling(prefix, TELLS)
    }

    /// With another number of keys that a page has to have.
    pub fn telling(prefix: &Key, tells: usize) -> Self {
        let first = Part::new(0, None, None);
        Self {
            prefix: prefix.as_bytes().len(),
            parts: vec![first],
            letters: Letters::default(),
            sample: None,
            differ: usize::MAX,
            next_id: 1,
            cuts: 0,
            whole_pages: 0,
            page: 1,
            divisible: true,
            tells,
        }
    }

    #[cfg(test)]
    pub fn is_over(&self) -> bool {
        self.parts.iter().all(Part::is_over)
    }

    /// What to ask next: the next page of a part, or the first one of a new part, where there is `room` for one more request.
    pub fn next(&mut self, room: bool) -> Option<Ask> {
        let waiting = self.parts.iter().position(|part| !part.is_asked && !part.is_over());
        let place = waiting.or_else(|| if room { self.divide() } else { None })?;
        Some(self.parts[place].ask())
    }

    /// Takes the answer for a part, and leaves in it what belongs to that part.
    ///
    /// # Errors
    /// A page that came before, or keys that are not in order, of which it cannot be told which are missing.
    pub fn answered(&mut self, id: u64, page: &mut Page) -> Result<(), RequestError> {
        let Some(place) = self.parts.iter().position(|part| part.id == id) else {
            page.objects.clear();
            return Ok(());
        };
        let part = &mut self.parts[place];
        part.is_asked = false;
        if page.next.as_deref().is_some_and(|next| part.circle.closes(next)) {
            return Err(RequestError::malformed("the same page again"));
        }
        if !part.is_in_order(page) {
            self.divisible = false;
            if self.parts.len() > 1 {
                return Err(RequestError::malformed("keys that are not in the order of their bytes"));
            }
        }
        if self.parts[place].was_ignored(page) {
            self.give_back(place);
            page.objects.clear();
            return Ok(());
        }
        if self.divisible && page.objects.len() >= self.tells {
            self.parts[place].differ = self.letters.see(page.objects.iter().map(|object| object.key.as_bytes()));
            self.compare(page);
        }
        self.page = self.page.max(page.objects.len());
        self.whole_pages += u64::from(page.next.is_some() && page.objects.len() >= self.tells);
        self.parts[place].take(page);
        if self.parts[place].is_over() && self.parts[place].last.is_none() && place > 0 {
            // Nothing was behind the cut.
            self.parts[place - 1].misses += 1;
        }
        self.forget();
        Ok(())
    }

    /// Notes where the keys of a page differ from those of others.
    fn compare(&mut self, page: &Page) {
        for key in page.objects.first().into_iter().chain(page.objects.last()).map(|object| &object.key) {
            let sample = self.sample.get_or_insert_with(|| key.clone());
            let place = common(sample.as_bytes(), key.as_bytes());
            if sample != key {
                self.letters.see_at(sample.as_bytes(), place);
                self.letters.see_at(key.as_bytes(), place);
                self.differ = self.differ.min(place);
            }
        }
    }

    /// Lets go of parts that are over, unless the one behind may yet have to be given back to them.
    fn forget(&mut self) {
        let held = |place: usize, part: &Part, behind: Option<&Part>| {
            !part.is_over() || place == 0 || behind.is_some_and(|behind| !behind.is_begun())
        };
        let mut place = self.parts.len();
        while place > 1 {
            place -= 1;
            if !held(place, &self.parts[place], self.parts.get(place + 1)) {
                self.parts.remove(place);
            }
        }
    }

    /// Cuts the part of which most is left, and gives the place of the new one.
    fn divide(&mut self) -> Option<usize> {
        let earned = FREE.0.max(self.whole_pages.saturating_sub(FREE.1) * 3 / 2);
        if !self.divisible || self.whole_pages == 0 || self.cuts >= earned {
            return None;
        }
        let left = |(place, part)| (self.pages_left(part), place);
        let mut order: Vec<(f64, usize)> = self.parts.iter().enumerate().map(left).collect();
        order.retain(|(pages, _)| *pages >= WORTH);
        order.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        let (at, place) = order.into_iter().find_map(|(_, place)| Some((self.cut(place)?, place)))?;
        self.cuts += 1;
        let until = self.parts[place].until.replace(at.clone());
        self.parts.insert(place + 1, Part::new(self.next_id, Some(at), until));
        self.next_id += 1;
        Some(place + 1)
    }

    /// How many pages of a part are still to be listed, as far as can be told: without an end there is no end.
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    fn pages_left(&self, part: &Part) -> f64 {
        if part.is_over() {
            return 0.0;
        }
        // From its first key: between the cut and that there may be nothing.
        let (Some(from), Some(last), Some(until)) = (&part.first, &part.last, &part.until) else { return f64::INFINITY };
        let done = progress(&self.letters, from.as_bytes(), last.as_bytes(), until.as_bytes());
        part.keys as f64 / self.page as f64 * (1.0 - done) / done.max(f64::MIN_POSITIVE)
    }

    fn cut(&self, place: usize) -> Option<Key> {
        let part = &self.parts[place];
        let last = part.last.as_ref().or(part.after.as_ref())?;
        let until = part.until.as_ref().map(Key::as_bytes);
        if part.is_over() || (part.last.is_none() && part.is_asked) {
            return None;
        }
        let (differ, misses) = ([self.differ, part.differ], part.misses);
        let stretch = Stretch { last: last.as_bytes(), until, prefix: self.prefix, differ, misses };
        cut(&self.letters, stretch).map(Key::from_bytes)
    }

    /// A part that the server would not begin where it begins is listed with the one before it.
    fn give_back(&mut self, place: usize) {
        self.divisible = false;
        let part = self.parts.remove(place);
        let before = &mut self.parts[place - 1];
        let was_over = before.is_over();
        before.until = part.until;
        if was_over && !before.is_asked {
            // It had passed its end: that page is read once more for what lies behind.
            (before.next, before.rereads) = (before.asked.clone(), true);
            before.circle = Circle::default();
        }
    }
}

impl Part {
    fn new(id: u64, after: Option<Key>, until: Option<Key>) -> Self {
        Self {
            id,
            after,
            until,
            next: Next::First,
            asked: Next::First,
            is_asked: false,
            rereads: false,
            first: None,
            last: None,
            circle: Circle::default(),
            differ: 0,
            misses: 0,
            keys: 0,
        }
    }

    fn is_over(&self) -> bool {
        matches!(self.next, Next::Over)
    }

    /// The server has begun it where it begins, or it is over.
    fn is_begun(&self) -> bool {
        self.last.is_some() || !matches!(self.next, Next::First)
    }

    fn ask(&mut self) -> Ask {
        self.is_asked = true;
        self.asked = self.next.clone();
        let (after, token) = match &self.next {
            Next::First => (self.after.clone(), None),
            Next::After(token) => (None, Some(token.clone())),
            Next::Over => unreachable!("it is over"),
        };
        Ask { part: self.id, after, token }
    }

    /// The first page holds what the part does not.
    fn was_ignored(&self, page: &Page) -> bool {
        let first = page.objects.first().map(|object| &object.key);
        matches!(self.asked, Next::First) && self.after.is_some() && first.is_some_and(|key| Some(key) <= self.after.as_ref())
    }

    fn is_in_order(&self, page: &Page) -> bool {
        let first = page.objects.first().map(|object| &object.key);
        let goes_back = !self.rereads && first.is_some() && first < self.last.as_ref();
        !goes_back && page.objects.is_sorted_by(|a, b| a.key <= b.key)
    }

    /// Takes what is new in the page and belongs to this part, and notes how it goes on.
    fn take(&mut self, page: &mut Page) {
        if self.rereads || self.after.is_some() || self.until.is_some() {
            let last = self.last.clone();
            page.objects.retain(|object| last.as_ref().is_none_or(|last| object.key > *last));
            self.rereads &= page.objects.is_empty();
        } else if page.objects.first().is_some_and(|first| Some(&first.key) == self.last.as_ref()) {
            // Some servers begin a page with what the one before ended with: it is one object all the same.
            page.objects.remove(0);
        }
        let before = page.objects.len();
        if let Some(until) = &self.until {
            page.objects.retain(|object| object.key <= *until);
        }
        self.first = self.first.take().or_else(|| page.objects.first().map(|object| object.key.clone()));
        self.last = page.objects.last().map(|object| object.key.clone()).or(self.last.take());
        let is_at_end = page.objects.len() < before || (self.until.is_some() && self.last == self.until);
        self.keys += page.objects.len();
        self.next = match page.next.take() {
            Some(token) if !is_at_end => Next::After(token),
            _ => Next::Over,
        };
    }
}

#[cfg(test)]
mod tests;
