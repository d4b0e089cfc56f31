//! Exit codes, derived from outcomes.

use crate::report::Outcome;

/// A fault of hotset itself.
pub const FAULT: u8 = 1;
/// Usage or configuration.
pub const USAGE: u8 = 2;

/// The code for one profile's outcome. `interrupted` takes 130 here; a caller that was sent SIGTERM answers 143.
pub fn of_outcome(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Complete => 0,
        Outcome::Partial => 3,
        Outcome::Refused | Outcome::Skipped => 4,
        Outcome::Failed => 5,
        Outcome::Interrupted | Outcome::Running => 130,
    }
}

/// The code for several: each with its outcome and whether anything came of it.
pub fn of_several(ends: &[(Outcome, bool)]) -> u8 {
    if let [(outcome, _)] = ends {
        return of_outcome(*outcome);
    }
    let codes: Vec<u8> = ends.iter().map(|(outcome, _)| of_outcome(*outcome)).collect();
    match codes {
        codes if codes.iter().all(|code| *code == 0) => 0,
        codes if codes.contains(&130) => 130,
        _ if ends.iter().any(|(_, did_something)| *did_something) => 3,
        codes if codes.contains(&5) => 5,
        _ => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_profiles_end_as_the_table_says() {
        use Outcome::{Complete, Failed, Interrupted, Partial, Refused};
        for (ends, code, why) in [
            (&[(Complete, true)][..], 0, "one complete"),
            (&[(Partial, true)], 3, "one partial"),
            (&[(Refused, false)], 4, "one refused"),
            (&[(Failed, true)], 5, "one failed, whatever it warmed before"),
            (&[(Complete, true), (Complete, true)], 0, "all complete"),
            (&[(Complete, true), (Refused, false)], 3, "some did, not all are complete"),
            (&[(Failed, true), (Refused, false)], 3, "a failed one had warmed something"),
            (&[(Refused, false), (Failed, false)], 5, "none did anything, one is worth another try"),
            (&[(Refused, false), (Refused, false)], 4, "none did anything"),
            (&[(Complete, true), (Interrupted, true)], 130, "any interrupted"),
        ] {
            assert_eq!(of_several(ends), code, "{why}");
        }
    }
}
