//! What a team's profiles get, and what they are held to. What their author sees has snapshots, in `tests/fixtures/broken`.

use std::fs;
use std::path::PathBuf;

use super::super::{Config, Source, change_together, daemon_key_of, load_sources, read};
use super::source;
use crate::config::diagnostic::Diagnostics;

const PLATFORM: &str = r#"
[endpoint.a]
cache_url = "http://a.example"
region = "r"
credentials = "platform"
[endpoint.b]
cache_url = "http://b.example"
region = "r"
[credentials.platform]
aws_profile = "platform"
[credentials.one]
aws_profile = "one"
[credentials.two]
aws_profile = "two"
[team.t]
profiles = ["t.toml"]
endpoints = ["a"]
credentials = ["one", "two"]
buckets = ["t-*"]
budget = "1 TiB"
"#;

const PROFILE: &str = "[profile.p]\nobjects = [\"s3://t-1/**\"]\nmax_bytes = \"1 TiB\"\n";

fn team(text: &str) -> Source {
    Source { team: Some("t".to_owned()), ..source("t.toml", 0, text) }
}

fn resolved(platform: &str, profile: &str, site: &str) -> Result<Config, Diagnostics> {
    load_sources(vec![source("platform.toml", 0, platform), team(profile), source("site.toml", 1, site)])
}

/// Endpoint and credentials of the profile.
fn used(platform: &str, profile: &str, site: &str) -> (String, Option<String>) {
    let config = resolved(platform, profile, site).unwrap_or_else(|errors| panic!("{}", errors.render(false)));
    let profile = &config.profiles["p"];
    assert_eq!(profile.team.as_ref().map(|team| &*team.name), Some("t"));
    let keys = profile.credentials.as_ref().and_then(|keys| keys.name.as_deref()).map(str::to_owned);
    (profile.endpoint.name.to_string(), keys)
}

#[test]
fn what_a_profile_leaves_out_is_its_teams() {
    let is = |endpoint: &str, keys: &str| (endpoint.to_owned(), Some(keys.to_owned()));
    let two = format!("{PROFILE}credentials = \"two\"\n");
    let defaults = format!("{PLATFORM}[defaults]\nendpoint = \"b\"\ncredentials = \"platform\"\n");
    assert_eq!(used(PLATFORM, PROFILE, ""), is("a", "one"), "its only endpoint, its first credentials");
    assert_eq!(used(PLATFORM, &two, ""), is("a", "two"), "what it was given, by name");
    assert_eq!(used(&defaults, PROFILE, ""), is("a", "one"), "before what is for everybody");
    let site = "[override.profile.p]\ncredentials = \"two\"\n";
    assert_eq!(used(PLATFORM, PROFILE, site), is("a", "two"), "a trusted override says more");
    let none = defaults.replace("credentials = [\"one\", \"two\"]\n", "");
    assert_eq!(used(&none, PROFILE, ""), is("a", "platform"), "a team without any uses those of everybody");
}

#[test]
fn each_token_has_a_file_of_its_own() {
    let with = |daemon: &str, file: &str| {
        let team = format!("{PLATFORM}run_token_file = \"{file}\"\n");
        let second = "[team.u]\nprofiles = [\"u.toml\"]\nendpoints = [\"a\"]\nbuckets = [\"u\"]\nbudget = \"1 TiB\"\n";
        resolved(&format!("{team}{second}run_token_file = \"/u\"\n[daemon]\n{daemon}\n"), PROFILE, "")
    };
    for (sentence, daemon, file, other) in [
        ("another team's", "", "/u", "team.t.run_token_file"),
        ("the token for everything", "token_file = \"/t\"", "/t", "daemon.token_file"),
        ("the token for all runs", "run_token_file = \"/t\"", "/t", "daemon.run_token_file"),
    ] {
        let wrong = with(daemon, file).unwrap_err().render(false);
        assert!(wrong.contains(&format!("run_token_file: is the file of {other}, too")), "{sentence}: {wrong}");
    }
    let wrong = with("token_file = \"/d\"\nrun_token_file = \"/d\"", "/t").unwrap_err().render(false);
    assert!(wrong.contains("daemon.run_token_file: is the file of daemon.token_file, too"), "{wrong}");
    assert!(with("token_file = \"/d\"\nrun_token_file = \"/r\"", "/t").is_ok());
}

