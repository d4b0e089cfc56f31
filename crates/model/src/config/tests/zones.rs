//! Which rules of time zones are in force.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::super::{Config, Stop, Zones, resolve_sources};
use super::{LOTA, source};
use crate::config::diagnostic::Diagnostics;
use crate::schedule::built_in_version;
use chrono::{DateTime, Utc};

/// A compiled zone (TZif, RFC 9636) without a transition: the rule at its end holds for all times.
fn compiled(rule: &str) -> Vec<u8> {
    // No leap second and no transition; one offset, and an abbreviation of four bytes.
    let counts: Vec<u8> = [0_u32, 0, 0, 0, 1, 4].into_iter().flat_map(u32::to_be_bytes).collect();
    let block = [&b"TZif2"[..], &[0; 15], &counts, &[0; 6], b"UTC\0"].concat();
    [&block[..], &block, b"\n", rule.as_bytes(), b"\n"].concat()
}

/// A folder of rules in which every named zone is an hour ahead of UTC all year.
fn folder(version: Option<(&str, &str)>, zones: &[&str]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for zone in ["Etc/UTC"].iter().chain(zones) {
        write(folder.path(), zone, &compiled("AAA-1"));
    }
    if let Some((name, text)) = version {
        write(folder.path(), name, text.as_bytes());
    }
    folder
}

fn write(folder: &Path, name: &str, bytes: &[u8]) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

