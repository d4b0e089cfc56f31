//! Resolves `[endpoint.NAME]` tables.

mod address;

use std::sync::Arc;
use std::time::Duration;

use bytesize::{GIB, MIB};
use url::Url;

use address::{
    is_at_coreweave, lint_region, refuse_addressing, refuse_bucket_in_the_host, refuse_scheme, refuse_store,
};

use super::{Known, follow, named};
use crate::config::context::{Bad, Context, join, toml_string};
use crate::config::counted;
use crate::config::endpoint::{Addressing, CacheSite, CredentialSource, Credentials, Endpoint, Limits, ListSite, Site};
use crate::config::raw;
use crate::config::reader::{Found, Origin, Read, Reader, Section, value};
use crate::config::tables::Layers;
use crate::config::value::Kind;
use crate::config::value::glob::Buckets;
use crate::config::value::site;
use crate::config::value::text::Region;
use crate::pattern::BucketGlob;
use crate::select::estimate::Prices;
use crate::text_error::TextError;

type R<'a, 'c> = Reader<'a, 'c, raw::Endpoint>;

/// Every layer by itself, since a stronger one hides what is wrong below it.
pub(super) fn values(layers: &Layers<'_, raw::Endpoint>, cx: &mut Context) {
    if layers.len() > 1 {
        for layer in layers {
            let mut reader = Reader::new(cx, layer.path.clone(), vec![layer.clone()]).values_only();
            drop((Parts::read(&mut reader), limits(&mut reader)));
        }
    }
}

pub(super) fn resolve(
    name: &str,
    layers: &Layers<'_, raw::Endpoint>,
    (credentials, cx): (&Known<Credentials>, &mut Context),
    sections: &mut Vec<Section>,
) -> Result<Endpoint, Bad> {
    let mut reader = Reader::new(cx, join("endpoint", name), layers.clone());
    let name = named(name, &mut reader);
    let parts = Parts::read(&mut reader);
    let limits = limits(&mut reader);
    let cache = parts.cache(&mut reader, credentials);
    let list = list_site(&parts, &cache, &mut reader, credentials);
    let section = reader.into_section();
    sections.push(section);
    sections.extend(list.1);
    Ok(Endpoint {
        name: name?,
        cache: CacheSite(cache?),
        list: ListSite(list.0?),
        bucket_regions: parts.bucket_regions?,
        limits: limits?,
        capacity: value(parts.capacity)?,
        budget: value(parts.budget)?,
        prices: parts.prices?,
    })
}

/// What is read before anything is decided.
struct Parts {
    cache_url: Read<Url>,
    list_url: Read<Url>,
    addressing: Read<Addressing>,
    region: Read<String>,
    credentials: Read<Arc<str>>,
    bucket_regions: Result<Vec<(BucketGlob, String)>, Bad>,
    capacity: Read<u64>,
    budget: Read<u64>,
    prices: Result<Option<Prices>, Bad>,
}

impl Parts {
    fn read(r: &mut R<'_, '_>) -> Self {
        let cache_url = r.text("cache_url", |e| e.cache_url.as_ref());
        let list_url = r.text("list_url", |e| e.list_url.as_ref());
        if let (Ok(Some(cache)), Ok(None)) = (&cache_url, &list_url) {
            let shown = toml_string(&site::show(&cache.value));
            r.record("list_url", shown, Origin::Inherited("default: cache_url".to_owned()));
        }
        let addressing = r.text("addressing", |e| e.addressing.as_ref());
        if let Ok(None) = addressing {
            r.record("addressing", toml_string(Addressing::default().as_str()), Origin::Default);
        }
        Self {
            cache_url,
            list_url,
            addressing,
            region: r.text("region", |e| e.region.as_ref()),
            bucket_regions: bucket_regions(r),
            credentials: r.text("credentials", |e| e.credentials.as_ref()),
            capacity: r.text("capacity", |e| e.capacity.as_ref()),
            budget: r.text("budget", |e| e.budget.as_ref()),
            prices: prices(r),
        }
    }

