//! Finds every unknown key and every value of a wrong type in one pass, and takes them out, so that what is left can be read.

use std::sync::Arc;

use serde_json::Value as Schema;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::context::{Context, join};
use super::diagnostic::{Diagnostic, Place};
use super::reader::toml_string;
use super::schema::{self, entries};
use super::source::{File, is_secret};
use super::suggest::{did_you_mean, nearest};

/// Walks a file beside its schema. What is reported is removed from `table`, and its path marked as broken.
pub(super) fn walk(table: &mut DeTable<'_>, file: &Arc<File>, cx: &mut Context) {
    Walk { file, cx }.table(table, schema::inlined(), "");
}

struct Walk<'a> {
    file: &'a Arc<File>,
    cx: &'a mut Context,
}

type Value<'i> = Spanned<DeValue<'i>>;

impl Walk<'_> {
    fn place(&self, span: std::ops::Range<usize>) -> Place {
        Place::new(self.file, span)
    }

    fn table(&mut self, table: &mut DeTable<'_>, schema: &'static Schema, path: &str) {
        let properties = schema.get("properties").and_then(Schema::as_object);
        let mut bad = Vec::new();
        for (key, value) in table.iter_mut() {
            let name = key.get_ref().as_ref();
            let below = join(path, name);
            let place = Place::new(self.file, key.span());
            let sub = properties.and_then(|all| all.get(name)).or_else(|| entries(schema));
            let fits = match sub {
                Some(sub) => self.value(value, sub, &below),
                None => {
                    self.unknown(name, &place, path, properties.into_iter().flat_map(|all| all.keys()));
                    false
                }
            };
            if path.starts_with("override.endpoint.") || path.starts_with("override.profile.") {
                self.cx.override_keys.push((below.clone(), place));
            }
            if !fits {
                self.cx.mark_broken(&below);
                bad.push(name.to_owned());
            }
        }
        for name in &bad {
            table.remove(name.as_str());
        }
    }

    /// Whether the value may stay.
    fn value(&mut self, value: &mut Value<'_>, schema: &'static Schema, path: &str) -> bool {
        let place = self.place(value.span());
        if !allows(schema, value.get_ref()) {
            self.wrong_type(value.get_ref(), &place, schema, path);
            return false;
        }
        match value.get_mut() {
            DeValue::Table(table) => {
                self.table(table, schema, path);
                self.required(table, &place, schema, path)
            }
            DeValue::Array(items) => {
                let Some(schema) = schema.get("items") else { return true };
                let mut fit = Vec::new();
                for item in items.iter_mut() {
                    fit.push(self.value(item, schema, path));
                }
                if fit.contains(&false) {
                    self.cx.mark_broken(path);
                    let kept = std::mem::replace(items, DeArray::new()).into_iter().zip(fit).filter(|(_, fits)| *fits);
                    *items = kept.map(|(item, _)| item).collect();
                }
                true
            }
            DeValue::String(text) => self.no_interpolation(text, &place, path),
            DeValue::Integer(number) => {
                let number = i64::from_str_radix(&number.as_str().replace('_', ""), number.radix());
                #[expect(clippy::cast_precision_loss, reason = "limits are far below 2^53, except the largest of all")]
                self.in_range(number.ok().map(|n| (n as f64, n.to_string())), &place, schema, path)
            }
            DeValue::Float(number) => {
                let number = number.as_str().parse::<f64>().ok().filter(|n| n.is_finite());
                self.in_range(number.map(|n| (n, n.to_string())), &place, schema, path)
            }
            DeValue::Boolean(_) | DeValue::Datetime(_) => true,
        }
    }

    fn unknown<'k>(&mut self, key: &str, place: &Place, path: &str, known: impl Iterator<Item = &'k String>) {
        let known: Vec<&str> = known.map(String::as_str).collect();
        let error = Diagnostic::error("unknown key").key(join(path, key));
        if is_secret(key) {
            let error = error.at(place, "a secret would stand here").help(
                "no secret stands in the configuration: name mounted files with `access_key_id_file` and \
                 `secret_access_key_file` in [credentials.NAME], `token_file` in [daemon]",
            );
            return self.cx.push(error);
        }
        let head = head(path);
        let error = error.at(
            place,
            if head.is_empty() { "not a table of the file".to_owned() } else { format!("not a key of [{head}]") },
        );
        if let Some(near) = nearest(key, known.iter().copied()) {
            return self.cx.push(error.help(format!("did you mean `{near}`?")));
        }
        if let Some(help) = misplaced(key, &head) {
            return self.cx.push(error.help(help));
        }
        let home: Vec<String> = schema::tables()
            .iter()
            .filter(|table| table.keys.contains(&key) && table.head != "defaults")
            .map(|table| format!("[{}]", table.head))
            .collect();
        let error = match home.is_empty() {
            true => error.help_if(did_you_mean(key, known)),
            false => error.help(format!("`{key}` is a key of {}", home.join(" and "))),
        };
        self.cx.push(error);
    }

    fn wrong_type(&mut self, value: &DeValue<'_>, place: &Place, schema: &Schema, path: &str) {
        let wanted = types(schema).map(wanted).collect::<Vec<_>>().join(" or ");
        let found = found(value);
        let error =
            Diagnostic::error(format!("must be {wanted}, not {found}")).key(path).at(place, format!("this is {found}"));
        let key = path.rsplit('.').next().unwrap_or(path);
        let written = place.file.text().get(place.span.clone()).filter(|text| text.len() < 200 && !text.contains('\n'));
        let help = match (value, types(schema).next()) {
            (DeValue::String(_), Some("array")) => written.map(|text| format!("write a list: `{key} = [{text}]`")),
            (DeValue::String(text), Some("integer" | "number" | "boolean"))
                if text.parse::<f64>().is_ok() || text.parse::<bool>().is_ok() =>
            {
                Some(format!("write it without quotes: `{key} = {text}`"))
            }
            (DeValue::Array(items), Some("object")) if items.iter().all(|item| item.get_ref().is_table()) => {
                Some(format!("tables have names: write `[{path}.NAME]`, with single brackets"))
            }
            (DeValue::Integer(_) | DeValue::Float(_), Some("string")) if example_text(schema).is_some_and(has_unit) => {
                Some(format!("write the number with its unit, in quotes: `{}`", example(key, schema)))
            }
            _ => Some(format!("for example `{}`", example(key, schema))),
        };
        self.cx.push(error.help_if(help));
    }

    fn required(&mut self, table: &DeTable<'_>, place: &Place, schema: &Schema, path: &str) -> bool {
        let required =
            schema.get("required").and_then(Schema::as_array).into_iter().flatten().filter_map(Schema::as_str);
        let mut fits = true;
        for key in required.filter(|key| !table.contains_key(*key)) {
            fits = false;
            let below = join(path, key);
            if self.cx.is_broken(&below) {
                continue;
            }
            let schema = schema.pointer(&format!("/properties/{key}")).unwrap_or(&Schema::Null);
            let error = Diagnostic::error(format!("`{key}` is missing")).key(path).at(place, "");
            let names: Vec<&str> = schema
                .get("enum")
                .and_then(Schema::as_array)
                .into_iter()
                .flatten()
                .filter_map(Schema::as_str)
                .collect();
            let error = error.help(format!("for example `{}`", example(key, schema)));
            self.cx.push(if names.is_empty() { error } else { error.help_if(did_you_mean("", names)) });
        }
        fits
    }

    fn no_interpolation(&mut self, text: &str, place: &Place, path: &str) -> bool {
        let Some(start) = text.find("${") else { return true };
        let end = text[start..].find('}').map_or(text.len(), |end| start + end + 1);
        let error = Diagnostic::error("`${` is not replaced by anything").key(path);
        self.cx.push(error.at(&place.inside(text, start..end), "no environment variable is read here").help(
            "the file says what runs: write the value itself, or put what differs between sites into an \
             [override] of a later --config",
        ));
        false
    }

    /// `number` is `None` where it is no number at all, or none that can be counted with.
    fn in_range(&mut self, number: Option<(f64, String)>, place: &Place, schema: &Schema, path: &str) -> bool {
        let limit = |name: &str| schema.get(name).filter(|limit| limit.as_i64() != Some(i64::MAX));
        let (least, most) = (limit("minimum"), limit("maximum"));
        let below = |number: f64| least.and_then(Schema::as_f64).is_some_and(|least| number < least);
        let above = |number: f64| most.and_then(Schema::as_f64).is_some_and(|most| number > most);
        if number.as_ref().is_some_and(|(number, _)| !below(*number) && !above(*number)) {
            return true;
        }
        let rule = match (least, most) {
            (Some(least), Some(most)) => format!("from {least} to {most}"),
            (Some(least), None) => format!("at least {least}"),
            (None, Some(most)) => format!("at most {most}"),
            (None, None) => "a finite number".to_owned(),
        };
        let rule = if number.is_none() && least.is_some() { format!("a number, {rule}") } else { rule };
        let label = if number.is_none() { "not a number that can be counted with" } else { "" };
        self.cx.push(Diagnostic::error(format!("must be {rule}")).key(path).at(place, label));
        false
    }
}

