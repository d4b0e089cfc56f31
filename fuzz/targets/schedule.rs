//! A schedule never panics, and its fires only ever go forwards.
//!
//! Input: a zone, a space, seconds since 1970, a line break, the schedule. What cannot be read is UTC, and now is 1970.

#![no_main]

use chrono::{DateTime, Utc};
use libfuzzer_sys::fuzz_target;
use model::schedule::{Schedule, Window, Zone};

fuzz_target!(|text: &str| {
    let (head, text) = text.split_once('\n').unwrap_or(("", text));
    let (zone, seconds) = head.split_once(' ').unwrap_or((head, "0"));
    let zone = Zone::built_in(zone).unwrap_or_else(Zone::utc);
    // The years in which the rules of zones are known and clocks of machines can stand.
    let seconds = seconds.parse::<u32>().unwrap_or_default();
    let start = DateTime::<Utc>::from_timestamp(i64::from(seconds), 0).unwrap_or_default();
    fires_go_forwards(text, &zone, start);
    a_window_is_open_when_it_opens(text, &zone, start);
});

fn fires_go_forwards(text: &str, zone: &Zone, start: DateTime<Utc>) {
    let Ok(schedule) = Schedule::parse(text, zone.clone()) else { return };
    let again = Schedule::parse(schedule.text(), zone.clone()).expect("a schedule's own text is a schedule");
    assert_eq!(again.next_after(start), schedule.next_after(start), "{text:?}, read back from {:?}", schedule.text());
    let _ = schedule.lints();
    let mut after = start;
    for _ in 0..4 {
        let Some(next) = schedule.next_after(after) else { return };
        assert!(next > after, "{schedule:?}: {next} is not after {after}");
        let between = after + (next - after) / 2;
        if between > after && between < next {
            assert_eq!(schedule.next_after(between), Some(next), "{schedule:?} from {between}");
        }
        after = next;
    }
}

fn a_window_is_open_when_it_opens(text: &str, zone: &Zone, start: DateTime<Utc>) {
    let Ok(window) = Window::parse(text, zone.clone()) else { return };
    let open = window.next_open(start);
    assert!(open >= start, "{text:?} opens at {open}, asked at {start}");
    assert_eq!(window.next_open(open), open, "{text:?} opens at {open}, and is shut then");
}
