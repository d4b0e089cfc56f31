//! Outcomes of runs, their reasons and the classes of these.

use super::*;
use crate::report::Sample;
use model::api::ObjectName;
use model::object::{Bucket, Key};
use model::select::plan::Why;

fn count(objects: u64) -> Count {
    Count { objects, bytes: objects * 100 }
}

fn totals(warmed: u64, gone: u64, failed: u64, unknown: u64) -> Totals {
    let (warmed, gone, failed, unknown) = (count(warmed), count(gone), count(failed), count(unknown));
    Totals { planned: count(10), warmed, gone, failed, unknown, ..Totals::default() }
}

fn standard(wanted: Count, min_warm: Option<f64>) -> Standard<'static> {
    Standard { wanted, min_warm, over_cap: &[], lost: Lost::Nothing }
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
        ("stopped", totals(5, 0, 0, 0), Ended::Stopped(StopReason::Told), None, Outcome::Interrupted),
        ("stopped when all was done", totals(10, 0, 0, 0), Ended::Stopped(StopReason::Paused), None, Outcome::Complete),
        (
            "stopped before anything",
            totals(0, 0, 0, 0),
            Ended::Stopped(StopReason::Changed),
            None,
            Outcome::Interrupted,
        ),
        ("the window closed", totals(5, 0, 0, 0), Ended::Stopped(StopReason::Window), None, Outcome::Partial),
        ("on enough", totals(9, 0, 0, 1), Ended::Stopped(StopReason::Window), Some(0.9), Outcome::Complete),
        ("on nothing", totals(0, 0, 0, 0), Ended::Stopped(StopReason::Window), None, Outcome::Failed),
    ] {
        assert_eq!(told(&totals, &ended, &standard(totals.planned, min_warm)).0, outcome, "{name}");
    }
}

#[test]
fn a_run_of_which_everything_is_gone_asks_whether_there_are_two_stores() {
    let text = "all that was just listed, 10 objects, is 404 at both addresses: cache_url and list_url may not be of one \
                store";
    for min_warm in [None, Some(0.9)] {
        let (outcome, why) = told(&totals(0, 10, 0, 0), &Ended::Done, &standard(count(10), min_warm));
        assert_eq!((outcome, why.as_deref()), (Outcome::Partial, Some(text)));
    }
    let again = Standard { lost: Lost::Again(10), ..standard(count(10), None) };
    let (outcome, why) = told(&totals(0, 10, 0, 0), &Ended::Done, &again);
    assert_eq!(outcome, Outcome::Failed);
    assert_eq!(why.unwrap(), format!("a checkpoint was selected anew, and has lost 10 objects as well; {text}"));
    let fresh = Totals { fresh: count(1), ..totals(0, 9, 0, 0) };
    assert_eq!(told(&fresh, &Ended::Done, &standard(count(10), None)), (Outcome::Complete, None));
    let nothing = Totals::default();
    assert_eq!(told(&nothing, &Ended::Done, &standard(count(0), None)), (Outcome::Complete, None));
}

#[test]
fn nearly_all_of_much_being_gone_tells_as_much_as_all() {
    for (planned, gone, is_partial) in
        [(20, 19, true), (20, 18, true), (20, 17, false), (19, 18, false), (5_000, 4_500, true), (5_000, 4_499, false)]
    {
        let totals = Totals { planned: count(planned), ..totals(planned - gone, gone, 0, 0) };
        for min_warm in [None, Some(0.99)] {
            let (outcome, why) = told(&totals, &Ended::Done, &standard(count(planned), min_warm));
            let text = format!(
                "{gone} of {planned} objects that were just listed are 404 at both addresses: cache_url and list_url may \
                 not be of one store"
            );
            let expected = if is_partial { (Outcome::Partial, Some(text)) } else { (Outcome::Complete, None) };
            assert_eq!((outcome, why), expected, "{gone} of {planned}");
        }
    }
}

#[test]
fn what_answered_in_the_place_of_the_cache_is_named() {
    let mut totals = totals(0, 0, 10, 0);
    let message = "200 text/html from nginx: 5620 bytes, and 100 were listed".to_owned();
    let sample = Sample { object: ObjectName::new(&Bucket::new("b"), &Key::from("k")), message };
    totals.errors.insert("malformed", Errors { count: 10, sample: vec![sample] });
    let (outcome, why) = told(&totals, &Ended::Done, &standard(count(10), None));
    let named = "200 text/html from nginx: 5620 bytes, and 100 were listed";
    assert_eq!((outcome, why.unwrap()), (Outcome::Failed, format!("10 failed of 10 objects (malformed: {named})")));
    totals.planned = count(20);
    let ended = Ended::Malformed(Duration::from_secs(300), named.into());
    let (outcome, why) = told(&totals, &ended, &standard(count(20), None));
    assert_eq!(outcome, Outcome::Failed);
    let text =
        format!("the endpoint gave no answer of this cache (last {named}) for 5m; 10 failed, 10 not tried of 20");
    assert_eq!(why.unwrap(), format!("{text} objects (malformed: {named})"));
}

