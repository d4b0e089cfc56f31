//! Values that are one of a few words.

use super::{Kind, TextError};
use crate::config::suggest::did_you_mean;
use crate::object::Escaped;
use crate::words::Words;

impl<C: Words> Kind for C {
    type Value = C;
    const EXAMPLE: &'static str = C::WORDS[0].0;

    fn parse(text: &str) -> Result<C, TextError> {
        C::named(text).ok_or_else(|| {
            let message = format!("`{}` is none of the values this key takes", Escaped(text));
            TextError { span: None, message, help: did_you_mean(text, Self::names()) }
        })
    }

    fn show(choice: &C) -> Option<String> {
        Some(choice.to_string())
    }

    fn names() -> Vec<&'static str> {
        C::WORDS.iter().map(|(word, _)| *word).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{accepts, refuses};
    use super::*;
    use crate::config::endpoint::Addressing;
    use crate::config::profile::{OnMissed, OnOverlap, OnReload, OnStart};
    use crate::select::{OnExcess, Order};

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
