//! Endpoints: what is in flight, what holds it, what it came to.

use super::super::Kind::{Counter, Gauge};
use super::super::{Metric, Number, Sample};
use super::{flag, time};
use crate::limit::Reason;
use model::api::{Endpoint, Status};

const ENDPOINT: &[&str] = &["endpoint"];

pub(super) const METRICS: &[Metric<Status>] = &[
    Metric {
        name: "hotset_endpoint_limit",
        kind: Gauge,
        unit: "requests",
        labels: ENDPOINT,
        help: "How many requests the adaptive limit allows in flight now.",
        read: |view| endpoints(view, |endpoint| Some(Number::Whole(endpoint.limit.into()))),
    },
    Metric {
        name: "hotset_endpoint_max_in_flight",
        kind: Gauge,
        unit: "requests",
        labels: ENDPOINT,
        help: "How many requests the configuration allows in flight at most.",
        read: |view| endpoints(view, |endpoint| Some(Number::Whole(endpoint.max_in_flight.into()))),
    },
    Metric {
        name: "hotset_endpoint_in_flight",
        kind: Gauge,
        unit: "requests",
        labels: ENDPOINT,
        help: "Requests in flight.",
        read: |view| endpoints(view, |endpoint| Some(Number::Whole(endpoint.in_flight.into()))),
    },
    Metric {
        name: "hotset_endpoint_in_flight_bytes",
        kind: Gauge,
        unit: "bytes",
        labels: ENDPOINT,
        help: "The sizes of the objects whose requests are in flight.",
        read: |view| endpoints(view, |endpoint| Some(Number::Whole(endpoint.in_flight_bytes))),
    },
    Metric {
        name: "hotset_endpoint_circuit_open",
        kind: Gauge,
        unit: "0 or 1",
        labels: ENDPOINT,
        help: "Whether the endpoint serves nothing, and is only probed.",
        read: |view| endpoints(view, |endpoint| Some(flag(endpoint.circuit_open))),
    },
    Metric {
        name: "hotset_endpoint_held_by",
        kind: Gauge,
        unit: "0 or 1",
        labels: &["endpoint", "reason"],
        help: "Why no more requests are in flight: 1 for the reason, 0 for the others.",
        read: reasons,
    },
    Metric {
        name: "hotset_endpoint_retries_wait",
        kind: Gauge,
        unit: "0 or 1",
        labels: ENDPOINT,
        help: "Whether retries wait because too many requests fail: the budget of retries is spent.",
        read: |view| endpoints(view, |endpoint| Some(flag(endpoint.retries_wait))),
    },
    Metric {
        name: "hotset_endpoint_requests_total",
        kind: Counter,
        unit: "requests",
        labels: ENDPOINT,
        help: "Requests to the cache that ended, answered or not.",
        read: |view| endpoints(view, |endpoint| Some(Number::Whole(endpoint.requests))),
    },
    Metric {
        name: "hotset_endpoint_throttled_total",
        kind: Counter,
        unit: "requests",
        labels: ENDPOINT,
        help: "Those of them that were answered with 429 or 503.",
        read: |view| endpoints(view, |endpoint| Some(Number::Whole(endpoint.throttled))),
    },
    Metric {
        name: "hotset_endpoint_capacity_bytes",
        kind: Gauge,
        unit: "bytes",
        labels: ENDPOINT,
        help: "The cache's capacity, where it is configured.",
        read: |view| endpoints(view, |endpoint| endpoint.capacity.map(Number::Whole)),
    },
    Metric {
        name: "hotset_endpoint_committed_bytes",
        kind: Gauge,
        unit: "bytes",
        labels: ENDPOINT,
        help: "The sum of max_bytes of the unpaused profiles; absent where one is unlimited.",
        read: |view| endpoints(view, |endpoint| endpoint.committed.map(Number::Whole)),
    },
    Metric {
        name: "hotset_endpoint_objects_total",
        kind: Counter,
        unit: "objects",
        labels: &["endpoint", "end"],
        help: "Objects that ended, by end: warmed, gone, failed or unknown.",
        read: objects,
    },
    Metric {
        name: "hotset_endpoint_warmed_bytes_total",
        kind: Counter,
        unit: "bytes",
        labels: ENDPOINT,
        help: "Bytes of the objects that were warmed.",
        read: |view| {
            let ended = view.counters.objects.iter();
            ended.map(|(endpoint, ended)| (vec![endpoint.clone()], Number::Whole(ended.warmed.bytes))).collect()
        },
    },
    Metric {
        name: "hotset_credentials_expiry_timestamp_seconds",
        kind: Gauge,
        unit: "seconds since the epoch",
        labels: ENDPOINT,
        help: "When the endpoint's credentials that end soonest expire; absent where they do not.",
        read: |view| endpoints(view, |endpoint| endpoint.credentials_expiry.map(time)),
    },
];

fn endpoints(view: &Status, read: impl Fn(&Endpoint) -> Option<Number>) -> Vec<Sample> {
    view.endpoints.iter().filter_map(|endpoint| Some((vec![endpoint.name.clone()], read(endpoint)?))).collect()
}

fn reasons(view: &Status) -> Vec<Sample> {
    let endpoints = view.endpoints.iter().flat_map(|endpoint| {
        let held = &*endpoint.holds;
        Reason::NAMES.map(|name| (vec![endpoint.name.clone(), name.to_owned()], flag(name == held)))
    });
    endpoints.collect()
}

fn objects(view: &Status) -> Vec<Sample> {
    let ended = view.counters.objects.iter().flat_map(|(endpoint, ended)| {
        [("warmed", ended.warmed.objects), ("gone", ended.gone), ("failed", ended.failed), ("unknown", ended.unknown)]
            .map(|(end, count)| (vec![endpoint.clone(), end.to_owned()], Number::Whole(count)))
    });
    ended.collect()
}
