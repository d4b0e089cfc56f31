//! Names that users give to profiles, endpoints and credentials. They stand in URLs, labels and commands.

use std::sync::Arc;

use super::{Kind, TextError};

pub struct Name;

pub const PATTERN: &str = "^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$";

impl Kind for Name {
    type Value = Arc<str>;
    const EXAMPLE: &'static str = "training";
    const PATTERN: Option<&'static str> = Some(PATTERN);

    fn parse(text: &str) -> Result<Arc<str>, TextError> {
        const RULE: &str =
            "a name has letters, digits, `-`, `_` and `.`, begins with a letter or digit, and is at most 63 long";
        if text.is_empty() {
            return Err(TextError::new("a name is expected").help(RULE));
        }
        let wrong = |(at, c): &(usize, char)| !(c.is_ascii_alphanumeric() || (*at > 0 && matches!(c, '-' | '_' | '.')));
        if let Some((at, c)) = text.char_indices().find(wrong) {
            let message = format!("`{}` has no place here in a name", crate::object::Escaped(&c.to_string()));
            return Err(TextError::new(message).at(at..at + c.len_utf8()).help(RULE));
        }
        if text.len() > 63 {
            return Err(TextError::new("the name is too long").help(RULE));
        }
        Ok(text.into())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{accepts, refuses};
    use super::*;

    #[test]
    fn a_name_stands_in_urls_labels_and_commands() {
        accepts::<Name>(&[("nightly-imagenet", "nightly-imagenet"), ("70b_v1.2", "70b_v1.2")]);
        refuses::<Name>(&[
            ("", "", "a name is expected"),
            ("a b", " ", "` ` has no place here in a name"),
            ("-all", "-", "`-` has no place here in a name"),
            ("a/b", "/", "`/` has no place here in a name"),
            ("näh", "ä", "`ä` has no place here in a name"),
        ]);
        assert!(Name::parse(&"a".repeat(64)).is_err());
    }
}
