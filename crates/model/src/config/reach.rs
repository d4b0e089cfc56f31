//! What a changed configuration reaches that another does not: where requests go, as whom, and what teams are given. A change
//! that nobody has approved yet may name any host and any file of keys.

use std::collections::BTreeMap;
use std::path::{Component, Path};

use url::Url;

use super::Config;
use super::endpoint::Credentials;
use super::profile::Profile;
use super::reader::Section;
use super::team::Team;
use crate::manifest::Place;

/// Keys of an endpoint that say where requests go, and as whom.
const OF_ENDPOINTS: [&str; 6] = ["cache_url", "list_url", "addressing", "region", "bucket_regions", "credentials"];

/// A key of `[endpoint]`, `[credentials]` or `[team]` that is new, has changed, or is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// As TOML writes it between brackets.
    pub table: String,
    pub key: &'static str,
    /// As TOML; `None`: the key was not there.
    pub before: Option<String>,
    pub after: Option<String>,
}

/// How `after` differs from `before` in what is reached.
pub fn changes(before: &Config, after: &Config) -> Vec<Change> {
    let [old, new] = [before, after].map(|config| settings(&config.sections));
    let mut keys: Vec<_> = old.keys().chain(new.keys()).collect();
    keys.sort_unstable();
    keys.dedup();
    let differing = keys.into_iter().filter(|key| old.get(*key) != new.get(*key));
    let change = |key: &(&str, &'static str)| Change {
        table: key.0.to_owned(),
        key: key.1,
        before: old.get(key).map(|value| (*value).to_owned()),
        after: new.get(key).map(|value| (*value).to_owned()),
    };
    differing.map(change).collect()
}

fn settings(sections: &[Section]) -> BTreeMap<(&str, &'static str), &str> {
    let counts = |section: &Section, key: &str| {
        let head = &section.head;
        head.starts_with("credentials.")
            || head.starts_with("team.")
            || head.starts_with("endpoint.") && OF_ENDPOINTS.contains(&key)
    };
    let all = sections.iter().flat_map(|section| section.settings.iter().map(move |setting| (section, setting)));
    let all = all.filter(|(section, setting)| counts(section, setting.key));
    all.map(|(section, setting)| ((&*section.head, setting.key), &*setting.value)).collect()
}

/// Why planning `profile` reaches something that `base` does not; `None` where it does not.
pub fn beyond(base: &Config, profile: &Profile) -> Option<String> {
    let (url, keys) = place(profile);
    let known = places(base);
    let shown = url.as_str().trim_end_matches('/');
    if known.iter().all(|(other, _)| *other != url) {
        return Some(format!("{shown} is new"));
    }
    if known.iter().all(|(_, other)| !alike(other, keys)) {
        return Some(format!("{} are new, or have changed", named(keys)));
    }
    if known.iter().all(|(other, others)| *other != url || !alike(others, keys)) {
        return Some(format!("{} are not used at {shown} by now", named(keys)));
    }
    of_team(base, profile).or_else(|| of_file(base, profile))
}

/// Where a profile is listed, and as whom.
fn place(profile: &Profile) -> (&Url, &Credentials) {
    let site = &profile.endpoint.list.0;
    (&site.url, profile.credentials.as_ref().unwrap_or(&site.credentials))
}

/// Where something is listed by now or may be, and as whom.
fn places(base: &Config) -> Vec<(&Url, &Credentials)> {
    let endpoints = base.endpoints.values().map(|endpoint| {
        let site = &endpoint.list.0;
        (&site.url, &*site.credentials)
    });
    let profiles = base.profiles.values().map(|profile| place(profile));
    let granted = base.teams.values().flat_map(|team| {
        let endpoints = team.endpoints.iter().filter_map(|name| base.endpoints.get(name));
        endpoints.flat_map(move |endpoint| team.credentials.iter().map(move |keys| (&endpoint.list.0.url, &**keys)))
    });
    endpoints.chain(profiles).chain(granted).collect()
}

/// Whether they are the same keys for the same buckets, whatever they are called.
fn alike(a: &Credentials, b: &Credentials) -> bool {
    a.source == b.source && a.buckets == b.buckets
}

fn named(keys: &Credentials) -> String {
    keys.name.as_ref().map_or_else(|| "the usual AWS credentials".to_owned(), |name| format!("[credentials.{name}]"))
}

/// A team's limits are its last ones until the change is merged; a profile that leaves its team leaves them.
fn of_team(base: &Config, profile: &Profile) -> Option<String> {
    let was = base.profiles.get(&profile.name).and_then(|profile| profile.team.as_ref());
    let Some(team) = &profile.team else {
        return was.map(|team| format!("it was [team.{}]'s", team.name));
    };
    let Some(granted) = base.teams.get(&team.name) else {
        return Some(format!("[team.{}] is new", team.name));
    };
    let keys = |team: &Team| {
        let all = team.credentials.iter();
        all.map(|keys| (keys.source.clone(), keys.buckets.clone())).collect::<Vec<_>>()
    };
    let same = granted.buckets == team.buckets && granted.endpoints == team.endpoints && keys(granted) == keys(team);
    (!same).then(|| format!("[team.{}] has changed", team.name))
}

