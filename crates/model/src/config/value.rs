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
use std::fmt;
use std::marker::PhantomData;
use std::ops::Range;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error as _, SeqAccess, Visitor};
use serde_json::{Value as Json, json};
use toml::Spanned;

/// A kind of value that is written as a TOML string.
pub trait Kind: 'static {
    type Value: Clone + 'static;
    /// A right value, as it stands between the quotes.
    const EXAMPLE: &'static str;
    /// What editors hold the text to (ECMA 262); `None` where a regular expression cannot say it.
    const PATTERN: Option<&'static str> = None;

    /// # Errors
    /// The rule that `text` breaks, and where in it.
    fn parse(text: &str) -> Result<Self::Value, ValueError>;

    /// The canonical spelling: `parse(show(v)) == v`, and two spellings of one value show alike.
    fn show(value: &Self::Value) -> String;

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

/// Why a text is no value of its kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ValueError {
    /// Bytes of the text; `None` for all of it.
    pub span: Option<Range<usize>>,
    pub message: String,
    /// How to put it right, where more can be said than an example does.
    pub help: Option<String>,
}

impl ValueError {
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

/// A string as typed: of kind `K`, not yet parsed, with its place in the file.
pub struct Typed<K> {
    pub span: Range<usize>,
    pub text: String,
    kind: PhantomData<fn() -> K>,
}

impl<K> Typed<K> {
    fn new(span: Range<usize>, text: String) -> Self {
        Self { span, text, kind: PhantomData }
    }
}

impl<K> fmt::Debug for Typed<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}@{:?}", self.text, self.span)
    }
}

impl<'de, K> Deserialize<'de> for Typed<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<String>::deserialize(deserializer)?;
        Ok(Self::new(spanned.span(), spanned.into_inner()))
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

/// A value of a type that TOML has itself, with its place in the file.
#[derive(Debug)]
pub struct At<T> {
    pub span: Range<usize>,
    pub value: T,
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for At<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<T>::deserialize(deserializer)?;
        Ok(Self { span: spanned.span(), value: spanned.into_inner() })
    }
}

impl<T: JsonSchema> JsonSchema for At<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// A list, or one value that stands for a list of one.
#[derive(Debug)]
pub struct OneOrMany<K>(pub At<Vec<Typed<K>>>);

enum Items<K> {
    One(String),
    Many(Vec<Typed<K>>),
}

struct ItemsVisitor<K>(PhantomData<fn() -> K>);

impl<'de, K> Visitor<'de> for ItemsVisitor<K> {
    type Value = Items<K>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or a list of strings")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Items::One(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Items::Many(items))
    }
}

impl<'de, K> Deserialize<'de> for Items<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ItemsVisitor(PhantomData))
    }
}

impl<'de, K> Deserialize<'de> for OneOrMany<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Items<K>>::deserialize(deserializer)?;
        let span = spanned.span();
        let items = match spanned.into_inner() {
            Items::One(text) => vec![Typed::new(span.clone(), text)],
            Items::Many(items) => items,
        };
        Ok(Self(At { span, value: items }))
    }
}

impl<K: Kind> JsonSchema for OneOrMany<K> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "OneOrMany".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = Typed::<K>::json_schema(generator);
        schema.insert("type".to_owned(), json!(["string", "array"]));
        schema.insert("items".to_owned(), Typed::<K>::json_schema(generator).to_value());
        schema
    }
}

/// A count, or a word that stands for one.
#[derive(Debug)]
pub struct WordOrNumber {
    pub span: Range<usize>,
    pub value: Result<i64, String>,
}

impl<'de> Deserialize<'de> for WordOrNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<toml::Value>::deserialize(deserializer)?;
        let span = spanned.span();
        let value = match spanned.into_inner() {
            toml::Value::Integer(number) => Ok(number),
            toml::Value::String(word) => Err(word),
            _ => return Err(D::Error::custom("expected a string or an integer")),
        };
        Ok(Self { span, value })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::Kind;

    /// Every text parses, and shows as its canonical spelling, which parses to the same.
    pub(crate) fn accepts<K: Kind>(table: &[(&str, &str)]) {
        for (text, shown) in table {
            let value = K::parse(text).unwrap_or_else(|error| panic!("{text:?}: {error}"));
            assert_eq!(K::show(&value), *shown, "{text:?}");
            let again = K::parse(shown).unwrap_or_else(|error| panic!("{shown:?}: {error}"));
            assert_eq!(K::show(&again), *shown);
        }
    }

    /// Every text is refused with these words, about this part of it.
    pub(crate) fn refuses<K: Kind>(table: &[(&str, &str, &str)]) {
        for (text, part, message) in table {
            let Err(error) = K::parse(text) else { panic!("{text:?} was accepted") };
            assert_eq!(error.message, *message, "{text:?}");
            let span = error.span.clone().unwrap_or(0..text.len());
            assert_eq!(text.get(span).unwrap_or("(outside)"), *part, "{text:?}");
        }
    }
}