fn types(schema: &Schema) -> impl Iterator<Item = &str> {
    let types = schema.get("type");
    let many = types.and_then(Schema::as_array).into_iter().flatten();
    types.filter(|name| name.is_string()).into_iter().chain(many).filter_map(Schema::as_str)
}

fn allows(schema: &Schema, value: &DeValue<'_>) -> bool {
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

fn wanted(name: &str) -> &'static str {
    match name {
        "string" => "a string",
        "integer" => "an integer",
        "number" => "a number",
        "boolean" => "true or false",
        "array" => "a list",
        _ => "a table",
    }
}

fn found(value: &DeValue<'_>) -> &'static str {
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

fn example_text(schema: &Schema) -> Option<&str> {
    schema.pointer("/examples/0").and_then(Schema::as_str)
}

fn has_unit(example: &str) -> bool {
    example.starts_with(|c: char| c.is_ascii_digit()) && !example.ends_with(|c: char| c.is_ascii_digit() || c == '*')
}

fn example(key: &str, schema: &Schema) -> String {
    let value = |schema: &Schema| match types(schema).next() {
        Some("string") => toml_string(example_text(schema).unwrap_or("...")),
        Some("integer") => schema.get("minimum").and_then(Schema::as_i64).map_or(1, |least| least.max(4)).to_string(),
        Some("number") => "0.06".to_owned(),
        Some("boolean") => "true".to_owned(),
        _ => "{ ... }".to_owned(),
    };
    match (types(schema).next(), schema.get("items")) {
        (Some("array"), Some(items)) => format!("{key} = [{}]", value(items)),
        _ => format!("{key} = {}", value(schema)),
    }
}

/// The table at `path` as the schema calls it: `profile.nightly` is `profile.NAME`.
fn head(path: &str) -> String {
    let path = path.strip_prefix("override.").unwrap_or(path);
    let heads = schema::tables().iter().map(|table| table.head.as_str());
    let depth = |head: &str| head.split('.').count();
    // Names may hold dots, in quotes; the keys around them never do.
    let fits = |head: &&str| match head.split_once(".NAME") {
        None => *head == path,
        Some((before, after)) => {
            path.strip_prefix(before).is_some_and(|rest| rest.starts_with('.'))
                && path.ends_with(after)
                && !path.is_empty()
        }
    };
    heads.filter(fits).max_by_key(|head| depth(head)).unwrap_or_default().to_owned()
}

/// Where a key belongs that people look for under another name.
fn misplaced(key: &str, head: &str) -> Option<&'static str> {
    Some(match (head, key) {
        ("defaults", "objects" | "manifest") => {
            "which objects to keep hot is said by every profile: [defaults] holds any other of its keys"
        }
        ("profile.NAME" | "defaults", "cron" | "interval" | "every") => "the key is `schedule`",
        ("profile.NAME" | "defaults", "bucket" | "buckets" | "prefix" | "path" | "paths" | "pattern" | "patterns") => {
            "write bucket and key as one pattern: `objects = [\"s3://BUCKET/PREFIX/**\"]`"
        }
        ("profile.NAME" | "defaults", "include" | "match") => "the key is `objects`",
        ("profile.NAME" | "defaults", "ttl") => "the key is `rewarm_after`",
        ("profile.NAME" | "defaults", "enabled" | "disabled" | "suspend") => "the key is `paused`",
        ("profile.NAME" | "defaults", "newest" | "latest" | "limit") => "the newest N objects are `max_objects = N`",
        ("endpoint.NAME", "url" | "endpoint_url" | "host") => "the keys are `cache_url` and `list_url`",
        ("endpoint.NAME", "concurrency" | "workers" | "threads") => {
            "the keys are `start_in_flight` and `max_in_flight`"
        }
        ("", "profiles" | "job" | "jobs") => "profiles are tables of their own: `[profile.NAME]`",
        ("", "default") => "the table is `[defaults]`",
        _ => return None,
    })
}
