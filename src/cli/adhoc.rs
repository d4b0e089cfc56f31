//! A pass without a profile: the flags are written out as the profile they stand for, so that one set of rules judges both.

use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::lookup_host;
use tokio::time::timeout;

use super::global::Files;
use super::typed::checked;
use super::{Usage, progress, read};
use crate::warm::StopSignal;
use model::config::Source;
use model::config::value::Kind as _;
use model::config::value::glob::Objects;
use model::config::value::site::SiteUrl;
use model::config::value::size::ByteCap;
use model::config::value::text::Region;

/// The name of the profile, and of the endpoint, that the flags make.
pub const NAME: &str = "command-line";

/// What `--lota` stands for.
const LOTA: AtLota = AtLota { cache_url: "http://cwlota.com", list_url: "https://cwobject.com", region: "us-east-1" };

struct AtLota {
    cache_url: &'static str,
    list_url: &'static str,
    region: &'static str,
}

/// How long the name of LOTA may take to be looked up.
const LOOKUP: Duration = Duration::from_secs(3);

/// Where an ad-hoc pass goes and what it may take.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "For patterns")]
pub struct AdHoc {
    /// How much may be warmed, such as "1 TiB"; "unlimited" has to be typed
    #[arg(long, value_name = "SIZE", value_parser = checked::<ByteCap>)]
    pub max_bytes: Option<String>,
    /// Warm CoreWeave's LOTA (cwlota.com, listed at cwobject.com and signed for us-east-1)
    #[arg(long, conflicts_with_all = ["endpoint", "cache_url", "list_url", "addressing"])]
    pub lota: bool,
    /// The endpoint of the configuration to warm [default: the only one there, else LOTA where its name is known]
    #[arg(long, value_name = "NAME", conflicts_with_all = ["cache_url", "list_url", "region", "addressing"])]
    pub endpoint: Option<String>,
    /// The cache to warm, without a configuration.
    #[arg(
        long,
        value_name = "URL",
        value_parser = checked::<SiteUrl>,
        help = "The cache to warm, without a configuration, such as http://cwlota.com"
    )]
    pub cache_url: Option<String>,
    /// Where objects are listed.
    #[arg(
        long,
        value_name = "URL",
        requires = "cache_url",
        value_parser = checked::<SiteUrl>,
        help = "Where objects are listed, such as https://cwobject.com [default: the cache]"
    )]
    pub list_url: Option<String>,
    /// What requests are signed for, such as US-EAST-04A
    #[arg(long, value_name = "REGION", value_parser = checked::<Region>)]
    pub region: Option<String>,
    /// How buckets are named: in the host, or in the path [default: virtual]
    #[arg(long, value_name = "HOW", requires = "cache_url", value_parser = ["virtual", "path"])]
    pub addressing: Option<String>,
}

impl AdHoc {
    /// Whether any of the flags was given.
    pub fn is_given(&self) -> bool {
        let typed = [&self.max_bytes, &self.endpoint, &self.cache_url, &self.region];
        self.lota || typed.into_iter().any(Option::is_some)
    }

