//! Which scopes a listing needs: the buckets that the patterns match, and in each the prefixes to list.

use std::collections::BTreeMap;

use super::connection::Connection;
use super::list_and_select::verdict;
use crate::list::{Depth, Lister, Scope};
use model::object::Bucket;
use model::pattern::{Pattern, merge_prefixes};
use model::select::plan::Verdict;

/// The buckets that there are, where a pattern has a glob for them; nothing is asked where none has.
pub(super) async fn buckets(lister: &Lister, patterns: &[&Pattern]) -> Result<Vec<Bucket>, Verdict> {
    if patterns.iter().all(|pattern| pattern.bucket().literal().is_some()) {
        return Ok(Vec::new());
    }
    lister.buckets().await.map_err(|error| verdict(&error))
}

/// What has to be listed: for each bucket, the prefixes of all patterns that it matches. Globs for buckets are matched with
/// those that were `found`.
pub(super) fn scopes(connection: &Connection, patterns: &[&Pattern], found: &[Bucket]) -> Result<Vec<Scope>, Verdict> {
    let mut buckets: BTreeMap<Bucket, Vec<&Pattern>> = BTreeMap::new();
    for pattern in patterns {
        if let Some(bucket) = pattern.bucket().literal() {
            allowed(connection, &bucket).map_err(|why| Verdict::Refused(why.into()))?;
            buckets.entry(bucket).or_default().push(pattern);
            continue;
        }
        let matching = found.iter().filter(|bucket| pattern.bucket().matches(bucket.as_str()));
        for bucket in matching.filter(|bucket| allowed(connection, bucket).is_ok()) {
            buckets.entry(bucket.clone()).or_default().push(pattern);
        }
    }
    if buckets.is_empty() {
        return Err(Verdict::Refused("no bucket matches, among those that the credentials may use".to_owned().into()));
    }
    for bucket in buckets.keys() {
        connection.wire.cache.can_name(bucket).map_err(|why| Verdict::Refused(why.into()))?;
    }
    let scopes = buckets.into_iter().flat_map(|(bucket, patterns)| {
        let prefixes = merge_prefixes(&patterns);
        prefixes.into_iter().map(move |prefix| Scope { bucket: bucket.clone(), prefix, depth: Depth::Keys })
    });
    Ok(scopes.collect())
}

/// Why the credentials, or the team, are not for `bucket`, if so.
pub(super) fn allowed(connection: &Connection, bucket: &Bucket) -> Result<(), String> {
    if let Some(team) = connection.team.as_ref().filter(|team| !team.allows(bucket)) {
        return Err(format!("team `{}` is not given bucket `{bucket}` (see its `buckets`)", team.name));
    }
    let both = [&connection.list_credentials, &connection.cache_credentials];
    let Some(credentials) = both.into_iter().find(|credentials| !credentials.allow(bucket)) else { return Ok(()) };
    let name = credentials.name.as_deref().unwrap_or("default");
    Err(format!("credentials `{name}` are not for bucket `{bucket}` (see their `buckets`)"))
}
