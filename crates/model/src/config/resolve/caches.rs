//! Refuses two endpoints with one cache: limits, budget and ledger belong to the cache, and each endpoint would have its own.

use std::collections::HashMap;

use crate::config::context::{Context, join};
use crate::config::diagnostic::{Diagnostic, Place};
use crate::config::endpoint::address;
use crate::config::tables::Tables;
use crate::config::value::Kind;
use crate::config::value::site::SiteUrl;

/// Where an endpoint's cache was typed.
struct Named<'a> {
    endpoint: &'a str,
    place: Place,
}

/// Refuses each endpoint whose cache an earlier one has already, in the order of reading.
pub(super) fn check(tables: &Tables<'_>, cx: &mut Context) {
    let typed = tables.endpoints.iter().filter_map(|(name, layers)| {
        let (layer, url) = layers.iter().find_map(|layer| Some((layer, layer.table.cache_url.as_ref()?)))?;
        // A text that is no URL has been refused.
        let url = SiteUrl::parse(&url.text).ok().map(|parsed| (address(&parsed), url.span.clone()))?;
        Some((url.0, Named { endpoint: name, place: layer.at(&url.1) }))
    });
    let mut typed: Vec<_> = typed.collect();
    typed.sort_by_key(|(_, named)| (named.place.file.number, named.place.span.start));
    let mut first: HashMap<String, Named<'_>> = HashMap::new();
    for (address, named) in typed {
        match first.get(&address) {
            None => {
                first.insert(address, named);
            }
            Some(earlier) => cx.push(twice(&named, earlier)),
        }
    }
}

fn twice(named: &Named<'_>, earlier: &Named<'_>) -> Diagnostic {
    let name = earlier.endpoint;
    Diagnostic::error(format!("is the cache of [{}] already", join("endpoint", name)))
        .key(format!("{}.cache_url", join("endpoint", named.endpoint)))
        .at(&named.place, "the same cache again")
        .at(&earlier.place, "first here")
        .help(format!(
            "limits, budget and ledger are the cache's: keep one of the two, and name it with `endpoint = \"{name}\"` \
             in a profile, with `--endpoint {name}` on a command line"
        ))
        .help(
            "for other keys write `credentials = \"NAME\"` into the profiles that need them, for buckets of other \
             regions `bucket_regions` into the endpoint",
        )
}