#[test]
fn min_warm_asks_about_what_did_not_fit_too() {
    let (outcome, why) = told(&totals(10, 0, 0, 0), &Ended::Done, &standard(count(20), Some(0.9)));
    assert_eq!(outcome, Outcome::Partial);
    assert_eq!(why.unwrap(), "50% of the wanted objects and 50% of their bytes are warm, min_warm is 90%");
}

#[test]
fn a_cap_that_cuts_what_is_wanted_leaves_a_run_partial() {
    let text =
        "max_bytes has no room for 10 of 20 wanted objects (1000 B); on_excess = \"trim\" takes what fits as enough";
    for (name, wanted, totals, min_warm, expected) in [
        ("nothing cut", 10, totals(10, 0, 0, 0), None, (Outcome::Complete, None)),
        ("half of it", 20, totals(10, 0, 0, 0), None, (Outcome::Partial, Some(text.to_owned()))),
        ("and one gone", 20, totals(9, 1, 0, 0), None, (Outcome::Partial, Some(text.to_owned()))),
        ("and one failed", 20, totals(9, 0, 1, 0), None, {
            (Outcome::Partial, Some(format!("{text}; 1 failed of 10 objects")))
        }),
        ("half is enough", 20, totals(10, 0, 0, 0), Some(0.5), (Outcome::Complete, None)),
    ] {
        assert_eq!(told(&totals, &Ended::Done, &standard(count(wanted), min_warm)), expected, "{name}");
    }
}

#[test]
fn what_is_missing_is_said_in_numbers_and_classes() {
    let (_, why) = told(&with(totals(5, 0, 2, 1), "throttled"), &Ended::Deadline, &standard(count(10), None));
    assert_eq!(
        why.unwrap(),
        "the run's deadline came first; 2 failed, 1 unknown, 2 not tried of 10 objects (throttled)"
    );
}

#[test]
fn a_run_whose_newest_checkpoint_does_not_fit_is_not_complete() {
    let names = ["s3://b/x/checkpoint-9/".to_owned(), "s3://b/y/checkpoint-3/".to_owned(), "s3://b/z/".to_owned()];
    let text = "s3://b/x/checkpoint-9/ does not fit the caps, and is the newest complete checkpoint of its run";
    for (n, totals, min_warm, outcome, expected) in [
        (1, totals(10, 0, 0, 0), None, Outcome::Partial, Some(text.to_owned())),
        (2, totals(10, 0, 0, 0), None, Outcome::Partial, Some(format!("{text}; the same of 1 more run"))),
        (3, totals(9, 1, 0, 0), None, Outcome::Partial, Some(format!("{text}; the same of 2 more runs"))),
        (1, totals(9, 0, 1, 0), None, Outcome::Partial, Some(format!("{text}; 1 failed of 10 objects"))),
        (1, totals(10, 0, 0, 0), Some(0.5), Outcome::Complete, None),
    ] {
        let standard = Standard { over_cap: &names[..n], ..standard(count(20), min_warm) };
        assert_eq!(told(&totals, &Ended::Done, &standard), (outcome, expected));
    }
}

