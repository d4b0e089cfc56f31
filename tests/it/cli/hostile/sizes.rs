//! Files that would take the memory or the time of whatever reads them.

use std::process::{Command, Stdio};

use super::{Desk, Ran};

const MIB: usize = 1 << 20;
/// What any MiB of TOML may take: memory in KiB, and seconds of one core. A debug build takes several times the five seconds that
/// a release build may.
const MEMORY: usize = 128 << 10;
const SECONDS: usize = if cfg!(debug_assertions) { 100 } else { 5 };

const ENDPOINT: &str = "[endpoint.e]\ncache_url=\"http://c.test\"\nregion=\"r\"\naddressing=\"path\"\n";
const PROFILE: &str = "[profile.p]\nmax_bytes=\"1 B\"\nobjects=";

/// As many `part`s as fit into a MiB behind `head`, `0` in them replaced by a number.
fn filled(head: &str, part: &str, tail: &str) -> String {
    let mut text = head.to_owned();
    for n in 0.. {
        let next = part.replace('0', &format!("{n:x}"));
        if text.len() + next.len() + tail.len() > MIB {
            break;
        }
        text.push_str(&next);
    }
    text + tail
}

/// A line so long that fewer than ten thousand fill a MiB: more tables are refused before they are looked at.
fn padded(line: &str) -> String {
    format!("{line:#<106}\n")
}

/// Texts of a MiB, each the worst of its kind.
fn worst() -> Texts {
    [values(), syntax(), tables()].concat()
}

