//! Whether an endpoint can be used, at no cost: nothing here fills a cache or moves an object to another tier.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::manifest_source::glance;
use super::scopes::allowed;
use super::{Connection, Task};
use crate::warm::confirm_change;
use model::config::endpoint::Addressing;
use model::config::profile::Profile;
use model::manifest::{Entry, Place};
use model::object::{Bucket, Key, Object, Row};
use model::pattern::{Pattern, merge_prefixes};
use model::select::Refusal;
use model::select::checkpoint::Sample;
use model::select::estimate::Warning;
use s3::{Class, Page, PageRequest, RequestError, Stat, Warmed};

/// Which side is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    List,
    Cache,
    All,
}

/// One thing that was tried.
#[derive(Clone, Debug)]
pub struct Finding {
    pub what: String,
    /// What was found, or what is wrong.
    pub result: Result<String, String>,
}

/// Tries what `task` will need: keys, one page of each bucket, and one plain HEAD at the cache.
pub async fn probe(task: &Task, connection: &Connection, scope: Scope) -> Vec<Finding> {
    let mut findings = vec![credentials(connection).await];
    if findings.iter().any(|finding| finding.result.is_err()) {
        return findings;
    }
    if let Some(manifest) = &task.profile.manifest {
        findings.extend(named(connection, &manifest.place, scope).await);
        return findings;
    }
    for (bucket, prefix) in places(&task.profile.rules.patterns) {
        let page = first_page(connection, &bucket, &prefix).await;
        let missing = page.as_ref().is_err_and(|error| error.class == Class::NotFound);
        let object = page.as_ref().ok().and_then(|page| page.objects.first()).map(Row::to_object);
        if scope != Scope::Cache {
            let doubt = page.as_ref().ok().and_then(|page| doubt(&task.profile, page));
            let result = page.map(|page| match page.objects.len() {
                0 => "may be listed, and nothing is there".to_owned(),
                n => format!("may be listed, {n} on the first page"),
            });
            let result = result.map_err(|error| error.to_string());
            findings.push(Finding { what: format!("list s3://{bucket}/{prefix}"), result });
            let what = format!("checkpoints on the first page of s3://{bucket}/{prefix}");
            findings.extend(doubt.map(|doubt| Finding { what, result: Ok(format!("warning: {doubt}")) }));
        }
        // A cache answers the same 404 for a bucket that is not there.
        if scope != Scope::List && !(scope == Scope::All && missing) {
            findings.push(match object {
                Some(listed) => cache(connection, &listed).await,
                None => unlisted(connection, &bucket).await,
            });
        }
    }
    findings
}

/// Why the layout of a profile may be the wrong one, as far as a first page shows.
fn doubt(profile: &Profile, page: &Page) -> Option<String> {
    let checkpoint = profile.checkpoint.as_ref()?;
    let objects: Vec<Object> = page.objects.iter().map(Row::to_object).collect();
    let (mut sample, rules) = (Sample::default(), Arc::new(profile.rules.clone()));
    sample.add(&objects);
    let selection = sample.search(&rules, checkpoint.clone());
    if let Some((runs, example)) = selection.lone_runs {
        return Some(Warning::LoneRuns { runs, example }.to_string());
    }
    let fits = if selection.groups.is_empty() { sample.fitting(&rules, checkpoint.layout) } else { Vec::new() };
    let listed = page.objects.len() as u64;
    (!fits.is_empty()).then(|| Refusal::NoCheckpoint { listed, fits }.to_string())
}

/// The beginning of a manifest, and the first object that it names.
async fn named(connection: &Connection, place: &Place, scope: Scope) -> Vec<Finding> {
    let deadline = deadline(connection);
    let glance = timeout(deadline, glance(connection, place)).await;
    let first = glance.unwrap_or_else(|_| Err(RequestError::timed_out(deadline).to_string()));
    let result = first.clone().map(|first| match first {
        Some(Entry { bucket, key, .. }) => format!("may be read, and begins with s3://{bucket}/{key}"),
        None => "may be read, and nothing is in it".to_owned(),
    });
    let mut findings = Vec::new();
    if scope != Scope::Cache || result.is_err() {
        findings.push(Finding { what: format!("manifest {place}"), result });
    }
    if let (Ok(Some(first)), Scope::Cache | Scope::All) = (first, scope) {
        findings.push(match described(connection, first).await {
            Ok(listed) => cache(connection, &listed).await,
            Err(finding) => finding,
        });
    }
    findings
}

