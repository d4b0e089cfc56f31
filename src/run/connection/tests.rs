use std::path::Path;

use super::*;
use model::config::{self, Config, Source};
use model::object::Bucket;

/// An endpoint `cache` with these lines, and a profile `p` for it.
fn config(dir: &Path, url: &str, lines: &str) -> Config {
    let text = format!(
        "[endpoint.cache]\ncache_url = \"{url}\"\nregion = \"us-east-1\"\ncredentials = \"files\"\n{lines}\n\
         [credentials.files]\naccess_key_id_file = \"{0}/id\"\nsecret_access_key_file = \"{0}/secret\"\n\
         [credentials.own]\naccess_key_id_file = \"{0}/own\"\nsecret_access_key_file = \"{0}/secret\"\n\
         [profile.p]\nobjects = [\"s3://b/**\"]\nmax_bytes = \"1 GiB\"\n\
         [profile.q]\nobjects = [\"s3://b/**\"]\nmax_bytes = \"1 GiB\"\ncredentials = \"own\"\n",
        dir.display()
    );
    let source = Source::trusted("hotset.toml", text, 0);
    config::load_sources(vec![source]).unwrap_or_else(|wrong| panic!("{}", wrong.render(false)))
}

const URL: &str = "http://cache.test";

/// Opens `p` under one configuration, renews to another and opens it again.
async fn across(connections: &Connections, old: &Config, new: &Config) -> (Connection, Connection) {
    let before = connections.open(&old.profiles["p"]).await;
    connections.renew(&new.endpoints);
    (before, connections.open(&new.profiles["p"]).await)
}

fn same_clients(a: &Connection, b: &Connection) -> bool {
    Arc::ptr_eq(&a.wire, &b.wire) && Arc::ptr_eq(&a.lists, &b.lists)
}

/// Whether requests of one count against the other.
async fn same_limit(a: &Connection, b: &Connection) -> bool {
    let before = b.limit.snapshot().in_flight;
    let _permit = a.limit.waiter(0).admit(1).await;
    b.limit.snapshot().in_flight > before
}

#[tokio::test]
async fn after_a_reload_only_what_has_changed_is_opened_anew() {
    let dir = tempfile::tempdir().unwrap();
    for (what, lines, clients) in [
        ("nothing", "", true),
        ("limits that are read as they are needed", "retries = 9\nmax_requests_per_second = 7", true),
        ("how long a connection may take", "connect_timeout = \"3s\"", false),
        ("where listings go", "list_url = \"http://store.test\"", false),
        ("how buckets are named", "addressing = \"path\"", false),
        ("regions of buckets", "bucket_regions = { \"eu-*\" = \"EU-NORTH-05A\" }", false),
    ] {
        let (old, new) = (config(dir.path(), URL, ""), config(dir.path(), URL, lines));
        let connections = Connections::default();
        let (before, after) = across(&connections, &old, &new).await;
        assert_eq!(same_clients(&before, &after), clients, "{what}");
        assert!(same_limit(&before, &after).await, "{what}: one cache, one limit");
        assert!(Arc::ptr_eq(&after.endpoint, &new.endpoints["cache"]), "{what}");
        assert_eq!(before.limit.limits(), new.endpoints["cache"].limits, "{what}: live runs have the new limits");
    }
}

#[tokio::test]
async fn what_lists_one_store_shares_its_places() {
    let dir = tempfile::tempdir().unwrap();
    let old = config(dir.path(), URL, "");
    let connections = Connections::default();
    let (p, q) = (connections.open(&old.profiles["p"]).await, connections.open(&old.profiles["q"]).await);
    assert_eq!([&p, &q].map(|of| of.retry_policy().share.most()), [64, 64]);
    connections.renew(&config(dir.path(), URL, "list_in_flight = 9").endpoints);
    assert_eq!([&p, &q].map(|of| of.retry_policy().share.most()), [9, 9], "those of live runs, too");
    let elsewhere = config(dir.path(), URL, "list_in_flight = 7\nlist_url = \"http://store.test\"");
    let (before, after) = across(&connections, &old, &elsewhere).await;
    assert_eq!([&before, &after].map(|of| of.retry_policy().share.most()), [9, 7], "another store");
}

#[tokio::test]
async fn another_cache_has_a_limit_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let (old, new) = (config(dir.path(), URL, ""), config(dir.path(), "http://other.test", "retries = 9"));
    let connections = Connections::default();
    connections.open(&old.profiles["p"]).await;
    connections.renew(&new.endpoints);
    assert!(connections.limit("cache").is_none(), "not opened yet");
    let (before, after) = across(&connections, &old, &new).await;
    assert!(!same_clients(&before, &after) && !same_limit(&before, &after).await);
    assert_eq!(before.limit.limits(), old.endpoints["cache"].limits);
    assert_eq!(connections.limit("cache").unwrap().limits().retries, 9);
}