    fn cache(&self, r: &mut R<'_, '_>, credentials: &Known<Credentials>) -> Result<Site, Bad> {
        if let Ok(None) = self.cache_url {
            r.missing(
                "cache_url",
                "an endpoint has a cache to warm",
                &["for example `cache_url = \"http://cwlota.com\"`"],
            );
        }
        if let Ok(None) = self.region {
            r.missing(
                "region",
                "requests are signed for a region",
                &["for example `region = \"us-east-1\"`; a server that ignores it takes any"],
            );
        }
        if let Ok(Some(url)) = &self.cache_url {
            refuse_store(r, url)?;
            refuse_bucket_in_the_host(r, url)?;
            refuse_scheme(r, url)?;
        }
        if let Ok(Some(region)) = &self.region {
            let urls = [&self.cache_url, &self.list_url].into_iter().filter_map(|url| url.as_ref().ok()?.as_ref());
            lint_region(r, region, urls.into_iter().any(|url| is_at_coreweave(&url.value)));
        }
        let own = follow_credentials(self.credentials.as_ref(), credentials, r.cx);
        let addressing =
            self.addressing.as_ref().map(|found| found.as_ref().map_or(Addressing::Virtual, |found| found.value));
        let (Ok(Some(url)), Ok(addressing)) = (&self.cache_url, addressing) else { return Err(Bad) };
        refuse_addressing(r, (url, addressing), self.addressing.as_ref().ok().and_then(Option::as_ref))?;
        let Ok(Some(region)) = &self.region else { return Err(Bad) };
        Ok(Site { url: url.value.clone(), addressing, region: region.value.clone(), credentials: own? })
    }
}

fn limits(r: &mut R<'_, '_>) -> Result<Limits, Bad> {
    let start = r.plain("start_in_flight", |e| e.start_in_flight.as_ref());
    let most = r.plain_or("max_in_flight", |e| e.max_in_flight.as_ref(), 300);
    let bytes = r.text_or("max_in_flight_bytes", |e| e.max_in_flight_bytes.as_ref(), 64 * GIB);
    let list = r.plain_or("list_in_flight", |e| e.list_in_flight.as_ref(), 64);
    let rate = r.plain("max_requests_per_second", |e| e.max_requests_per_second.as_ref());
    let connect = r.text_or("connect_timeout", |e| e.connect_timeout.as_ref(), Duration::from_secs(10));
    let base = r.text_or("base_timeout", |e| e.base_timeout.as_ref(), Duration::from_mins(1));
    let fill = r.text_or("min_fill_rate", |e| e.min_fill_rate.as_ref(), 200 * MIB);
    let retries = r.plain_or("retries", |e| e.retries.as_ref(), 4);
    let outage = r.text_or("outage_wait", |e| e.outage_wait.as_ref(), Duration::from_mins(5));
    let (start, most) = (start?, most?);
    let start_in_flight = match start {
        None => {
            // A lower limit lowers the start with it: nobody has to know the default.
            let start = most.min(32);
            let origin = if start == 32 {
                Origin::Default
            } else {
                Origin::Inherited("default: at most max_in_flight".to_owned())
            };
            r.record("start_in_flight", start.to_string(), origin);
            start
        }
        Some(start) if start.value > most => {
            let message = format!("is {}, and max_in_flight is {most}", start.value);
            let error = start.error(message, "the start is over the limit");
            return Err(r.fail(error.help("raise `max_in_flight`, or start lower")));
        }
        Some(start) => start.value,
    };
    Ok(Limits {
        start_in_flight,
        max_in_flight: most,
        max_in_flight_bytes: bytes?,
        list_in_flight: list?,
        max_requests_per_second: value(rate)?,
        connect_timeout: connect?,
        base_timeout: base?,
        min_fill_rate: fill?,
        retries: retries?,
        outage_wait: outage?,
    })
}

fn bucket_regions(r: &mut R<'_, '_>) -> Result<Vec<(BucketGlob, String)>, Bad> {
    const KEY: &str = "bucket_regions";
    let Some((table, layer)) = r.layer(|e| e.bucket_regions.as_ref()) else {
        return if r.is_broken(KEY) { Err(Bad) } else { Ok(Vec::new()) };
    };
    let path = format!("{}.{KEY}", layer.path);
    if let Err(message) = r.cx.counted.entries(table.value.len(), counted::MAX_ENTRIES) {
        let place = layer.at(&table.span);
        return Err(r.refuse(
            &path,
            &place,
            ("", &TextError::new(message).help("one glob names the region of many buckets")),
        ));
    }
    let mut regions = Vec::new();
    let mut bad = false;
    for (glob, region) in &table.value {
        let place = layer.at(&region.span);
        let below = join(&path, glob);
        let parsed_glob = Buckets::parse(glob).map_err(|error| {
            let error = TextError { span: None, ..error };
            // Keys of a free table have no place of their own: the glob is the last of its kind before its value.
            let before = layer.place.file.text.get(..region.span.start).unwrap_or_default();
            let typed = before.rfind(glob.as_str()).map(|start| layer.at(&(start..start + glob.len())));
            r.refuse(&below, typed.as_ref().unwrap_or(&place), ("", &error))
        });
        let parsed = Region::parse(&region.text).map_err(|error| r.refuse(&below, &place, (&region.text, &error)));
        match (parsed_glob, parsed) {
            (Ok(glob), Ok(region)) => {
                if let Err(message) = r.cx.counted.weight(Buckets::weight(&glob), glob.text()) {
                    return Err(r.refuse(&below, &place, ("", &TextError::new(message).help(counted::REMEDY))));
                }
                let found = Found { value: region, key: below.clone(), place };
                lint_region(r, &found, false);
                regions.push((glob, found.value));
            }
            _ => bad = true,
        }
        bad |= r.cx.is_broken(&below);
    }
    if bad || r.is_broken(KEY) {
        return Err(Bad);
    }
    let shown: Vec<String> = regions
        .iter()
        .map(|(glob, region): &(BucketGlob, String)| format!("{} = {}", toml_string(glob.text()), toml_string(region)))
        .collect();
    let place = layer.at(&table.span);
    r.record(KEY, format!("{{ {} }}", shown.join(", ")), Origin::Typed(place, layer.standing));
    // Tables have no order: the most telling glob goes first, which is the one with the longest literal text.
    let literal = |glob: &BucketGlob| glob.text().chars().filter(|c| !"*?[]{}".contains(*c)).count();
    regions.sort_by_key(|(glob, _)| (glob.literal().is_none(), std::cmp::Reverse(literal(glob))));
    Ok(regions)
}

