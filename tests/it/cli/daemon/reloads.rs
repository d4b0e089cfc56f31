//! What comes into force, and what does not.

use std::fs;
use std::os::unix::fs::symlink;

use super::desk::tables;
use crate::cli::{Desk, PATIENT, zones};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_reload_changes_nothing_and_says_so_and_a_good_one_mends_it() {
    let desk = Desk::with_shards(3).await;
    desk.configure("", &tables(""));
    let mut daemon = desk.daemon("").await;
    desk.configure("", &tables("max_objets = 2"));
    daemon.send("-HUP");
    daemon
        .until("it is refused", |daemon| (daemon.metric("hotset_config_last_reload_successful")? == 0.0).then_some(()))
        .await;
    let reload = daemon.status()["reload"].clone();
    assert!(reload["error"].as_str().unwrap().contains("did you mean `max_objects`?"), "{reload}");
    assert_eq!(daemon.said().matches("did you mean").count(), 1, "logged once, with its caret");
    assert_eq!(daemon.get("/readyz").map(|_| ()), Some(()), "still ready");
    assert_eq!(desk.ranged_heads(), 0);
    desk.configure("", &tables("max_objects = 2"));
    daemon.send("-HUP");
    let last = daemon.ended("complete").await;
    assert_eq!(
        (&last["trigger"], &last["planned"]["objects"]),
        (&"reload".into(), &2.into()),
        "it has changed: it runs at once"
    );
    assert_eq!(daemon.metric("hotset_config_last_reload_successful"), Some(1.0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_only_a_new_process_can_change_is_refused_by_name() {
    let desk = Desk::with_shards(1).await;
    desk.configure("", &tables(""));
    let daemon = desk.daemon("").await;
    for (from, to, key) in
        [("127.0.0.1:0", "127.0.0.1:1", "`daemon.listen`"), ("\"state\"", "\"elsewhere\"", "`daemon.state_dir`")]
    {
        desk.configure("", &tables("").replace(from, to));
        let ran = desk.ask(&daemon, "reload");
        assert!(ran.code == 2 && ran.err.contains(key), "{ran}");
    }
    desk.configure("", &tables(""));
    assert_eq!(desk.ask(&daemon, "reload").code, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_volume_that_kubernetes_swaps_is_watched() {
    let desk = Desk::with_shards(3).await;
    let generation = |name: &str, lines: &str| {
        desk.write(
            &format!("volume/{name}/daemon.toml"),
            &format!("{}[daemon]\nlisten = \"127.0.0.1:0\"\nstate_dir = \"state\"\nwatch = \"1s\"\n", desk.endpoint()),
        );
        let profile = format!("[profile.nightly]\nobjects = [\"s3://training/d/**\"]\nmax_bytes = \"1 GiB\"\n{lines}");
        desk.write(&format!("volume/{name}/profiles.toml"), &profile);
    };
    generation("..1", "");
    generation("..2", "max_objects = 2");
    let volume = desk.path("volume");
    symlink("..1", volume.join("..data")).unwrap();
    for file in ["daemon.toml", "profiles.toml"] {
        symlink(format!("..data/{file}"), volume.join(file)).unwrap();
    }
    let mut daemon = desk.daemon("--config volume").await;
    symlink("..2", volume.join("..new")).unwrap();
    fs::rename(volume.join("..new"), volume.join("..data")).unwrap();
    let last = daemon.ended("complete").await;
    assert_eq!(last["planned"]["objects"], 2);
    assert_eq!(daemon.status()["reload"]["by"], "watch");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_profile_is_drained_and_replaced_and_a_removed_one_is_stopped() {
    let desk = Desk::with_shards(40).await;
    desk.configure(PATIENT, &tables(""));
    let mut daemon = desk.daemon("").await;
    let release = desk.hold_after(0);
    daemon.begin();
    daemon.sends().await;
    desk.configure(PATIENT, &tables("max_objects = 1"));
    daemon.send("-HUP");
    daemon.stops().await;
    release.cancel();
    let last = daemon.ended("complete").await;
    assert_eq!((&last["trigger"], &last["planned"]["objects"]), (&"reload".into(), &1.into()));
    let runs = daemon.get("/api/v1/runs").unwrap()["runs"].clone();
    assert_eq!(runs[1]["outcome"], "interrupted");
    assert!(runs[1]["reason"].as_str().unwrap().starts_with("the profile was changed; "), "{runs}");
    assert!(desk.sim.counters().cache.most_open_one_key <= 1);
    let release = desk.hold_after(0);
    desk.configure(PATIENT, &tables(""));
    daemon.send("-HUP");
    daemon.sends().await;
    let (none, _) =
        tables("").split_once("[profile").map(|(daemon, rest)| (daemon.to_owned(), rest.to_owned())).unwrap();
    desk.configure(PATIENT, &none);
    daemon.send("-HUP");
    daemon.stops().await;
    release.cancel();
    daemon
        .until("it is gone", |daemon| {
            let status = daemon.status();
            (status["profiles"] == serde_json::json!([]) && status["runs"] == serde_json::json!([])).then_some(())
        })
        .await;
    assert!(daemon.said().contains("the profile was removed"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn warnings_of_a_reload_are_said_once() {
    let desk = Desk::with_shards(1).await;
    desk.configure("", &tables(""));
    let daemon = desk.daemon("").await;
    desk.configure("", &tables("on_start = \"never\"\nmax_objects = 2"));
    for _ in 0..2 {
        assert_eq!(desk.ask(&daemon, "reload").code, 0);
    }
    assert_eq!(daemon.said().matches("runs only when it is asked to").count(), 1, "{}", daemon.said());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn zone_rules_that_have_changed_are_taken_at_the_next_reload() {
    let desk = Desk::with_shards(1).await;
    desk.configure("", &tables("schedule = \"30 1 * * *\"\ntime_zone = \"Europe/Oslo\""));
    let folder = zones::of(desk.dir.path());
    zones::write(&folder, "Europe/Oslo", "CET-1");
    zones::release(&folder, zones::OLD);
    let daemon = desk.daemon("").await;
    let next = || daemon.status()["profiles"][0]["next_due"].as_str().unwrap().split_once('T').unwrap().1.to_owned();
    assert!(next().starts_with("00:30:00"), "{}", next());
    assert_eq!(daemon.status()["zone_rules"], serde_json::json!({"version": zones::OLD, "origin": folder}));
    // 2025b counts as February 2025.
    assert_eq!(daemon.metric("hotset_zone_rules_timestamp_seconds"), Some(1_738_368_000.0));
    assert_eq!(
        daemon.said().matches("the zone rules are more than a year old: 2025b (").count(),
        1,
        "{}",
        daemon.said()
    );
    assert!(daemon.status()["reload"]["warnings"].to_string().contains("more than a year old"));

    zones::write(&folder, "Europe/Oslo", "CET-2");
    zones::release(&folder, zones::RELEASE);
    let reloaded = desk.ask(&daemon, "reload");
    assert_eq!(reloaded.code, 0, "{reloaded}");
    assert!(next().starts_with("23:30:00"), "{}", next());
    assert_eq!(daemon.status()["reload"]["warnings"], serde_json::json!([]));
    let status = desk.ask(&daemon, "status");
    assert!(status.out.contains(&format!("\nzone rules: 2999a ({})\n", folder.display())), "{status}");
    let info = format!("hotset_zone_rules_info{{version=\"2999a\",origin=\"{}\"}}", folder.display());
    assert_eq!(daemon.metric(&info), Some(1.0));

    fs::write(folder.join("Europe/Oslo"), "no zone").unwrap();
    let refused = desk.ask(&daemon, "reload");
    assert!(refused.code == 2 && refused.err.contains("the rules of `Europe/Oslo` cannot be read from"), "{refused}");
    assert!(next().starts_with("23:30:00"), "what was in force stays so: {}", next());
}