#[tokio::test]
async fn credentials_that_changed_under_their_name_are_opened_anew() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (old, new) = (config(one.path(), URL, ""), config(two.path(), URL, ""));
    let connections = Connections::default();
    let own = connections.open(&old.profiles["q"]).await;
    let (before, after) = across(&connections, &old, &new).await;
    assert!(!same_clients(&before, &after));
    let own_now = connections.open(&new.profiles["q"]).await;
    assert!(!same_clients(&own, &own_now) && same_limit(&own, &own_now).await);
    assert!(same_clients(&own_now, &connections.open(&new.profiles["q"]).await), "and once");
}

#[tokio::test]
async fn what_was_learned_of_regions_outlives_a_reload_that_does_not_touch_them() {
    let dir = tempfile::tempdir().unwrap();
    let bucket = Bucket::new("b");
    for (lines, known) in [
        ("connect_timeout = \"3s\"", true),
        ("bucket_regions = { \"eu-*\" = \"EU-NORTH-05A\" }", false),
        ("list_url = \"http://store.test\"", false),
    ] {
        let (old, new) = (config(dir.path(), URL, ""), config(dir.path(), URL, lines));
        let connections = Connections::default();
        connections.open(&old.profiles["p"]).await.lists.regions.learn(&bucket, "US-EAST-04A");
        let (_, after) = across(&connections, &old, &new).await;
        assert_eq!(!after.lists.regions.learn(&bucket, "US-EAST-04A"), known, "{lines}");
    }
}

#[tokio::test]
async fn a_cache_that_is_gone_is_forgotten_when_no_run_uses_it() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path(), URL, "");
    let connections = Connections::default();
    assert!(connections.limit("cache").is_none(), "not opened yet");
    let running = connections.open(&config.profiles["p"]).await;
    connections.renew(&BTreeMap::new());
    assert!(connections.limit("cache").is_none());
    let counts = || {
        let opened = connections.opened();
        (opened.connections.len(), opened.endpoints.len(), opened.caches.len())
    };
    assert_eq!(counts(), (0, 0, 1));
    let again = connections.open(&config.profiles["p"]).await;
    assert!(same_limit(&running, &again).await, "it came back while a run was still going");
    drop((running, again));
    connections.renew(&BTreeMap::new());
    assert_eq!(counts(), (0, 0, 0));
}

#[tokio::test]
async fn keys_that_do_not_expire_have_no_expiry() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["id", "secret"] {
        std::fs::write(dir.path().join(name), "AK").unwrap();
    }
    let config = config(dir.path(), URL, "");
    let connections = Connections::default();
    connections.open(&config.profiles["p"]).await.wire.reread().await.unwrap();
    assert_eq!(connections.credentials_expiry("cache"), None);
}

#[tokio::test]
async fn a_reload_waits_for_no_connection_that_is_being_opened_and_its_limits_hold_for_that_one() {
    let dir = tempfile::tempdir().unwrap();
    let old = config(dir.path(), URL, "");
    for (lines, is_kept) in [("retries = 9", true), ("connect_timeout = \"3s\"", false)] {
        let new = config(dir.path(), URL, lines);
        let connections = Connections::default();
        let certificates = connections.opening.clone().lock_owned().await;
        let (opener, profile) = (connections.clone(), old.profiles["p"].clone());
        let opening = tokio::spawn(async move { opener.open(&profile).await });
        tokio::task::yield_now().await;
        connections.renew(&new.endpoints);
        assert!(connections.limit("cache").is_none(), "a look waits for nothing, either");
        drop(certificates);
        let open = opening.await.unwrap();
        assert_eq!(open.limit.limits(), new.endpoints["cache"].limits, "{lines}");
        assert_eq!(connections.limit("cache").is_some(), is_kept, "{lines}: the run before keeps its own to itself");
        let next = connections.open(&new.profiles["p"]).await;
        assert_eq!(same_clients(&open, &next), is_kept, "{lines}");
        assert!(same_limit(&open, &next).await, "{lines}: one cache, one limit");
    }
}

#[tokio::test]
async fn runs_that_begin_together_open_an_endpoint_once() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path(), URL, "");
    let connections = Connections::default();
    let profile = &config.profiles["p"];
    let (a, b) = tokio::join!(connections.open(profile), connections.open(profile));
    assert!(same_clients(&a, &b));
}

#[tokio::test]
async fn a_connection_that_is_open_waits_for_no_other_that_is_being_opened() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path(), URL, "");
    let connections = Connections::default();
    let before = connections.open(&config.profiles["p"]).await;
    let _opening = connections.opening.lock().await;
    let open = futures::poll!(std::pin::pin!(connections.open(&config.profiles["p"])));
    assert!(matches!(open, std::task::Poll::Ready(open) if same_clients(&before, &open)));
    assert!(futures::poll!(std::pin::pin!(connections.open(&config.profiles["q"]))).is_pending());
}