fn nightly(zone: &str, zones: Zones) -> Result<Config, Diagnostics> {
    let profile = format!(
        "{LOTA}[profile.nightly]\nobjects = [\"s3://training/d/**\"]\nmax_bytes = \"1 TiB\"\nschedule = \"30 1 * * *\"\n\
         time_zone = \"{zone}\"\n"
    );
    resolve_sources(vec![source("hotset.toml", 0, &profile)], zones, &Stop::default())
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// The first fire of summer.
fn fires(config: &Config) -> String {
    let next = config.profiles["nightly"].schedules[0].next_after(at("2026-07-01T00:00:00Z"));
    next.unwrap().format("%H:%M").to_string()
}

#[test]
fn the_rules_of_the_folder_decide_and_those_built_in_are_behind_it() {
    let folder = folder(Some(("tzdata.zi", "# version 2026f\nR A\n")), &["Europe/Paris"]);
    let zones = || Zones::of_system(Some(folder.path().into()));
    let config = nightly("Europe/Paris", zones()).unwrap();
    assert_eq!((fires(&config), config.warnings.len()), ("00:30".to_owned(), 0), "the folder knows no summer time");
    assert_eq!(fires(&nightly("Europe/Paris", Zones::default()).unwrap()), "23:30");

    let config = nightly("Europe/Berlin", zones()).unwrap();
    assert_eq!(fires(&config), "23:30");
    let [warning] = &*config.warnings else { panic!("{:?}", config.warnings) };
    assert!(warning.to_string().contains("`Europe/Berlin` is not in "), "{warning}");

    let refused = nightly("Europe/Berlim", zones()).unwrap_err().render(false);
    assert!(refused.contains("did you mean `Europe/Berlin`?"), "{refused}");
}

#[test]
fn a_system_that_is_not_kept_up_to_date_does_not_decide() {
    for (sentence, version, fire) in [
        ("an older release", Some(("tzdata.zi", "# version 2025b\n")), "23:30"),
        ("one of a later year", Some(("+VERSION", "2099a\n")), "00:30"),
        ("that which is compiled in", Some(("version", built_in_version())), "00:30"),
        ("one that does not say", None, "00:30"),
    ] {
        let system = folder(version, &["Europe/Paris"]);
        let zones = Zones::of(None, system.path().into());
        let is_system = fire == "00:30";
        assert_eq!(zones.to_string().contains(", newer than 2025b of "), !is_system, "{sentence}: {zones}");
        assert_eq!(fires(&nightly("Europe/Paris", zones).unwrap()), fire, "{sentence}");
        // A folder that is named decides, whatever its age.
        let named = Zones::of(Some(system.path().into()), "/nowhere".into());
        assert_eq!(fires(&nightly("Europe/Paris", named).unwrap()), "00:30", "{sentence}");
    }
}

#[test]
fn a_file_that_changes_counts_at_the_next_reading() {
    let folder = folder(None, &["Europe/Paris"]);
    let read = || nightly("Europe/Paris", Zones::of_system(Some(folder.path().into())));
    let before = read().unwrap();
    write(folder.path(), "Europe/Paris", &compiled("AAA-3"));
    write(folder.path(), "+VERSION", b"2027a\n");
    let after = read().unwrap();
    assert_eq!((fires(&before), fires(&after)), ("00:30".to_owned(), "22:30".to_owned()));
    assert_ne!(before.profiles["nightly"].schedules, after.profiles["nightly"].schedules);
    assert_eq!((before.zones.version(), after.zones.version()), (None, Some("2027a")));
}

#[test]
fn a_file_that_is_no_zone_is_refused_by_its_path() {
    let folder = folder(None, &[]);
    for (zone, file, said) in [
        ("Europe/Paris", &b"TZif2"[..], "the rules of `Europe/Paris` cannot be read from "),
        ("Asia/Nowhere", b"no zone", "the rules of `Asia/Nowhere` cannot be read from "),
    ] {
        write(folder.path(), zone, file);
        let refused = nightly(zone, Zones::of_system(Some(folder.path().into()))).unwrap_err().render(false);
        assert!(refused.contains(said) && refused.contains("profile.nightly.time_zone"), "{refused}");
    }
}

#[test]
fn names_lead_nowhere_else() {
    let outer = folder(None, &["Secret", "zoneinfo/Etc/UTC", "zoneinfo/right/Europe/Paris", "zoneinfo/posixrules"]);
    let zones = || Zones::of_system(Some(outer.path().join("zoneinfo")));
    for name in
        ["../Secret", "right/Europe/Paris", "posixrules", "Etc/../../Secret", "Etc", "/etc/localtime", "tzdata.zi", ""]
    {
        let refused = nightly(name, zones()).unwrap_err().render(false);
        assert!(refused.contains(&format!("no time zone is called `{name}`")), "{name}: {refused}");
    }
}

#[test]
fn the_version_is_read_where_something_tells() {
    for (file, text, version) in [
        ("tzdata.zi", "# version 2026f\nR A\n", Some("2026f")),
        ("+VERSION", "2025b\n", Some("2025b")),
        ("version", "2026a", Some("2026a")),
        ("tzdata.zi", "# redo posix only\n", None),
        ("version", "20266\n", None),
        ("leapseconds", "2026a", None),
    ] {
        let folder = folder(Some((file, text)), &[]);
        let zones = Zones::of_system(Some(folder.path().into()));
        assert_eq!(zones.version(), version, "{file}: {text}");
        let shown = format!("{} ({})", version.unwrap_or("of an unknown version"), folder.path().display());
        assert_eq!(zones.to_string(), shown);
    }
}

#[test]
fn rules_older_than_a_year_are_warned_of_where_a_zone_is_used() {
    for (version, zone, now, is_old) in [
        ("2025b", "Europe/Paris", "2026-11-29T00:00:00Z", true),
        ("2025b", "Europe/Paris", "2026-02-01T00:00:00Z", false),
        ("2025b", "UTC", "2026-11-29T00:00:00Z", false),
        ("2026f", "Europe/Paris", "2026-11-29T00:00:00Z", false),
        ("2026f", "Europe/Paris", "2027-06-02T00:00:00Z", true),
        ("unknown", "Europe/Paris", "2036-11-29T00:00:00Z", false),
    ] {
        let folder = folder(Some(("version", version)), &["Europe/Paris", "UTC"]);
        let config = nightly(zone, Zones::of_system(Some(folder.path().into()))).unwrap();
        let warnings: Vec<String> = config.zone_warnings(at(now)).iter().map(|one| one.render(false)).collect();
        assert_eq!(
            warnings.iter().any(|one| one.contains("more than a year old: ")),
            is_old,
            "{version} {now}: {warnings:?}"
        );
    }
    let config = nightly("Europe/Paris", Zones::default()).unwrap();
    let warnings = config.zone_warnings(at("2036-11-29T00:00:00Z"));
    let said = format!("the zone rules are more than a year old: {} (built in)", built_in_version());
    assert!(matches!(&*warnings, [warning] if warning.to_string() == said), "{warnings:?}");
}

#[test]
fn a_folder_without_rules_is_said() {
    let empty = TempDir::new().unwrap();
    let zones = Zones::of_system(Some(empty.path().into()));
    let config = nightly("Europe/Paris", zones).unwrap();
    let warnings = config.zone_warnings(at("2025-03-01T00:00:00Z"));
    let said = format!("TZDIR names {}, which has no zone rules", empty.path().display());
    assert!(warnings.iter().any(|warning| warning.to_string().contains(&said)), "{warnings:?}");
    assert_eq!(config.zones.to_string(), Zones::of_system(None).to_string());
}
