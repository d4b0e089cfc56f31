//! Where to cut a stretch of keys in two, by what the keys seen so far look like. Any cut is right: of a good one about as
//! many keys lie before it as behind.

/// As many places of a key count: more tell nothing that a cut could use.
const PLACES: usize = 8;

/// The bytes at the places where keys differ.
#[derive(Clone, Debug)]
pub(super) struct Letters([bool; 256]);

impl Default for Letters {
    fn default() -> Self {
        Self([false; 256])
    }
}

impl Letters {
    /// Takes note of a page's keys, which are in order. Gives the first place where they differ.
    pub fn see<'a>(&mut self, keys: impl ExactSizeIterator<Item = &'a [u8]> + Clone) -> usize {
        let (Some(first), Some(last)) = (keys.clone().next(), keys.clone().last()) else { return 0 };
        let differ = common(first, last);
        for key in keys.step_by(7) {
            for byte in key.iter().skip(differ).take(2) {
                self.0[usize::from(*byte)] = true;
            }
        }
        differ
    }

    /// Takes note of the byte at a place where keys of different pages differ.
    pub fn see_at(&mut self, key: &[u8], place: usize) {
        if let Some(byte) = key.get(place) {
            self.0[usize::from(*byte)] = true;
        }
    }

    fn with(&self, more: &[&[u8]]) -> Scale {
        let mut seen = self.0;
        for byte in more.iter().flat_map(|bytes| bytes.iter().take(2)) {
            seen[usize::from(*byte)] = true;
        }
        Scale((0..=u8::MAX).filter(|byte| seen[usize::from(*byte)]).collect())
    }

    fn has(&self, byte: u8) -> bool {
        self.0[usize::from(byte)]
    }
}

/// The letters in order: the digits that keys are written with.
struct Scale(Vec<u8>);

#[expect(clippy::cast_precision_loss, reason = "there are 256 letters at most")]
impl Scale {
    fn base(&self) -> f64 {
        self.0.len().max(1) as f64
    }

    /// A key as a number from 0 to 1.
    fn value(&self, key: &[u8]) -> f64 {
        let digit = |byte: &u8| self.0.partition_point(|letter| letter < byte) as f64;
        key.iter().take(PLACES).rfold(0.0, |value, byte| (digit(byte) + value).min(self.base()) / self.base())
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a digit is below 256")]
    fn digits(&self, mut value: f64) -> impl Iterator<Item = u8> {
        (0..PLACES).map_while(move |_| {
            value *= self.base();
            let digit = value.floor();
            value -= digit;
            self.0.get(digit as usize).copied()
        })
    }

    /// The shortest key beyond `low` and before `high` near the middle of both, and no longer than these: behind more letters
    /// there would be no more than a few keys.
    fn between(&self, before: &[u8], low: &[u8], high: Option<&[u8]>) -> Option<Vec<u8>> {
        let middle = f64::midpoint(self.value(low), high.map_or(1.0, |high| self.value(high)));
        let mut cut = before.to_vec();
        let longest = low.len().max(high.map_or(1, <[u8]>::len));
        for letter in self.digits(middle).take(longest) {
            cut.push(letter);
            let behind = &cut[before.len()..];
            if behind > low && high.is_none_or(|high| behind < high) {
                return Some(cut);
            }
        }
        None
    }
}

/// What is cut.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stretch<'a> {
    /// The last key so far.
    pub last: &'a [u8],
    /// Its end, included; without it it ends with the keys that begin as the first `prefix` bytes of `last` do.
    pub until: Option<&'a [u8]>,
    pub prefix: usize,
    /// The first places where keys differ: all that were seen, and the latest of this stretch.
    pub differ: [usize; 2],
    /// So many cuts in a row had nothing behind them.
    pub misses: u32,
}

/// A key beyond `last`, up to which and from which on a stretch may be listed apart, or none where there is nothing to cut.
pub(super) fn cut(letters: &Letters, stretch: Stretch<'_>) -> Option<Vec<u8>> {
    let Stretch { last, until, prefix, differ: [outer, inner], misses } = stretch;
    let counted = |place| {
        let (before, low) = last.split_at(beginning(letters, last, prefix, place));
        letters.with(&[low]).between(before, low, None).filter(|cut| until.is_none_or(|until| cut.as_slice() < until))
    };
    let middle = || {
        let (before, low) = last.split_at(common(last, until?));
        let high = until?.strip_prefix(before)?;
        letters.with(&[low, high]).between(before, low, Some(high))
    };
    let next_name = || until.is_none().then(|| beyond(&last[..beginning(letters, last, prefix, inner)], prefix)).flatten();
    let found = counted(outer);
    // Names such as `train/` are no numbers, and their middle is nowhere: then what counts within them is cut.
    let found = if misses % 2 == 0 { found.or_else(middle) } else { found };
    found.or_else(|| counted(inner)).or_else(middle).or_else(next_name)
}

