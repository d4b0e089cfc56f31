//! Whether an endpoint can be used, at no cost: nothing here fills a cache or moves an object to another tier.

use std::time::Duration;

use tokio::time::timeout;

use super::named::glance;
use super::{Connection, Task};
use model::config::endpoint::Addressing;
use model::manifest::{Entry, Place};
use model::object::{Bucket, Key};
use model::pattern::{Pattern, merge_prefixes};
use s3::{Class, PageRequest, RequestError};

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
        let object = page.as_ref().ok().and_then(|page| page.objects.first()).map(|object| Key::from_bytes(object.key));
        if scope != Scope::Cache {
            let result = page.map(|page| match page.objects.len() {
                0 => "may be listed, and nothing is there".to_owned(),
                n => format!("may be listed, {n} on the first page"),
            });
            let result = result.map_err(|error| error.to_string());
            findings.push(Finding { what: format!("list s3://{bucket}/{prefix}"), result });
        }
        // A cache answers the same 404 for a bucket that is not there.
        if scope != Scope::List && !(scope == Scope::All && missing) {
            findings.push(cache(connection, &bucket, object).await);
        }
    }
    findings
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
        findings.push(cache(connection, &first.bucket, Some(first.key)).await);
    }
    findings
}

async fn credentials(connection: &Connection) -> Finding {
    let name = connection.cache_credentials.name.as_deref().unwrap_or("default");
    let read = connection.wire.reread();
    Finding { what: format!("read credentials `{name}`"), result: read.await.map(|()| "found".to_owned()) }
}

async fn cache(connection: &Connection, bucket: &Bucket, key: Option<Key>) -> Finding {
    let site = &connection.endpoint.cache.0;
    let url = site.url.as_str().trim_end_matches('/');
    // A key that hardly exists still shows the name lookup, the addressing and the signature: the answer is a 404.
    let known = key.is_some();
    let key = key.unwrap_or_else(|| Key::from("hotset-probe"));
    let what = format!("plain HEAD of s3://{bucket}/{key} at {url}");
    let asked = within(connection, connection.wire.cache.probe(bucket, &key)).await;
    let result = match asked {
        Ok(Some(_)) => Ok("answered".to_owned()),
        Ok(None) if known => Err("404: the cache does not have what the list endpoint lists".to_owned()),
        Ok(None) => Ok("answered 404, as there is no such object".to_owned()),
        Err(error) if error.class == Class::Rejected => {
            let named = if site.addressing == Addressing::Path { "path" } else { "virtual" };
            Err(format!("{error}; are addressing = \"{named}\" and region = \"{}\" right?", site.region))
        }
        Err(error) => Err(error.to_string()),
    };
    Finding { what, result }
}

async fn first_page(connection: &Connection, bucket: &Bucket, prefix: &Key) -> Result<s3::Page, RequestError> {
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
