//! Warnings: what is legal, and probably not meant.

use std::collections::BTreeSet;
use std::path::Path;

use super::Known;
use crate::config::context::{Context, join};
use crate::config::diagnostic::Diagnostic;
use crate::config::profile::Profile;
use crate::config::raw;
use crate::config::reader::{Found, Layer, Reader};
use crate::config::tables::Tables;
use crate::object::{Bucket, Escaped};
use crate::pattern::Pattern;

pub(super) fn whole_buckets(r: &mut Reader<'_, '_, raw::Profile>, patterns: &[Found<Pattern>]) {
    for pattern in patterns.iter().filter(|pattern| pattern.value.lists_whole_bucket()) {
        let warning = pattern.warning("lists a whole bucket: its keys begin with nothing that is certain");
        r.rule(warning.help("where keys have a prefix in common, begin the pattern with it"));
    }
}

/// Tables that nothing refers to.
pub(super) fn unused(tables: &Tables<'_>, cx: &mut Context) {
    // What uses them may be what is wrong.
    if cx.has_errors() {
        return;
    }
    let profiles = || tables.profiles.values().flatten().chain(&tables.defaults);
    let mut credentials: BTreeSet<&str> =
        profiles().filter_map(|layer| Some(layer.table.credentials.as_ref()?.text.as_str())).collect();
    for layer in tables.endpoints.values().flatten() {
        let list = layer.table.list.as_ref().and_then(|list| list.value.credentials.as_ref());
        credentials.extend(layer.table.credentials.iter().chain(list).map(|name| name.text.as_str()));
    }
    for layer in tables.teams.values().flatten() {
        credentials.extend(layer.table.credentials.iter().flat_map(|list| &list.value).map(|name| name.text.as_str()));
    }
    for (name, layers) in &tables.credentials {
        if !credentials.contains(name) {
            warn(cx, &join("credentials", name), layers.first(), "no endpoint and no profile uses these credentials");
        }
    }
    let mut endpoints: BTreeSet<&str> =
        profiles().filter_map(|layer| Some(layer.table.endpoint.as_ref()?.text.as_str())).collect();
    let granted = tables.teams.values().flatten().flat_map(|layer| &layer.table.endpoints.value);
    endpoints.extend(granted.map(|name| name.text.as_str()));
    // A single endpoint is everyone's.
    if tables.endpoints.len() > 1 {
        for (name, layers) in tables.endpoints.iter().filter(|(name, _)| !endpoints.contains(*name)) {
            warn(cx, &join("endpoint", name), layers.last(), "no profile uses this endpoint");
        }
    }
}

/// Hosts that begin with a bucket of their profiles: with virtual addressing the bucket stands before the host once more.
pub(super) fn buckets_in_hosts(tables: &Tables<'_>, profiles: &Known<Profile>, cx: &mut Context) {
    for (name, layers) in &tables.endpoints {
        for key in ["cache_url", "list_url"] {
            let pick = |layer: &Layer<'_, raw::Endpoint>| {
                let url = if key == "cache_url" { &layer.table.cache_url } else { &layer.table.list_url };
                url.as_ref().map(|url| (url.text.clone(), layer.at(&url.span), layer.path.clone()))
            };
            let Some((text, place, path)) = layers.iter().find_map(pick) else { continue };
            let Some((scheme, host)) = text.split_once("://") else { continue };
            let of_endpoint = profiles.values().flatten().filter(|profile| *profile.endpoint.name == **name);
            let mut buckets = of_endpoint
                .flat_map(|profile| &profile.rules.patterns)
                .filter_map(|pattern| pattern.bucket().literal());
            let in_host =
                |bucket: &Bucket| host.strip_prefix(bucket.as_str()).is_some_and(|rest| rest.starts_with('.'));
            if let Some(bucket) = buckets.find(in_host) {
                let rest = &host[bucket.as_str().len() + 1..];
                let warning = Diagnostic::warning(format!("the bucket `{bucket}` stands in the host"));
                let warning = warning
                    .key(format!("{path}.{key}"))
                    .at(&place, "each bucket is put before this host, or behind it");
                cx.push(warning.help(format!("where `{bucket}` is the bucket, write `{scheme}://{rest}`")));
            }
        }
    }
}

fn warn<R>(cx: &mut Context, path: &str, layer: Option<&Layer<'_, R>>, message: &str) {
    if let Some(layer) = layer {
        cx.absent(Diagnostic::warning(message).key(path).at(&layer.place, ""));
    }
}

/// A file that is not there, or not to be read, by now; it may be written before the profile runs, or be on another machine.
pub fn unreadable_manifest(profile: &str, path: &Path, cause: &std::io::Error) -> Diagnostic {
    let place = Escaped(&path.to_string_lossy()).to_string();
    Diagnostic::warning(format!("the manifest cannot be read: {cause}"))
        .key(format!("{}.manifest", join("profile", profile)))
        .help(format!("it is looked for at {place} when the profile runs"))
}

/// A file with a secret that is not there, or not to be read, by whoever asks now. The path is not repeated.
pub fn unreadable_secret(key: &str, cause: &std::io::Error) -> Diagnostic {
    Diagnostic::warning(format!("the file cannot be read: {cause}"))
        .key(key)
        .help("the user that hotset runs as reads it when it is needed")
}

/// Variables that redirect the AWS tools. hotset goes where its endpoints say.
pub fn environment<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<Diagnostic> {
    let mut redirects: Vec<&str> = names.into_iter().filter(|name| name.starts_with("AWS_ENDPOINT_URL")).collect();
    redirects.sort_unstable();
    let warn = |name: &str| {
        Diagnostic::warning(format!("{name} is set in the environment, and ignored"))
            .help("an endpoint is where its `cache_url` and `list_url` say")
    };
    redirects.into_iter().map(warn).collect()
}
