//! Resolves the schedule of a profile.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::config::context::{Bad, toml_string};
use crate::config::diagnostic::Diagnostic;
use crate::config::profile::{OnMissed, OnOverlap, OnReload, OnStart};
use crate::config::raw;
use crate::config::reader::{Found, Origin, Reader, value, values};
use crate::config::value::duration;
use crate::schedule::{Schedule, Window, Zone, fires};
use crate::text_error::TextError;

type R<'a, 'c> = Reader<'a, 'c, raw::Profile>;

pub(super) struct Timing {
    pub schedules: Vec<Schedule>,
    pub zone: Zone,
    pub window: Option<Window>,
    pub jitter: Duration,
    pub on_missed: OnMissed,
    pub on_overlap: OnOverlap,
    pub on_reload: OnReload,
    pub on_start: OnStart,
    pub rewarm_after: Duration,
    pub deadline: Option<Duration>,
}

pub(super) fn resolve(r: &mut R<'_, '_>, daemon_zone: Option<Zone>) -> Result<Timing, Bad> {
    let zone = zone(r, daemon_zone);
    // A bad zone does not hide a bad schedule.
    let guess = zone.clone().unwrap_or_else(|_| Zone::utc());
    let schedules = schedules(r, &guess);
    let window = window(r, &guess);
    let jitter = r.text_or("jitter", |p| p.jitter.as_ref(), Duration::ZERO);
    let on_missed = r.text_or("on_missed", |p| p.on_missed.as_ref(), OnMissed::default());
    let on_overlap = r.text_or("on_overlap", |p| p.on_overlap.as_ref(), OnOverlap::default());
    let on_reload = r.text_or("on_reload", |p| p.on_reload.as_ref(), OnReload::default());
    let on_start = r.text_or("on_start", |p| p.on_start.as_ref(), OnStart::default());
    let rewarm = r.text("rewarm_after", |p| p.rewarm_after.as_ref());
    let deadline = r.text("deadline", |p| p.deadline.as_ref());
    let rewarm = rewarm?;
    let rewarm_after = rewarm.as_ref().map_or(Duration::from_hours(12), |found| found.value);
    if rewarm.is_none() {
        r.record("rewarm_after", toml_string(&duration::show(rewarm_after)), Origin::Default);
    }
    let schedules = schedules?;
    lint_schedules(r, &schedules);
    lint_gap(r, &schedules, (rewarm_after, rewarm.as_ref()));
    let on_start = on_start?;
    lint_never(r, &schedules, on_start);
    Ok(Timing {
        schedules: values(schedules),
        zone: zone?,
        window: window?,
        jitter: jitter?,
        on_missed: on_missed?,
        on_overlap: on_overlap?,
        on_reload: on_reload?,
        on_start,
        rewarm_after,
        deadline: value(deadline)?,
    })
}

fn zone(r: &mut R<'_, '_>, daemon_zone: Option<Zone>) -> Result<Zone, Bad> {
    if let Some(found) = r.text("time_zone", |p| p.time_zone.as_ref())? {
        return super::zone::find(r, &found);
    }
    let zone = daemon_zone.ok_or(Bad)?;
    r.record("time_zone", toml_string(zone.name()), Origin::Inherited("daemon.time_zone".to_owned()));
    Ok(zone)
}

fn schedules(r: &mut R<'_, '_>, zone: &Zone) -> Result<Vec<Found<Schedule>>, Bad> {
    let Some(list) = r.texts("schedule", |p| p.schedule.as_ref())? else { return Ok(Vec::new()) };
    if list.value.is_empty() {
        let help = "leave the key out for a profile that runs only when it is asked to";
        return Err(r.reject(&list, "an empty list never fires", help));
    }
    let parsed: Vec<_> = list
        .value
        .into_iter()
        .map(|item| match r.cx.schedule(&item.value, zone) {
            Ok(schedule) => Ok(Found { value: schedule, key: item.key, place: item.place }),
            Err(error) => Err(r.refuse(&item.key, &item.place, (&item.value, &error))),
        })
        .collect();
    parsed.into_iter().collect()
}

fn window(r: &mut R<'_, '_>, zone: &Zone) -> Result<Option<Window>, Bad> {
    let Some(found) = r.text("window", |p| p.window.as_ref())? else { return Ok(None) };
    Window::parse(&found.value, zone.clone()).map(Some).map_err(|error| {
        // The key says already that it is about a window.
        let message = error.message.strip_prefix("window: ").unwrap_or(&error.message).to_owned();
        r.refuse(&found.key, &found.place, (&found.value, &TextError { message, ..error }))
    })
}

fn lint_schedules(r: &mut R<'_, '_>, schedules: &[Found<Schedule>]) {
    for found in schedules {
        for lint in found.value.lints() {
            let place =
                lint.span.map_or_else(|| found.place.clone(), |span| found.place.inside(found.value.text(), span));
            r.rule(Diagnostic::warning(lint.message).key(&found.key).at(&place, ""));
        }
    }
}

/// Fires that are compared. Enough for every period that people write, and cheap for thousands of profiles.
const MAX_FIRES: usize = 50;

/// The shortest time between two of the first fires of a year like any other.
fn closest(schedules: &[Schedule]) -> Option<Duration> {
    let from = DateTime::from_timestamp(1_767_225_600, 0)?;
    let all: Vec<DateTime<Utc>> = fires(schedules, from).take(MAX_FIRES).collect();
    all.windows(2).filter_map(|pair| (pair[1] - pair[0]).to_std().ok()).min()
}

fn lint_gap(
    r: &mut R<'_, '_>,
    schedules: &[Found<Schedule>],
    (rewarm_after, typed): (Duration, Option<&Found<Duration>>),
) {
    let Some(first) = schedules.first() else { return };
    let all: Vec<Schedule> = schedules.iter().map(|found| found.value.clone()).collect();
    let Some(gap) = r.cx.gap(&all, closest) else { return };
    // A profile that fires much more often looks for what is new, and is not meant to warm everything each time.
    if rewarm_after <= gap.mul_f64(0.8) || rewarm_after >= gap.saturating_mul(4) {
        return;
    }
    let (after, gap) = (duration::show(rewarm_after), duration::show(gap));
    let warning =
        Diagnostic::warning(format!("what was warmed at one fire may still count as warm at the next, {gap} later"));
    let fires = format!("fires every {gap} at the closest");
    let warning = match typed {
        Some(found) => warning.key(&found.key).at(&found.place, format!("fresh for {after}")).at(&first.place, fires),
        None => warning.key(&first.key).at(&first.place, format!("{fires}, and rewarm_after is {after} by default")),
    };
    r.rule(
        warning.help("keep `rewarm_after` under 0.8 of the shortest gap between fires, so that every fire warms anew"),
    );
}

fn lint_never(r: &mut R<'_, '_>, schedules: &[Found<Schedule>], on_start: OnStart) {
    if !schedules.is_empty() || on_start != OnStart::Never || r.values_only {
        return;
    }
    let warning = Diagnostic::warning("runs only when it is asked to: it has no schedule, and on_start is \"never\"")
        .key(r.path.clone());
    let warning = match r.place() {
        Some(place) => warning.at(&place, ""),
        None => warning,
    };
    r.rule(warning.help("for example `schedule = \"30 1 * * *\"`"));
}
