//! The types of TOML, as the schema names them and as people do.

use serde_json::Value as Schema;
use toml::de::DeValue;

pub(super) fn types(schema: &Schema) -> impl Iterator<Item = &str> {
    let types = schema.get("type");
    let many = types.and_then(Schema::as_array).into_iter().flatten();
    types.filter(|name| name.is_string()).into_iter().chain(many).filter_map(Schema::as_str)
}

pub(super) fn allows(schema: &Schema, value: &DeValue<'_>) -> bool {
    let (names, _) = names(value);
    types(schema).any(|name| names.contains(&name))
}

pub(super) fn wanted(name: &str) -> &'static str {
    match name {
        "string" => "a string",
        "integer" => "an integer",
        "number" => "a number",
        "boolean" => "true or false",
        "array" => "a list",
        _ => "a table",
    }
}

pub(super) fn found(value: &DeValue<'_>) -> &'static str {
    names(value).1
}

/// What the schema calls the type of a value, and what people do.
fn names(value: &DeValue<'_>) -> (&'static [&'static str], &'static str) {
    match value {
        DeValue::String(_) => (&["string"], "a string"),
        DeValue::Integer(_) => (&["integer", "number"], "an integer"),
        DeValue::Float(_) => (&["number"], "a decimal number"),
        DeValue::Boolean(_) => (&["boolean"], "a boolean"),
        DeValue::Array(_) => (&["array"], "a list"),
        DeValue::Table(_) => (&["object"], "a table"),
        DeValue::Datetime(_) => (&[], "a date or time"),
    }
}
