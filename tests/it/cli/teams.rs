//! Files of teams: what they may say and reach, and what becomes of those that try more. A pull request's author, who may write
//! anything into the files of one team, plays against the binary.

use std::fs;
use std::os::unix::fs::symlink;

use sim::{Bucket, Entry, Sim};

use super::{Desk, Ran, shows};

const SECRET: &str = "the-platform-key-9f8e7d";

const TEAM: &str = r#"
[credentials.vision]
access_key_id_file = "FOLDER/id"
secret_access_key_file = "FOLDER/secret"
[team.vision]
profiles = ["teams/vision"]
endpoints = ["lota"]
credentials = ["vision"]
buckets = ["training", "vision-*"]
budget = "2 GiB"
"#;

const IMAGENET: &str = "[profile.imagenet]\nobjects = [\"s3://training/d/**\"]\nmax_bytes = \"1 GiB\"\n";

/// The table of the team, with the keys beside the platform's file.
fn team(desk: &Desk) -> String {
    TEAM.replace("FOLDER", desk.path("").to_str().unwrap().trim_end_matches('/'))
}

/// A platform whose only file is `hotset.toml`, and beside it the folder of the team.
async fn desk() -> Desk {
    let platform = Bucket::new().object("keys.txt", Entry::bytes(SECRET));
    let sim = Sim::builder().bucket("training", super::shards(3)).bucket("platform", platform);
    let desk = Desk::start(sim.bucket("vision-raw", super::shards(1))).await;
    desk.configure("", &team(&desk));
    desk.write("platform-key", SECRET);
    desk.write("teams/vision/10.toml", IMAGENET);
    desk
}

