//! How often the files are checked for changes: `"10s"`, or `"off"`.

use std::time::Duration;

use super::duration::Length;
use super::{Kind, TextError};

/// `None` is `"off"`.
pub struct Watch;

impl Kind for Watch {
    type Value = Option<Duration>;
    const EXAMPLE: &'static str = "10s";

    fn parse(text: &str) -> Result<Option<Duration>, TextError> {
        if text == "off" {
            return Ok(None);
        }
        let every = Length::<true>::parse(text).map_err(|error| {
            if text.starts_with(|c: char| c.is_ascii_digit()) {
                error
            } else {
                TextError::new("is neither a length of time nor `off`")
            }
        })?;
        if every < Duration::from_secs(1) {
            return Err(TextError::new("must be at least 1s").help("write `off` to watch nothing"));
        }
        Ok(Some(every))
    }

    fn show(every: &Option<Duration>) -> Option<String> {
        Some(every.map_or_else(|| "off".to_owned(), super::duration::show))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{accepts, refuses};
    use super::*;

    #[test]
    fn files_are_watched_by_the_second_or_not_at_all() {
        accepts::<Watch>(&[("off", "off"), ("10s", "10s"), ("90s", "1m 30s")]);
        refuses::<Watch>(&[
            ("on", "on", "is neither a length of time nor `off`"),
            ("0s", "0s", "must be at least 1s"),
            ("10 x", "x", "unknown unit `x`"),
        ]);
    }
}
