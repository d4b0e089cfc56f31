//! What the keys are called. All have 60 bytes and are below one folder.

/// 39 to 51 bytes, so that names come to 60.
const COUNTED: &str = "datasets/imagenet-webdataset-shuffled-train-set-";
const HASHED: &str = "datasets/content-addressed-training-samples/";
const DATED: &str = "datasets/events-of-all-training-clusters";
/// Days in a year of names.
const DAYS: u64 = 336;

/// Names by number, in the order of their bytes.
pub enum Names {
    /// `…-00000000.tar`, one number after the other.
    Counted,
    /// Sixteen hexadecimal digits of these.
    Hashed(Vec<u64>),
    /// `…/2026/MM/DD/…`, so many a day.
    Dated(u64),
}

impl Names {
    pub fn of(shape: &str, keys: u64) -> Option<Self> {
        match shape {
            "counted" => Some(Self::Counted),
            "hashed" => {
                // The finalizer of splitmix64: no two numbers come to the same.
                let mixed = |n: u64| {
                    let mut hash = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
                    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
                    hash ^ (hash >> 31)
                };
                let mut hashes: Vec<u64> = (0..keys).map(mixed).collect();
                hashes.sort_unstable();
                Some(Self::Hashed(hashes))
            }
            "dated" => Some(Self::Dated(keys.div_ceil(DAYS).max(1))),
            _ => None,
        }
    }

    /// 60 bytes.
    pub fn key(&self, index: u64) -> String {
        match self {
            Self::Counted => format!("{COUNTED}{index:08}.tar"),
            Self::Hashed(hashes) => {
                let hash = usize::try_from(index).ok().and_then(|index| hashes.get(index)).copied().unwrap_or(u64::MAX);
                format!("{HASHED}{hash:016x}")
            }
            Self::Dated(a_day) => {
                let (day, n) = (index / a_day, index % a_day);
                format!("{DATED}/2026/{:02}/{:02}/{n:08}", day / 28 + 1, day % 28 + 1)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_in_order_and_of_one_length() {
        for shape in ["counted", "hashed", "dated"] {
            let names = Names::of(shape, 5_000).unwrap();
            let keys: Vec<String> = (0..5_000).map(|n| names.key(n)).collect();
            assert!(keys.is_sorted_by(|a, b| a < b), "{shape}");
            assert!(keys.iter().all(|key| key.len() == 60 && key.starts_with("datasets/")), "{shape}: {}", keys[0]);
        }
        assert!(Names::of("other", 1).is_none());
    }
}
