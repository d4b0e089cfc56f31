//! The JSON Schema of a configuration file, for editors and for the walk that checks types and keys.

use std::sync::LazyLock;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

use super::raw::Document;

/// The JSON Schema (draft 7) of a configuration file.
pub fn schema() -> String {
    let generator = SchemaSettings::draft07().into_generator();
    let mut schema = generator.into_root_schema_for::<Document>().to_value();
    tidy(&mut schema);
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}

/// The same without references.
pub(super) fn inlined() -> &'static Value {
    static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
        let settings = SchemaSettings::draft07().with(|settings| settings.inline_subschemas = true);
        let mut schema = Document::json_schema(&mut settings.into_generator()).to_value();
        tidy(&mut schema);
        schema
    });
    &SCHEMA
}

/// TOML has no null, and a key that may be left out is no other type for it.
fn tidy(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            tidy_object(object);
            object.values_mut().for_each(tidy);
        }
        Value::Array(items) => items.iter_mut().for_each(tidy),
        _ => {}
    }
}

fn tidy_object(object: &mut Map<String, Value>) {
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|name| name != "null");
        if let [one] = types.as_slice() {
            let one = one.clone();
            object.insert("type".to_owned(), one);
        }
    }
    if let Some(Value::Array(names)) = object.get_mut("enum") {
        names.retain(|name| !name.is_null());
    }
    if let Some(Value::Array(choices)) = object.get_mut("anyOf") {
        choices.retain(|choice| choice.get("type").is_none_or(|name| name != "null"));
        if let [one] = choices.as_slice() {
            let one = one.clone();
            object.remove("anyOf");
            if one.get("$ref").is_some() && !object.is_empty() {
                object.insert("allOf".to_owned(), Value::Array(vec![one]));
            } else if let Value::Object(one) = one {
                one.into_iter().for_each(|(key, value)| {
                    object.entry(key).or_insert(value);
                });
            }
        }
    }
    // What serde fills in is not what a user gets.
    object.remove("default");
    object.remove("format");
}

/// A table of the file: how users write its head, and its keys.
pub(super) struct Table {
    pub head: String,
    pub keys: Vec<&'static str>,
}

/// All tables that hold values.
pub(super) fn tables() -> &'static [Table] {
    static TABLES: LazyLock<Vec<Table>> = LazyLock::new(|| {
        let mut tables = Vec::new();
        collect(inlined(), String::new(), &mut tables);
        tables
    });
    &TABLES
}

fn collect(schema: &'static Value, head: String, tables: &mut Vec<Table>) {
    let below = |key: &str| if head.is_empty() { key.to_owned() } else { format!("{head}.{key}") };
    if let Some(entry) = entries(schema) {
        collect(entry, below("NAME"), tables);
    }
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return };
    for (key, value) in properties {
        if key != "override" && value.get("type").is_some_and(|name| name == "object") {
            collect(value, below(key), tables);
        }
    }
    tables.push(Table { head, keys: properties.keys().map(String::as_str).collect() });
}

/// The schema of the values of a map with free keys.
pub(super) fn entries(schema: &Value) -> Option<&Value> {
    let by_pattern = schema.get("patternProperties").and_then(Value::as_object).and_then(|all| all.values().next());
    by_pattern.or_else(|| schema.get("additionalProperties").filter(|value| value.is_object()))
}

/// The table at `path` as the schema calls it: `profile.nightly` is `profile.NAME`.
pub(super) fn head(path: &str) -> String {
    let path = path.strip_prefix("override.").unwrap_or(path);
    let heads = tables().iter().map(|table| table.head.as_str());
    let depth = |head: &str| head.split('.').count();
    // Names may hold dots, in quotes; the keys around them never do.
    let fits = |head: &&str| match head.split_once(".NAME") {
        None => *head == path,
        Some((before, after)) => {
            let named = path.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
            named.is_some_and(|name| name.len() > 1 && name.starts_with('.'))
        }
    };
    heads.filter(fits).max_by_key(|head| depth(head)).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_is_strict_and_every_key_described() {
        fn visit(schema: &Value, path: &str) {
            if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
                assert_eq!(schema.get("additionalProperties"), Some(&Value::Bool(false)), "{path}");
                for (key, value) in properties {
                    assert!(value.get("description").is_some(), "{path}.{key} has no description");
                    visit(value, &format!("{path}.{key}"));
                }
            }
            if let Some(entry) = entries(schema) {
                visit(entry, &format!("{path}.NAME"));
            }
        }
        visit(inlined(), "");
    }

    #[test]
    fn examples_keep_to_their_pattern() {
        fn visit(schema: &Value) {
            if let (Some(pattern), Some(example)) =
                (schema.get("pattern").and_then(Value::as_str), schema.pointer("/examples/0"))
            {
                let regex = regex::Regex::new(pattern).unwrap();
                assert!(regex.is_match(example.as_str().unwrap()), "{example} against {pattern}");
            }
            match schema {
                Value::Object(object) => object.values().for_each(visit),
                Value::Array(items) => items.iter().for_each(visit),
                _ => {}
            }
        }
        visit(inlined());
    }

    #[test]
    fn the_published_schema() {
        insta::assert_snapshot!(schema());
    }
}
