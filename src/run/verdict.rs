//! What a run came to, from what its objects came to.

use crate::object::Count;
use crate::report::{Cut, Outcome, Totals};
use crate::s3::Class;
use crate::warm::Ended;

/// The outcome of a warm and, unless it is a plain `complete`, why.
///
/// `complete` means that every planned object that still exists was warmed or is fresh; `min_warm` replaces that rule by a
/// share of what is wanted.
pub(super) fn judge(totals: &Totals, ended: &Ended, wanted: Count, min_warm: Option<f64>) -> (Outcome, Option<String>) {
    let all_seen = totals.ended().objects >= totals.planned.objects;
    match ended {
        // A window that closes is a deadline: the run is not taken up again.
        Ended::Stopped(cut) if *cut != Cut::Window && (!all_seen || totals.unknown.objects > 0) => {
            return (Outcome::Interrupted, Some(format!("{}; {}", cut.as_str(), missing(totals))));
        }
        Ended::Outage(wait) => {
            let wait = humantime::format_duration(*wait);
            let why = format!("the endpoint answered nothing for {wait}; {}", missing(totals));
            return (Outcome::Failed, Some(why));
        }
        Ended::Done | Ended::Stopped(_) | Ended::Deadline => {}
    }
    let warm = totals.warmed.objects + totals.fresh.objects;
    let whole = warm + totals.gone.objects >= totals.planned.objects;
    let ratio = totals.warm_ratio(wanted);
    if min_warm.map_or(whole, |least| ratio.reaches(least)) {
        return (Outcome::Complete, (!whole).then(|| format!("min_warm is reached; {}", missing(totals))));
    }
    let why = match (min_warm, ended) {
        (Some(least), _) if whole => format!(
            "{:.1}% of the wanted objects and {:.1}% of their bytes are warm, min_warm is {}%",
            100.0 * ratio.objects,
            100.0 * ratio.bytes,
            100.0 * least
        ),
        (_, Ended::Stopped(Cut::Window)) if !all_seen || totals.unknown.objects > 0 => {
            format!("{}; {}", Cut::Window.as_str(), missing(totals))
        }
        (_, Ended::Deadline) => format!("the run's deadline came first; {}", missing(totals)),
        _ => missing(totals),
    };
    (if warm > 0 { Outcome::Partial } else { nothing_done(totals) }, Some(why))
}

/// Refused when the endpoint said no to everything, failed when it could not or did not answer.
fn nothing_done(totals: &Totals) -> Outcome {
    let no = [Class::Denied.name(), Class::Rejected.name()];
    let refused = totals.unknown.objects == 0 && totals.errors.keys().all(|class| no.contains(class));
    if refused && totals.failed.objects > 0 { Outcome::Refused } else { Outcome::Failed }
}