type Texts = Vec<(&'static str, String)>;

/// What values come to.
fn values() -> Texts {
    let of_profile = |part: &str| filled(&format!("{ENDPOINT}{PROFILE}["), part, "]\n");
    vec![
        ("ranges", of_profile("\"s3://b/{111111111111111110..999999999999999998}x\",")),
        (
            "ranges in one",
            filled(&format!("{ENDPOINT}{PROFILE}[\"s3://b/"), "{000000000000000001..999999999999999998}", "\"]\n"),
        ),
        ("globs", of_profile("\"s3://b/*0\",")),
        ("large globs", of_profile(&format!("\"s3://b/*{}0\",", "**[a-z]".repeat(1_000)))),
        ("alternatives", of_profile(&format!("\"s3://b/*{}0\",", "{a,b,*}".repeat(1_000)))),
        ("classes", of_profile(&format!("\"s3://b/*{}0\",", "[!a-zA-Z]".repeat(800)))),
        ("bucket globs", of_profile("\"s3://*0/x\",")),
        ("schedules", filled(&format!("{ENDPOINT}{PROFILE}[\"s3://b/k\"]\nschedule=["), "\"0 0 29 2 *\",", "]\n")),
    ]
}

/// What a parser makes of it.
fn syntax() -> Texts {
    let of_profile = |part: &str| filled(&format!("{ENDPOINT}{PROFILE}["), part, "]\n");
    let nested = format!("{}1{}", format!("{{{}a=", "a.".repeat(78)).repeat(78), "}".repeat(78));
    vec![
        ("tables within tables", format!("x={nested}\n")),
        ("many of them", filled("", &format!("x0={nested}\n"), "")),
        ("dotted tables", filled("", &format!("[x0.{}a]\n", "a.".repeat(70)), "")),
        ("shallow dotted tables", filled("", "[x0.a.a.a.a.a.a.a.a.a.a]\n", "")),
        ("open brackets", "[".repeat(MIB)),
        ("open lists", format!("a={}", "[".repeat(MIB - 2))),
        ("empty lists", filled("a=[", "[],", "]\n")),
        ("empty tables", filled("a=[", "{},", "]\n")),
        ("keys", filled("", "x0=1\n", "")),
        ("one key", "a=1\n".repeat(MIB / 4)),
        ("one table", "[a]\n".repeat(MIB / 4)),
        ("carriage returns", "\r".repeat(MIB)),
        ("commas", ",".repeat(MIB)),
        ("quotes", "\"".repeat(MIB)),
        ("one text", format!("{ENDPOINT}{PROFILE}[\"s3://b/{}\"]\n", "x".repeat(MIB - 200))),
        ("escapes", format!("{ENDPOINT}[profile.p]\nmax_bytes=\"{}\"\n", "\\u001b".repeat(MIB / 6 - 50))),
        ("placeholders", of_profile("\"${\",")),
    ]
}

/// What tables come to, with their defaults.
fn tables() -> Texts {
    let profiles = |head: &str, part: &str| {
        filled(&format!("{ENDPOINT}[defaults]\nmax_bytes=\"1 B\"\n{head}\n[profile]\n"), part, "")
    };
    vec![
        ("small profiles", profiles("", "x0={objects=[\"s3://b/k\"]}\n")),
        ("empty profiles", filled(&format!("{ENDPOINT}[profile]\n"), "x0={}\n", "")),
        (
            "profiles with rare fires",
            profiles("schedule=[\"0 0 29 2 *\",\"0 0 31 12 1\"]", &padded("x0={objects=[\"s3://b/*k\"]}")),
        ),
        (
            "one regular expression for all",
            profiles(
                "checkpoint={layout=\"custom\",group=\"(?<step>[0-9]+)[a-z]{1,2000}\"}",
                &padded("x0={objects=[\"s3://b/k\"]}"),
            ),
        ),
        (
            "large regular expressions",
            profiles(
                "",
                "x0={objects=[\"s3://b/k\"],checkpoint={layout=\"custom\",group=\"(?<step>[0-9]+)[a-z0]{1,2000}\"}}\n",
            ),
        ),
        (
            "classes of all letters",
            profiles(
                "",
                "x0={objects=[\"s3://b/k\"],checkpoint={layout=\"custom\",group=\"(?<step>[0-9]+)\\\\w{1,30}x0\"}}\n",
            ),
        ),
        (
            "a long regular expression",
            format!(
                "{ENDPOINT}{PROFILE}[\"s3://b/k\"]\ncheckpoint={{layout=\"custom\",group=\"(?<step>[0-9]+){}\"}}\n",
                "(a|b)".repeat(200_000)
            ),
        ),
        ("exclusions of all", {
            let excluded: Vec<String> = (0..900).map(|n| format!("\"s3://b/*{n}\"")).collect();
            profiles(&format!("exclude=[{}]", excluded.join(",")), &padded("x0={objects=[\"s3://b/k\"]}"))
        }),
        ("endpoints", filled("[endpoint]\n", "x0={cache_url=\"http://h0\",region=\"r\"}\n", "")),
        ("empty endpoints", filled("[endpoint]\n", "x0={}\n", "")),
        ("credentials", filled(&format!("{ENDPOINT}[credentials]\n"), &padded("x0={}"), "")),
        ("regions", filled(&format!("{ENDPOINT}bucket_regions={{"), "\"[x0\"=\"r\",", "}\n")),
        (
            "names of nothing",
            profiles("", "x0={objects=[\"s3://b/k\"],endpoint=\"nothing-like-it\",credentials=\"none\"}\n"),
        ),
        ("names of nothing beside many", names_beside_many()),
        ("overrides of nothing", filled(&format!("{ENDPOINT}[override.profile]\n"), "x0={max_bytes=\"1 B\"}\n", "")),
        ("wrong values", filled(&format!("{ENDPOINT}[profile]\n"), "x0={max_bytes=1}\n", "")),
    ]
}

/// Profiles of endpoints that are not there, each of which is looked for among a thousand.
fn names_beside_many() -> String {
    let name = "e".repeat(50);
    let endpoint = |n| format!("[endpoint.{name}{n}]\ncache_url=\"http://h{n}\"\nregion=\"r\"\n");
    let endpoints: String = (0..1_000).map(endpoint).collect();
    let defaults = "[defaults]\nmax_bytes=\"1 B\"\nobjects=[\"s3://b/k\"]\n[profile]\n";
    filled(&format!("{endpoints}{defaults}"), &format!("x0={{endpoint=\"{}x0\"}}\n", "f".repeat(50)), "")
}

/// `hotset check` of a file, killed by the system where it takes more than it may.
fn bounded(desk: &Desk, file: &str) -> Ran {
    let mut command = Command::new("sh");
    let limits = format!("ulimit -d {MEMORY} && ulimit -t {SECONDS} && exec \"$0\" check --config {file}");
    command.args(["-c", &limits, env!("CARGO_BIN_EXE_hotset")]);
    command.current_dir(desk.dir.path()).env_clear().env("HOME", desk.dir.path()).stdin(Stdio::null());
    Ran::new(file, command.output().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn any_mebibyte_is_read_or_refused_within_bounds() {
    let desk = Desk::with_shards(0).await;
    for (name, text) in worst() {
        assert!(text.len() <= MIB && text.len() > MIB / 100, "{name}: {} bytes", text.len());
        desk.write("worst.toml", &text);
        let ran = bounded(&desk, "worst.toml");
        assert!([0, 2].contains(&ran.code), "{name}: {} {}", ran.code, ran.err.chars().take(2_000).collect::<String>());
        assert!(ran.err.len() < 2 * MIB, "{name}: {} bytes are said of it", ran.err.len());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn ten_thousand_profiles_stand_in_a_file() {
    let desk = Desk::with_shards(0).await;
    let mut text =
        format!("{ENDPOINT}[defaults]\nmax_bytes=\"1 B\"\nschedule=\"30 1 * * *\"\nexclude=[\"s3://b/**/_tmp/**\"]\n");
    for n in 0..10_000 {
        text.push_str(&format!("[profile.p{n}]\nobjects=[\"s3://b/p{n}/{{000..999}}.tar\"]\n"));
    }
    desk.write("many.toml", &text);
    let ran = bounded(&desk, "many.toml");
    assert_eq!(ran.code, 0, "{}", ran.err);
    desk.write("one-more.toml", "[profile.more]\nobjects=[\"s3://b/k\"]\n");
    let ran = desk.run("check --config many.toml --config one-more.toml");
    assert!(ran.code == 2 && ran.err.contains("at most 10000 tables [profile.NAME]"), "{ran}");
}