/// Where that begins to count which differs at `place`: `shard-000999` in front of its zeros.
fn beginning(letters: &Letters, last: &[u8], prefix: usize, place: usize) -> usize {
    let mut start = place.clamp(prefix.min(last.len()), last.len());
    while start > prefix && letters.has(last[start - 1]) {
        start -= 1;
    }
    start
}

/// What comes after all that begins as `before` does.
fn beyond(before: &[u8], prefix: usize) -> Option<Vec<u8>> {
    let place = (prefix..before.len()).rev().find(|place| before[*place] < u8::MAX)?;
    let mut cut = before[..=place].to_vec();
    cut[place] += 1;
    Some(cut)
}

/// How far `at` is from `from` to `until`, from 0 to 1.
pub(super) fn progress(letters: &Letters, from: &[u8], at: &[u8], until: &[u8]) -> f64 {
    let shared = common(from, until);
    let rest = |key: &[u8]| key.get(shared..).unwrap_or_default().to_vec();
    let (from, at, until) = (rest(from), rest(at), rest(until));
    let scale = letters.with(&[&from, &at, &until]);
    let (from, at, until) = (scale.value(&from), scale.value(&at), scale.value(&until));
    if until > from { ((at - from) / (until - from)).clamp(0.0, 1.0) } else { 1.0 }
}

/// How many bytes both begin with.
pub(super) fn common(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letters(keys: &[&str]) -> (Letters, usize) {
        let mut letters = Letters::default();
        let differ = letters.see(keys.iter().map(|key| key.as_bytes()));
        (letters, differ)
    }

    fn cut_of(keys: &[&str], until: Option<&str>, prefix: &str) -> Option<String> {
        let (letters, differ) = letters(keys);
        let last = keys.last().unwrap().as_bytes();
        let differ = [differ; 2];
        let stretch = Stretch { last, until: until.map(str::as_bytes), prefix: prefix.len(), differ, misses: 0 };
        let cut = cut(&letters, stretch)?;
        Some(String::from_utf8_lossy(&cut).into_owned())
    }

    /// All that a counter of three digits shows, seven apart.
    fn counted(before: &str) -> Vec<String> {
        (0..1000).map(|n| format!("{before}{n:03}")).collect()
    }

    #[test]
    fn what_counts_up_is_cut_where_it_begins_to_count() {
        let keys = counted("d/shard-000");
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        assert_eq!(cut_of(&keys, None, "d/").as_deref(), Some("d/shard-5"));
        assert_eq!(cut_of(&keys, Some("d/shard-5"), "d/").as_deref(), Some("d/shard-2"));
    }

    #[test]
    fn behind_all_that_counts_the_next_name_is_looked_for() {
        let keys = counted("a/999");
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        assert_eq!(cut_of(&keys, None, "").as_deref(), Some("a0"), "the first key that does not begin with a/");
        assert_eq!(cut_of(&keys, None, "a/"), None, "all that is asked for begins so");
    }

    proptest::proptest! {
        /// Whatever the keys are, a cut lies between both ends, and is below the prefix.
        #[test]
        fn a_cut_is_a_cut(
            mut keys in proptest::collection::btree_set("(a/){0,40}[a-c\u{0}\u{7f}\u{80}é0-9]{0,6}", 1..40),
            until in "[a-c/é0-9]{0,8}",
            prefix in 0_usize..6,
            (bounded, outer, misses) in (proptest::bool::ANY, 0_usize..8, 0_u32..2),
        ) {
            let keys: Vec<String> = std::mem::take(&mut keys).into_iter().collect();
            let mut letters = Letters::default();
            let differ = letters.see(keys.iter().map(String::as_bytes));
            let last = keys.last().unwrap().as_bytes();
            let until = Some(until.as_bytes()).filter(|until| bounded && *until > last);
            let stretch = Stretch { last, until, prefix: prefix.min(last.len()), differ: [differ.min(outer), differ], misses };
            if let Some(cut) = cut(&letters, stretch) {
                proptest::prop_assert!(cut.as_slice() > last);
                proptest::prop_assert!(until.is_none_or(|until| cut.as_slice() < until));
                proptest::prop_assert!(until.is_some() || cut.starts_with(&last[..prefix.min(last.len())]));
            }
        }

        #[test]
        fn progress_goes_from_nothing_to_all(mut keys in proptest::array::uniform3("[a-z0-9/é]{0,12}")) {
            keys.sort();
            let [from, at, until] = &keys;
            let letters = letters(&[from, until]).0;
            let done = progress(&letters, from.as_bytes(), at.as_bytes(), until.as_bytes());
            proptest::prop_assert!((0.0..=1.0).contains(&done));
        }
    }
}
