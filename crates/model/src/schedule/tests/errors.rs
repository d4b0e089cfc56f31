//! What users read when a schedule or a window is wrong.

use std::fmt::Write as _;

use super::*;

/// The text, a caret under what is to blame, the message and the hint.
fn shown(text: &str, error: &TextError) -> String {
    let mut shown = format!("{text}\n");
    if let Some(span) = &error.span {
        let width = text[span.clone()].chars().count().max(1);
        writeln!(shown, "{}{}", " ".repeat(text[..span.start].chars().count()), "^".repeat(width)).unwrap();
    }
    writeln!(shown, "error: {error}").unwrap();
    if let Some(hint) = &error.help {
        writeln!(shown, "help: {hint}").unwrap();
    }
    shown
}

#[test]
fn a_refused_schedule_names_the_field_and_the_fix() {
    let refused = [
        "",
        "* * * *",
        "30",
        "daily",
        "10m",
        "0 30 1 * * * 2026",
        "a b c d e f g h i",
        "75 * * * *",
        "0 24 * * *",
        "0 99999999999999 * * *",
        "0 0 0 * *",
        "0 0 * 13 *",
        "0 0 * * 8",
        "0 0 * * MONDAY",
        "0 0 * january *",
        "0 0 1MON * *",
        "MON 0 * * *",
        "0 0 ? * MON",
        "H 2 * * *",
        "0 22-4 * * *",
        "0 0 * * FRI-MON",
        "0 0 * * 5-0",
        "5/10 * * * *",
        "/10 * * * *",
        "*/0 * * * *",
        "*/ * * * *",
        "*/-5 * * * *",
        "1-2-3 * * * *",
        "- * * * *",
        "5- * * * *",
        ", * * * *",
        "0 0 L-3 * *",
        "0 0 L,LW * *",
        "0 0 32W * *",
        "0 0 * * L",
        "0 0 * * FRI#6",
        "0 0 * * MON-FRI#1",
        "0 0 1 * +MON",
        "0\u{a0}0 * * *",
        "\u{1b}[31m 0 * * *",
        "@reboot",
        "@dayly",
        "@",
        "@daily 5",
        "@every",
        "@every 10",
        "@every 10 turns",
        "@every 0s",
        "@every 500ms",
        "@every 1500ms",
        "@every ten minutes",
        "@every -5m",
        "@every 99999999999999999999s",
        "CRON_TZ=Europe/Berlin 30 2 * * *",
        "TZ=:Asia/Tokyo @daily",
        "CRON_TZ=UTC 0 0 * *",
        "CRON_TZ=\"Asia/Tokyo\" 30 2 * * *",
        "cron(0 2 ? * 2-6 *)",
        "cron(0/15 8 1 * ? *)",
        "cron(0 9 ? * 6#1 2027)",
        "rate(5 minutes)",
        "at(2027-01-01T00:00:00)",
        "Mon..Fri 02:30",
        "Mon..Fri",
        "*-*-01",
        "*-*-* 02:00:00 Europe/Berlin",
        "OnCalendar=weekly",
        "Sat *-*-1..7 18:00:00",
        "*-*-1,15 00/6:05:30",
        "Fri *-*-13 12:00",
        "2027-01-01 00:00",
    ];
    let mut all = String::new();
    for text in refused {
        let error = Schedule::parse(text, Zone::utc()).expect_err(text);
        writeln!(all, "{}", shown(text, &error)).unwrap();
    }
    insta::assert_snapshot!(all);
}

#[test]
fn a_refused_window_names_the_part_and_the_fix() {
    let refused = [
        "",
        "Mon-Fri",
        "01:00",
        "Mon-Fri 1:00-6:00",
        "Mon - Fri 01:00-06:00",
        "Mon-Fri, 01:00-06:00",
        "Monday 01:00-06:00",
        "1-5 01:00-06:00",
        "01:00-06:00 UTC",
        "01:00-25:00",
        "01:00-24:30",
        "01:60-02:00",
        "24:00-06:00",
        "06:00-06:00",
        "01:00-06:00,22:00-23:00",
        "01:00-06:00;",
        "01:00–06:00",
    ];
    let mut all = String::new();
    for text in refused {
        let error = Window::parse(text, Zone::utc()).expect_err(text);
        writeln!(all, "{}", shown(text, &error)).unwrap();
    }
    insta::assert_snapshot!(all);
}

#[test]
fn lints_say_what_happens_instead() {
    let suspect = [
        "0 0 30 2 *",
        "*/90 * * * *",
        "0 */24 * * *",
        "10-20/15 * * * *",
        "1,,2 * * * *",
        "0 1, * * *",
        "0 0 */2 * MON",
        "0 2 1-7 * SAT",
        "0 2 8,9,10,11,12,13,14 * 1,TUE",
        "0 0 2 25-31 * FRI",
        "0 2 29-31 1 SAT-SUN",
        "0 6 1-7,15-21 * SAT",
        "0 6 1-7,25-31 * SAT,SUN",
        "0 6 1-28 * MON",
        "@every 9999years",
    ];
    let mut all = String::new();
    for text in suspect {
        for lint in schedule(text, "UTC").lints() {
            writeln!(all, "{text:16} at {:?}: {}", lint.span, lint.message).unwrap();
        }
    }
    insta::assert_snapshot!(all);
}

#[test]
fn sound_schedules_have_no_lints() {
    for text in [
        "*/5 * * * *",
        "*/59 * * * *",
        "0 0 29 2 *",
        "0 0 1,15 * MON",
        "0 0 31 * *",
        "@every 7m",
        "@daily",
        "0 0 * * */2",
    ] {
        assert_eq!(schedule(text, "UTC").lints(), [], "{text}");
    }
}