    /// The flags with a cache: the one that they name, else the only one of the configuration, else LOTA where its name is
    /// known. What nobody typed is said.
    pub(super) async fn placed(self, stop: &StopSignal, patterns: &[String], files: &Files) -> anyhow::Result<Self> {
        self.judge(patterns)?;
        if self.names_a_cache() {
            return Ok(self);
        }
        let configured = match files.paths() {
            Ok(paths) if self.region.is_none() => read::load(stop, paths).await??.endpoints.into_keys().collect(),
            _ => Vec::new(),
        };
        match configured.as_slice() {
            [] => {
                let lookup = async |host: String| {
                    let known = timeout(LOOKUP, lookup_host((host, 80))).await;
                    known.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())).map(Iterator::collect)
                };
                Ok(self.at_lota(patterns, lookup).await?)
            }
            [one] => {
                tracing::info!(target: progress::TARGET, "taking endpoint `{one}`, the only one of the configuration");
                Ok(Self { endpoint: Some(one.to_string()), ..self })
            }
            several => {
                let names: Vec<String> = several.iter().map(|name| format!("`{name}`")).collect();
                let why = format!("patterns also need\n  --endpoint NAME: one of {}", names.join(", "));
                Err(Usage(why).into())
            }
        }
    }

    /// LOTA, if the machine knows its name.
    async fn at_lota(
        self,
        patterns: &[String],
        lookup: impl AsyncFnOnce(String) -> io::Result<Vec<SocketAddr>>,
    ) -> Result<Self, Usage> {
        // Requests go to the bucket's own name.
        let bucket = patterns.iter().filter_map(|pattern| Objects::parse(pattern).ok()?.bucket().literal()).next();
        let host = bucket.map_or_else(|| "cwlota.com".to_owned(), |bucket| format!("{bucket}.cwlota.com"));
        let found = lookup(host.clone()).await;
        let Some(address) = found.as_ref().ok().and_then(|addresses| addresses.first()) else {
            let why = found.err().map_or_else(|| "it has no address".to_owned(), |error| error.to_string());
            let why = why.trim_start_matches("failed to lookup address information: ");
            return Err(Usage(format!(
                "patterns also need\n  --lota, --endpoint NAME or --cache-url URL: the cache to warm; LOTA is none here, as \
                 {host} is not known: {why}"
            )));
        };
        let AtLota { cache_url, list_url, region } = LOTA;
        let region = self.region.as_deref().unwrap_or(region);
        tracing::info!(
            target: progress::TARGET,
            "taking LOTA, as {host} is at {} here: {cache_url}, listed at {list_url}, region {region}; --lota takes it unasked",
            address.ip()
        );
        Ok(Self { lota: true, ..self })
    }

    fn names_a_cache(&self) -> bool {
        self.lota || self.endpoint.is_some() || self.cache_url.is_some()
    }

    /// What the flags must say and do not, and what is wrong with the patterns.
    pub(super) fn judge(&self, patterns: &[String]) -> Result<(), Usage> {
        let mut missing = Vec::new();
        if self.cache_url.is_some() && self.region.is_none() {
            missing.push("--region REGION: what requests are signed for; a server that ignores it takes any");
        }
        if self.max_bytes.is_none() {
            missing.push("--max-bytes SIZE: how much may be warmed, such as \"1 TiB\"");
        }
        if !missing.is_empty() {
            return Err(Usage(format!("patterns also need\n  {}", missing.join("\n  "))));
        }
        let wrong: Vec<_> = patterns.iter().filter_map(|pattern| mistake(pattern)).collect();
        if wrong.is_empty() { Ok(()) } else { Err(Usage(format!("not a pattern\n{}", wrong.join("\n")))) }
    }

    /// The configuration that the flags stand for, in the last layer.
    pub fn source(&self, patterns: &[String], layer: usize) -> Source {
        let mut text = String::new();
        let mut line = |key: &str, value: Option<&str>| {
            if let Some(value) = value {
                // Writing to a String cannot fail.
                let _ = writeln!(text, "{key} = {}", quoted(value));
            }
        };
        let AtLota { cache_url, list_url, region } = LOTA;
        let preset = |value: &'static str| self.lota.then_some(value);
        if self.endpoint.is_none() {
            line("[endpoint.command-line]\ncache_url", self.cache_url.as_deref().or(preset(cache_url)));
            line("list_url", self.list_url.as_deref().or(preset(list_url)));
            line("region", self.region.as_deref().or(preset(region)));
            line("addressing", self.addressing.as_deref());
        }
        let objects: Vec<_> = patterns.iter().map(|pattern| quoted(pattern)).collect();
        let _ = writeln!(text, "\n[profile.{NAME}]\nobjects = [{}]", objects.join(", "));
        let mut line = |key: &str, value: Option<&str>| {
            if let Some(value) = value {
                let _ = writeln!(text, "{key} = {}", quoted(value));
            }
        };
        line("endpoint", Some(self.endpoint.as_deref().unwrap_or(NAME)));
        line("max_bytes", self.max_bytes.as_deref());
        Source::trusted("command line", text, layer)
    }
}

/// A pattern as it is typed: one that ends with a `/` means all that is below.
pub(super) fn below(pattern: &str) -> String {
    if pattern.ends_with('/') { format!("{pattern}**") } else { pattern.to_owned() }
}

/// What a pattern that matches nothing may have been meant for.
pub(super) fn hint(patterns: &[String]) -> Option<String> {
    let plain = patterns.iter().find(|pattern| !pattern.contains(['*', '?', '[', '{', '\\']))?;
    Some(format!("`{plain}` is one key; all that is below it is `{plain}/`"))
}

/// A pattern, and below it what is wrong and where.
fn mistake(pattern: &str) -> Option<String> {
    let error = Objects::parse(pattern).err()?;
    let span = error.span.clone().unwrap_or(0..pattern.len());
    let width = |part: Option<&str>| visible(part.unwrap_or_default()).chars().count();
    let (before, caret) = (width(pattern.get(..span.start)), width(pattern.get(span)).max(1));
    let mut text = format!("  {}\n  {:before$}{} {error}", visible(pattern), "", "^".repeat(caret));
    if let Some(help) = &error.help {
        // Writing to a String cannot fail.
        let _ = write!(text, "\n  help: {}", visible(help));
    }
    Some(text)
}