fn prices(r: &mut R<'_, '_>) -> Result<Option<Prices>, Bad> {
    let broken =
        r.is_broken("prices") || ["hot", "warm", "cold"].iter().any(|key| r.is_broken(&format!("prices.{key}")));
    if broken {
        return Err(Bad);
    }
    Ok(r.layer(|e| e.prices.as_ref()).map(|(table, layer)| {
        let prices = Prices { hot: table.value.hot.value, warm: table.value.warm.value, cold: table.value.cold.value };
        let place = layer.at(&table.span);
        let shown = format!("{{ hot = {:?}, warm = {:?}, cold = {:?} }}", prices.hot, prices.warm, prices.cold);
        r.record("prices", shown, Origin::Typed(place, layer.standing));
        prices
    }))
}

fn follow_credentials(
    found: Result<&Option<Found<Arc<str>>>, &Bad>,
    known: &Known<Credentials>,
    cx: &mut Context,
) -> Result<Arc<Credentials>, Bad> {
    match found {
        Err(_) => Err(Bad),
        Ok(None) => Ok(Arc::new(Credentials { name: None, source: CredentialSource::Chain, buckets: None })),
        Ok(Some(found)) => follow(found, known, "credentials", cx),
    }
}

/// The other side of the endpoint: like the cache's, but for what `[endpoint.NAME.list]` says.
fn list_site(
    parts: &Parts,
    cache: &Result<Site, Bad>,
    r: &mut R<'_, '_>,
    known: &Known<Credentials>,
) -> (Result<Site, Bad>, Option<Section>) {
    let broken = r.is_broken("list");
    let layers: Vec<_> = r.layer(|e| e.list.as_ref()).iter().map(|(table, layer)| layer.below("list", table)).collect();
    let empty = layers.is_empty();
    let mut list = Reader::new(r.cx, format!("{}.list", r.path), layers);
    let addressing = list.text("addressing", |l| l.addressing.as_ref());
    let region = list.text("region", |l| l.region.as_ref());
    let credentials = list.text("credentials", |l| l.credentials.as_ref());
    let section = list.into_section();
    let site = (|| {
        let own = match &credentials {
            Ok(None) => None,
            other => Some(follow_credentials(other.as_ref(), known, r.cx)),
        };
        let typed = addressing?;
        let ((Ok(Some(url)), _) | (Ok(None), Ok(Some(url)))) = (&parts.list_url, &parts.cache_url) else {
            return Err(Bad);
        };
        let way = match (&typed, &parts.addressing) {
            (Some(found), _) | (None, Ok(Some(found))) => (found.value, Some(found)),
            (None, Ok(None)) => (Addressing::Virtual, None),
            (None, Err(_)) => return Err(Bad),
        };
        if parts.list_url.as_ref().is_ok_and(Option::is_some) {
            refuse_bucket_in_the_host(r, url)?;
        }
        // The cache's own rule has spoken already of an `addressing` that is for both.
        if typed.is_some() || cache.is_ok() {
            refuse_addressing(r, (url, way.0), way.1)?;
        }
        if let Ok(Some(region)) = &region {
            lint_region(r, region, is_at_coreweave(&url.value));
        }
        let region = value(region)?;
        let cache = cache.as_ref().map_err(|bad| *bad)?;
        Ok(Site {
            url: url.value.clone(),
            addressing: way.0,
            region: region.unwrap_or_else(|| cache.region.clone()),
            credentials: own.transpose()?.unwrap_or_else(|| Arc::clone(&cache.credentials)),
        })
    })();
    (if broken { Err(Bad) } else { site }, (!empty).then_some(section))
}
