//! What clock changes do to fires, a sentence a row.

use super::*;

/// Fires in local time with offset, from `from` (excluded), as many as are expected.
fn fires_in(text: &str, zone_name: &str, from: &str, count: usize) -> Vec<String> {
    let schedule = schedule(text, zone_name);
    let fires = fires(std::slice::from_ref(&schedule), at(from)).take(count);
    fires.map(|fire| fire.with_timezone(schedule.zone()).format("%Y-%m-%dT%H:%M:%S%:z").to_string()).collect()
}

/// Sentence, schedule, zone, from, and the fires that follow.
type Row = (&'static str, &'static str, &'static str, &'static str, &'static [&'static str]);

#[test]
fn clocks_change() {
    let rows: &[Row] = &[
        (
            "a fixed time in a gap fires once as the gap ends",
            "30 2 * * *",
            "America/New_York",
            "2026-03-07T12:00:00Z",
            &["2026-03-08T03:00:00-04:00", "2026-03-09T02:30:00-04:00"],
        ),
        (
            "several fixed times in a gap are one fire",
            "0,30 2 * * *",
            "America/New_York",
            "2026-03-08T00:00:00-05:00",
            &["2026-03-08T03:00:00-04:00", "2026-03-09T02:00:00-04:00", "2026-03-09T02:30:00-04:00"],
        ),
        (
            "and one with the fire that stands at the end of the gap anyway",
            "0 2,3 * * *",
            "America/New_York",
            "2026-03-08T00:00:00-05:00",
            &["2026-03-08T03:00:00-04:00", "2026-03-09T02:00:00-04:00"],
        ),
        (
            "every second of a fixed minute in a gap is one fire",
            "* 30 2 * * *",
            "America/New_York",
            "2026-03-08T00:00:00-05:00",
            &["2026-03-08T03:00:00-04:00", "2026-03-09T02:30:00-04:00", "2026-03-09T02:30:01-04:00"],
        ),
        (
            "a wildcard minute invents nothing in a gap",
            "*/20 * * * *",
            "America/New_York",
            "2026-03-08T01:20:00-05:00",
            &["2026-03-08T01:40:00-05:00", "2026-03-08T03:00:00-04:00", "2026-03-08T03:20:00-04:00"],
        ),
        (
            "a wildcard schedule of an hour that is skipped does not fire that day",
            "*/30 2 * * *",
            "America/New_York",
            "2026-03-08T00:00:00-05:00",
            &["2026-03-09T02:00:00-04:00", "2026-03-09T02:30:00-04:00"],
        ),
        (
            "a wildcard hour makes the schedule wildcard too",
            "30 */2 * * *",
            "America/New_York",
            "2026-03-08T00:30:00-05:00",
            &["2026-03-08T04:30:00-04:00"],
        ),
        (
            "a fixed time in a repeated hour fires in the first pass only",
            "30 1 * * *",
            "America/New_York",
            "2026-10-31T12:00:00Z",
            &["2026-11-01T01:30:00-04:00", "2026-11-02T01:30:00-05:00"],
        ),
        (
            "asked between the passes, a fixed time waits for the next day",
            "15,45 1 * * *",
            "America/New_York",
            "2026-11-01T01:30:00-05:00",
            &["2026-11-02T01:15:00-05:00"],
        ),
        (
            "fixed times of a whole day pause for the second pass",
            "30 0-23 * * *",
            "America/New_York",
            "2026-11-01T00:30:00-04:00",
            &["2026-11-01T01:30:00-04:00", "2026-11-01T02:30:00-05:00"],
        ),
        (
            "a wildcard minute fires in both passes",
            "*/30 * * * *",
            "America/New_York",
            "2026-11-01T01:00:00-04:00",
            &[
                "2026-11-01T01:30:00-04:00",
                "2026-11-01T01:00:00-05:00",
                "2026-11-01T01:30:00-05:00",
                "2026-11-01T02:00:00-05:00",
            ],
        ),
        (
            "a wildcard hour fires in both passes",
            "15 * * * *",
            "America/New_York",
            "2026-11-01T00:15:00-04:00",
            &["2026-11-01T01:15:00-04:00", "2026-11-01T01:15:00-05:00", "2026-11-01T02:15:00-05:00"],
        ),
        (
            "a wildcard schedule of the repeated hour fires in both passes, by the second",
            "0,59 */59 1 * * *",
            "America/New_York",
            "2026-11-01T00:00:00-04:00",
            &[
                "2026-11-01T01:00:00-04:00",
                "2026-11-01T01:00:59-04:00",
                "2026-11-01T01:59:00-04:00",
                "2026-11-01T01:59:59-04:00",
                "2026-11-01T01:00:00-05:00",
                "2026-11-01T01:00:59-05:00",
            ],
        ),
        (
            "half an hour is skipped at Lord Howe",
            "15 2 * * *",
            "Australia/Lord_Howe",
            "2026-10-03T12:00:00Z",
            &["2026-10-04T02:30:00+11:00", "2026-10-05T02:15:00+11:00"],
        ),
        (
            "half an hour is repeated at Lord Howe",
            "*/15 * * * *",
            "Australia/Lord_Howe",
            "2026-04-05T01:30:00+11:00",
            &[
                "2026-04-05T01:45:00+11:00",
                "2026-04-05T01:30:00+10:30",
                "2026-04-05T01:45:00+10:30",
                "2026-04-05T02:00:00+10:30",
            ],
        ),
        (
            "where midnight is skipped, the day's fire comes at one o'clock",
            "@daily",
            "America/Sao_Paulo",
            "2018-11-03T12:00:00Z",
            &["2018-11-04T01:00:00-02:00", "2018-11-05T00:00:00-02:00"],
        ),
        (
            "so too at Beirut",
            "@daily",
            "Asia/Beirut",
            "2022-03-26T12:00:00Z",
            &["2022-03-27T01:00:00+03:00", "2022-03-28T00:00:00+03:00"],
        ),
        (
            "@hourly is wildcard and does not make up midnight",
            "@hourly",
            "America/Sao_Paulo",
            "2018-11-03T23:00:00-03:00",
            &["2018-11-04T01:00:00-02:00", "2018-11-04T02:00:00-02:00"],
        ),
        (
            "where the hour before midnight is repeated, the day's fire comes after both passes",
            "@daily",
            "America/Sao_Paulo",
            "2018-02-17T12:00:00Z",
            &["2018-02-18T00:00:00-03:00", "2018-02-19T00:00:00-03:00"],
        ),
        (
            "a gap of two hours is made up",
            "30 1,2 * * *",
            "Antarctica/Troll",
            "2026-03-28T12:00:00Z",
            &["2026-03-29T03:00:00+02:00", "2026-03-30T01:30:00+02:00"],
        ),
        (
            "a gap of three hours is made up",
            "0 2,3,4 * * *",
            "Antarctica/Casey",
            "2009-10-17T12:00:00Z",
            &["2009-10-18T05:00:00+11:00", "2009-10-19T02:00:00+11:00"],
        ),
        (
            "fires on a day that the calendar skipped are not made up",
            "0 12 * * *",
            "Pacific/Apia",
            "2011-12-29T11:00:00-10:00",
            &["2011-12-29T12:00:00-10:00", "2011-12-31T12:00:00+14:00"],
        ),
        (
            "nor those of a wildcard schedule",
            "0 */12 * * *",
            "Pacific/Apia",
            "2011-12-29T11:00:00-10:00",
            &["2011-12-29T12:00:00-10:00", "2011-12-31T00:00:00+14:00"],
        ),
        (
            "a weekly fire on the skipped Friday waits for the next Friday",
            "0 12 * * FRI",
            "Pacific/Apia",
            "2011-12-25T00:00:00Z",
            &["2012-01-06T12:00:00+14:00"],
        ),
        (
            "@every knows no wall clock",
            "@every 1h",
            "America/New_York",
            "2026-03-08T01:00:00-05:00",
            &["2026-03-08T03:00:00-04:00", "2026-03-08T04:00:00-04:00"],
        ),
    ];
    for (sentence, text, zone_name, from, expected) in rows {
        assert_eq!(fires_in(text, zone_name, from, expected.len()), *expected, "{sentence}: {text} in {zone_name}");
    }
}
