//! How warm: one ratio of a run, and one way to write a share.

use serde::{Deserialize, Serialize};

use crate::object::Count;

/// A share of objects and of bytes, from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ratio {
    pub objects: f64,
    pub bytes: f64,
}

impl Ratio {
    pub const NONE: Self = Self { objects: 0.0, bytes: 0.0 };

    /// Of `part` in `whole`; 1 where the whole is nothing.
    pub fn of(part: Count, whole: Count) -> Self {
        Self { objects: share(part.objects, whole.objects), bytes: share(part.bytes, whole.bytes) }
    }

    /// The warm ratio, wherever one number is shown or compared: many small objects and a few large ones are each a part of
    /// what a job waits for.
    pub fn lower(self) -> f64 {
        self.objects.min(self.bytes)
    }

    /// Whether both reach `least`.
    pub fn reaches(self, least: f64) -> bool {
        self.lower() >= least
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share is read to a few digits")]
fn share(part: u64, whole: u64) -> f64 {
    if part >= whole { 1.0 } else { part as f64 / whole as f64 }
}

/// `12.3%` of a share between 0 and 1, rounded down; a little is not nothing, and almost all is not all.
pub fn percent(share: f64) -> String {
    // Less than this is an error of the arithmetic.
    let tenths = (1000.0 * share + 1e-6).floor();
    match share {
        little if little > 0.0 && tenths < 1.0 => "under 0.1%".to_owned(),
        most if most < 1.0 && tenths >= 999.0 => "over 99.9%".to_owned(),
        _ => format!("{:.1}%", tenths / 10.0).replace(".0%", "%"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_little_is_not_nothing_and_almost_all_is_not_all() {
        for (share, text) in [
            (0.0, "0%"),
            (0.000_1, "under 0.1%"),
            (0.001, "0.1%"),
            (0.255, "25.5%"),
            (0.29, "29%"),
            (0.5, "50%"),
            (0.989_99, "98.9%"),
            (0.992, "99.2%"),
            (0.999_5, "over 99.9%"),
            (1.0 - 1e-10, "over 99.9%"),
            (1.0, "100%"),
            (1.5, "150%"),
        ] {
            assert_eq!(percent(share), text);
        }
    }

    #[test]
    fn the_lower_of_objects_and_bytes_is_the_warm_ratio() {
        for (objects, bytes, lower) in [(0.99, 0.009, 0.009), (0.002, 0.99, 0.002), (1.0, 1.0, 1.0)] {
            let ratio = Ratio { objects, bytes };
            assert!(ratio.lower() <= lower && ratio.reaches(lower) && !ratio.reaches(lower + 1e-9));
        }
    }
}
