//! Judges the outcome of a run by the outcomes of its objects.

use std::time::Duration;

use crate::report::{Errors, Outcome, ReasonClass, StopReason, Totals, percent};
use crate::warm::Ended;
use model::object::Count;
use model::select::no_room;
use model::select::plan::Verdict;
use s3::Class;

/// From so many planned objects on, nearly all being gone tells as much as all; of fewer, a deleted folder may be nearly all.
const MIN_MOSTLY_GONE: u64 = 20;
/// Nearly all are gone where at most one object in so many is left.
const MAX_LEFT: u64 = 10;

/// What the outcome is measured against.
#[derive(Clone, Debug)]
pub(super) struct Standard<'a> {
    /// What the profile would warm if there were room.
    pub wanted: Count,
    /// A share of that, in the place of every object and of the newest checkpoint of every run.
    pub min_warm: Option<f64>,
    /// The newest complete checkpoints of runs of which nothing fits the caps: wanted, too.
    pub over_cap: &'a [String],
    pub lost: Lost,
}

/// What a run was to warm and could not be told of: checkpoints that lost members while they were warmed, or the rest of a
/// listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Lost {
    /// Nothing, or whole ones were selected in their place.
    Nothing,
    /// Members of those that were selected anew and are gone, too.
    Again(u64),
    /// None could be selected anew, and why.
    Unselected(Verdict),
    /// No checkpoint, but what was not listed: warming began before that was over, and why it did not come to its end.
    Unlisted(Verdict),
}

/// The outcome of a warm and, unless it is a plain `complete`, why.
#[derive(Debug)]
pub(super) struct Judged {
    pub outcome: Outcome,
    pub reason: Option<String>,
    pub class: Option<ReasonClass>,
}

/// What a warm came to, in words and as values.
pub(super) fn judge(totals: &Totals, ended: &Ended, standard: &Standard<'_>) -> Judged {
    let (outcome, reason) = told(totals, ended, standard);
    let class = if outcome == Outcome::Complete { None } else { class(totals, ended, standard) };
    Judged { outcome, reason, class }
}

/// The classes of what an object's error and a listing's mean for a run.
const CLASSES: [(Class, ReasonClass); 8] = [
    (Class::ClockSkew, ReasonClass::ClockSkew),
    (Class::Denied, ReasonClass::Denied),
    (Class::Malformed, ReasonClass::Malformed),
    (Class::Unreachable, ReasonClass::Unanswered),
    (Class::TimedOut, ReasonClass::Unanswered),
    (Class::Throttled, ReasonClass::Throttled),
    (Class::NotFound, ReasonClass::NotFound),
    (Class::Rejected, ReasonClass::Rejected),
];

pub(super) fn reason_class_of(class: Class) -> Option<ReasonClass> {
    CLASSES.iter().find(|(known, _)| *known == class).map(|(_, class)| *class)
}

/// Of all that keeps a run from being complete, what counts first.
fn class(totals: &Totals, ended: &Ended, standard: &Standard<'_>) -> Option<ReasonClass> {
    let stopped = match ended {
        Ended::Stopped(reason) if is_open(totals) => reason.class(),
        Ended::Outage(_) => Some(ReasonClass::Unanswered),
        Ended::Throttled(_) => Some(ReasonClass::Throttled),
        Ended::Malformed(..) => Some(ReasonClass::OtherCache),
        Ended::Deadline if !is_whole(totals) => Some(ReasonClass::Deadline),
        Ended::Done | Ended::Stopped(_) | Ended::Deadline => None,
    };
    let errors = CLASSES.iter().filter(|(class, _)| totals.errors.contains_key(class.name())).map(|(_, class)| *class);
    let mut classes = Vec::from_iter(stopped);
    classes.extend(errors);
    if cut_off(totals, ended).is_none() {
        classes.extend(is_mostly_gone(totals).then_some(ReasonClass::TwoStores));
        let over_cap = standard.min_warm.is_none() && is_cut(totals, standard.wanted);
        classes.extend(over_cap.then_some(ReasonClass::OverCap));
        match &standard.lost {
            Lost::Nothing => {}
            Lost::Again(_) => classes.push(ReasonClass::Checkpoint),
            Lost::Unselected(verdict) => {
                classes.push(ReasonClass::Checkpoint);
                classes.extend(verdict.why().and_then(|why| why.class));
            }
            Lost::Unlisted(verdict) => classes.extend(verdict.why().and_then(|why| why.class)),
        }
    }
    classes.into_iter().min()
}

