//! Estimates what a selection asks of the cache, and its cost at most. Sums over what the plan shows; nothing here decides.

use std::fmt;

use bytesize::ByteSize;

use super::{LeftOut, Selection};
use crate::object::store::View;
use crate::object::{Bucket, Count, Key};

const GIB: f64 = 1_073_741_824.0;
/// Days of a month, as prices count them.
const MONTH: f64 = 30.0;
/// Days that an access keeps an object Hot; then it is Warm until the month is over.
const HOT_DAYS: f64 = 7.0;

/// Mean object size below which a selection is warned of: caches were documented not to hold smaller objects.
pub const SMALL: u64 = 4_000_000;
/// From this size on, an object in one part is warned of: each part is cached by one node, which then serves it alone.
pub const LARGE: u64 = 1 << 30;

/// Storage, in dollars per GiB-month, by how recently an object was accessed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prices {
    /// Accessed within 7 days.
    pub hot: f64,
    /// Accessed 7 to 30 days ago.
    pub warm: f64,
    pub cold: f64,
}

/// What warming adds to the storage bill if everything was Cold before: an upper bound, as listings do not show tiers.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Cost {
    /// Of one access: 7 days Hot and 23 days Warm instead of Cold,
    /// GiB × ((hot − cold) × 7/30 + (warm − cold) × 23/30).
    pub usd_once_max: f64,
    /// Of a month of accesses at least every 7 days: GiB × (hot − cold).
    pub usd_month_max: f64,
}

impl Cost {
    pub fn of(bytes: u64, prices: &Prices) -> Self {
        let gib = gib(bytes);
        let hot = (prices.hot - prices.cold).max(0.0);
        let warm = (prices.warm - prices.cold).max(0.0);
        let once = (hot * HOT_DAYS + warm * (MONTH - HOT_DAYS)) / MONTH;
        Self { usd_once_max: gib * once, usd_month_max: gib * hot }
    }
}

/// The part of a cache of `capacity` bytes that `bytes` take; over 1 when they do not fit, `None` for a cache of nothing.
pub fn share(bytes: u64, capacity: u64) -> Option<f64> {
    (capacity > 0).then(|| gib(bytes) / gib(capacity))
}

#[expect(clippy::cast_precision_loss, reason = "an estimate: 53 bits are exact up to 8 PiB")]
fn gib(bytes: u64) -> f64 {
    bytes as f64 / GIB
}

/// What a user should know before warming a selection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Warning {
    /// The mean size is under [`SMALL`].
    SmallObjects { mean: u64, small: u64, objects: u64 },
    /// Objects from [`LARGE`] on that were written as one part, by their entity tag.
    SinglePart { count: Count, sample: Vec<(Bucket, Key)> },
    /// More than the cache holds: the last objects warmed evict the first.
    OverCapacity { bytes: u64, capacity: u64 },
    /// It bounds nothing, as it names no checkpoint.
    BadPointer { bucket: Bucket, key: Key, holds: String },
    /// They may be the checkpoints of one run.
    LoneRuns { runs: usize, example: Key },
    /// What the manifest does not say, or says twice.
    Manifest(String),
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SmallObjects { mean, small, objects } => write!(
                f,
                "the selected objects have {} on average, and {small} of {objects} are under 4 MB: the cache may not hold \
                 objects that small (min_size = \"4 MB\" leaves them out)",
                ByteSize(*mean).display().si(),
            ),
            Self::SinglePart { count, sample } => {
                let names: Vec<_> = sample.iter().map(|(bucket, key)| format!("s3://{bucket}/{key}")).collect();
                let more = if count.objects > sample.len() as u64 { ", …" } else { "" };
                write!(
                    f,
                    "{} of 1 GiB or more, {} in all, written as one part: a single node of the cache serves each, where \
                     multipart uploads are spread over several: {}{more}",
                    if count.objects == 1 { "1 object".to_owned() } else { format!("{} objects", count.objects) },
                    ByteSize(count.bytes).display().iec(),
                    names.join(", "),
                )
            }
            Self::OverCapacity { bytes, capacity } => write!(
                f,
                "{} are selected and the cache holds {}: what is warmed last evicts what was warmed first",
                ByteSize(*bytes).display().iec(),
                ByteSize(*capacity).display().iec(),
            ),
            Self::Manifest(note) => f.write_str(note),
            Self::LoneRuns { runs, example } => write!(
                f,
                "{runs} runs hold a single step each and differ by numbers alone, as `{example}`: each is kept. If they are \
                 checkpoints of one run, type a `group` whose `run` ends before the number",
            ),
            Self::BadPointer { bucket, key, holds } => {
                write!(f, "the pointer s3://{bucket}/{key} names no checkpoint of this layout: it holds `{holds}`")
            }
        }
    }
}

