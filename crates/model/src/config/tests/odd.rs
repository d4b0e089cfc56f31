//! No text is too odd: it is resolved, or refused with a place in it.

use proptest::prelude::*;

use super::super::{load_sources, reference};
use super::source;
use crate::object::disturbs;

/// Whatever comes of it, it can be shown, and nothing is said of a place outside the text.
fn survives(texts: &[String]) {
    let sources = texts.iter().enumerate().map(|(nth, text)| source("odd.toml", nth, text)).collect();
    match load_sources(sources) {
        Ok(config) => {
            config.profiles.values().for_each(|profile| drop(config.fingerprint(profile)));
            config.warnings.iter().for_each(|warning| drop(warning.render(true)));
        }
        Err(errors) => {
            assert!(errors.errors() > 0);
            drop((errors.render(false), errors.render(true)));
            for error in errors.iter() {
                if let Some(place) = error.place() {
                    assert!(place.file.text.get(place.span.clone()).is_some(), "{error}: {:?}", place.span);
                }
            }
        }
    }
}

#[test]
fn no_terminal_obeys_what_was_typed() {
    for (typed, shown) in [("\\u001b", "\\u{1b}"), ("\\u202e", "\\u{202e}"), ("\\u0085", "\\u{85}")] {
        let text =
            format!("[profile.a]\nobjects = [\"s3://b/{{{typed}\"]\nschedule = \"{typed}\"\ntime_zone = \"{typed}\"\n");
        let errors = load_sources(vec![source("odd.toml", 0, &text)]).unwrap_err();
        let help = format!("write `s3://b/\\{{{shown}`");
        assert!(errors.render(false).contains(&help), "{}", errors.render(false));
        for error in errors.iter() {
            let said = format!("{error}{}", error.render(false));
            assert!(!said.contains(|c| c != '\n' && disturbs(c)), "{said:?}");
        }
    }
}

/// What stands in configurations, and what should not.
const PIECES: [&str; 24] = [
    "[profile.a]",
    "[endpoint.a]",
    "[override.profile.a]",
    "[[profile]]",
    "[profile]",
    "[credentials.\"\u{7f} \"]",
    "objects",
    "max_bytes",
    "schedule",
    "checkpoint",
    "list",
    "=",
    "\"s3://b/[\"",
    "\"8 TiB\"",
    "\"${A}\"",
    "''",
    "\"\"\"",
    "{",
    "}",
    "[",
    ",",
    "\n",
    "-9223372036854775809",
    "token = 'x'",
];

proptest! {
    // Texts that come close to a configuration are resolved to the end, schedules and all.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_text(text: String) {
        survives(&[text]);
    }

    #[test]
    fn pieces_in_any_order(picks in prop::collection::vec(0..PIECES.len(), 0..40)) {
        let text: String = picks.iter().flat_map(|pick| [PIECES[*pick], " "]).collect();
        survives(&[text.clone(), text]);
    }

    #[test]
    fn the_reference_with_a_part_cut_out(start in 0..9000_usize, len in 0..200_usize, put in "\\PC{0,5}") {
        let text = reference();
        let floor = |at: usize| (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        survives(&[format!("{}{put}{}", &text[..floor(start)], &text[floor(start + len)..])]);
    }

    #[test]
    fn the_reference_with_a_value_exchanged(line in 0..300_usize, put in prop_oneof!["[0-9a-z{}\\[\\]\"'=, .]{0,12}", "\"\\PC{0,20}\""]) {
        let lines: Vec<String> = reference().lines().enumerate().map(|(nth, text)| match text.split_once(" = ") {
            Some((key, _)) if nth == line && !text.starts_with('#') => format!("{key} = {put}"),
            _ => text.to_owned(),
        }).collect();
        survives(&[lines.join("\n")]);
    }
}