/// The outcome of a warm and, unless it is a plain `complete`, why, in words.
///
/// `complete` means that every planned object that still exists was warmed or is fresh, that the newest complete checkpoint of
/// every run is among them, that no half of one is, and that the caps cut nothing that is wanted; `min_warm` replaces all but the
/// third by a share of what is wanted.
fn told(totals: &Totals, ended: &Ended, standard: &Standard<'_>) -> (Outcome, Option<String>) {
    if let Some(cut_off) = cut_off(totals, ended) {
        return cut_off;
    }
    if let Some((outcome, why)) = not_made_good(totals, &standard.lost) {
        return (outcome, Some(if is_whole(totals) { why } else { format!("{why}; {}", missing(totals)) }));
    }
    if is_mostly_gone(totals) {
        return (Outcome::Partial, Some(mostly_gone(totals)));
    }
    let whole = is_whole(totals);
    let ratio = totals.warm_ratio(standard.wanted);
    let why = match standard.min_warm {
        Some(least) if ratio.reaches(least) => {
            return (Outcome::Complete, (!whole).then(|| format!("min_warm is reached; {}", missing(totals))));
        }
        None if whole && !is_cut(totals, standard.wanted) => return (Outcome::Complete, None),
        Some(least) if whole => format!(
            "{} of the wanted objects and {} of their bytes are warm, min_warm is {}",
            percent(ratio.objects),
            percent(ratio.bytes),
            percent(least)
        ),
        None if whole => without_room(totals, standard),
        None if is_cut(totals, standard.wanted) => {
            format!("{}; {}", without_room(totals, standard), left_undone(totals, ended))
        }
        _ => left_undone(totals, ended),
    };
    (as_far_as_it_went(totals), Some(why))
}

/// Of a run that was stopped in the middle, or met an endpoint that is away.
fn cut_off(totals: &Totals, ended: &Ended) -> Option<(Outcome, Option<String>)> {
    match ended {
        // A window that closes is a deadline: the run is not taken up again.
        Ended::Stopped(reason) if *reason != StopReason::Window && is_open(totals) => {
            Some((Outcome::Interrupted, Some(format!("{}; {}", reason.as_str(), missing(totals)))))
        }
        Ended::Outage(wait) => Some(gave_up(*wait, "answered nothing", totals)),
        Ended::Throttled(wait) => Some(gave_up(*wait, "took nothing, and throttled,", totals)),
        Ended::Malformed(wait, last) => {
            Some(gave_up(*wait, &format!("gave no answer of this cache (last {last})"), totals))
        }
        Ended::Done | Ended::Stopped(_) | Ended::Deadline => None,
    }
}

/// Of a run that gave the endpoint up after `wait`.
fn gave_up(wait: Duration, what: &str, totals: &Totals) -> (Outcome, Option<String>) {
    let wait = humantime::format_duration(wait);
    (Outcome::Failed, Some(format!("the endpoint {what} for {wait}; {}", missing(totals))))
}

/// Of a run that holds half a checkpoint warm, whatever share that is.
fn not_made_good(totals: &Totals, lost: &Lost) -> Option<(Outcome, String)> {
    match lost {
        Lost::Nothing => None,
        Lost::Again(more) => {
            let mut why = format!("a checkpoint was selected anew, and has lost {} as well", objects(*more));
            if is_mostly_gone(totals) {
                why = format!("{why}; {}", mostly_gone(totals));
            }
            Some((as_far_as_it_went(totals), why))
        }
        Lost::Unselected(verdict) => {
            let (outcome, why) = instead_of(verdict, totals);
            let gone = objects(totals.gone.objects);
            Some((outcome, format!("a checkpoint has lost {gone}, and none could be selected anew: {why}")))
        }
        Lost::Unlisted(verdict) => Some(instead_of(verdict, totals)),
    }
}

