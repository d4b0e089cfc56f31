//! All metrics of a view, by what they are about. `docs/metrics.md` is held to these tables.

mod daemon;
mod endpoint;
mod profile;
mod team;

use chrono::{DateTime, Utc};

use super::{Metric, Number, Sample};
use model::api::Status;

pub(super) const TABLES: [&[Metric<Status>]; 4] = [daemon::METRICS, endpoint::METRICS, profile::METRICS, team::METRICS];

pub(super) fn one(number: Number) -> Vec<Sample> {
    vec![(Vec::new(), number)]
}

fn flag(is: bool) -> Number {
    Number::Whole(is.into())
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds since the epoch are exact for 285,000 years")]
fn time(at: DateTime<Utc>) -> Number {
    Number::Real(at.timestamp_millis() as f64 / 1000.0)
}
