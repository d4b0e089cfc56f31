//! Whatever stands in the files, reading them ends in a configuration or in diagnostics that can be shown.
//!
//! Input: up to three files, with a NUL between two.

#![no_main]

use libfuzzer_sys::fuzz_target;
use model::config::{self, Source};

fuzz_target!(|text: &str| {
    let sources: Vec<Source> = text
        .splitn(3, '\0')
        .enumerate()
        .map(|(layer, text)| Source::trusted(format!("{layer}.toml"), text, layer))
        .collect();
    match config::load_sources(sources.clone()) {
        Ok(found) => {
            for profile in found.profiles.values() {
                let fingerprint = found.fingerprint(profile);
                let again = config::load_sources(sources.clone()).expect("the same text is read the same way twice");
                assert_eq!(again.fingerprint(&again.profiles[&profile.name]), fingerprint, "{}", profile.name);
            }
        }
        Err(diagnostics) => {
            assert!(diagnostics.errors() > 0, "refused without an error");
            let shown = diagnostics.render(false);
            assert!(!shown.is_empty());
            assert!(!shown.contains('\u{1b}'), "a terminal's control sequence is let through: {shown:?}");
        }
    }
});
