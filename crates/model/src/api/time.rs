//! Instants as the contract writes them.

use chrono::{DateTime, SecondsFormat, SubsecRound as _, Utc};
use serde::Serializer;

/// RFC 3339 in UTC, to the millisecond.
pub fn text(at: DateTime<Utc>) -> String {
    at.trunc_subsecs(3).to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// For `serialize_with`; chrono reads it back.
pub(super) fn write<S: Serializer>(at: &DateTime<Utc>, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&text(*at))
}

/// For `serialize_with`; `None` is `null`.
pub(super) fn write_if_any<S: Serializer>(at: &Option<DateTime<Utc>>, to: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => write(at, to),
        None => to.serialize_none(),
    }
}
