//! Where the configuration comes from, the verbs that only read it, and help.

use super::{Desk, Ran, shows, zones};

const PROFILE: &str = "[profile.NAME]\nobjects = [\"s3://training/d/**\"]\nmax_bytes = \"1 GiB\"\n";

fn profile(name: &str) -> String {
    PROFILE.replace("NAME", name)
}

/// The profiles that a command sees.
fn profiles(desk: &Desk, line: &str, env: Option<&str>) -> Vec<String> {
    let mut command = desk.command(&format!("{line} --json"));
    command.envs(env.map(|path| ("HOTSET_CONFIG", path)));
    let ran = Ran::new(line, command.output().unwrap());
    assert_eq!(ran.code, 0, "{ran}");
    let lines = ran.out.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    lines.filter_map(|line| line["profile"].as_str().map(str::to_owned)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn files_are_named_by_flag_by_environment_or_found() {
    let desk = Desk::with_shards(1).await;
    desk.write("base.toml", &desk.endpoint());
    desk.write("teams/a.toml", &profile("a"));
    desk.write("teams/b.toml", &profile("b"));
    desk.write("c.toml", &profile("c"));
    desk.write("all.toml", &format!("{}{}", desk.endpoint(), profile("all")));
    let none = desk.run("check");
    for (line, env, expected, why) in [
        ("check --config base.toml --config teams", None, &["a", "b"][..], "a file and a folder, merged"),
        ("--config base.toml check --config c.toml", None, &["c"], "before and behind the verb"),
        ("--config base.toml --config c.toml check", None, &["c"], "before the verb"),
        ("check", Some("all.toml"), &["all"], "by the environment"),
        ("check --config base.toml --config c.toml", Some("all.toml"), &["c"], "a flag is nearer than the environment"),
    ] {
        assert_eq!(profiles(&desk, line, env), expected, "{why}");
    }
    std::fs::rename(desk.path("all.toml"), desk.path("hotset.toml")).unwrap();
    assert_eq!(profiles(&desk, "check", Some("")), ["all"], "an empty variable is none");
    desk.write("config/hotset.toml", "not read, as hotset.toml is there");
    assert_eq!(profiles(&desk, "check", None), ["all"]);
    std::fs::rename(desk.path("hotset.toml"), desk.path("config/hotset.toml")).unwrap();
    assert_eq!(profiles(&desk, "check", None), ["all"], "the second place");

    std::fs::create_dir(desk.path("empty")).unwrap();
    let missing = desk.run("plan --config missing.toml --config empty --config c.toml/x");
    shows("configuration", &[none, missing]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_resolved_configuration_names_origins_and_no_secret() {
    let desk = Desk::with_shards(1).await;
    desk.nightly("schedule = \"30 1 * * *\"");
    shows("configuration_resolved", &[desk.run("config")]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_hotset_prints_of_itself_is_valid() {
    let desk = Desk::with_shards(1).await;
    desk.nightly("schedule = \"30 1 * * *\"");
    for verb in ["config", "config --reference"] {
        desk.write("printed.toml", &desk.run(verb).out);
        let again = desk.run("check --config printed.toml");
        assert_eq!((again.code, again.err.as_str()), (0, ""), "{verb}: {again}");
    }
    let schema: serde_json::Value = serde_json::from_str(&desk.run("schema").out).unwrap();
    assert!(schema["properties"]["profile"].is_object());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn coming_fires_are_shown() {
    let desk = Desk::with_shards(1).await;
    let resting = profile("resting").replace("max", "schedule = \"@daily\"\npaused = true\nmax");
    let weekly = profile("weekly").replace("max", "schedule = \"0 6 * * Mon\"\nmax");
    desk.configure("", &format!("{}{resting}{weekly}", profile("by-hand")));
    shows(
        "schedule",
        &[
            desk.run("schedule --from 2026-03-07T22:30:00Z --count 2"),
            desk.run("schedule --from 2026-03-07T22:30:00Z --count 1 --json"),
            desk.run("schedule --from yesterday"),
            desk.run("schedule --count 0"),
        ],
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn help_reads_well() {
    let desk = Desk::with_shards(0).await;
    shows("help", &[desk.run("--help"), desk.run("plan --help"), desk.run("warm --help"), desk.run("check --help")]);
    shows(
        "help_more",
        &[desk.run("demo --help"), desk.run("schedule --help"), desk.run("config --help"), desk.run("sim --help")],
    );
    shows("usage", &[desk.run("plam"), desk.run("plan --jsn"), desk.run("-V")]);
}

/// Which commit it is depends on who builds, so no snapshot shows it.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_long_version_names_the_commit_the_features_and_the_zone_rules() {
    let desk = Desk::with_shards(0).await;
    let ran = desk.run("--version");
    let told = ran.out.strip_prefix(concat!("hotset ", env!("CARGO_PKG_VERSION"), " (")).unwrap();
    let (told, rules) = told.split_once("\nzone rules ").unwrap();
    let folder = desk.path("zoneinfo");
    assert_eq!(rules, format!("{} ({})\n", zones::RELEASE, folder.display()), "{ran}");
    let parts: Vec<&str> = told.strip_suffix(')').unwrap().split(", ").collect();
    let hash = parts[0].split(' ').next().unwrap();
    let is_hash = hash.len() >= 7 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    assert!(parts[0] == "unknown commit" || is_hash, "{ran}");
    assert!(parts.contains(&"sim"), "{ran}");
    assert_eq!(parts.contains(&"debug build"), cfg!(debug_assertions), "{ran}");
}