/// As it was typed, but for what would disturb a terminal.
fn visible(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut shown, c| {
        if c.is_control() {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
        shown
    })
}

/// A TOML basic string.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                quoted.push('\\');
                quoted.push(c);
            }
            c if c.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_in_a_pattern_is_shown_where_it_is() {
        let shown = mistake("s3://b/é\n\\[/[x").unwrap();
        assert_eq!(
            shown.lines().collect::<Vec<_>>(),
            [
                r"  s3://b/é\n\[/[x",
                r"               ^^ `[` is never closed",
                r"  help: if it belongs to the key, write `s3://b/é\n\[/\[x`",
            ]
        );
        assert_eq!(mistake("s3://b/**"), None);
    }

    #[test]
    fn a_pattern_that_ends_with_a_slash_means_all_that_is_below() {
        for (typed, meant) in [
            ("s3://b/prefix/", "s3://b/prefix/**"),
            ("s3://b/", "s3://b/**"),
            ("s3://b/a*/", "s3://b/a*/**"),
            ("s3://b/prefix", "s3://b/prefix"),
            ("s3://b/prefix/**", "s3://b/prefix/**"),
        ] {
            assert_eq!(below(typed), meant);
        }
        let hinted = |pattern: &str| hint(&["s3://b/*.tar".to_owned(), pattern.to_owned()]);
        assert_eq!(hinted("s3://b/p").as_deref(), Some("`s3://b/p` is one key; all that is below it is `s3://b/p/`"));
        assert_eq!(hinted("s3://b/[ab].tar"), None);
    }

    #[tokio::test]
    async fn where_the_name_of_lota_is_known_it_is_taken() {
        let flags = || AdHoc { max_bytes: Some("1 TiB".to_owned()), ..AdHoc::default() };
        let known = async |_| Ok(vec!["10.16.0.1:80".parse().unwrap()]);
        let text = |flags: AdHoc| flags.source(&["s3://b/p/**".to_owned()], 0).text;
        let typed = text(AdHoc { lota: true, ..flags() });
        let found = flags().at_lota(&["s3://b/p/**".to_owned()], known).await.unwrap();
        assert_eq!(text(found), typed);
        insta::assert_snapshot!(typed, @r#"
        [endpoint.command-line]
        cache_url = "http://cwlota.com"
        list_url = "https://cwobject.com"
        region = "us-east-1"

        [profile.command-line]
        objects = ["s3://b/p/**"]
        endpoint = "command-line"
        max_bytes = "1 TiB"
        "#);
        let region = AdHoc { region: Some("US-EAST-04A".to_owned()), ..flags() };
        let found = region.at_lota(&["s3://b/p/**".to_owned()], known).await.unwrap();
        assert!(text(found).contains("region = \"US-EAST-04A\""));
    }

    #[tokio::test]
    async fn where_it_is_not_known_none_is_implied() {
        for (pattern, host) in
            [("s3://b/p/**", "b.cwlota.com"), ("s3://team-*/p/**", "cwlota.com"), ("s3://{a,b}/**", "cwlota.com")]
        {
            let asked = std::sync::Mutex::new(String::new());
            let unknown = async |name: String| {
                *asked.lock().unwrap() = name;
                Err(io::Error::other("name not found"))
            };
            let refused = AdHoc::default().at_lota(&[pattern.to_owned()], unknown).await.unwrap_err().to_string();
            assert_eq!(*asked.lock().unwrap(), host);
            assert!(refused.contains(&format!("as {host} is not known: name not found")), "{refused}");
        }
        let nowhere = AdHoc::default().at_lota(&["s3://b/**".to_owned()], async |_| Ok(Vec::new())).await;
        assert!(nowhere.unwrap_err().to_string().contains("it has no address"));
    }

    #[test]
    fn the_flags_are_written_as_the_profile_they_stand_for() {
        let flags = AdHoc {
            max_bytes: Some("1 TiB".to_owned()),
            cache_url: Some("http://cwlota.com".to_owned()),
            region: Some("US-EAST-04A".to_owned()),
            ..AdHoc::default()
        };
        let source = flags.source(&["s3://b/odd \"key\"\\\n\u{7f}/**".to_owned()], 0);
        insta::assert_snapshot!(source.text, @r#"
        [endpoint.command-line]
        cache_url = "http://cwlota.com"
        region = "US-EAST-04A"

        [profile.command-line]
        objects = ["s3://b/odd \"key\"\\\u000A\u007F/**"]
        endpoint = "command-line"
        max_bytes = "1 TiB"
        "#);
    }
}
