//! The first contact with an endpoint, and the ways in which it fails: what is said of it, and when.

use sim::{Outage, Side};

use super::daemon::desk::tables;
use super::{Desk, Ran, hotset, shows};

impl Desk {
    /// The simulator as an endpoint with other addresses or keys, and one profile.
    fn contact(&self, cache: &str, list: &str, more: &str) {
        self.write(
            "hotset.toml",
            &format!(
                "[endpoint.lota]\ncache_url = \"{cache}\"\nlist_url = \"{list}\"\nregion = \"us-east-1\"\noutage_wait = \"1s\"\n\
                 {more}\n[profile.nightly]\nobjects = [\"s3://training/d/**\"]\nmax_bytes = \"1 GiB\"\n"
            ),
        );
    }

    /// `hotset` with nothing in the environment but these.
    fn with(&self, line: &str, variables: &[(&str, &str)]) -> Ran {
        let mut command = hotset(self.dir.path(), line.split_whitespace());
        command.env("AWS_EC2_METADATA_DISABLED", "true").envs(variables.iter().copied());
        Ran::new(line, command.output().unwrap())
    }
}

/// A try more or less is made in a second.
fn shows_tries(name: &str, runs: &[Ran]) {
    insta::with_settings!({ filters => vec![(r"by \d+ LIST requests?", "by N LIST requests")] }, { shows(name, runs) });
}

const KEYS: [(&str, &str); 2] =
    [("AWS_ACCESS_KEY_ID", super::ACCESS_KEY), ("AWS_SECRET_ACCESS_KEY", super::SECRET_KEY)];

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_keeps_the_first_answer_from_coming_is_said_at_once() {
    // One object: of several any may fail first.
    let desk = Desk::with_shards(1).await;
    let (cache, list) = (desk.sim.cache_url(), desk.sim.list_url());
    let mut ran = Vec::new();
    desk.contact(&cache, &list, "");
    desk.sim.set_outage(Side::List, Outage::Refused);
    ran.push(desk.with("plan", &KEYS));
    ran.push(desk.with("warm --state-dir none --json", &KEYS));
    desk.sim.set_outage(Side::List, Outage::None);
    desk.sim.set_outage(Side::Cache, Outage::Refused);
    ran.push(desk.with("warm --state-dir none", &KEYS));
    desk.sim.set_outage(Side::Cache, Outage::None);
    desk.contact(&cache, &list.replace("http:", "https:"), "");
    ran.push(desk.with("plan", &KEYS));
    // The line of a run has ids and times in it: its reason is what is shown.
    for ran in &mut ran {
        if let Ok(line) = serde_json::from_str::<serde_json::Value>(&ran.out) {
            ran.out = format!("{}\n", line["reason"]);
        }
    }
    shows_tries("contact_unreachable", &ran);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_name_that_nobody_knows_is_named() {
    let desk = Desk::with_shards(2).await;
    desk.contact("http://lota.invalid", "http://store.invalid", "");
    for line in ["plan", "warm --state-dir none", "check --online"] {
        let ran = desk.with(line, &KEYS);
        let said = format!("{}{}", ran.out, ran.err);
        let name = ["name not found", "its name cannot be looked up"]
            .iter()
            .any(|why| said.contains(&format!("training.store.invalid: {why}")));
        assert!(name && ran.code != 0 && ran.code != 1, "{ran}");
        if line != "check --online" {
            assert!(ran.err.starts_with("warning: cannot reach training.store.invalid: "), "{ran}");
            assert!(ran.err.contains("; trying for 1s\n") && ran.code == 5, "{ran}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn every_place_that_was_looked_at_for_keys_is_named() {
    let desk = Desk::with_shards(2).await;
    let (cache, list) = (desk.sim.cache_url(), desk.sim.list_url());
    desk.write("token", "jwt");
    desk.contact(&cache, &list, "");
    let container = "http://localhost:9/keys";
    let mut ran = vec![
        desk.with("plan", &[]),
        desk.with("plan", &[("AWS_PROFILE", "nope")]),
        desk.with("plan", &KEYS[..1]),
        desk.with("check --online", &[("AWS_PROFILE", "nope")]),
        desk.with("plan", &[("AWS_CONTAINER_CREDENTIALS_FULL_URI", container)]),
    ];
    desk.contact(&cache, &list, "credentials = \"cw\"\n[credentials.cw]\naws_profile = \"nope\"\n");
    ran.push(desk.with("plan", &[]));
    let [id, nowhere] = ["id", "nowhere"].map(|name| desk.path(name).display().to_string());
    let files = format!("access_key_id_file = \"{id}\"\nsecret_access_key_file = \"{nowhere}\"\n");
    desk.contact(&cache, &list, &format!("credentials = \"c\"\n[credentials.c]\n{files}"));
    ran.push(desk.with("plan", &[]));
    let codes: Vec<_> = ran.iter().map(|ran| ran.code).collect();
    assert_eq!(codes, [4, 4, 4, 4, 5, 4, 4], "only a source that does not answer is worth another try");
    // Whether that is said before the run gives up depends on how soon the source is asked again.
    ran[4].err.clear();
    shows_tries("contact_keys", &ran);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_daemon_shows_what_its_run_waits_for() {
    let desk = Desk::with_shards(2).await;
    desk.configure("", &tables(""));
    let config = std::fs::read_to_string(desk.path("hotset.toml")).unwrap();
    desk.write("hotset.toml", &config.replace("outage_wait = \"1s\"", "outage_wait = \"1h\""));
    desk.sim.set_outage(Side::List, Outage::Refused);
    let mut daemon = desk.daemon("").await;
    daemon.begin();
    let trouble = daemon
        .until("its trouble is shown", |daemon| {
            Some(daemon.status()["runs"][0]["progress"]["trouble"].as_str()?.to_owned())
        })
        .await;
    assert!(trouble.ends_with(": connection refused: nobody listens there; trying for 1h"), "{trouble}");
    assert!(daemon.said().contains(&trouble), "{}", daemon.said());
    let why = desk.ask(&daemon, "why nightly");
    assert!(why.out.contains(&trouble), "{why}");
    desk.sim.set_outage(Side::List, Outage::None);
    daemon.ended("complete").await;
    assert_eq!(daemon.status()["runs"], serde_json::json!([]));
}