/// The outcome of a run that was to go on by a plan which cannot be carried out, and why that cannot.
fn instead_of(verdict: &Verdict, totals: &Totals) -> (Outcome, String) {
    let (outcome, why) = Outcome::of_plan(verdict);
    let something = is_any_warm(totals) && outcome != Outcome::Interrupted;
    (if something { Outcome::Partial } else { outcome }, why.unwrap_or_default().to_owned())
}

/// Why a run did not come to its end.
fn left_undone(totals: &Totals, ended: &Ended) -> String {
    match ended {
        Ended::Stopped(StopReason::Window) if is_open(totals) => {
            format!("{}; {}", StopReason::Window.as_str(), missing(totals))
        }
        Ended::Deadline => format!("the run's deadline came first; {}", missing(totals)),
        _ => missing(totals),
    }
}

/// Whether the caps have no room for something that is wanted.
fn is_cut(totals: &Totals, wanted: Count) -> bool {
    wanted.objects > totals.planned.objects
}

/// What does not fit the caps: the first of the newest checkpoints, else how much of what is wanted.
fn without_room(totals: &Totals, standard: &Standard<'_>) -> String {
    let Standard { wanted, over_cap, .. } = standard;
    let Some(first) = over_cap.first() else {
        let objects = wanted.objects.saturating_sub(totals.planned.objects);
        let bytes = wanted.bytes.saturating_sub(totals.planned.bytes);
        return no_room(Count { objects, bytes }, *wanted);
    };
    let text = format!("{first} does not fit the caps, and is the newest complete checkpoint of its run");
    match over_cap.len() {
        0 | 1 => text,
        2 => format!("{text}; the same of 1 more run"),
        n => format!("{text}; the same of {} more runs", n - 1),
    }
}

fn objects(n: u64) -> String {
    if n == 1 { "1 object".to_owned() } else { format!("{n} objects") }
}

/// Whether it is not known of every planned object what became of it.
fn is_open(totals: &Totals) -> bool {
    totals.ended().objects < totals.planned.objects || totals.unknown.objects > 0
}

fn is_any_warm(totals: &Totals) -> bool {
    (totals.warmed + totals.fresh).objects > 0
}

fn as_far_as_it_went(totals: &Totals) -> Outcome {
    if is_any_warm(totals) { Outcome::Partial } else { nothing_done(totals) }
}

/// Whether all that was just listed is gone, or nearly all of much: not deleted, most likely, but never in the store that was asked.
fn is_mostly_gone(totals: &Totals) -> bool {
    let (gone, planned) = (totals.gone.objects, totals.planned.objects);
    let least = if planned < MIN_MOSTLY_GONE { planned } else { planned - planned / MAX_LEFT };
    gone > 0 && gone >= least
}

fn mostly_gone(totals: &Totals) -> String {
    let (gone, planned) = (totals.gone.objects, objects(totals.planned.objects));
    let what = if gone == totals.planned.objects {
        format!("all that was just listed, {planned}, is")
    } else {
        format!("{gone} of {planned} that were just listed are")
    };
    format!("{what} 404 at both addresses: cache_url and list_url may not be of one store")
}

/// Whether every planned object that still exists is warm.
fn is_whole(totals: &Totals) -> bool {
    (totals.warmed + totals.fresh + totals.gone).objects >= totals.planned.objects
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
    let classes: Vec<_> = totals.errors.iter().filter(|(class, _)| **class != "changed").map(named).collect();
    let why = if classes.is_empty() { String::new() } else { format!(" ({})", classes.join(", ")) };
    format!("{} of {} objects{why}", parts.join(", "), totals.planned.objects)
}

/// A class; where something else than the cache answered, with the first of these answers.
fn named((class, errors): (&&'static str, &Errors)) -> String {
    match errors.sample.first().filter(|_| *class == Class::Malformed.name()) {
        Some(first) => format!("{class}: {}", first.message),
        None => (*class).to_owned(),
    }
}

#[cfg(test)]
mod tests;