/// What warnings of objects are made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Weighed {
    pub count: Count,
    /// Objects under [`SMALL`].
    small: u64,
    /// Objects from [`LARGE`] on in one part.
    single: LeftOut,
}

impl Weighed {
    pub fn add(&mut self, object: View<'_>) {
        self.count.add(object.size());
        self.small += u64::from(object.size() < SMALL);
        if object.size() >= LARGE && in_one_part(object) {
            self.single.add(object.to_object().row());
        }
    }

    fn warnings(self, capacity: Option<u64>) -> impl Iterator<Item = Warning> {
        let Self { count: kept, small, single } = self;
        let over = capacity.filter(|&capacity| kept.bytes > capacity);
        let over = over.map(|capacity| Warning::OverCapacity { bytes: kept.bytes, capacity });
        let mean = kept.bytes.checked_div(kept.objects).filter(|mean| *mean < SMALL);
        let small = mean.map(|mean| Warning::SmallObjects { mean, small, objects: kept.objects });
        let single =
            (single.count.objects > 0).then_some(Warning::SinglePart { count: single.count, sample: single.sample });
        [over, small, single].into_iter().flatten()
    }
}

/// Of a selection, for a cache of `capacity` bytes where that is known.
pub fn warnings_of(selection: &Selection, capacity: Option<u64>) -> Vec<Warning> {
    let pointers = selection.bad_pointers.iter().cloned();
    let pointers = pointers.map(|(bucket, key, holds)| Warning::BadPointer { bucket, key, holds });
    let mut weighed = selection.handed_over.clone();
    selection.selected.scan(|object| weighed.add(object));
    let lone = selection.lone_runs.iter().cloned().map(|(runs, example)| Warning::LoneRuns { runs, example });
    pointers.chain(lone).chain(weighed.warnings(capacity)).collect()
}

/// An object without an entity tag may have any number of parts.
fn in_one_part(object: View<'_>) -> bool {
    object.etag().is_some_and(|etag| etag.parts().is_none_or(|parts| parts <= 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::{ETag, Object, ObjectIndex};
    use crate::select::tests::object;

    const TIB: u64 = 1 << 40;
    const PRICES: Prices = Prices { hot: 0.06, warm: 0.03, cold: 0.015 };

    fn warnings(objects: &[Object], capacity: Option<u64>) -> Vec<Warning> {
        let mut handed_over = Weighed::default();
        let (before, after) = objects.split_at(objects.len() / 2);
        ObjectIndex::from(before.to_vec()).scan(|object| handed_over.add(object));
        let selection = Selection { selected: after.to_vec().into(), handed_over, ..Selection::default() };
        warnings_of(&selection, capacity)
    }

    fn tagged(key: &str, size: u64, etag: &str) -> Object {
        Object { etag: Some(ETag::new(etag)), ..object(key, size, 0) }
    }

    #[test]
    fn a_tebibyte_costs_what_the_vendor_s_prices_make_of_it() {
        let cost = Cost::of(TIB, &PRICES);
        assert_eq!(format!("{:.2} {:.2}", cost.usd_once_max, cost.usd_month_max), "22.53 46.08");
        let cost = Cost::of(TIB, &Prices { hot: 0.01, warm: 0.01, cold: 0.02 });
        assert_eq!((cost.usd_once_max, cost.usd_month_max), (0.0, 0.0), "what saves money costs nothing at most");
    }

    #[test]
    fn a_share_tells_how_much_of_the_cache_is_asked_for() {
        assert_eq!(share(TIB, 4 * TIB), Some(0.25));
        assert_eq!(share(2 * TIB, TIB), Some(2.0));
        assert_eq!(share(1, 0), None);
    }

    #[test]
    fn a_sound_selection_is_not_warned_of() {
        let sound = [
            tagged("multipart", 5 * LARGE, "abc-40"),
            tagged("just under", LARGE - 1, "abc"),
            object("no etag", 2 * LARGE, 0),
            object("one small among large", 1, 0),
        ];
        let bytes = sound.iter().map(|object| object.size).sum();
        assert_eq!(warnings(&sound, Some(bytes)), [], "as much as fits");
        assert_eq!(warnings(&[], Some(0)), []);
        assert_eq!(warnings(&[object("x", SMALL, 0)], None), []);
    }

    #[test]
    fn warnings_say_what_to_do() {
        let small = [object("a", 1_200_000, 0), object("b", 5_000_000, 0)];
        let large = [tagged("x\u{1b}", 3 * LARGE, "abc"), tagged("b", LARGE, "abc-1")];
        let one = [tagged("only", LARGE, "abc")];
        let all = [warnings(&small, Some(1 << 20)), warnings(&large, None), warnings(&one, None)].concat();
        insta::assert_snapshot!(all.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"));
    }
}
