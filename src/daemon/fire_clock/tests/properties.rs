//! What holds for every schedule and every sequence of looks.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use proptest::prelude::*;

use super::*;
use model::schedule::fires;

const TEXTS: &[&str] = &[
    "30 1 * * *",
    "0,30 2 * * *",
    "*/7 * * * *",
    "15 */2 * * *",
    "0 12 * * 1",
    "@every 37m",
    "*/50 59 23 * * *",
    "0 0 29 2 *",
];
const ZONES: &[&str] = &["UTC", "America/New_York", "Australia/Lord_Howe", "Europe/Dublin"];
const WINDOWS: &[&str] = &["01:00-06:00", "Mon-Fri 22:00-02:30", "Sun 00:00-24:00; Wed 01:00-03:00"];

fn any_timetable() -> impl Strategy<Value = Timetable> {
    let texts = proptest::sample::subsequence(TEXTS, 1..4);
    let window = proptest::option::of(proptest::sample::select(WINDOWS));
    let jitter = prop_oneof![Just(0_u64), 1..7_200_000_u64];
    (texts, proptest::sample::select(ZONES), window, jitter, any::<bool>()).prop_map(
        |(texts, zone, window, jitter, skipping)| {
            let window = window.map(|window| Window::parse(window, Zone::built_in(zone).unwrap()).unwrap());
            let timetable = Timetable::new("nightly", schedules(&texts, zone), window, Duration::from_millis(jitter));
            if skipping { timetable.skipping() } else { timetable }
        },
    )
}

/// Milliseconds between two looks: mostly short ones, now and then a suspend.
fn any_pause() -> impl Strategy<Value = i64> {
    prop_oneof![4 => 1..5_000_i64, 4 => 5_000..600_000_i64, 2 => 600_000..400_000_000_i64]
}

fn fire_of(tick: Tick) -> Option<Fire> {
    match tick {
        Tick::Nothing => None,
        Tick::Fire(fire) | Tick::Skipped(fire) => Some(fire),
    }
}

proptest! {
    #[test]
    fn every_fire_is_run_or_missed_once(
        timetable in any_timetable(),
        start in 0..250_i64 * 86_400,
        pauses in proptest::collection::vec(any_pause(), 1..60),
    ) {
        let start = at("2026-02-01T00:00:00Z") + TimeDelta::seconds(start);
        let mut fire_clock = FireClock::new(timetable.clone(), None, start);
        let (mut now, mut dealt, mut dues) = (start, 0, BTreeSet::new());
        for pause in pauses {
            now += TimeDelta::milliseconds(pause);
            if let Some(fire) = fire_of(fire_clock.tick(now)) {
                prop_assert!(dues.last().is_none_or(|last| *last < fire.due), "{:?} twice", fire.due);
                prop_assert!(fire.due + timetable.jitter() <= now);
                dues.insert(fire.due);
                dealt += 1 + fire.missed;
            }
            prop_assert!(fire_clock.next_wake().is_none_or(|wake| wake > now));
        }
        // Counted without the search that jumps from window to window.
        let between = fires(timetable.schedules(), start)
            .take_while(|due| *due + timetable.jitter() <= now)
            .filter(|due| !timetable.is_shut(*due));
        let between: BTreeSet<_> = between.collect();
        prop_assert_eq!(dealt, between.len() as u64);
        prop_assert!(dues.is_subset(&between));
        prop_assert_eq!(dues.last(), between.last());
    }

    #[test]
    fn no_due_fires_twice_however_the_clock_jumps(
        timetable in any_timetable(),
        jumps in proptest::collection::vec(prop_oneof![any_pause(), any_pause().prop_map(|back| -back)], 1..60),
    ) {
        let mut now = at("2026-03-07T00:00:00Z");
        let mut fire_clock = FireClock::new(timetable, None, now);
        let mut dues = BTreeSet::new();
        for jump in jumps {
            now += TimeDelta::milliseconds(jump);
            let watermark = fire_clock.watermark();
            if let Some(fire) = fire_of(fire_clock.tick(now)) {
                prop_assert!(dues.insert(fire.due), "{:?} twice", fire.due);
            }
            prop_assert!(fire_clock.watermark() >= watermark);
        }
    }
}
