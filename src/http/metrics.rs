//! `/metrics`: figures for alerts and graphs, in the text format of Prometheus 0.0.4, which every scraper reads.
//!
//! Labels are names from the configuration and fixed words, never a bucket or a key. What has no value has no series.

mod process;
mod table;

use std::fmt;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeGaugeValue, GaugeValueEncoder, text::encode_registry};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use process::Usage;

use super::refusal::Refusal;
use super::route::App;
use model::api::Status;

const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

pub(super) async fn show(State(app): State<App>) -> Result<Response, Refusal> {
    let view = app.handle.view().await?;
    Ok(([(CONTENT_TYPE, TEXT)], text(view, process::usage())).into_response())
}

fn text(view: Status, usage: Option<Usage>) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Scrape { view, usage }));
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = encode_registry(&mut text, &registry);
    text
}

/// One family of a table, and how it is read of what it is about.
struct Metric<T> {
    name: &'static str,
    kind: Kind,
    #[cfg_attr(not(test), expect(dead_code, reason = "for the manual, which a test holds to the table"))]
    unit: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
    read: fn(&T) -> Vec<Sample>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Counter,
    Gauge,
}

/// One series: the values of the labels, in their order, and the figure.
type Sample = (Vec<String>, Number);

#[derive(Clone, Copy, Debug)]
enum Number {
    Whole(u64),
    Real(f64),
}

impl EncodeGaugeValue for Number {
    fn encode(&self, encoder: &mut GaugeValueEncoder<'_>) -> fmt::Result {
        match self {
            Self::Whole(number) => number.encode(encoder),
            Self::Real(number) => number.encode(encoder),
        }
    }
}

#[derive(Debug)]
struct Scrape {
    view: Status,
    /// Where it can be told.
    usage: Option<Usage>,
}

impl Collector for Scrape {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        table::TABLES.into_iter().flatten().try_for_each(|metric| metric.encode(&self.view, &mut encoder))?;
        let Some(usage) = &self.usage else { return Ok(()) };
        process::METRICS.iter().try_for_each(|metric| metric.encode(usage, &mut encoder))
    }
}

impl<T> Metric<T> {
    fn encode(&self, of: &T, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let samples = (self.read)(of);
        if samples.is_empty() {
            return Ok(());
        }
        let kind = match self.kind {
            Kind::Counter => MetricType::Counter,
            Kind::Gauge => MetricType::Gauge,
        };
        let mut encoder = encoder.encode_descriptor(self.name, self.help, None, kind)?;
        for (values, number) in samples {
            let labels: Vec<(&str, String)> = self.labels.iter().copied().zip(values).collect();
            // As a gauge, for a counter's name has its `_total` already: in this format it is a part of the family's
            // name, in OpenMetrics it is not.
            if labels.is_empty() {
                encoder.encode_gauge(&number)?;
            } else {
                encoder.encode_family(&labels)?.encode_gauge(&number)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
