//! Finds the time zone rules: the files of the system, or those compiled in where they are newer or there are no others.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};

use super::diagnostic::Diagnostic;
use crate::schedule::{Zone, built_in_version};

/// Where systems keep their rules.
const SYSTEM_FOLDER: &str = "/usr/share/zoneinfo";
/// Files that name the release they are of: that of the IANA's own list (`# version 2026f`), of BSD and macOS, of some distributions.
const VERSION_FILES: [&str; 3] = ["tzdata.zi", "+VERSION", "version"];
/// Size limit of a compiled zone, in bytes; the largest has 4 kB.
const MAX_ZONE_BYTES: u64 = 256 << 10;
/// Zone rules older than this draw a warning: countries change theirs several times a year, most with a notice of a few months.
const MAX_AGE: TimeDelta = TimeDelta::days(365);

/// The rules in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zones {
    /// `None`: those compiled in.
    folder: Option<PathBuf>,
    /// `2026f`; `None` where nothing tells.
    version: Option<String>,
    /// `TZDIR` names this folder, which has no rules.
    empty: Option<PathBuf>,
    /// Version and folder of the system's, which are older than those compiled in.
    older: Option<String>,
}

/// A zone that was looked up.
#[derive(Clone)]
pub(super) enum Known {
    Zone(Zone),
    /// The folder lacks it, and what is compiled in has it.
    BuiltIn(Zone),
    No,
}

/// The rules compiled in.
impl Default for Zones {
    fn default() -> Self {
        Self { folder: None, version: Some(built_in_version().to_owned()), empty: None, older: None }
    }
}

impl Zones {
    /// Those of the folder that is named (by `TZDIR`), else the newer of the system's and those compiled in.
    pub fn of_system(named: Option<PathBuf>) -> Self {
        Self::of(named, SYSTEM_FOLDER.into())
    }

    pub(super) fn of(named: Option<PathBuf>, system: PathBuf) -> Self {
        let has_rules = |folder: &PathBuf| folder.join("Etc/UTC").is_file();
        let named = named.filter(|folder| !folder.as_os_str().is_empty());
        let (named, empty) = match named {
            Some(folder) if has_rules(&folder) => (Some(folder), None),
            empty => (None, empty),
        };
        if named.is_some() {
            return Self { version: named.as_deref().and_then(version_of), folder: named, empty, older: None };
        }
        if !has_rules(&system) {
            return Self { empty, ..Self::default() };
        }
        match version_of(&system) {
            Some(version) if *version < *built_in_version() => {
                Self { empty, older: Some(format!("{version} of {}", system.display())), ..Self::default() }
            }
            version => Self { version, folder: Some(system), empty, older: None },
        }
    }

    /// `2026f`, where something tells.
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// The folder they are in, or `built in`.
    pub fn origin(&self) -> String {
        self.folder.as_ref().map_or_else(|| "built in".to_owned(), |folder| folder.display().to_string())
    }

    /// When they were released, as far as the version tells, which has the year and a letter: each letter counts as a month, and
    /// so 2026b as February 2026.
    pub fn released(&self) -> Option<DateTime<Utc>> {
        let (year, letters) = self.version.as_ref()?.split_at_checked(4)?;
        let month = u32::from(letters.bytes().next()?.checked_sub(b'a')?) + 1;
        let first = NaiveDate::from_ymd_opt(year.parse().ok()?, month.min(12), 1)?;
        Some(first.and_time(NaiveTime::MIN).and_utc())
    }

    /// What is worth a second look.
    pub(super) fn warnings(&self, now: DateTime<Utc>) -> Vec<Diagnostic> {
        let empty = self.empty.as_ref().map(|folder| {
            let message = format!("TZDIR names {}, which has no zone rules", folder.display());
            Diagnostic::warning(message).help(format!("those in force are {self}"))
        });
        let is_old = self.released().is_some_and(|released| now - released > MAX_AGE);
        let old = is_old.then(|| {
            let newer = if self.folder.is_some() && self.version() < Some(built_in_version()) {
                format!("; hotset itself was built with {}", built_in_version())
            } else {
                String::new()
            };
            Diagnostic::warning(format!("the zone rules are more than a year old: {self}{newer}"))
                .help("countries have changed their clocks since: update the system's `tzdata`, or set TZDIR to a folder of newer rules")
        });
        empty.into_iter().chain(old).collect()
    }

    /// # Errors
    /// Why the zone's file cannot be used.
    pub(super) fn find(&self, name: &str) -> Result<Known, String> {
        let built_in = Zone::built_in(name);
        // No rules change it, and it is the same zone where nobody has typed it.
        if name == "UTC" {
            return Ok(built_in.map_or(Known::No, Known::Zone));
        }
        let Some(path) = self.folder.as_ref().filter(|_| is_name(name)).map(|folder| folder.join(name)) else {
            return Ok(built_in.map_or(Known::No, Known::Zone));
        };
        if !path.is_file() {
            return Ok(built_in.map_or(Known::No, Known::BuiltIn));
        }
        let unusable =
            |cause: &dyn fmt::Display| format!("the rules of `{name}` cannot be read from {}: {cause}", path.display());
        let file = start_of(&path, MAX_ZONE_BYTES).map_err(|cause| unusable(&cause))?;
        Zone::from_tzif(name, &file).map(Known::Zone).map_err(|cause| unusable(&cause))
    }
}

/// `2026f (/usr/share/zoneinfo)`
impl fmt::Display for Zones {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}", self.version().unwrap_or("of an unknown version"), self.origin())?;
        match &self.older {
            Some(older) => write!(f, ", newer than {older})"),
            None => f.write_str(")"),
        }
    }
}

/// Continents, cities and offsets; not `posixrules`, `right/…` (which count leap seconds), or a way out of the folder.
fn is_name(name: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'+' | b'-'))
    };
    name.starts_with(|first: char| first.is_ascii_uppercase()) && name.split('/').all(is_part)
}

fn version_of(folder: &Path) -> Option<String> {
    let version = |name: &&str| {
        let start = start_of(&folder.join(name), 64).ok()?;
        let line = String::from_utf8_lossy(&start).lines().next()?.trim().to_owned();
        let version = line.strip_prefix("# version ").unwrap_or(&line);
        let (year, letters) = version.split_at_checked(4)?;
        let is_version = year.bytes().all(|byte| byte.is_ascii_digit())
            && (1..=2).contains(&letters.len())
            && letters.bytes().all(|byte| byte.is_ascii_lowercase());
        is_version.then(|| version.to_owned())
    };
    VERSION_FILES.iter().find_map(version)
}

fn start_of(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}