/// What a manifest's file says may be shown where it is no manifest.
fn of_file(base: &Config, profile: &Profile) -> Option<String> {
    let manifest = profile.manifest.as_ref()?;
    let Place::File { within: None, .. } = &manifest.place else { return None };
    let typed = Path::new(manifest.text.strip_prefix("file:").unwrap_or(&manifest.text));
    let beside = typed.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    let mut known = base.profiles.values().filter_map(|profile| profile.manifest.as_ref());
    let is_known = known.any(|other| other.text == manifest.text);
    (!beside && !is_known).then(|| format!("{} is a new file outside of the configuration", manifest.text))
}

#[cfg(test)]
mod tests {
    use super::super::{Source, load_sources};
    use super::*;

    const BASE: &str = r#"
[endpoint.lota]
cache_url = "http://cache.example"
list_url = "https://store.example"
region = "r"
credentials = "platform"
[endpoint.other]
cache_url = "http://other.example"
region = "r"
credentials = "other"
[credentials.platform]
aws_profile = "platform"
[credentials.other]
aws_profile = "other"
[credentials.vision]
aws_profile = "vision"
[team.vision]
profiles = ["vision.toml"]
endpoints = ["lota"]
credentials = ["vision"]
buckets = ["vision"]
budget = "1 TiB"
"#;

    fn of(trusted: &str, team: &str) -> Config {
        let sources = vec![
            Source::trusted("main.toml", trusted, 0),
            Source { team: Some("vision".to_owned()), ..Source::trusted("vision.toml", team, 0) },
        ];
        load_sources(sources).unwrap_or_else(|errors| panic!("{}", errors.render(false)))
    }

    fn profile(endpoint: &str, more: &str) -> String {
        format!("[profile.p]\nendpoint = \"{endpoint}\"\nmax_bytes = \"1 TiB\"\n{more}\n")
    }

    #[test]
    fn what_was_not_reached_before_is_not_reached_by_a_plan() {
        let objects = "objects = [\"s3://vision/**\"]";
        let base = of(BASE, "");
        let main = |change: (&str, &str), endpoint: &str, more: &str| {
            of(&format!("{}{}", BASE.replace(change.0, change.1), profile(endpoint, more)), "")
        };
        let team = |change: (&str, &str)| of(&BASE.replace(change.0, change.1), &profile("lota", objects));
        let no = ("", "");
        let with = |key: &str| format!("{objects}\ncredentials = \"{key}\"");
        for (sentence, config, why) in [
            ("a new profile of what there is", main(no, "lota", objects), None),
            ("a new profile of a team", team(no), None),
            ("a team's keys where the team may use them", main(no, "lota", &with("vision")), None),
            (
                "another host",
                main(("https://store.example", "https://collector.example"), "lota", objects),
                Some("https://collector.example is new"),
            ),
            (
                "the same host without encryption",
                main(("https://store.example", "http://store.example"), "lota", objects),
                Some("http://store.example is new"),
            ),
            (
                "other keys under the same name",
                main(("aws_profile = \"platform\"", "aws_profile = \"admin\""), "lota", objects),
                Some("[credentials.platform] are new, or have changed"),
            ),
            (
                "keys for more buckets",
                main(("aws_profile = \"other\"", "aws_profile = \"other\"\nbuckets = [\"*\"]"), "other", objects),
                Some("[credentials.other] are new, or have changed"),
            ),
            (
                "known keys at another known host",
                main(no, "other", &with("platform")),
                Some("[credentials.platform] are not used at http://other.example by now"),
            ),
            (
                "a team that gives itself more",
                team(("buckets = [\"vision\"]", "buckets = [\"*\"]")),
                Some("[team.vision] has changed"),
            ),
            ("a team that is allowed to ask for more is still that team", team(("1 TiB", "2 TiB")), None),
            (
                "any file of the machine",
                main(no, "lota", "manifest = \"file:/run/secrets/key\""),
                Some("file:/run/secrets/key is a new file outside of the configuration"),
            ),
            ("a file of the repository", main(no, "lota", "manifest = \"file:lists/p.jsonl\""), None),
        ] {
            assert_eq!(beyond(&base, &config.profiles["p"]).as_deref(), why, "{sentence}");
        }
        let of_team = of(BASE, &profile("lota", objects));
        let left = main(no, "lota", &with("vision"));
        assert_eq!(beyond(&of_team, &left.profiles["p"]).as_deref(), Some("it was [team.vision]'s"));
        let without = load_sources(vec![Source::trusted("main.toml", BASE.split("[team").next().unwrap(), 0)]).unwrap();
        assert_eq!(
            beyond(&without, &of_team.profiles["p"]).as_deref(),
            Some("[credentials.vision] are new, or have changed")
        );
    }

    #[test]
    fn changes_are_told_key_by_key() {
        let after = BASE
            .replace("https://store.example", "https://collector.example")
            .replace("[credentials.other]", "[credentials.more]");
        let after = after.replace("credentials = \"other\"", "credentials = \"more\"\nbudget = \"9 TiB\"");
        let told: Vec<String> = changes(&of(BASE, ""), &of(&after, ""))
            .into_iter()
            .map(|Change { table, key, before, after }| {
                format!("[{table}] {key}: {} > {}", before.unwrap_or_default(), after.unwrap_or_default())
            })
            .collect();
        assert_eq!(
            told,
            [
                "[credentials.more] aws_profile:  > \"other\"",
                "[credentials.other] aws_profile: \"other\" > ",
                "[endpoint.lota] list_url: \"https://store.example\" > \"https://collector.example\"",
                "[endpoint.other] credentials: \"other\" > \"more\"",
            ]
        );
        assert!(changes(&of(BASE, ""), &of(BASE, "")).is_empty());
    }
}
