//! Looks up the time zones that the configuration names.

use crate::config::context::{Bad, toml_string};
use crate::config::raw;
use crate::config::reader::{Found, Origin, Reader};
use crate::config::value::zone::unknown;
use crate::config::zones::Known;
use crate::schedule::{Zone, built_in_version};
use crate::text_error::TextError;

pub(super) fn find<R>(r: &mut Reader<'_, '_, R>, found: &Found<String>) -> Result<Zone, Bad> {
    match r.cx.zone(&found.value) {
        Ok(Known::Zone(zone)) => Ok(zone),
        Ok(Known::BuiltIn(zone)) => {
            let message = format!("`{zone}` is not in {}", r.cx.zones.origin());
            let help = format!("the rules that hotset was built with are taken for it ({})", built_in_version());
            r.cx.push(found.warning(message).help(help));
            Ok(zone)
        }
        Ok(Known::No) => Err(r.refuse(&found.key, &found.place, (&found.value, &unknown(&found.value)))),
        Err(why) => {
            let error =
                TextError::new(why).help("install the system's `tzdata` anew, or set TZDIR to another folder of rules");
            Err(r.refuse(&found.key, &found.place, (&found.value, &error)))
        }
    }
}

pub(super) fn find_or_utc(r: &mut Reader<'_, '_, raw::Daemon>) -> Result<Zone, Bad> {
    match r.text("time_zone", |daemon| daemon.time_zone.as_ref())? {
        Some(found) => find(r, &found),
        None => {
            let utc = Zone::utc();
            r.record("time_zone", toml_string(utc.name()), Origin::Default);
            Ok(utc)
        }
    }
}
