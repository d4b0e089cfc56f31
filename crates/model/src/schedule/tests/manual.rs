//! Every example of the manual page is true.

use chrono::TimeDelta;

use super::*;

const PAGE: &str = include_str!("../../../../../docs/schedules.md");

/// The rows of the table with this head, as cells without their backquotes.
fn table(head: &str) -> Vec<Vec<&'static str>> {
    let (_, rows) = PAGE.split_once(head).unwrap_or_else(|| panic!("no table {head}"));
    let rows: Vec<Vec<_>> = rows
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect())
        .collect();
    assert!(!rows.is_empty(), "{head} has no rows");
    rows
}

fn code(cell: &str) -> &str {
    cell.trim_matches('`')
}

fn instant(cell: &str) -> DateTime<Utc> {
    DateTime::parse_from_str(cell, "%Y-%m-%d %H:%M %z").unwrap_or_else(|error| panic!("{cell}: {error}")).to_utc()
}

/// A time in the manual carries the offset that its zone has then.
fn local(cell: &str, zone: &Zone) -> DateTime<Utc> {
    let at = instant(cell);
    assert_eq!(at.with_timezone(zone).format("%Y-%m-%d %H:%M %:z").to_string(), cell);
    at
}

#[test]
fn clock_changes() {
    for row in table("| schedule | zone | after | next fires | why |") {
        let zone = &zone(row[1]);
        let schedule = Schedule::parse(code(row[0]), zone.clone()).unwrap();
        let expected: Vec<_> = row[3].split(", ").map(|cell| local(cell, zone)).collect();
        let found: Vec<_> = fires(std::slice::from_ref(&schedule), local(row[2], zone)).take(expected.len()).collect();
        assert_eq!(found, expected, "{row:?}");
    }
}

#[test]
fn window_changes() {
    for row in table("| window | zone | opens | closes | why |") {
        let zone = &zone(row[1]);
        let window = Window::parse(code(row[0]), zone.clone()).unwrap();
        let (opens, closes) = (local(row[2], zone), local(row[3], zone));
        assert_eq!(window.next_open(opens - TimeDelta::seconds(1)), opens, "{row:?}");
        assert!(window.contains(closes - TimeDelta::seconds(1)) && !window.contains(closes), "{row:?}");
    }
}

#[test]
fn nicknames() {
    let from = at("2026-03-07T00:00:00Z");
    for row in table("| nickname | the same as |") {
        for name in row[0].split(", ") {
            let [nickname, fields] = [code(name), code(row[1])].map(|text| [schedule(text, "America/New_York")]);
            assert!(fires(&nickname, from).take(300).eq(fires(&fields, from).take(300)), "{name}");
        }
    }
}

#[test]
fn warnings() {
    for row in table("| schedule | what `check` says |") {
        let lints: Vec<_> = schedule(code(row[0]), "UTC").lints().into_iter().map(|lint| lint.message).collect();
        assert_eq!(lints, [row[1]]);
    }
}

#[test]
fn windows() {
    for row in table("| window | open |") {
        assert!(Window::parse(code(row[0]), Zone::utc()).is_ok(), "{row:?}");
    }
}