#[test]
fn half_a_checkpoint_is_not_complete_whatever_its_share() {
    let refused = || Lost::Unselected(Verdict::Refused("no checkpoint is complete".to_owned().into()));
    let interrupted = || Lost::Unselected(Verdict::Interrupted("told to stop while listing".to_owned().into()));
    for (lost, totals, outcome) in [
        (Lost::Again(2), totals(8, 2, 0, 0), Outcome::Partial),
        (Lost::Again(10), totals(0, 10, 0, 0), Outcome::Failed),
        (refused(), totals(8, 2, 0, 0), Outcome::Partial),
        (refused(), totals(0, 10, 0, 0), Outcome::Refused),
        (Lost::Unselected(Verdict::Failed(String::new().into())), totals(0, 10, 0, 0), Outcome::Failed),
        (interrupted(), totals(8, 2, 0, 0), Outcome::Interrupted),
    ] {
        for min_warm in [None, Some(0.5)] {
            let standard = Standard { lost: lost.clone(), ..standard(count(10), min_warm) };
            assert_eq!(told(&totals, &Ended::Done, &standard).0, outcome, "{lost:?}");
        }
    }
    let standard = |lost| Standard { lost, ..standard(count(10), None) };
    let (_, why) = told(&totals(7, 2, 1, 0), &Ended::Done, &standard(refused()));
    let text = "a checkpoint has lost 2 objects, and none could be selected anew: no checkpoint is complete";
    assert_eq!(why.unwrap(), format!("{text}; 1 failed of 10 objects"));
    let (_, why) = told(&totals(7, 2, 0, 0), &Ended::Done, &standard(Lost::Again(1)));
    let text = "a checkpoint was selected anew, and has lost 1 object as well";
    assert_eq!(why.unwrap(), format!("{text}; 1 not tried of 10 objects"));
}

#[test]
fn a_run_that_was_stopped_says_by_whom() {
    for (stopped, reason) in [
        (StopReason::Told, "told to stop; 2 failed, 3 not tried of 10 objects (throttled)"),
        (StopReason::Shutdown, "the daemon was stopped; 2 failed, 3 not tried of 10 objects (throttled)"),
        (StopReason::Window, "its window closed; 2 failed, 3 not tried of 10 objects (throttled)"),
    ] {
        let (_, why) =
            told(&with(totals(5, 0, 2, 0), "throttled"), &Ended::Stopped(stopped), &standard(count(10), None));
        assert_eq!(why.unwrap(), reason);
    }
}

#[test]
fn a_reason_has_the_class_that_counts_first() {
    use ReasonClass::{
        Cancelled, Checkpoint, Deadline, Denied, OtherCache, OverCap, Throttled, TwoStores, Unanswered, WindowClosed,
    };
    let minutes = Duration::from_secs(300);
    let refused = Verdict::Refused(Why::new(Denied, "list s3://b/: denied: 403"));
    for (name, totals, ended, lost, wanted, class) in [
        ("nothing is wrong", totals(10, 0, 0, 0), Ended::Done, Lost::Nothing, 10, None),
        ("by an error", with(totals(9, 0, 1, 0), "throttled"), Ended::Done, Lost::Nothing, 10, Some(Throttled)),
        ("of no class", with(totals(9, 0, 1, 0), "server_error"), Ended::Done, Lost::Nothing, 10, None),
        ("caps", totals(10, 0, 0, 0), Ended::Done, Lost::Nothing, 20, Some(OverCap)),
        ("errors before caps", with(totals(9, 0, 1, 0), "denied"), Ended::Done, Lost::Nothing, 20, Some(Denied)),
        ("in its middle", totals(5, 0, 0, 0), Ended::Deadline, Lost::Nothing, 10, Some(Deadline)),
        ("and its end", totals(10, 0, 0, 0), Ended::Deadline, Lost::Nothing, 20, Some(OverCap)),
        ("an outage", totals(5, 0, 0, 0), Ended::Outage(minutes), Lost::Nothing, 20, Some(Unanswered)),
        ("a proxy", totals(5, 0, 0, 0), Ended::Malformed(minutes, "200".into()), Lost::Nothing, 10, Some(OtherCache)),
        ("by hand", totals(5, 0, 0, 0), Ended::Stopped(StopReason::Cancelled), Lost::Nothing, 10, Some(Cancelled)),
        ("by what passes", totals(5, 0, 0, 0), Ended::Stopped(StopReason::Paused), Lost::Nothing, 10, None),
        ("a window", totals(5, 0, 0, 0), Ended::Stopped(StopReason::Window), Lost::Nothing, 10, Some(WindowClosed)),
        ("all gone", totals(0, 10, 0, 0), Ended::Done, Lost::Nothing, 10, Some(TwoStores)),
        ("half a checkpoint", totals(8, 2, 0, 0), Ended::Done, Lost::Again(2), 10, Some(Checkpoint)),
        ("and why", totals(8, 2, 0, 0), Ended::Done, Lost::Unselected(refused.clone()), 10, Some(Denied)),
        ("half a listing", totals(10, 0, 0, 0), Ended::Done, Lost::Unlisted(refused), 10, Some(Denied)),
    ] {
        let standard = Standard { lost, ..standard(count(wanted), None) };
        assert_eq!(judge(&totals, &ended, &standard).class, class, "{name}");
    }
}
