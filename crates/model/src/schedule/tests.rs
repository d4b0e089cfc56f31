use super::*;

mod brute;
mod clocks;
mod errors;
mod manual;
mod syntax;
mod windows;

fn at(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).unwrap_or_else(|error| panic!("{text}: {error}")).to_utc()
}

fn zone(name: &str) -> Zone {
    Zone::built_in(name).unwrap_or_else(|| panic!("{name}"))
}

fn schedule(text: &str, zone_name: &str) -> Schedule {
    Schedule::parse(text, zone(zone_name)).unwrap_or_else(|error| panic!("{text}: {error}"))
}
