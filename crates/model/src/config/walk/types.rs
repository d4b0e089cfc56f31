//! The types of TOML, as the schema names them and as people do.

use serde_json::Value as Schema;
use toml::de::DeValue;

pub(super) fn types(schema: &Schema) -> impl Iterator<Item = &str> {
    let types = schema.get("type");
    let many = types.and_then(Schema::as_array).into_iter().flatten();
    types.filter(|name| name.is_string()).into_iter().chain(many).filter_map(Schema::as_str)
}

pub(super) fn allows(schema: &Schema, value: &DeValue<'_>) -> bool {
    types(schema).any(|name| match value {
        DeValue::String(_) => name == "string",
        DeValue::Integer(_) => matches!(name, "integer" | "number"),
        DeValue::Float(_) => name == "number",
        DeValue::Boolean(_) => name == "boolean",
        DeValue::Array(_) => name == "array",
        DeValue::Table(_) => name == "object",
        DeValue::Datetime(_) => false,
    })
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
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a decimal number",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
        DeValue::Datetime(_) => "a date or time",
    }
}