/// What of the plan is not warm, in words.
fn missing(totals: &Totals) -> String {
    let unsent = totals.planned.objects.saturating_sub(totals.ended().objects);
    let parts = [(totals.failed.objects, "failed"), (totals.unknown.objects, "unknown"), (unsent, "not tried")];
    let parts: Vec<_> = parts.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} {word}")).collect();
    if parts.is_empty() {
        return "nothing is missing".to_owned();
    }
    let classes: Vec<_> = totals.errors.keys().filter(|class| **class != "changed").copied().collect();
    let why = if classes.is_empty() { String::new() } else { format!(" ({})", classes.join(", ")) };
    format!("{} of {} objects{why}", parts.join(", "), totals.planned.objects)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::report::Errors;

    fn count(objects: u64) -> Count {
        Count { objects, bytes: objects * 100 }
    }

    fn totals(warmed: u64, gone: u64, failed: u64, unknown: u64) -> Totals {
        let (warmed, gone, failed, unknown) = (count(warmed), count(gone), count(failed), count(unknown));
        Totals { planned: count(10), warmed, gone, failed, unknown, ..Totals::default() }
    }

    fn with(mut totals: Totals, class: &'static str) -> Totals {
        totals.errors.insert(class, Errors { count: 1, sample: vec![] });
        totals
    }

    #[test]
    fn a_run_is_complete_only_when_all_that_still_exists_is_warm() {
        let outage = Ended::Outage(Duration::from_secs(300));
        for (name, totals, ended, min_warm, outcome) in [
            ("all warmed", totals(10, 0, 0, 0), Ended::Done, None, Outcome::Complete),
            ("what is gone is not missing", totals(8, 2, 0, 0), Ended::Done, None, Outcome::Complete),
            ("one failed", totals(9, 0, 1, 0), Ended::Done, None, Outcome::Partial),
            ("one unknown", totals(9, 0, 0, 1), Ended::Done, None, Outcome::Partial),
            ("a tenth may be missing", totals(9, 0, 1, 0), Ended::Done, Some(0.9), Outcome::Complete),
            ("and no more", totals(8, 0, 2, 0), Ended::Done, Some(0.9), Outcome::Partial),
            ("nothing, by throttling", with(totals(0, 0, 10, 0), "throttled"), Ended::Done, None, Outcome::Failed),
            ("nothing, by denial", with(totals(0, 0, 10, 0), "denied"), Ended::Done, None, Outcome::Refused),
            ("nothing, by silence", with(totals(0, 0, 0, 10), "timed_out"), Ended::Done, None, Outcome::Failed),
            ("an outage", totals(5, 0, 0, 0), outage, None, Outcome::Failed),
            ("out of time", totals(5, 0, 0, 0), Ended::Deadline, None, Outcome::Partial),
            ("stopped", totals(5, 0, 0, 0), Ended::Stopped(Cut::Told), None, Outcome::Interrupted),
            ("stopped when all was done", totals(10, 0, 0, 0), Ended::Stopped(Cut::Paused), None, Outcome::Complete),
            ("stopped before anything", totals(0, 0, 0, 0), Ended::Stopped(Cut::Changed), None, Outcome::Interrupted),
            ("the window closed", totals(5, 0, 0, 0), Ended::Stopped(Cut::Window), None, Outcome::Partial),
            ("on enough", totals(9, 0, 0, 1), Ended::Stopped(Cut::Window), Some(0.9), Outcome::Complete),
            ("on nothing", totals(0, 0, 0, 0), Ended::Stopped(Cut::Window), None, Outcome::Failed),
        ] {
            assert_eq!(judge(&totals, &ended, totals.planned, min_warm).0, outcome, "{name}");
        }
    }

    #[test]
    fn min_warm_asks_about_what_did_not_fit_too() {
        let (outcome, why) = judge(&totals(10, 0, 0, 0), &Ended::Done, count(20), Some(0.9));
        assert_eq!(outcome, Outcome::Partial);
        assert_eq!(why.unwrap(), "50.0% of the wanted objects and 50.0% of their bytes are warm, min_warm is 90%");
    }

    #[test]
    fn what_is_missing_is_said_in_numbers_and_classes() {
        let (_, why) = judge(&with(totals(5, 0, 2, 1), "throttled"), &Ended::Deadline, count(10), None);
        assert_eq!(
            why.unwrap(),
            "the run's deadline came first; 2 failed, 1 unknown, 2 not tried of 10 objects (throttled)"
        );
    }
    #[test]
    fn a_run_that_was_stopped_says_by_whom() {
        for (cut, reason) in [
            (Cut::Told, "told to stop; 2 failed, 3 not tried of 10 objects (throttled)"),
            (Cut::Shutdown, "the daemon was stopped; 2 failed, 3 not tried of 10 objects (throttled)"),
            (Cut::Window, "its window closed; 2 failed, 3 not tried of 10 objects (throttled)"),
        ] {
            let (_, why) = judge(&with(totals(5, 0, 2, 0), "throttled"), &Ended::Stopped(cut), count(10), None);
            assert_eq!(why.unwrap(), reason);
        }
    }
}
