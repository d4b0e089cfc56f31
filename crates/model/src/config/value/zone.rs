//! Time zones by their IANA names: `"America/New_York"`.

use chrono_tz::{TZ_VARIANTS, Tz};

use super::{Kind, ValueError};
use crate::config::suggest::nearest;

pub struct Zone;

impl Kind for Zone {
    type Value = Tz;
    const EXAMPLE: &'static str = "Europe/Paris";
    const PATTERN: Option<&'static str> = Some(r"^[A-Za-z0-9_+/-]+$");

    fn parse(text: &str) -> Result<Tz, ValueError> {
        text.parse().map_err(|_| {
            let error = ValueError::new(format!("no time zone is called `{text}`"));
            let names = || TZ_VARIANTS.iter().map(|zone| zone.name());
            // `Paris` is far from `Europe/Paris` by letters, and yet what was meant.
            let city = names().find(|name| name.rsplit('/').next().is_some_and(|city| city.eq_ignore_ascii_case(text)));
            match city.or_else(|| nearest(text, names())) {
                Some(name) => error.help(format!("did you mean `{name}`?")),
                None => error.help("zones are named as in the IANA database, by continent and city"),
            }
        })
    }

    fn show(zone: &Tz) -> String {
        zone.name().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{accepts, refuses};
    use super::*;

    #[test]
    fn zones_have_iana_names() {
        accepts::<Zone>(&[("UTC", "UTC"), ("America/New_York", "America/New_York"), ("Asia/Kolkata", "Asia/Kolkata")]);
        refuses::<Zone>(&[
            ("America/New York", "America/New York", "no time zone is called `America/New York`"),
            ("+02:00", "+02:00", "no time zone is called `+02:00`"),
            ("", "", "no time zone is called ``"),
        ]);
    }

    #[test]
    fn a_zone_that_is_nearly_right_is_proposed() {
        for (text, help) in [
            ("America/New York", "did you mean `America/New_York`?"),
            ("paris", "did you mean `Europe/Paris`?"),
            ("Europe/Berlim", "did you mean `Europe/Berlin`?"),
            ("", "zones are named as in the IANA database, by continent and city"),
        ] {
            assert_eq!(Zone::parse(text).unwrap_err().help.as_deref(), Some(help), "{text:?}");
        }
    }
}
