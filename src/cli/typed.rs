//! Values on the command line: of the same kinds as in a file, and refused in the same words.

use chrono::{DateTime, Utc};

use model::config::value::Kind;

/// A value of kind `K`.
pub fn typed<K: Kind>(text: &str) -> Result<K::Value, String> {
    K::parse(text).map_err(|error| match &error.help {
        Some(help) => format!("{error}; {help}"),
        None => format!("{error}; write for example {}", K::EXAMPLE),
    })
}

/// The text of a value of kind `K`, as it was typed.
pub fn checked<K: Kind>(text: &str) -> Result<String, String> {
    typed::<K>(text).map(|_| text.to_owned())
}

/// An instant.
pub fn instant(text: &str) -> Result<DateTime<Utc>, String> {
    text.parse().map_err(|_| "not a time with a zone; write for example 2026-03-07T22:30:00Z".to_owned())
}
