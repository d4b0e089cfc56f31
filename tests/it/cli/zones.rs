//! Whose rules of time zones are in force.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Desk, shows};

/// Zones that tests, pages and examples name, as POSIX writes their rules.
const RULES: [(&str, &str); 4] = [
    ("Etc/UTC", "UTC0"),
    ("UTC", "UTC0"),
    ("America/New_York", "EST5EDT,M3.2.0,M11.1.0"),
    ("Europe/Oslo", "CET-1CEST,M3.5.0,M10.5.0/3"),
];

/// A release that no test outlives.
pub const RELEASE: &str = "2999a";
/// One that was more than a year old when this was written.
pub const OLD: &str = "2025b";

/// The folder of rules for what runs in `dir`: made once, and then the test's own to change.
pub fn of(dir: &Path) -> PathBuf {
    let folder = dir.join("zoneinfo");
    if !folder.exists() {
        for (zone, rule) in RULES {
            write(&folder, zone, rule);
        }
        release(&folder, RELEASE);
    }
    folder
}

/// A compiled zone (TZif, RFC 9636) without a transition: the rule at its end holds for all times.
pub fn write(folder: &Path, zone: &str, rule: &str) {
    // No leap second and no transition; one offset, and an abbreviation of four bytes.
    let counts: Vec<u8> = [0_u32, 0, 0, 0, 1, 4].into_iter().flat_map(u32::to_be_bytes).collect();
    let block = [&b"TZif2"[..], &[0; 15], &counts, &[0; 6], b"UTC\0"].concat();
    let path = folder.join(zone);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, [&block[..], &block, b"\n", rule.as_bytes(), b"\n"].concat()).unwrap();
}

/// What the folder says it is.
pub fn release(folder: &Path, version: &str) {
    fs::write(folder.join("+VERSION"), format!("{version}\n")).unwrap();
}

/// A profile by a clock of this zone, and the folder of rules.
async fn desk(zone: &str) -> (Desk, PathBuf) {
    let desk = Desk::with_shards(0).await;
    desk.nightly(&format!("time_zone = \"{zone}\"\nschedule = \"30 1 * * *\"\n"));
    let folder = of(desk.dir.path());
    (desk, folder)
}

/// When the profile fires first after `from`, and what is said beside.
fn fires(desk: &Desk, from: &str) -> (String, String) {
    let ran = desk.run(&format!("schedule --from {from} --count 1 --json"));
    assert_eq!(ran.code, 0, "{ran}");
    let fire: Value = serde_json::from_str(&ran.out).unwrap();
    (fire["at"].as_str().unwrap().to_owned(), ran.err)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_zone_whose_rules_have_changed_is_right_by_a_new_file_and_told_as_old_by_an_old_one() {
    let (desk, folder) = desk("America/Vancouver").await;
    write(&folder, "America/Vancouver", "PST8PDT,M3.2.0,M11.1.0");
    release(&folder, OLD);
    let (at, err) = fires(&desk, "2026-11-28T12:00:00Z");
    assert_eq!(at, "2026-11-29T09:30:00Z");
    assert!(err.contains("the zone rules are more than a year old: 2025b ("), "{err}");
    assert!(err.contains("; hotset itself was built with 20"), "{err}");

    write(&folder, "America/Vancouver", "PDT7");
    release(&folder, RELEASE);
    assert_eq!(fires(&desk, "2026-11-28T12:00:00Z"), ("2026-11-29T08:30:00Z".to_owned(), String::new()));
}

/// These changed their clocks in 2026, after the release that many systems still have.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_rules_built_in_know_the_changes_of_2026() {
    for (zone, due) in [
        ("America/Vancouver", "2026-11-29T08:30:00Z"),
        ("America/Edmonton", "2026-11-29T07:30:00Z"),
        ("America/Winnipeg", "2026-11-29T06:30:00Z"),
        ("Africa/Casablanca", "2026-11-29T01:30:00Z"),
    ] {
        let (desk, folder) = desk(zone).await;
        let (at, err) = fires(&desk, "2026-11-28T12:00:00Z");
        assert_eq!(at, due, "{zone}");
        assert!(err.contains(&format!("`{zone}` is not in {}", folder.display())), "{err}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn check_says_which_rules_are_in_force_and_what_is_wrong_with_them() {
    let desk = Desk::with_shards(0).await;
    let folder = of(desk.dir.path());
    desk.nightly("time_zone = \"Europe/Oslo\"\n");
    let in_force: Vec<Value> =
        desk.json("check --json", 0).into_iter().filter(|line| line["zone_rules"] != Value::Null).collect();
    let [rules] = &*in_force else { panic!("{in_force:?}") };
    assert_eq!((&rules["zone_rules"], &rules["origin"]), (&RELEASE.into(), &folder.to_str().into()));

    let right = desk.run("check");
    release(&folder, OLD);
    let old = desk.run("check");
    fs::remove_file(folder.join("+VERSION")).unwrap();
    fs::remove_file(folder.join("Europe/Oslo")).unwrap();
    let missing = desk.run("check");
    write(&folder, "Europe/Oslo", "no rule");
    let broken = desk.run("check");
    shows("check_zones", &[right, old, missing, broken]);

    fs::remove_file(folder.join("Etc/UTC")).unwrap();
    let ran = desk.run("check");
    assert!(
        ran.code == 0 && ran.out.contains(&format!("TZDIR names {}, which has no zone rules", folder.display())),
        "{ran}"
    );
}
