//! The checkpoints of a plan or a run, as a person reads them.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::time::Duration;

use super::text::{age, count, iec};
use crate::report::groups::{Bound, GroupField, PassedOver, Unnamed, by_run, named};
use model::select::group::State;

/// Of the checkpoints of a few runs.
const CLOSELY: Bound = Bound { all: 100, incomplete: 3, older: 3, over: 3 };
/// Of those of many.
const FROM_AFAR: Bound = Bound { incomplete: 1, older: 0, ..CLOSELY };
const FEW_RUNS: usize = 3;
/// Sentences about checkpoints that are not taken.
const SENTENCES: usize = 10;

/// What a plan knows of checkpoints: what is chosen, incomplete and over the caps, and a few that are older; `ready` where
/// what is chosen is taken.
///
/// # Errors
/// Those of `out`.
pub fn write_planned(all: Vec<GroupField>, more: u64, ready: bool, out: &mut impl Write) -> io::Result<()> {
    let bound = if by_run(&all).count() > FEW_RUNS { FROM_AFAR } else { CLOSELY };
    let (some, mut rest) = named(all, bound);
    rest.older += more;
    write_table(&some, "age", out)?;
    write_rest(rest, out)?;
    write_sentences(&some, ready, out)
}

/// What the line of a run names, and how many `more` there are; `age` is what their ages are called.
///
/// # Errors
/// Those of `out`.
pub fn write_recorded(
    (groups, more): (&[GroupField], u64),
    age: &str,
    ready: bool,
    out: &mut impl Write,
) -> io::Result<()> {
    write_table(groups, age, out)?;
    if more > 0 {
        writeln!(out, "  and {} more", count(more))?;
    }
    write_sentences(groups, ready, out)
}

/// Names come last, since they are of any length.
fn write_table(groups: &[GroupField], age_head: &str, out: &mut impl Write) -> io::Result<()> {
    if groups.is_empty() {
        return Ok(());
    }
    let head = ["state", "objects", "bytes", age_head].map(str::to_owned);
    let cells: Vec<_> = std::iter::once(head).chain(groups.iter().map(cells)).collect();
    let width = |at: usize| cells.iter().map(|row| row[at].chars().count()).max().unwrap_or(0);
    let [state, objects, bytes, age] = [0, 1, 2, 3].map(width);
    let several = groups.iter().any(|group| group.bucket != groups[0].bucket);
    let names = groups.iter().map(|group| title(group, several));
    let names = std::iter::once("checkpoint".to_owned()).chain(names);
    let mut text = String::from("\n");
    for ([a, b, c, d], name) in cells.iter().zip(names) {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {a:<state$}  {b:>objects$}  {c:>bytes$}  {d:>age$}  {name}");
    }
    out.write_all(text.as_bytes())
}

fn cells(group: &GroupField) -> [String; 4] {
    let unknown = || "–".to_owned();
    [
        group.state.to_string(),
        group.objects.map_or_else(unknown, count),
        group.bytes.map_or_else(unknown, iec),
        group.age_s.map_or_else(unknown, |seconds| age(Duration::from_secs(seconds))),
    ]
}

/// The bucket is told only where there are several.
fn title(group: &GroupField, several: bool) -> String {
    if several { format!("{}: {group}", group.bucket) } else { group.to_string() }
}

fn write_rest(rest: Unnamed, out: &mut impl Write) -> io::Result<()> {
    let parts = [
        (rest.chosen, "chosen"),
        (rest.over_cap, "over the caps"),
        (rest.incomplete, "incomplete"),
        (rest.older, if rest.older == 1 { "older one" } else { "older ones" }),
    ];
    let parts: Vec<_> = parts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{} {what}", count(*n))).collect();
    if parts.is_empty() { Ok(()) } else { writeln!(out, "  and {}", parts.join(", ")) }
}

/// Why what is not taken is not; `ready` where what is chosen is taken.
fn write_sentences(groups: &[GroupField], ready: bool, out: &mut impl Write) -> io::Result<()> {
    let several = groups.iter().any(|group| group.bucket != groups[0].bucket);
    let all: Vec<_> = by_run(groups).flat_map(|run| sentences(run, ready, several)).collect();
    for sentence in all.iter().take(SENTENCES) {
        writeln!(out, "  {sentence}")?;
    }
    if all.len() > SENTENCES {
        writeln!(out, "  and {} more that are not taken; --json says why", count((all.len() - SENTENCES) as u64))?;
    }
    Ok(())
}

