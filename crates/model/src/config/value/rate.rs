//! Rates: `"200 MiB/s"`.

use super::{Kind, TextError, size};

/// Bytes a second.
pub struct Rate;

impl Kind for Rate {
    type Value = u64;
    const EXAMPLE: &'static str = "200 MiB/s";
    const PATTERN: Option<&'static str> = Some(r"^\s*[0-9]+(\.[0-9]+)?\s*([KMGTPE]i|[kKMGTPE])?B\s*/\s*s\s*$");

    fn parse(text: &str) -> Result<u64, TextError> {
        let Some(bytes) = text.trim_end().strip_suffix('s').and_then(|rest| rest.trim_end().strip_suffix('/')) else {
            return Err(TextError::new("a rate is a size a second").help("end it with `/s`"));
        };
        match size::parse(bytes)? {
            0 => Err(TextError::new("must be more than 0 B/s")),
            rate => Ok(rate),
        }
    }

    fn show(rate: &u64) -> Option<String> {
        Some(format!("{}/s", size::show(*rate)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{accepts, refuses};
    use super::*;

    #[test]
    fn a_rate_is_a_size_a_second() {
        accepts::<Rate>(&[("200 MiB/s", "200 MiB/s"), ("1GB / s", "1 GB/s"), ("0.5 GiB/s", "512 MiB/s")]);
        refuses::<Rate>(&[
            ("200 MiB", "200 MiB", "a rate is a size a second"),
            ("200 Mbit/s", "Mbit", "unknown unit `Mbit`"),
            ("0 B/s", "0 B/s", "must be more than 0 B/s"),
            ("/s", "", "a size begins with a number"),
        ]);
    }
}