#[test]
fn a_profile_is_held_to_its_team_whoever_changes_it() {
    for (sentence, platform, site) in [
        ("an override of its buckets", PLATFORM, "[override.profile.p]\nobjects = [\"s3://other/**\"]\n"),
        ("an override of its endpoint", PLATFORM, "[override.profile.p]\nendpoint = \"b\"\n"),
        ("an override of its credentials", PLATFORM, "[override.profile.p]\ncredentials = \"platform\"\n"),
        ("an override of its cap", PLATFORM, "[override.profile.p]\nmax_bytes = \"2 TiB\"\n"),
        ("a default priority", &format!("{PLATFORM}[defaults]\npriority = 1\n"), ""),
    ] {
        assert!(resolved(platform, PROFILE, site).is_err(), "{sentence}");
    }
    let site = "[override.profile.p]\nmanifest = \"file:/srv/lists/p.jsonl\"\n";
    assert!(resolved(PLATFORM, PROFILE, site).is_ok(), "a file that a trusted override names is as trusted");
}

#[test]
fn a_file_that_nobody_gave_to_the_team_is_not_read_as_trusted() {
    for platform in [
        PLATFORM.replace("t.toml", "other.toml"),
        PLATFORM.replace("[team.t]", "[team.other]"),
        PLATFORM.split("[team.t]").next().unwrap().to_owned(),
    ] {
        let Err(errors) = resolved(&platform, PROFILE, "") else { panic!("accepted:\n{platform}") };
        assert!(errors.iter().any(|error| error.to_string().contains("no trusted file gives it to [team.t]")));
    }
}

#[test]
fn teams_are_read_beside_the_file_that_names_them() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    let paths: Vec<PathBuf> = ["main", "site"].iter().map(|name| folder.path().join(name)).collect();
    for (sentence, platform, file) in [
        ("a file", PLATFORM.replace("t.toml", "teams/t.toml"), "main/teams/t.toml"),
        ("a folder", PLATFORM.replace("t.toml", "./teams/t/"), "main/teams/t/any.toml"),
        ("a folder beside", PLATFORM.replace("t.toml", "../teams"), "teams/any.toml"),
        ("behind a byte order mark", format!("\u{feff}{}", PLATFORM.replace("t.toml", "../t")), "t/t.toml"),
        ("however the key is spelled", PLATFORM.replace("[team.t]", "[\"te\\u0061m\".t]"), "main/t.toml"),
    ] {
        for name in ["main", "site", "teams", "t"] {
            let _ = fs::remove_dir_all(folder.path().join(name));
        }
        write("main/10.toml", &platform);
        write("site/10.toml", "[override.profile.p]\npaused = true\n");
        write(file, PROFILE);
        // A file in the trusted folder is trusted already, and one file is not both.
        let named =
            if file == "main/t.toml" { vec![paths[0].join("10.toml"), paths[1].clone()] } else { paths.clone() };
        let sources = read(&named).unwrap_or_else(|errors| panic!("{sentence}: {}", errors.render(false)));
        let of_team: Vec<_> = sources.iter().filter_map(|source| source.team.as_deref()).collect();
        assert_eq!((sources.len(), of_team), (3, vec!["t"]), "{sentence}");
        let config = load_sources(sources).unwrap_or_else(|errors| panic!("{sentence}: {}", errors.render(false)));
        assert!(config.profiles["p"].team.is_some() && config.profiles["p"].paused, "{sentence}");
    }
}

#[test]
fn a_mounted_volume_of_a_team_changes_as_one() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for (volume, name, text) in
        [("main", "10.toml", PLATFORM.replace("t.toml", "../teams/t.toml")), ("teams", "t.toml", PROFILE.to_owned())]
    {
        fs::create_dir_all(at(volume).join("..1")).unwrap();
        fs::write(at(volume).join("..1").join(name), text).unwrap();
        symlink("..1", at(volume).join("..data")).unwrap();
        symlink(format!("..data/{name}"), at(volume).join(name)).unwrap();
    }
    let sources = read(&[at("main")]).unwrap_or_else(|errors| panic!("{}", errors.render(false)));
    assert!(change_together(&sources));
    fs::write(at("plain.toml"), "").unwrap();
    let sources = read(&[at("main"), at("plain.toml")]).unwrap();
    assert!(!change_together(&sources));
    assert!(load_sources(sources).unwrap().profiles["p"].team.is_some());
}

#[test]
fn a_team_does_not_say_where_the_daemon_is() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("main.toml"), PLATFORM).unwrap();
    fs::write(at("t.toml"), "[daemon]\nlisten = \"10.0.0.1:1\"\ntoken_file = \"/x\"\n").unwrap();
    assert_eq!(daemon_key_of(&[at("main.toml")], "listen"), None);
    fs::write(at("main.toml"), format!("{PLATFORM}[daemon]\nlisten = \"127.0.0.1:1\"\n")).unwrap();
    assert_eq!(daemon_key_of(&[at("main.toml")], "listen").as_deref(), Some("127.0.0.1:1"));
}
