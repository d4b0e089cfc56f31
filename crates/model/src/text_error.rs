//! What is wrong with a text that somebody typed, where in it, and how to write it right.

use std::ops::Range;

/// Why a text was refused: no value of its kind, no schedule, no pattern. Its message is lower case, and quotes the text in
/// backquotes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TextError {
    /// Bytes of the text; `None` for all of it.
    pub span: Option<Range<usize>>,
    pub message: String,
    /// How to put it right, where more can be said than an example does.
    pub help: Option<String>,
}

impl TextError {
    pub fn new(message: impl Into<String>) -> Self {
        Self { span: None, message: message.into(), help: None }
    }

    #[must_use]
    pub fn at(mut self, span: Range<usize>) -> Self {
        self.span = Some(span);
        self
    }

    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}