fn sentences(run: &[GroupField], ready: bool, several: bool) -> Vec<String> {
    let bucket = if several { format!("{}: ", run[0].bucket) } else { String::new() };
    let passed_over = PassedOver::of(run).filter(|_| ready);
    let nothing_fits = run.iter().all(|group| group.state != State::Chosen);
    let mut over = run.iter().filter(|group| group.state == State::OverCap && nothing_fits).take(1);
    let rest = run.iter().skip(usize::from(passed_over.is_some())).filter_map(|group| {
        let why = group.why.as_deref()?;
        match group.state {
            State::Incomplete => Some(format!("{group} is not complete: {why}")),
            State::Older => Some(format!("{group} is left: {why}")),
            State::OverCap if over.next().is_some() => {
                Some(format!("{group} is the newest complete one of its run, and does not fit the caps"))
            }
            State::OverCap | State::Chosen => None,
        }
    });
    let first = passed_over.map(|over| over.to_string());
    first.into_iter().chain(rest).map(|sentence| format!("{bucket}{sentence}")).collect()
}

#[cfg(test)]
mod tests {
    use State::{Chosen, Incomplete, Older, OverCap};

    use super::*;

    fn run(bucket: &str, name: &str, states: &[State]) -> Vec<GroupField> {
        let field = |(at, state): (usize, &State)| {
            let listed = at < 4;
            GroupField {
                bucket: bucket.to_owned(),
                run: name.to_owned(),
                name: format!("iter_{:07}", 100 * (states.len() - at)),
                step: Some(100 * (states.len() - at) as u64),
                objects: listed.then_some(1_024),
                bytes: listed.then_some(5 << 40),
                age_s: listed.then_some(30 + 3_600 * at as u64),
                last_modified: None,
                state: *state,
                why: match state {
                    Incomplete => Some("`.metadata` is missing".to_owned()),
                    OverCap => Some("it does not fit the caps".to_owned()),
                    Chosen | Older => None,
                },
            }
        };
        states.iter().enumerate().map(field).collect()
    }

    fn planned(groups: Vec<GroupField>, more: u64, ready: bool) -> String {
        let mut out = Vec::new();
        write_planned(groups, more, ready, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn one_run_shows_what_is_chosen_and_counts_what_is_older() {
        let states = [&[Incomplete, Chosen, Chosen][..], &[Older; 97]].concat();
        insta::assert_snapshot!(planned(run("ckpt", "llama/70b", &states), 9_903, true));
    }

    #[test]
    fn what_is_not_taken_is_said() {
        let over_cap = [run("ckpt", "a", &[Incomplete, OverCap, Older]), run("ckpt", "b", &[Chosen, OverCap])].concat();
        let mut ended = run("ckpt", "old", &[Older; 3]);
        ended.iter_mut().for_each(|group| group.why = Some("its run is over: last changed 5 days ago".to_owned()));
        let none = run("ckpt", "a", &[Incomplete; 9]);
        let shown = [
            planned(over_cap, 0, true),
            planned([ended, run("ckpt", "new", &[Chosen, Incomplete, Chosen, Older])].concat(), 0, true),
            planned(none, 0, false),
            planned(Vec::new(), 0, true),
        ];
        insta::assert_snapshot!(shown.join("\n--\n"));
    }

    #[test]
    fn many_runs_are_seen_from_afar() {
        let states = |n| if n % 4 == 0 { vec![Incomplete, Incomplete, Chosen, Older] } else { vec![Chosen, Older] };
        let runs = |bucket: &str| (0..50).flat_map(|n| run(bucket, &format!("r-{n:02}"), &states(n))).collect();
        let text = planned(runs("ckpt"), 5_000, true);
        assert_eq!(text.lines().filter(|line| line.starts_with("  chosen")).count(), 50);
        assert!(text.contains("\n  and 13 incomplete, 5,050 older ones\n"), "{text}");
        let sentences = text.lines().filter(|line| line.ends_with("is taken")).count();
        assert!(sentences == SENTENCES && text.ends_with("and 3 more that are not taken; --json says why\n"), "{text}");
        let two: Vec<GroupField> = [runs("a"), runs("b")].concat();
        insta::assert_snapshot!(planned(two, 0, true).lines().skip(55).collect::<Vec<_>>().join("\n"));
    }

    #[test]
    fn a_record_tells_the_age_of_then() {
        let mut out = Vec::new();
        write_recorded((&run("ckpt", "llama", &[Incomplete, Chosen]), 7), "age then", true, &mut out).unwrap();
        insta::assert_snapshot!(String::from_utf8(out).unwrap());
    }
}
