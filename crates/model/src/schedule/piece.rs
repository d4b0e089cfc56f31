//! Pieces of a text, each with its place in the whole.

use std::ops::Range;

/// A piece of the user's text and where it stands in the whole.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece<'a> {
    pub(super) text: &'a str,
    pub(super) start: usize,
}

impl<'a> Piece<'a> {
    pub(super) fn whole(text: &'a str) -> Self {
        Self { text, start: 0 }
    }

    pub(super) fn span(self) -> Range<usize> {
        self.start..self.start + self.text.len()
    }

    /// The piece without the blanks around it.
    pub(super) fn trim(self) -> Self {
        let text = self.text.trim_ascii_start();
        Self { text: text.trim_ascii_end(), start: self.start + self.text.len() - text.len() }
    }

    /// The pieces between the separators, empty ones included.
    pub(super) fn split(self, separator: char) -> impl Iterator<Item = Piece<'a>> {
        let mut start = self.start;
        self.text.split(separator).map(move |text| {
            let piece = Piece { text, start };
            start += text.len() + separator.len_utf8();
            piece
        })
    }

    /// What stands before and after the first separator.
    pub(super) fn split_once(self, separator: char) -> Option<(Self, Self)> {
        let (before, after) = self.text.split_once(separator)?;
        let start = self.start + before.len() + separator.len_utf8();
        Some((Self { text: before, ..self }, Self { text: after, start }))
    }

    /// What stands before one of the last characters given, where it ends with one.
    pub(super) fn strip_suffix(self, ends: [char; 2]) -> Option<Self> {
        Some(Self { text: self.text.strip_suffix(ends)?, ..self })
    }

    /// The first word, and what follows it.
    pub(super) fn first_word(self) -> (Self, Self) {
        let end = self.text.find(|c: char| c.is_ascii_whitespace()).unwrap_or(self.text.len());
        let (word, rest) = self.text.split_at(end);
        (Self { text: word, ..self }, Self { text: rest, start: self.start + end }.trim())
    }

    /// The words between blanks.
    pub(super) fn words(self) -> impl Iterator<Item = Piece<'a>> {
        let blank = |c: char| c.is_ascii_whitespace();
        let mut at = self.start;
        self.text.split(blank).filter_map(move |text| {
            let word = Piece { text, start: at };
            at += text.len() + 1;
            (!text.is_empty()).then_some(word)
        })
    }
}
