//! Which of several values wins, and what the design's defaults are.

use std::time::Duration;

use super::super::endpoint::{Addressing, CredentialSource};
use super::super::profile::{OnMissed, OnOverlap, OnReload, OnStart};
use super::super::{Config, load_sources};
use super::{LOTA, config, errors, source};
use crate::object::Bucket;
use crate::pattern::KeyGlob;
use crate::schedule::Zone;
use crate::select::checkpoint::layout::Layout;
use crate::select::checkpoint::naming::Naming;
use crate::select::checkpoint::{Checkpoint, Kind, MemberCount, OnIncomplete, Parts};
use crate::select::{Cap, OnExcess, Order};
use crate::words::Words as _;

fn layered(texts: &[&str]) -> Config {
    let sources = texts.iter().enumerate().map(|(nth, text)| source(&format!("{nth}.toml"), nth, text)).collect();
    load_sources(sources).unwrap_or_else(|errors| panic!("{}", errors.render(false)))
}

#[test]
fn a_profile_that_says_little_gets_the_documented_defaults() {
    let config = config(&format!("{LOTA}[profile.p]\nobjects = [\"s3://b/k/**\"]\nmax_bytes = \"1 TiB\"\n"));
    let profile = &config.profiles["p"];
    assert_eq!(profile.rules.max_bytes, Cap::Bytes(1 << 40));
    assert_eq!(profile.rules.on_excess, OnExcess::Partial);
    assert_eq!(profile.rules.order, Order::Newest);
    assert_eq!(profile.rules.storage_classes, ["STANDARD".into()]);
    assert!(!profile.rules.allow_empty && !profile.paused && profile.schedules.is_empty());
    assert_eq!((profile.on_missed, profile.on_overlap), (OnMissed::RunOnce, OnOverlap::Skip));
    assert_eq!((profile.on_reload, profile.on_start), (OnReload::IfChanged, OnStart::Auto));
    assert_eq!(profile.rewarm_after, Duration::from_hours(12));
    assert_eq!((profile.deadline, profile.min_warm, profile.priority), (None, None, 0));
    assert_eq!(profile.zone, Zone::utc());
    let endpoint = &profile.endpoint;
    assert_eq!(endpoint.list.0.url, endpoint.cache.0.url);
    assert_eq!(endpoint.list.0.addressing, Addressing::Virtual);
    assert_eq!(endpoint.cache.0.credentials.source, CredentialSource::Chain);
    assert_eq!((endpoint.limits.start_in_flight, endpoint.limits.max_in_flight), (32, 300));
    assert_eq!(endpoint.limits.min_fill_rate, 200 << 20);
    assert_eq!(config.daemon.listen, Some("127.0.0.1:9464".parse().unwrap()));
    assert_eq!(config.daemon.retention, Duration::from_hours(90 * 24));
}

#[test]
fn a_checkpoint_refuses_by_default_what_does_not_fit() {
    let text = format!(
        "{LOTA}[profile.p]\nobjects = [\"s3://b/k/**\"]\nmax_bytes = \"1 TiB\"\n\
         checkpoint = {{ layout = \"verl\", keep = 3, parts = \"weights\", count = 8 }}\n"
    );
    let profile = &config(&text).profiles["p"];
    let checkpoint = profile.checkpoint.as_ref().unwrap();
    assert_eq!(profile.rules.on_excess, OnExcess::Refuse);
    assert_eq!((checkpoint.layout, checkpoint.keep, checkpoint.parts), (Layout::Verl, 3, Parts::Weights));
    assert_eq!((checkpoint.count, checkpoint.settle), (MemberCount::AtLeast(8), Duration::from_mins(2)));
}

#[test]
fn each_key_of_a_layout_can_be_typed_in_its_place_and_leaves_the_others_as_they_are() {
    let glob = |text: &str| vec![KeyGlob::parse(text).unwrap()];
    for (word, layout) in Layout::WORDS.iter().filter(|(_, layout)| *layout != Layout::Custom) {
        let naming = Naming::parse("own_(?<step>[0-9]+)/").unwrap();
        let kinds = vec![Kind::always(glob("DONE"))];
        let preset = Checkpoint::of(*layout).unwrap();
        for (typed, expected) in [
            ("", preset.clone()),
            ("group = \"own_(?<step>[0-9]+)/\"", Checkpoint { naming, signs: Vec::new(), ..preset.clone() }),
            ("require = [\"DONE\"]", Checkpoint { kinds, ..preset.clone() }),
            ("unfinished = \".lock\"", Checkpoint { beside: Some(".lock".into()), ..preset.clone() }),
            ("forbid = [\"*.part\"]", Checkpoint { forbid: glob("*.part"), ..preset.clone() }),
            ("count = \"any\"", Checkpoint { count: MemberCount::Any, ..preset.clone() }),
            ("pointer = \"newest.txt\"", Checkpoint { pointer: Some("newest.txt".into()), ..preset.clone() }),
            ("settle = \"9m\"", Checkpoint { settle: Duration::from_mins(9), ..preset.clone() }),
            ("active_within = \"2d\"", Checkpoint { active_within: Some(Duration::from_hours(48)), ..preset.clone() }),
            ("keep = 2", Checkpoint { keep: 2, ..preset.clone() }),
            ("on_incomplete = \"refuse\"", Checkpoint { on_incomplete: OnIncomplete::Refuse, ..preset.clone() }),
        ] {
            let text = format!(
                "{LOTA}[profile.p]\nobjects = [\"s3://b/k/**\"]\nmax_bytes = \"1 TiB\"\n\
                 [profile.p.checkpoint]\nlayout = \"{word}\"\n{typed}\n"
            );
            let resolved = config(&text).profiles["p"].checkpoint.clone().unwrap();
            assert_eq!(format!("{resolved:?}"), format!("{expected:?}"), "{word} with {typed}");
        }
    }
}

