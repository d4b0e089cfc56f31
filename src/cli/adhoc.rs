//! A pass without a profile: the flags are written out as the profile they stand for, so that one set of rules judges both.

use std::fmt::Write as _;

use super::Usage;
use super::typed::checked;
use model::config::Source;
use model::config::value::Kind as _;
use model::config::value::glob::Objects;
use model::config::value::site::SiteUrl;
use model::config::value::size::ByteCap;
use model::config::value::text::Region;

/// The name of the profile, and of the endpoint, that the flags make.
pub const NAME: &str = "command-line";

/// Where an ad-hoc pass goes and what it may take.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "For patterns")]
pub struct AdHoc {
    /// How much may be warmed, such as "1 TiB"; "unlimited" has to be typed
    #[arg(long, value_name = "SIZE", value_parser = checked::<ByteCap>)]
    pub max_bytes: Option<String>,
    /// The endpoint of the configuration to warm
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
    #[arg(long, value_name = "REGION", requires = "cache_url", value_parser = checked::<Region>)]
    pub region: Option<String>,
    /// How buckets are named: in the host, or in the path [default: virtual]
    #[arg(long, value_name = "HOW", requires = "cache_url", value_parser = ["virtual", "path"])]
    pub addressing: Option<String>,
}

impl AdHoc {
    /// Whether any of the flags was given.
    pub fn is_given(&self) -> bool {
        self.max_bytes.is_some() || self.endpoint.is_some() || self.cache_url.is_some()
    }

    /// What the flags must say and do not, and what is wrong with the patterns.
    pub(super) fn judge(&self, patterns: &[String]) -> Result<(), Usage> {
        let mut missing = Vec::new();
        if self.endpoint.is_none() && self.cache_url.is_none() {
            missing.push("--endpoint NAME or --cache-url URL: the cache to warm; none is implied");
        }
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
        if self.endpoint.is_none() {
            line("[endpoint.command-line]\ncache_url", self.cache_url.as_deref());
            line("list_url", self.list_url.as_deref());
            line("region", self.region.as_deref());
            line("addressing", self.addressing.as_deref());
        }
        let objects: Vec<_> = patterns.iter().map(|pattern| quoted(pattern)).collect();
        let _ = writeln!(text, "\n[profile.{NAME}]\nobjects = [{}]", objects.join(", "));
        let mut line = |key: &str, value: Option<&str>| {
            if let Some(value) = value {
                let _ = writeln!(text, "{key} = {}", quoted(value));
            }
        };
        line("endpoint", self.endpoint.as_deref().or(self.cache_url.as_ref().map(|_| NAME)));
        line("max_bytes", self.max_bytes.as_deref());
        Source::trusted("command line", text, layer)
    }
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
