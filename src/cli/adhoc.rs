//! A pass without a profile: the flags are written out as the profile they stand for, so that one set of rules judges both.

use std::fmt::Write as _;

use crate::config::Source;

/// The name of the profile, and of the endpoint, that the flags make.
pub const NAME: &str = "command-line";

/// Where an ad-hoc pass goes and what it may take.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct AdHoc {
    /// What an ad-hoc pass may take, such as "1 TiB"; "unlimited" has to be typed
    #[arg(long, value_name = "SIZE", help_heading = "Without a profile")]
    pub max_bytes: Option<String>,
    /// An endpoint of the configuration
    #[arg(long, value_name = "NAME", conflicts_with_all = ["cache_url", "list_url", "region", "addressing"], help_heading = "Without a profile")]
    pub endpoint: Option<String>,
    /// The cache that gets the ranged HEADs; there is no default
    #[arg(long, value_name = "URL", help_heading = "Without a profile")]
    pub cache_url: Option<String>,
    /// What is listed instead of the cache
    #[arg(long, value_name = "URL", requires = "cache_url", help_heading = "Without a profile")]
    pub list_url: Option<String>,
    /// The region that requests are signed for
    #[arg(long, value_name = "REGION", requires = "cache_url", help_heading = "Without a profile")]
    pub region: Option<String>,
    /// virtual (default) or path
    #[arg(long, value_name = "HOW", requires = "cache_url", help_heading = "Without a profile")]
    pub addressing: Option<String>,
}

impl AdHoc {
    /// Whether any of the flags was given.
    pub fn is_given(&self) -> bool {
        self.max_bytes.is_some() || self.endpoint.is_some() || self.cache_url.is_some()
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
        Source { name: "command line".to_owned(), text, layer }
    }
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
