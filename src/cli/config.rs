//! `hotset config`: the resolved configuration, every value with its origin.

use std::io::{self, Write};

use model::config::Config;
use model::config::reader::Section;

/// Comments stand in one column, unless a value is wider than this.
const WIDEST: usize = 56;

/// Prints TOML that resolves to the same configuration. No secret is in it: the files that hold them are named.
///
/// # Errors
/// What `out` cannot take.
pub fn write(config: &Config, out: &mut impl Write) -> io::Result<()> {
    let filled = config.sections.iter().filter(|section| !section.settings.is_empty());
    for (nth, section) in filled.enumerate() {
        if nth > 0 {
            writeln!(out)?;
        }
        write_section(section, out)?;
    }
    Ok(())
}

/// Prints every key with its unit and default.
///
/// # Errors
/// What `out` cannot take.
pub fn write_reference(out: &mut impl Write) -> io::Result<()> {
    out.write_all(model::config::reference().as_bytes())
}

fn write_section(section: &Section, out: &mut impl Write) -> io::Result<()> {
    match &section.team {
        Some(team) => writeln!(out, "[{}]  # of [team.{team}]", section.head)?,
        None => writeln!(out, "[{}]", section.head)?,
    }
    let lines: Vec<(String, String)> = section
        .settings
        .iter()
        .map(|setting| (format!("{} = {}", setting.key, setting.value), setting.origin.to_string()))
        .collect();
    let width = lines.iter().map(|(line, _)| line.chars().count()).filter(|width| *width <= WIDEST).max().unwrap_or(0);
    for (line, origin) in lines {
        writeln!(out, "{line:<width$}  # {origin}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::config::{Source, load_sources};

    fn source(name: &str, layer: usize, text: &str) -> Source {
        Source::trusted(name, text, layer)
    }

    const BASE: &str = r#"
[endpoint.lota]
cache_url = "http://cwlota.com/"
region = "us-east-1"
capacity = "1024 GiB"
credentials = "mounted"

[endpoint.lota.list]
region = "US-EAST-04A"

[credentials.mounted]
access_key_id_file = "/run/secrets/id"
secret_access_key_file = "/run/secrets/key"

[defaults]
rewarm_after = "360m"
time_zone = "America/New_York"

[profile.latest]
objects = ["s3://ckpt/**"]
checkpoint = { layout = "hf-trainer", keep = 2 }
schedule = ["*/5 * * * *", "@daily"]
max_bytes = "0.5 TiB"
"#;

    const SITE: &str = r#"
[override.profile.latest]
max_bytes = "200 GB"
"#;

    #[test]
    fn every_value_has_its_origin() {
        let config = load_sources(vec![source("base.toml", 0, BASE), source("site.toml", 1, SITE)]).unwrap();
        let mut out = Vec::new();
        write(&config, &mut out).unwrap();
        insta::assert_snapshot!(String::from_utf8(out).unwrap());
    }

    #[test]
    fn what_is_printed_resolves_to_itself() {
        let print = |config: &Config| {
            let mut out = Vec::new();
            write(config, &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        let values = |text: &str| -> Vec<String> {
            text.lines().map(|line| line.split("  # ").next().unwrap_or_default().trim_end().to_owned()).collect()
        };
        let first = print(&load_sources(vec![source("base.toml", 0, BASE), source("site.toml", 1, SITE)]).unwrap());
        let second = print(&load_sources(vec![source("printed.toml", 0, &first)]).unwrap());
        assert_eq!(values(&first), values(&second));
    }
}
