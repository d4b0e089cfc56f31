//! What a configuration may hold, and what of it is never lost.

use super::super::{Stop, Zones, load_sources, resolve_sources};
use super::source;

const ENDPOINT: &str = "[endpoint.e]\ncache_url = \"http://c.test\"\nregion = \"r\"\naddressing = \"path\"\n";

fn profiles(count: usize, objects: &str) -> String {
    let one = |n| format!("[profile.p{n}]\nobjects = [\"{objects}\"]\nmax_bytes = \"1 B\"\n");
    ENDPOINT.to_owned() + &(0..count).map(one).collect::<String>()
}

#[test]
fn a_thousand_warnings_hide_no_error() {
    let text = profiles(1_100, "s3://b/**") + "[profile.wrong]\nobjects = [\"s3://b/[\"]\nmax_bytes = \"1 B\"\n";
    let wrong = load_sources(vec![source("many.toml", 0, &text)]).unwrap_err();
    assert_eq!((wrong.errors(), wrong.warnings()), (1, 1_000));
    assert!(wrong.render(false).contains("profile.wrong.objects"), "errors come first");
}

#[test]
fn a_reading_that_nobody_waits_for_stops() {
    let stop = Stop::default();
    let text = profiles(20, "s3://b/k");
    let read = |stop: &Stop| resolve_sources(vec![source("some.toml", 0, &text)], Zones::default(), stop);
    assert_eq!(read(&stop).unwrap().profiles.len(), 20);
    stop.set();
    let wrong = read(&stop).unwrap_err();
    assert_eq!(wrong.iter().map(ToString::to_string).collect::<Vec<_>>(), ["the reading was given up"]);
}

#[test]
fn bounds_are_those_of_all_files_together() {
    let most = profiles(10_000, "s3://b/k");
    let one = "[profile.more]\nobjects = [\"s3://b/k\"]\nmax_bytes = \"1 B\"\n";
    assert_eq!(load_sources(vec![source("most.toml", 0, &most)]).unwrap().profiles.len(), 10_000);
    let wrong = load_sources(vec![source("most.toml", 0, &most), source("one.toml", 0, one)]).unwrap_err();
    assert!(wrong.iter().next().unwrap().to_string().starts_with("one.toml:1:10: a configuration has at most 10000"));
}

#[test]
fn lists_of_defaults_count_for_each_profile_that_takes_them() {
    let excluded: Vec<String> = (0..900).map(|n| format!("\"s3://b/*{n}\"")).collect();
    let defaults = format!("[defaults]\nexclude = [{}]\n", excluded.join(", "));
    for (count, is_refused) in [(500, false), (600, true)] {
        let text = profiles(count, "s3://b/k") + &defaults;
        let read = load_sources(vec![source("many.toml", 0, &text)]);
        assert_eq!(read.is_err(), is_refused, "{count} profiles");
    }
}