/// What the list endpoint says of an object, where its entry does not say it all.
async fn described(connection: &Connection, entry: Entry) -> Result<Object, Finding> {
    if let Err(why) = allowed(connection, &entry.bucket) {
        return Err(Finding {
            what: format!("s3://{}/{}, which the manifest names", entry.bucket, entry.key),
            result: Err(why),
        });
    }
    if entry.is_complete() {
        return Ok(entry.into_object());
    }
    let Entry { bucket, key, .. } = entry;
    let why = match within(connection, connection.lists.client.stat(&bucket, &key)).await {
        Ok(Some(Stat { size, etag, last_modified, storage_class })) => {
            return Ok(Object { bucket, key, size, etag, last_modified, storage_class });
        }
        Ok(None) => "404: the list endpoint does not have what the manifest names".to_owned(),
        Err(error) => error.to_string(),
    };
    Err(Finding { what: format!("plain HEAD of s3://{bucket}/{key} at the list endpoint"), result: Err(why) })
}

async fn credentials(connection: &Connection) -> Finding {
    let name = connection.cache_credentials.name.as_deref().unwrap_or("default");
    let read = connection.wire.reread();
    Finding { what: format!("read credentials `{name}`"), result: read.await.map(|()| "found".to_owned()) }
}

/// The cache's answer about an object, held to what the list endpoint says of it.
async fn cache(connection: &Connection, listed: &Object) -> Finding {
    let asked = within(connection, connection.wire.cache.probe(listed)).await;
    let result = match asked {
        Ok(Warmed { changed: None, .. }) => Ok("answered".to_owned()),
        Ok(Warmed { changed: Some(answerer), etag, .. }) => {
            match confirm_change(&*connection.wire, listed, (&answerer, etag.as_ref())).await {
                Ok(_) => Ok("answered, and the object was changed since it was listed".to_owned()),
                Err(error) => Err(said(connection, &error)),
            }
        }
        Err(error) if error.class == Class::NotFound => {
            Err(format!("{}: the cache does not have what the list endpoint lists", error.message))
        }
        Err(error) => Err(said(connection, &error)),
    };
    Finding { what: plain_head(connection, &listed.bucket, &listed.key), result }
}

/// A key that hardly exists still shows the name lookup, the addressing and the signature: the answer is a 404.
async fn unlisted(connection: &Connection, bucket: &Bucket) -> Finding {
    let key = Key::from("hotset-probe");
    let asked = within(connection, connection.wire.cache.exists(bucket, &key)).await;
    let result = asked.map_err(|error| said(connection, &error)).and_then(|found| match found {
        Some(_) => Err("answered, though nobody has listed such an object: is it the cache?".to_owned()),
        None => Ok("answered 404, as there is no such object".to_owned()),
    });
    Finding { what: plain_head(connection, bucket, &key), result }
}

fn plain_head(connection: &Connection, bucket: &Bucket, key: &Key) -> String {
    let url = connection.endpoint.cache.0.url.as_str().trim_end_matches('/');
    format!("plain HEAD of s3://{bucket}/{key} at {url}")
}

fn said(connection: &Connection, error: &RequestError) -> String {
    let site = &connection.endpoint.cache.0;
    let named = if site.addressing == Addressing::Path { "path" } else { "virtual" };
    match error.class {
        Class::Rejected => format!("{error}; are addressing = \"{named}\" and region = \"{}\" right?", site.region),
        _ => error.to_string(),
    }
}

async fn first_page(connection: &Connection, bucket: &Bucket, prefix: &Key) -> Result<Page, RequestError> {
    let request = PageRequest { bucket, prefix, after: None, continuation: None, delimiter: false };
    let page = within(connection, connection.lists.client.page(request)).await;
    match page {
        Err(error) if error.region.as_ref().is_some_and(|region| connection.lists.regions.learn(bucket, region)) => {
            within(connection, connection.lists.client.page(request)).await
        }
        page => page,
    }
}

async fn within<T>(
    connection: &Connection,
    asked: impl Future<Output = Result<T, RequestError>>,
) -> Result<T, RequestError> {
    let deadline = deadline(connection);
    timeout(deadline, asked).await.unwrap_or_else(|_| Err(RequestError::timed_out(deadline)))
}

fn deadline(connection: &Connection) -> Duration {
    let limits = &connection.endpoint.limits;
    limits.connect_timeout.saturating_add(Duration::from_secs(20)).min(limits.base_timeout)
}

/// The first prefix of each bucket that is named in full; which buckets a glob finds is for the listing to say.
fn places(patterns: &[Pattern]) -> Vec<(Bucket, Key)> {
    let mut places: Vec<(Bucket, Key)> = Vec::new();
    for pattern in patterns {
        let (Some(bucket), Some(prefix)) = (pattern.bucket().literal(), merge_prefixes(&[pattern]).into_iter().next())
        else {
            continue;
        };
        if !places.iter().any(|(seen, _)| *seen == bucket) {
            places.push((bucket, prefix));
        }
    }
    places
}
