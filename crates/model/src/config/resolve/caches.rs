//! Refuses two endpoints with one cache: limits, budget and ledger belong to the cache, and each endpoint would have its own.

use std::collections::HashMap;

use crate::config::context::{Context, join};
use crate::config::diagnostic::{Diagnostic, Place};
use crate::config::endpoint::address;
use crate::config::tables::Tables;
use crate::config::value::Kind;
use crate::config::value::site::SiteUrl;

/// Refuses each endpoint whose cache an earlier one has already, in the order of reading.
pub(super) fn check(tables: &Tables<'_>, cx: &mut Context) {
    let typed = tables.endpoints.iter().filter_map(|(name, layers)| {
        let (layer, url) = layers.iter().find_map(|layer| Some((layer, layer.table.cache_url.as_ref()?)))?;
        // A text that is no URL has been refused.
        Some((address(&SiteUrl::parse(&url.text).ok()?), *name, layer.at(&url.span)))
    });
    let mut typed: Vec<(String, &str, Place)> = typed.collect();
    typed.sort_by_key(|(_, _, place)| (place.file.number, place.span.start));
    let mut first: HashMap<String, (&str, Place)> = HashMap::new();
    for (address, name, place) in typed {
        match first.get(&address) {
            None => {
                first.insert(address, (name, place));
            }
            Some((earlier, at)) => {
                cx.push(twice(name, earlier).at(&place, "the same cache again").at(at, "first here"));
            }
        }
    }
}

fn twice(endpoint: &str, name: &str) -> Diagnostic {
    Diagnostic::error(format!("is the cache of [{}] already", join("endpoint", name)))
        .key(format!("{}.cache_url", join("endpoint", endpoint)))
        .help(format!(
            "limits, budget and ledger are the cache's: keep one of the two, and name it with `endpoint = \"{name}\"` \
             in a profile, with `--endpoint {name}` on a command line"
        ))
        .help(
            "for other keys write `credentials = \"NAME\"` into the profiles that need them, for buckets of other \
             regions `bucket_regions` into the endpoint",
        )
}
