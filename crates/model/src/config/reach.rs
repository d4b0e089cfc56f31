//! Compares what two configurations can reach: hosts, credentials and what teams are granted. A change that nobody has
//! approved yet may name any host and any file of keys.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use url::Url;

use super::Config;
use super::endpoint::Credentials;
use super::profile::Profile;
use super::reader::Section;
use super::team::Team;
use crate::manifest::Place;
use crate::object::Bucket;
use crate::pattern::BucketGlob;

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
    of_team(base, profile).or_else(|| of_buckets(base, profile)).or_else(|| of_file(base, profile))
}

/// The profile, with a manifest that stands beside the configuration held to its folder: a link may lead anywhere.
pub fn confined(mut profile: Profile) -> Profile {
    if let Some(manifest) = &mut profile.manifest
        && let Some(steps) = steps_beside(&manifest.text)
        && let Place::File { path, within: within @ None } = &mut manifest.place
    {
        *within = path.ancestors().nth(steps).map(PathBuf::from);
    }
    profile
}

/// The profile, held to the buckets that `base` lists as the same user by now, and to those in `more`: the entries of a manifest
/// that comes with a change may name any. A team has buckets of its own, and a manifest of the store is no part of a change.
pub fn held_to_known(base: &Config, mut profile: Profile, more: impl IntoIterator<Item = Bucket>) -> Profile {
    if profile.team.is_none() && profile.manifest.as_ref().is_some_and(|manifest| manifest.place.is_file()) {
        let (url, keys) = place(&profile);
        let more = more.into_iter().filter_map(|bucket| BucketGlob::parse(bucket.as_str()).ok());
        let buckets = Some(listed(base, (url, keys)).chain(more).collect());
        profile.credentials = Some(Arc::new(Credentials { buckets, ..keys.clone() }));
    }
    profile
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
    let same = granted.profiles == team.profiles
        && granted.buckets == team.buckets
        && granted.endpoints == team.endpoints
        && keys(granted) == keys(team);
    (!same).then(|| format!("[team.{}] has changed", team.name))
}

/// A bucket that the platform's keys could list all along, and that nobody lists with them by now. A team has its own.
fn of_buckets(base: &Config, profile: &Profile) -> Option<String> {
    if profile.team.is_some() {
        return None;
    }
    let known: Vec<BucketGlob> = listed(base, place(profile)).collect();
    let new = buckets_of(profile).find(|bucket| !BucketGlob::cover(&known, bucket))?;
    Some(format!("s3://{} is listed by no profile with these keys by now", new.text()))
}

/// The buckets that are listed there by now, as the same, or may be.
fn listed<'a>(base: &'a Config, (url, keys): (&'a Url, &'a Credentials)) -> impl Iterator<Item = BucketGlob> + 'a {
    let there = move |profile: &&Profile| {
        let (other, others) = place(profile);
        other == url && alike(others, keys)
    };
    let profiles = base.profiles.values().map(|profile| &**profile).filter(there).flat_map(buckets_of);
    let granted = base.teams.values().filter(move |team| {
        let mut endpoints = team.endpoints.iter().filter_map(|name| base.endpoints.get(name));
        endpoints.any(|endpoint| endpoint.list.0.url == *url) && team.credentials.iter().any(|other| alike(other, keys))
    });
    profiles.chain(granted.flat_map(|team| team.buckets.iter().cloned())).chain(keys.buckets.iter().flatten().cloned())
}

/// The buckets that a profile's patterns and its manifest speak of.
fn buckets_of(profile: &Profile) -> impl Iterator<Item = BucketGlob> {
    let manifest = profile.manifest.as_ref().and_then(|manifest| match &manifest.place {
        Place::Object { bucket, .. } => BucketGlob::parse(bucket.as_str()).ok(),
        Place::File { .. } => None,
    });
    profile.rules.patterns.iter().map(|pattern| pattern.bucket().clone()).chain(manifest)
}

/// What a manifest's file says may be shown where it is no manifest.
fn of_file(base: &Config, profile: &Profile) -> Option<String> {
    let manifest = profile.manifest.as_ref()?;
    let Place::File { within: None, .. } = &manifest.place else { return None };
    let mut known = base.profiles.values().filter_map(|profile| profile.manifest.as_ref());
    let is_known = known.any(|other| other.text == manifest.text);
    let is_new = steps_beside(&manifest.text).is_none() && !is_known;
    is_new.then(|| format!("{} is a new file outside of the configuration", manifest.text))
}

/// How many folders and names a manifest's path has, where it stands beside the file that names it.
pub(super) fn steps_beside(text: &str) -> Option<usize> {
    let typed = Path::new(text.strip_prefix("file:").unwrap_or(text));
    let own = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
    typed.components().all(own).then(|| typed.components().filter(|part| *part != Component::CurDir).count())
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
[profile.nightly]
endpoint = "lota"
objects = ["s3://data/**", "s3://logs-{a,b}/**"]
max_bytes = "1 TiB"
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
            ("a new profile of what there is", main(no, "lota", "objects = [\"s3://data/x/**\"]"), None),
            ("one of the buckets of a glob", main(no, "lota", "objects = [\"s3://logs-a/**\"]"), None),
            (
                "a bucket that the platform's keys were never asked for",
                main(no, "lota", "objects = [\"s3://data/**\", \"s3://salaries/**\"]"),
                Some("s3://salaries is listed by no profile with these keys by now"),
            ),
            (
                "every bucket that begins like a known one",
                main(no, "lota", "objects = [\"s3://data*/**\"]"),
                Some("s3://data* is listed by no profile with these keys by now"),
            ),
            (
                "a team's bucket, with the platform's keys",
                main(no, "lota", objects),
                Some("s3://vision is listed by no profile with these keys by now"),
            ),
            (
                "a manifest of such a bucket",
                main(no, "lota", "manifest = \"s3://salaries/all.jsonl\""),
                Some("s3://salaries is listed by no profile with these keys by now"),
            ),
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
            (
                "another file that joins a team",
                team(("profiles = [\"vision.toml\"]", "profiles = [\"vision.toml\", \"mine.toml\"]")),
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
