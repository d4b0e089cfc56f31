//! Refuses addresses, addressing styles and regions that cannot work: the answer of the host is known beforehand.

use url::{Host, Url};

use super::R;
use crate::config::context::Bad;
use crate::config::endpoint::Addressing;
use crate::config::reader::{Found, Reader};
use crate::config::value::region;
use crate::config::value::site::is_at;

pub(super) fn refuse_store(r: &mut R<'_, '_>, url: &Found<Url>) -> Result<(), Bad> {
    if !is_at(&url.value, "cwobject.com") {
        return Ok(());
    }
    let error = url.error("cwobject.com is the store: it answers the same and warms nothing", "not a cache");
    Err(r.fail(error.help("the cache is `cache_url = \"http://cwlota.com\"`; the store may be the `list_url`")))
}

pub(super) fn refuse_scheme(r: &mut R<'_, '_>, url: &Found<Url>) -> Result<(), Bad> {
    if url.value.scheme() != "https" || !is_at(&url.value, "cwlota.com") {
        return Ok(());
    }
    let error = url.error("LOTA answers plain HTTP only", "nobody answers here");
    Err(r.fail(error.help("write `http://cwlota.com`")))
}

/// Each bucket is a host below the vendor's two, so that a bucket in the host asks for one below it.
pub(super) fn refuse_bucket_in_the_host(r: &mut R<'_, '_>, url: &Found<Url>) -> Result<(), Bad> {
    let host = url.value.host_str().unwrap_or_default().trim_end_matches('.').to_ascii_lowercase();
    let below = |domain: &'static str| Some((host.strip_suffix(domain)?.strip_suffix('.')?, domain));
    let Some((bucket, domain)) = COREWEAVE.into_iter().find_map(below) else { return Ok(()) };
    let scheme = if domain == "cwlota.com" { "http" } else { "https" };
    let message = format!("a bucket stands in the host: requests would go to BUCKET.{bucket}.{domain}");
    let help = format!("write `{scheme}://{domain}`, and the bucket in `objects`: `s3://{bucket}/...`");
    Err(r.reject(url, message, help))
}

/// The vendor's cache and its store.
const COREWEAVE: [&str; 2] = ["cwlota.com", "cwobject.com"];

pub(super) fn is_at_coreweave(url: &Url) -> bool {
    COREWEAVE.iter().any(|domain| is_at(url, domain))
}

pub(super) fn lint_region<T>(r: &mut Reader<'_, '_, T>, region: &Found<String>, at_coreweave: bool) {
    if let Some((oddness, help)) = region::oddness(&region.value, at_coreweave) {
        r.rule(region.warning(format!("`{}` {oddness}", region.value)).help(help));
    }
}

/// A way of naming buckets that the host cannot serve.
pub(super) fn refuse_addressing(
    r: &mut R<'_, '_>,
    (url, addressing): (&Found<Url>, Addressing),
    typed: Option<&Found<Addressing>>,
) -> Result<(), Bad> {
    match addressing {
        Addressing::Path => refuse_path_style(r, url, typed),
        Addressing::Virtual => refuse_hosts_below_an_address(r, url),
    }
}

fn refuse_hosts_below_an_address(r: &mut R<'_, '_>, url: &Found<Url>) -> Result<(), Bad> {
    let host = match url.value.host() {
        None | Some(Host::Domain(_)) => return Ok(()),
        Some(address) => address,
    };
    let message = format!("virtual addressing makes each bucket a host below this one, and {host} is an address");
    let error = url.error(message, "has no hosts below it");
    Err(r.fail(error.help("write `addressing = \"path\"` if the server takes it, or the server's name here")))
}

fn refuse_path_style(r: &mut R<'_, '_>, url: &Found<Url>, typed: Option<&Found<Addressing>>) -> Result<(), Bad> {
    let Some(host) = COREWEAVE.into_iter().find(|host| is_at(&url.value, host)) else {
        return Ok(());
    };
    let message = format!("{host} takes no path-style requests: it answers 400 PathStyleRequestNotAllowed");
    let error = match typed {
        Some(typed) => typed.error(message, "").at(&url.place, "the host"),
        None => url.error(message, ""),
    };
    Err(r.fail(error.help("write `addressing = \"virtual\"`, or leave the key out")))
}
