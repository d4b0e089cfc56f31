//! Numbers and times as a person reads them.

use std::time::Duration;

pub(super) use crate::report::{count, iec, percent};

/// `once`, `12 times`.
pub(super) fn times(n: u64) -> String {
    if n == 1 { "once".to_owned() } else { format!("{} times", count(n)) }
}

/// `3d 4h`, `2h 5m`, `42s`: the two largest units.
pub(super) fn length(length: Duration) -> String {
    let seconds = length.as_secs();
    let units = [(seconds / 86_400, "d"), (seconds / 3_600 % 24, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s")];
    let Some(first) = units.iter().position(|(n, _)| *n > 0) else { return "0s".to_owned() };
    let shown = units.iter().skip(first).take(2).filter(|(n, _)| *n > 0);
    shown.map(|(n, unit)| format!("{n}{unit}")).collect::<Vec<_>>().join(" ")
}

/// The same of seconds.
pub(super) fn seconds(seconds: f64) -> String {
    length(Duration::try_from_secs_f64(seconds).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_of_time_has_two_units_at_most() {
        for (seconds, text) in
            [(0, "0s"), (42, "42s"), (60, "1m"), (7_530, "2h 5m"), (86_400, "1d"), (86_460, "1d"), (273_600, "3d 4h")]
        {
            assert_eq!(length(Duration::from_secs(seconds)), text);
        }
    }
}
