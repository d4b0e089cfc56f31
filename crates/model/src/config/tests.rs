mod bounds;
mod fingerprints;
mod layers;
mod odd;
mod shipped;
mod teams;
mod volume;
mod warnings;
mod zones;

use super::{Config, Source, load_sources};

/// One endpoint, for profiles to stand beside.
const LOTA: &str = "[endpoint.lota]\ncache_url = \"http://cwlota.com\"\nregion = \"us-east-1\"\n";

fn source(name: &str, layer: usize, text: &str) -> Source {
    Source::trusted(name, text, layer)
}

/// The configuration of one text, or all that is wrong with it.
fn config(text: &str) -> Config {
    load_sources(vec![source("hotset.toml", 0, text)]).unwrap_or_else(|errors| panic!("{}", errors.render(false)))
}

/// What is wrong with a text, a line each.
pub(super) fn errors(text: &str) -> Vec<String> {
    let Err(errors) = load_sources(vec![source("hotset.toml", 0, text)]) else { panic!("accepted:\n{text}") };
    errors.iter().map(ToString::to_string).collect()
}
