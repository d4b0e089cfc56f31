//! `hotset schedule`: coming fires of every profile, as a table for people and as JSON Lines for scripts.

use std::io::{self, Write};

use chrono::{DateTime, SecondsFormat, TimeDelta, Timelike, Utc};
use comfy_table::Table;
use serde::Serialize;

use super::text;
use model::config::value::duration;
use model::object::Escaped;
use model::schedule::{Schedule, Window, Zone, dues};

/// What a profile is called, and what decides when it fires.
#[derive(Clone, Copy, Debug)]
pub struct Scheduled<'a> {
    pub profile: &'a str,
    pub schedules: &'a [Schedule],
    /// Fires outside it are none.
    pub window: Option<&'a Window>,
}

/// One coming fire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fire<'a> {
    pub profile: &'a str,
    pub at: DateTime<Utc>,
    /// Of the schedule that fires; of the first such where several of the profile do at once.
    pub zone: &'a Zone,
}

/// The next `count` fires of each profile after `from`, merged in the order of time; at one instant, in the order of
/// `profiles`. Counted per profile, so that a profile that fires each minute does not crowd out a weekly one.
pub fn coming<'a>(profiles: &[Scheduled<'a>], from: DateTime<Utc>, count: usize) -> Vec<Fire<'a>> {
    let mut all = Vec::new();
    for &Scheduled { profile, schedules, window } in profiles {
        for at in dues(schedules, window, from).take(count) {
            let before = at - TimeDelta::seconds(1);
            let firing = schedules.iter().find(|schedule| schedule.next_after(before) == Some(at));
            if let Some(zone) = firing.map(Schedule::zone) {
                all.push(Fire { profile, at, zone });
            }
        }
    }
    all.sort_by_key(|fire| fire.at);
    all
}

/// Writes the fires of [`coming`] as a table, then a line for each profile that has none.
///
/// # Errors
///
/// Those of `out`.
pub fn write_table(
    profiles: &[Scheduled<'_>],
    from: DateTime<Utc>,
    count: usize,
    out: &mut impl Write,
) -> io::Result<()> {
    let fires = coming(profiles, from, count);
    if !fires.is_empty() {
        let mut table = Table::new();
        table.set_header(["PROFILE", "LOCAL TIME", "UTC", "IN"]);
        let seconds = fires.iter().any(|fire| fire.at.second() != 0);
        for fire in &fires {
            table.add_row(row(fire, from, seconds));
        }
        text::write_table(&mut table, out)?;
    }
    let silent = profiles.iter().filter(|scheduled| fires.iter().all(|fire| fire.profile != scheduled.profile));
    for scheduled in silent.filter(|scheduled| count > 0 || scheduled.schedules.is_empty()) {
        writeln!(out, "{}: {}", Escaped(scheduled.profile), silence(scheduled.schedules, scheduled.window, from))?;
    }
    Ok(())
}

/// Why a profile has no coming fire.
pub(super) fn silence(schedules: &[Schedule], window: Option<&Window>, from: DateTime<Utc>) -> &'static str {
    let mut dues = dues(schedules, window, from);
    if schedules.is_empty() {
        "no schedule"
    } else if dues.next().is_none() && dues.gave_up().is_some() {
        "no fire inside its window in years"
    } else {
        "never fires"
    }
}

fn row(fire: &Fire<'_>, from: DateTime<Utc>, seconds: bool) -> [String; 4] {
    let time = if seconds { "%H:%M:%S" } else { "%H:%M" };
    let local = fire.at.with_timezone(fire.zone).format(&format!("%a %Y-%m-%d {time} %:z")).to_string();
    [
        Escaped(fire.profile).to_string(),
        format!("{local} {}", fire.zone),
        fire.at.format(&format!("%Y-%m-%d {time}")).to_string(),
        in_how_long(fire.at, from),
    ]
}

/// Two units are enough to plan by.
fn in_how_long(at: DateTime<Utc>, from: DateTime<Utc>) -> String {
    let wait = (at - from).to_std().unwrap_or_default();
    let whole = duration::show(std::time::Duration::from_secs(wait.as_secs()));
    whole.split(' ').take(2).collect::<Vec<_>>().join(" ")
}

