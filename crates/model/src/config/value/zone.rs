//! Time zones by their IANA names: `"America/New_York"`.

use super::{Kind, TextError};
use crate::config::suggest::nearest;
use crate::schedule::Zone;

/// A name, which the rules in force may know or not.
pub struct ZoneName;

impl Kind for ZoneName {
    type Value = String;
    const EXAMPLE: &'static str = "Europe/Paris";
    const PATTERN: Option<&'static str> = Some(r"^[A-Za-z0-9_+/-]+$");

    fn parse(text: &str) -> Result<String, TextError> {
        Ok(text.to_owned())
    }
}

/// Why a name is none.
pub fn unknown(text: &str) -> TextError {
    let error = TextError::new(format!("no time zone is called `{text}`"));
    // `Paris` is far from `Europe/Paris` by letters, and yet what was meant.
    let city = Zone::names().find(|name| name.rsplit('/').next().is_some_and(|city| city.eq_ignore_ascii_case(text)));
    match city.or_else(|| nearest(text, Zone::names())) {
        Some(name) => error.help(format!("did you mean `{name}`?")),
        None => error.help("zones are named as in the IANA database, by continent and city"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_that_is_nearly_right_is_proposed() {
        for (text, help) in [
            ("America/New York", "did you mean `America/New_York`?"),
            ("paris", "did you mean `Europe/Paris`?"),
            ("Europe/Berlim", "did you mean `Europe/Berlin`?"),
            ("", "zones are named as in the IANA database, by continent and city"),
        ] {
            let error = unknown(text);
            assert_eq!(error.message, format!("no time zone is called `{text}`"));
            assert_eq!(error.help.as_deref(), Some(help), "{text:?}");
        }
    }
}
