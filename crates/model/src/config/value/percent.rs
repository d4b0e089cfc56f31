//! Shares: `"99%"`.

use super::{Kind, TextError};

/// A share above 0 and up to 1, written in percent.
pub struct Percent;

impl Kind for Percent {
    type Value = f64;
    const EXAMPLE: &'static str = "99%";
    const PATTERN: Option<&'static str> = Some(r"^\s*[0-9]+(\.[0-9]+)?\s*%\s*$");

    fn parse(text: &str) -> Result<f64, TextError> {
        let Some(number) = text.trim_end().strip_suffix('%').map(str::trim) else {
            return Err(TextError::new("a share is written in percent").help("end it with `%`"));
        };
        if !number.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
            return Err(TextError::new(format!("`{number}` is not a number")));
        }
        let percent: f64 = number.parse().map_err(|_| TextError::new(format!("`{number}` is not a number")))?;
        if percent > 0.0 && percent <= 100.0 {
            return Ok(percent / 100.0);
        }
        Err(TextError::new("must be more than 0% and at most 100%"))
    }

    fn show(share: &f64) -> Option<String> {
        Some(format!("{}%", (share * 1e8).round() / 1e6))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{accepts, refuses};
    use super::*;

    #[test]
    fn a_share_is_written_in_percent() {
        accepts::<Percent>(&[
            ("99%", "99%"),
            ("99.5 %", "99.5%"),
            ("100%", "100%"),
            ("99.99%", "99.99%"),
            ("7%", "7%"),
        ]);
        refuses::<Percent>(&[
            ("0.99", "0.99", "a share is written in percent"),
            ("0%", "0%", "must be more than 0% and at most 100%"),
            ("101%", "101%", "must be more than 0% and at most 100%"),
            ("-1%", "-1%", "`-1` is not a number"),
            ("nan%", "nan%", "`nan` is not a number"),
            ("1e2%", "1e2%", "`1e2` is not a number"),
            ("%", "%", "`` is not a number"),
        ]);
    }
}