/// One line of the JSON contract.
#[derive(Serialize)]
struct Line<'a> {
    profile: &'a str,
    at: String,
    zone: &'a str,
}

/// Writes the fires of [`coming`] as JSON Lines: `{"profile","at","zone"}`, `at` in RFC 3339 UTC.
///
/// # Errors
///
/// Those of `out`.
pub fn write_json(
    profiles: &[Scheduled<'_>],
    from: DateTime<Utc>,
    count: usize,
    out: &mut impl Write,
) -> io::Result<()> {
    for fire in coming(profiles, from, count) {
        let at = fire.at.to_rfc3339_opts(SecondsFormat::Secs, true);
        text::write_json(&Line { profile: fire.profile, at, zone: fire.zone.name() }, out)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedules(zone: &str, texts: &[&str]) -> Vec<Schedule> {
        texts.iter().map(|text| Schedule::parse(text, Zone::built_in(zone).unwrap()).unwrap()).collect()
    }

    fn scheduled<'a>(profile: &'a str, schedules: &'a [Schedule]) -> Scheduled<'a> {
        Scheduled { profile, schedules, window: None }
    }

    fn from() -> DateTime<Utc> {
        "2026-03-07T22:30:00Z".parse().unwrap()
    }

    fn written(write: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> String {
        let mut out = Vec::new();
        write(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_table_merges_profiles_in_the_order_of_time() {
        let nightly = schedules("America/New_York", &["30 2 * * *"]);
        let llama = schedules("UTC", &["0 */6 * * *", "30 0 * * *", "0 0 * * *"]);
        let never = schedules("UTC", &["0 0 30 2 *"]);
        let profiles: &[Scheduled<'_>] =
            &[("nightly-imagenet", &*nightly), ("latest-llama", &llama), ("february", &never), ("by-hand", &[])]
                .map(|(profile, schedules)| scheduled(profile, schedules));
        insta::assert_snapshot!(written(|out| write_table(profiles, from(), 3, out)));
    }

    #[test]
    fn the_table_shows_seconds_where_some_fire_has_them() {
        let often = schedules("Asia/Kathmandu", &["*/20 * * * * *"]);
        insta::assert_snapshot!(written(|out| write_table(&[scheduled("often", &often)], from(), 3, out)));
    }

    #[test]
    fn json_lines_are_utc_and_name_the_zone() {
        let nightly = schedules("America/New_York", &["30 2 * * *"]);
        let every = schedules("UTC", &["@every 7h"]);
        let profiles: &[Scheduled<'_>] = &[scheduled("nightly-imagenet", &nightly), scheduled("every", &every)];
        insta::assert_snapshot!(written(|out| write_json(profiles, from(), 2, out)));
    }

    #[test]
    fn simultaneous_fires_of_one_profile_are_one_and_of_two_are_two() {
        let both = schedules("UTC", &["0 0 * * *", "@daily"]);
        let fires = coming(&[scheduled("b", &both), scheduled("a", &both)], from(), 1);
        assert_eq!(fires.iter().map(|fire| fire.profile).collect::<Vec<_>>(), ["b", "a"]);
    }

    #[test]
    fn fires_outside_the_window_are_none() {
        let (often, noon) = (schedules("UTC", &["*/30 * * * *", "15 * * * *"]), schedules("UTC", &["0 12 * * *"]));
        let window = Window::parse("Mon 01:00-02:00", Zone::utc()).unwrap();
        let within = |profile, schedules| Scheduled { profile, schedules, window: Some(&window) };
        let fires = coming(&[within("often", &often)], from(), 4);
        let fires: Vec<_> = fires.iter().map(|fire| fire.at.format("%dT%H:%M").to_string()).collect();
        assert_eq!(fires, ["09T01:00", "09T01:15", "09T01:30", "16T01:00"]);
        let table = written(|out| write_table(&[within("noon", &noon)], from(), 1, out));
        assert_eq!(table, "noon: no fire inside its window in years\n");
    }

    #[test]
    fn a_name_cannot_disturb_the_terminal() {
        let daily = schedules("UTC", &["@daily"]);
        assert!(!written(|out| write_table(&[scheduled("\x1b[2J", &daily)], from(), 1, out)).contains('\x1b'));
    }
}
