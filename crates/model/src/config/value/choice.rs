//! Values that are one of a few words.

use super::{Kind, ValueError};
use crate::config::endpoint::Addressing;
use crate::config::profile::{OnMissed, OnOverlap, OnReload, OnStart};
use crate::config::suggest::did_you_mean;
use crate::select::checkpoint::layout::Layout;
use crate::select::checkpoint::{OnIncomplete, Parts};
use crate::select::{OnExcess, Order};

/// A closed set of words.
pub trait Choice: Copy + PartialEq + 'static {
    /// Every word with what it stands for; the first is the example.
    const WORDS: &'static [(&'static str, Self)];

    fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(_, choice)| *choice == self).map_or("", |(word, _)| word)
    }
}

impl<C: Choice> Kind for C {
    type Value = C;
    const EXAMPLE: &'static str = C::WORDS[0].0;

    fn parse(text: &str) -> Result<C, ValueError> {
        C::WORDS.iter().find(|(word, _)| *word == text).map(|(_, choice)| *choice).ok_or_else(|| {
            let error =
                ValueError::new(format!("`{}` is none of the values this key takes", crate::object::Escaped(text)));
            match did_you_mean(text, C::WORDS.iter().map(|(word, _)| *word)) {
                Some(help) => error.help(help),
                None => error,
            }
        })
    }

    fn show(choice: &C) -> String {
        choice.word().to_owned()
    }

    fn names() -> Vec<&'static str> {
        C::WORDS.iter().map(|(word, _)| *word).collect()
    }
}

impl Choice for Addressing {
    const WORDS: &'static [(&'static str, Self)] = &[("virtual", Self::Virtual), ("path", Self::Path)];
}

impl Choice for OnExcess {
    const WORDS: &'static [(&'static str, Self)] =
        &[("partial", Self::Partial), ("trim", Self::Trim), ("refuse", Self::Refuse)];
}

impl Choice for Order {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("newest", Self::Newest),
        ("oldest", Self::Oldest),
        ("key", Self::Key),
        ("largest", Self::Largest),
        ("smallest", Self::Smallest),
    ];
}

impl Choice for OnMissed {
    const WORDS: &'static [(&'static str, Self)] = &[("run-once", Self::RunOnce), ("skip", Self::Skip)];
}

impl Choice for OnOverlap {
    const WORDS: &'static [(&'static str, Self)] =
        &[("skip", Self::Skip), ("queue", Self::Queue), ("replace", Self::Replace)];
}

impl Choice for OnReload {
    const WORDS: &'static [(&'static str, Self)] =
        &[("if-changed", Self::IfChanged), ("always", Self::Always), ("never", Self::Never)];
}

impl Choice for OnStart {
    const WORDS: &'static [(&'static str, Self)] =
        &[("auto", Self::Auto), ("always", Self::Always), ("never", Self::Never)];
}

impl Choice for OnIncomplete {
    const WORDS: &'static [(&'static str, Self)] = &[("previous", Self::Previous), ("refuse", Self::Refuse)];
}

impl Choice for Parts {
    const WORDS: &'static [(&'static str, Self)] = &[("all", Self::All), ("weights", Self::Weights)];
}

impl Choice for Layout {
    const WORDS: &'static [(&'static str, Self)] = Self::NAMES;
}

#[cfg(test)]
mod tests {
    use super::super::tests::{accepts, refuses};
    use super::*;

    #[test]
    fn a_choice_is_one_of_its_words() {
        accepts::<OnOverlap>(&[("skip", "skip"), ("queue", "queue"), ("replace", "replace")]);
        refuses::<OnOverlap>(&[("Queue", "Queue", "`Queue` is none of the values this key takes")]);
        assert_eq!(OnReload::parse("if_changed").unwrap_err().help.as_deref(), Some("did you mean `if-changed`?"));
        assert_eq!(
            Order::parse("biggest").unwrap_err().help.as_deref(),
            Some("one of `newest`, `oldest`, `key`, `largest`, `smallest`")
        );
    }

    #[test]
    fn the_first_word_is_the_default() {
        assert_eq!(OnMissed::WORDS[0].1, OnMissed::default());
        assert_eq!(OnOverlap::WORDS[0].1, OnOverlap::default());
        assert_eq!(OnReload::WORDS[0].1, OnReload::default());
        assert_eq!(OnStart::WORDS[0].1, OnStart::default());
        assert_eq!(OnExcess::WORDS[0].1, OnExcess::default());
        assert_eq!(Order::WORDS[0].1, Order::default());
        assert_eq!(Addressing::WORDS[0].1, Addressing::default());
    }
}