/// What ends with `code`, asks nobody anything, and does not show the secret.
fn refused(desk: &Desk, line: &str, code: i32) -> Ran {
    let before = desk.sim.counters();
    let ran = desk.run(line);
    let after = desk.sim.counters();
    assert_eq!(ran.code, code, "{ran}");
    assert_eq!(before.list.total() + before.cache.total(), after.list.total() + after.cache.total(), "{ran}");
    assert!(!ran.to_string().contains(SECRET), "{ran}");
    ran
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_team_is_shown_with_what_it_may_reach() {
    let desk = desk().await;
    shows("team", &[desk.run("check"), desk.run("config"), desk.run("warm")]);
    let line = desk.json("check --json", 0);
    assert_eq!((&line[0]["team"], &line[2]["team"]), (&"vision".into(), &"vision".into()));
    assert_eq!((&line[2]["budget"], &line[2]["max_bytes"]), (&(2_u64 << 30).into(), &(1_u64 << 30).into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_team_that_says_more_than_profiles_is_refused_before_anybody_is_asked() {
    let desk = desk().await;
    let mine = format!(
        "[credentials.mine]\naccess_key_id_file = \"../../platform-key\"\nsecret_access_key_file = \"../../platform-key\"\n\
         [endpoint.mine]\ncache_url = \"{}\"\nregion = \"us-east-1\"\n{IMAGENET}endpoint = \"mine\"\ncredentials = \"mine\"\n",
        desk.sim.cache_url()
    );
    let address = desk.sim.cache_url();
    desk.write("teams/vision/10.toml", &mine.replace(&*address, "http://collector.example"));
    shows("team_refused", &["check", "plan", "warm"].map(|verb| refused(&desk, verb, 2)));
    for more in [
        "[daemon]\nlisten = \"0.0.0.0:1\"\n",
        "[defaults]\npriority = 9\n",
        "[override.endpoint.lota]\ncache_url = \"http://collector.example\"\n",
        "[team.mine]\nprofiles = [\"../../platform.toml\"]\n",
        "[credentials]\nx = { aws_profile = \"platform\" }\n",
        "team.vision.budget = \"1 EiB\"\n",
        "\"end\\u0070oint\".x = { cache_url = \"http://collector.example\", region = \"x\" }\n",
        "something = 1\n",
    ] {
        desk.write("teams/vision/10.toml", &format!("{more}\n{IMAGENET}"));
        let ran = refused(&desk, "warm", 2);
        assert!(ran.err.contains("a team's file holds [profile.NAME] tables, and nothing else"), "{more}: {ran}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_profile_reaches_what_its_team_was_given_and_nothing_else() {
    let desk = desk().await;
    for (sentence, change) in [
        ("another team's keys, or the platform's", "credentials = \"files\""),
        ("every bucket", "objects = [\"s3://*/**\"]"),
        ("a glob that is wider than the one given", "objects = [\"s3://vision*/**\"]"),
        ("one alternative too many", "objects = [\"s3://{training,platform}/**\"]"),
        ("a bucket behind a manifest", "manifest = \"s3://platform/keys.txt\""),
        ("a file of the platform's", "manifest = \"file:../../platform-key\""),
        ("a file by its whole path", "manifest = \"file:/etc/passwd\""),
        ("more than the budget", "max_bytes = \"3 GiB\""),
        ("anything the cache holds", "max_bytes = \"unlimited\""),
        ("before everybody else", "priority = 1"),
    ] {
        let key = change.split(' ').next().unwrap();
        let rest: String =
            IMAGENET.lines().filter(|line| !line.starts_with(key)).map(|line| format!("{line}\n")).collect();
        desk.write("teams/vision/10.toml", &format!("{rest}{change}\n"));
        let ran = refused(&desk, "warm", 2);
        assert!(ran.err.contains("hotset.toml:") && ran.err.contains("teams/vision/10.toml:"), "{sentence}: {ran}");
    }
    for (sentence, change) in [
        ("its own keys by name", "credentials = \"vision\""),
        ("a glob that it was given", "objects = [\"s3://vision-*/**\"]"),
        ("a part of one", "objects = [\"s3://vision-r*/d/**\"]"),
    ] {
        let key = change.split(' ').next().unwrap();
        let rest: String =
            IMAGENET.lines().filter(|line| !line.starts_with(key)).map(|line| format!("{line}\n")).collect();
        desk.write("teams/vision/10.toml", &format!("{rest}{change}\n"));
        let ran = desk.run("warm");
        assert_eq!(ran.code, 0, "{sentence}: {ran}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_file_is_trusted_or_a_teams_and_never_both() {
    let desk = desk().await;
    // The folder as a whole is trusted, so that a file which the team adds to it would be.
    let both = refused(&desk, "check --config hotset.toml --config teams/vision", 2);
    desk.write("conf/platform.toml", &format!("{}{}", desk.endpoint(), team(&desk).replace("teams/vision", "20.toml")));
    desk.write("conf/20.toml", IMAGENET);
    let beside = refused(&desk, "check --config conf", 2);
    let named = desk.run("check --config conf/platform.toml");
    assert_eq!(named.code, 0, "{named}");
    let speech = "[team.speech]\nprofiles = [\"teams/vision/10.toml\"]\nendpoints = [\"lota\"]\nbuckets = [\"b\"]\nbudget = \"1 GiB\"\n";
    desk.configure("", &format!("{}{speech}", team(&desk)));
    let of_two = refused(&desk, "check", 2);
    desk.configure("", &team(&desk).replace("teams/vision", "teams/visoin"));
    let nowhere = refused(&desk, "check", 2);
    shows("team_files", &[both, beside, of_two, nowhere]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn no_link_leads_a_team_out_of_its_folder() {
    let desk = desk().await;
    let link = desk.path("teams/vision/20.toml");
    symlink("../../platform-key", &link).unwrap();
    let file = refused(&desk, "check", 2);
    fs::remove_file(&link).unwrap();
    desk.write("teams/speech/10.toml", IMAGENET);
    symlink("../speech/10.toml", &link).unwrap();
    refused(&desk, "plan", 2);
    fs::remove_file(&link).unwrap();

    desk.write("elsewhere/10.toml", &format!("# {SECRET}\n = \n"));
    fs::rename(desk.path("teams/vision"), desk.path("teams/was-vision")).unwrap();
    symlink("../elsewhere", desk.path("teams/vision")).unwrap();
    let folder = refused(&desk, "check", 2);
    fs::remove_file(desk.path("teams/vision")).unwrap();
    fs::rename(desk.path("teams/was-vision"), desk.path("teams/vision")).unwrap();

    desk.write(
        "teams/vision/10.toml",
        "[profile.frozen]\nmanifest = \"file:lists/keys.jsonl\"\nmax_bytes = \"1 GiB\"\n",
    );
    desk.write("teams/vision/lists/keys.jsonl", "{\"bucket\":\"training\",\"key\":\"d/00.tar\"}\n");
    assert_eq!(desk.run("plan").code, 0);
    fs::remove_file(desk.path("teams/vision/lists/keys.jsonl")).unwrap();
    symlink("../../../platform-key", desk.path("teams/vision/lists/keys.jsonl")).unwrap();
    let manifest = refused(&desk, "plan", 4);
    let warned = refused(&desk, "check", 0);
    refused(&desk, "warm", 4);
    shows("team_links", &[file, folder, manifest, warned]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_manifest_of_a_team_names_no_bucket_of_others() {
    let desk = desk().await;
    desk.write("teams/vision/10.toml", "[profile.frozen]\nmanifest = \"file:keys.jsonl\"\nmax_bytes = \"1 GiB\"\n");
    let entry = "{\"bucket\":\"platform\",\"key\":\"keys.txt\",\"size\":1,\"etag\":\"0\",\"last_modified\":\"2026-01-01T00:00:00Z\"}\n";
    desk.write("teams/vision/keys.jsonl", entry);
    shows("team_manifest", &[refused(&desk, "warm", 4), refused(&desk, "check --online", 4)]);
    // Neither does one whose entries would first have to be looked up.
    desk.write("teams/vision/keys.jsonl", "{\"bucket\":\"platform\",\"key\":\"keys.txt\"}\n");
    refused(&desk, "warm", 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_broken_platform_file_makes_no_team_trusted() {
    let desk = desk().await;
    // Verbs that speak to a daemon look for its address in files that are bad, too: not in a team's, which would get the token.
    desk.configure("", &format!("{}[daemon]\nlisten = \"127.0.0.1:1\"\n", team(&desk)));
    desk.write("teams/vision/10.toml", "[daemon]\nlisten = \"127.0.0.1:9\"\n");
    let ran = desk.run("status");
    assert!(ran.code == 5 && ran.err.contains("http://127.0.0.1:1:"), "{ran}");
}