#[test]
fn an_override_beats_the_profile_and_the_profile_beats_the_defaults() {
    let base = format!(
        "[daemon]\ntime_zone = \"Asia/Tokyo\"\n{LOTA}[defaults]\nmax_bytes = \"1 TiB\"\npriority = 1\njitter = \"1m\"\n\
         [profile.p]\nobjects = [\"s3://b/k/**\"]\npriority = 2\n[profile.q]\nobjects = [\"s3://b/q/**\"]\n"
    );
    let config = layered(&[&base, "[override.profile.p]\npriority = 3\nexclude = [\"s3://b/k/tmp/**\"]\n"]);
    let (p, q) = (&config.profiles["p"], &config.profiles["q"]);
    assert_eq!((p.priority, q.priority), (3, 1));
    assert_eq!((p.jitter, p.rules.exclude.len(), q.rules.exclude.len()), (Duration::from_mins(1), 1, 0));
    assert_eq!(p.zone, Zone::built_in("Asia/Tokyo").unwrap());
}

#[test]
fn a_profile_key_takes_the_place_of_a_default_list_and_is_not_added_to_it() {
    let text = format!(
        "{LOTA}[defaults]\nexclude = [\"s3://b/a/**\"]\nmax_bytes = \"unlimited\"\n\
         [profile.p]\nobjects = [\"s3://b/k/**\"]\nexclude = [\"s3://b/k/x\", \"s3://b/k/y\"]\n"
    );
    let config = config(&text);
    assert_eq!(config.profiles["p"].rules.exclude.len(), 2);
    assert_eq!(config.profiles["p"].rules.max_bytes, Cap::Unlimited);
}

#[test]
fn the_list_side_is_like_the_cache_but_for_what_it_says() {
    let text = "[credentials.a]\naws_profile = \"a\"\n[credentials.b]\naws_profile = \"b\"\n[endpoint.e]\n\
                cache_url = \"http://10.0.0.1:9000\"\nlist_url = \"https://store.example:9443\"\nregion = \"x\"\n\
                addressing = \"path\"\ncredentials = \"a\"\n[endpoint.e.list]\nregion = \"y\"\ncredentials = \"b\"\n";
    let config = config(text);
    let (cache, list) = (&config.endpoints["e"].cache.0, &config.endpoints["e"].list.0);
    assert_eq!((cache.region.as_str(), list.region.as_str()), ("x", "y"));
    assert_eq!((cache.addressing, list.addressing), (Addressing::Path, Addressing::Path));
    assert_eq!((cache.credentials.name.as_deref(), list.credentials.name.as_deref()), (Some("a"), Some("b")));
}

#[test]
fn an_allow_list_holds_for_the_usual_aws_chain_too() {
    let text =
        LOTA.replace("region", "credentials = \"env\"\nregion") + "[credentials.env]\nbuckets = [\"training\"]\n";
    let credentials = &config(&text).endpoints["lota"].cache.0.credentials;
    assert_eq!(credentials.source, CredentialSource::Chain);
    assert!(credentials.allow(&Bucket::new("training")) && !credentials.allow(&Bucket::new("other")));
}

#[test]
fn the_most_telling_glob_names_the_region_of_a_bucket() {
    let text = LOTA.replace(
        "region",
        "bucket_regions = { \"*\" = \"r0\", \"eu-*\" = \"r1\", \"eu-west-*\" = \"r2\", \"eu-west-1\" = \"r3\" }\nregion",
    );
    let config = config(&text);
    let order: Vec<&str> = config.endpoints["lota"].bucket_regions.iter().map(|(glob, _)| glob.text()).collect();
    assert_eq!(order, ["eu-west-1", "eu-west-*", "eu-*", "*"]);
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_are_no_error() {
    config(&format!("\u{feff}{}", LOTA.replace('\n', "\r\n")));
    let errors = errors("\u{feff}[endpoint.e]\r\nregoin = \"x\"\r\n");
    assert!(errors.contains(&"hotset.toml:2:1: endpoint.e.regoin: unknown key".to_owned()), "{errors:?}");
}

#[test]
fn what_is_wrong_with_a_default_is_said_even_if_nobody_uses_it() {
    let text = format!("{LOTA}[defaults]\nrewarm_after = \"12x\"\n");
    assert_eq!(errors(&text), ["hotset.toml:5:19: defaults.rewarm_after: unknown unit `x`"]);
}
