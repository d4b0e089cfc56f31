//! The kinds of text values. Each kind has a file with its spellings, its rule and an example of a right value.

pub mod choice;
pub mod duration;
pub mod glob;
pub mod listen;
pub mod name;
pub mod percent;
pub mod rate;
pub mod region;
pub mod site;
pub mod size;
pub mod text;
pub mod watch;
pub mod zone;

use std::borrow::Cow;
use std::marker::PhantomData;
use std::ops::Range;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer};
use serde_json::{Value as Json, json};
use toml::Spanned;

use super::context::toml_string;
use crate::text_error::TextError;

/// A kind of value that is written as a TOML string.
pub trait Kind: 'static {
    type Value: Clone + 'static;
    /// A right value, as it stands between the quotes.
    const EXAMPLE: &'static str;
    /// What editors hold the text to (ECMA 262); `None` where a regular expression cannot say it.
    const PATTERN: Option<&'static str> = None;

    /// # Errors
    /// The rule that `text` breaks, and where in it.
    fn parse(text: &str) -> Result<Self::Value, TextError>;

    /// The canonical spelling: `parse(show(v)) == v`, and two spellings of one value show alike. `None`: as it was typed.
    fn show(_: &Self::Value) -> Option<String> {
        None
    }

    /// What it takes beside its text.
    fn weight(_: &Self::Value) -> Weight {
        Weight::Little
    }

    /// All right values, where they can be counted.
    fn names() -> Vec<&'static str> {
        Vec::new()
    }
}

/// What a value takes beside its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    Little,
    /// Steps of a glob.
    Nodes(usize),
    /// A regular expression that takes milliseconds to compile.
    Large,
}

/// A string as typed: of kind `K`, not yet parsed, with its place in the file.
pub struct Typed<K> {
    pub span: Range<usize>,
    pub text: String,
    kind: PhantomData<fn() -> K>,
}

impl<K: Kind> Typed<K> {
    /// What it stands for, as TOML.
    pub(super) fn show(&self, value: &K::Value) -> String {
        toml_string(&K::show(value).unwrap_or_else(|| self.text.clone()))
    }
}

impl<'de, K> Deserialize<'de> for Typed<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<String>::deserialize(deserializer)?;
        Ok(Self { span: spanned.span(), text: spanned.into_inner(), kind: PhantomData })
    }
}

impl<K: Kind> JsonSchema for Typed<K> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Text".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let mut schema = json_schema!({ "type": "string", "examples": [K::EXAMPLE] });
        let names = K::names();
        if !names.is_empty() {
            schema.insert("enum".to_owned(), json!(names));
        }
        if let Some(pattern) = K::PATTERN {
            schema.insert("pattern".to_owned(), Json::from(pattern));
        }
        schema
    }
}

// A value of a type that TOML has itself, with its place in the file. What stands in a doc comment would become part of the schema.
#[derive(JsonSchema)]
#[schemars(transparent)]
pub struct At<T> {
    #[schemars(skip)]
    pub span: Range<usize>,
    pub value: T,
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for At<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<T>::deserialize(deserializer)?;
        Ok(Self { span: spanned.span(), value: spanned.into_inner() })
    }
}

#[cfg(test)]
pub(crate) mod tests;
