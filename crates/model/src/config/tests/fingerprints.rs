//! What changes a fingerprint, and what does not.

use super::{LOTA, config};

const PROFILE: &str = "[profile.p]\nobjects = [\"s3://b/a/**\", \"s3://b/c/**\"]\nmax_bytes = \"1 TiB\"\n";

fn fingerprint(text: &str) -> String {
    let config = config(text);
    let profile = config.profiles.values().next().unwrap();
    config.fingerprint(profile)
}

fn base() -> String {
    format!("{LOTA}{PROFILE}")
}

#[test]
fn is_the_same_for_every_release() {
    assert_eq!(fingerprint(&base()), "350cfad3b90671bf04c0");
}

#[test]
fn does_not_depend_on_spelling_order_or_names() {
    let base = base();
    for (what, text) in [
        ("another spelling of a size", base.replace("1 TiB", "1024 GiB")),
        (
            "another order of patterns",
            base.replace("\"s3://b/a/**\", \"s3://b/c/**\"", "\"s3://b/c/**\", \"s3://b/a/**\""),
        ),
        ("a pattern twice", base.replace("[\"s3://b/a/**\"", "[\"s3://b/a/**\", \"s3://b/a/**\"")),
        ("another spelling of a URL", base.replace("http://cwlota.com", "http://CWLOTA.com:80/")),
        ("a default that is typed", format!("{base}order = \"newest\"\n")),
        ("other names", base.replace("profile.p", "profile.q").replace("endpoint.lota", "endpoint.cache")),
        ("another region", base.replace("us-east-1", "auto")),
    ] {
        assert_eq!(fingerprint(&text), fingerprint(&base), "{what}");
    }
}

#[test]
fn does_not_depend_on_when_and_how_eagerly() {
    for line in [
        "schedule = \"30 1 * * *\"",
        "time_zone = \"Europe/Paris\"",
        "window = \"01:00-06:00\"",
        "jitter = \"5m\"",
        "on_missed = \"skip\"",
        "on_overlap = \"queue\"",
        "on_reload = \"never\"",
        "on_start = \"always\"",
        "rewarm_after = \"1h\"",
        "deadline = \"1h\"",
        "priority = 5",
        "paused = true",
        "min_warm = \"99%\"",
        "allow_empty = true",
    ] {
        assert_eq!(fingerprint(&format!("{}{line}\n", base())), fingerprint(&base()), "{line}");
    }
}

#[test]
fn depends_on_what_is_warmed_and_where() {
    let base = base();
    let mut seen = vec![fingerprint(&base)];
    for text in [
        base.replace("s3://b/a/**", "s3://b/x/**"),
        base.replace("1 TiB", "2 TiB"),
        base.replace("1 TiB", "unlimited"),
        base.replace("cwlota.com", "other.example"),
        base.replace("region", "list_url = \"https://cwobject.com\"\nregion"),
        base.replace("http://cwlota.com\"", "http://10.0.0.1\"\naddressing = \"path\""),
        format!("{base}exclude = [\"s3://b/c/**\"]\n"),
        format!("{base}newer_than = \"1d\"\n"),
        format!("{base}older_than = \"1d\"\n"),
        format!("{base}min_size = \"1 MiB\"\n"),
        format!("{base}max_size = \"1 MiB\"\n"),
        format!("{base}max_objects = 7\n"),
        format!("{base}on_excess = \"refuse\"\n"),
        format!("{base}on_excess = \"trim\"\n"),
        format!("{base}order = \"oldest\"\n"),
        format!("{base}storage_classes = [\"STANDARD_IA\"]\n"),
        format!("{base}checkpoint = {{ layout = \"verl\" }}\n"),
        format!("{base}checkpoint = {{ layout = \"verl\", keep = 2 }}\n"),
    ] {
        let fingerprint = fingerprint(&text);
        assert!(!seen.contains(&fingerprint), "{text}");
        seen.push(fingerprint);
    }
}
