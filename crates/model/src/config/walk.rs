//! Reports every unknown key and every value of a wrong type in one pass, and removes them, so that the rest can be read.

mod habit;
mod types;

use std::sync::Arc;

use serde_json::Value as Schema;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::context::{Context, join};
use super::diagnostic::{Diagnostic, Place};
use super::file::File;
use super::reference::example;
use super::schema::{self, entries, head};
use super::secret;
use super::suggest::{did_you_mean, nearest};
use crate::select::checkpoint::layout::Layout;
use crate::words::Words as _;
use types::{allows, found, types, wanted};

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
            let place = Place::new(self.file, key.span());
            if let Some(what) = secret::shape(name) {
                self.secret(what, &place, path);
                bad.push(name.to_owned());
                continue;
            }
            let below = join(path, name);
            let sub = properties.and_then(|all| all.get(name)).or_else(|| entries(schema));
            let fits = match sub {
                Some(sub) => self.value(value, sub, &below),
                None => {
                    let known = properties.into_iter().flat_map(|all| all.keys());
                    self.unknown((name, &place), value.get_ref().is_table(), path, known);
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
        // What is left of it does not matter any more.
        if self.cx.is_over() {
            return false;
        }
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
            DeValue::String(text) => match secret::shape(text) {
                Some(what) => {
                    self.secret(what, &place, path);
                    false
                }
                None => {
                    let fits = self.no_interpolation(text, &place, path);
                    if types(schema).any(|name| name == "array") {
                        one_is_a_list(value);
                    }
                    fits
                }
            },
            DeValue::Integer(number) => {
                let number = i64::from_str_radix(&number.as_str().replace('_', ""), number.radix());
                #[expect(clippy::cast_precision_loss, reason = "limits are far below 2^53, except the largest of all")]
                self.in_range(number.ok().map(|n| n as f64), &place, schema, path)
            }
            DeValue::Float(number) => {
                let number = number.as_str().parse::<f64>().ok().filter(|n| n.is_finite());
                self.in_range(number, &place, schema, path)
            }
            DeValue::Boolean(_) | DeValue::Datetime(_) => true,
        }
    }

    fn unknown<'k>(
        &mut self,
        (key, place): (&str, &Place),
        is_table: bool,
        path: &str,
        known: impl Iterator<Item = &'k String>,
    ) {
        if self.cx.is_over() {
            return;
        }
        let known: Vec<&str> = known.map(String::as_str).collect();
        if secret::is_key(key) {
            let error = Diagnostic::error("no secret stands in the configuration").key(join(path, key)).at(place, "");
            return self.cx.push(error.help(remedy(path)));
        }
        let head = head(path);
        let (what, label) = match (head.as_str(), is_table) {
            ("", true) => ("unknown table", "not a table of the file".to_owned()),
            ("", false) => ("unknown key", "stands in no table".to_owned()),
            _ => ("unknown key", format!("not a key of [{head}]")),
        };
        let error = Diagnostic::error(what).key(join(path, key)).at(place, label);
        let meant = habit::meant(key, &head);
        if let Some(near) = nearest(key, known.iter().copied()) {
            // What was meant is not missing as well.
            self.cx.mark_broken(&join(path, near));
            return self.cx.push(error.help(format!("did you mean `{near}`?")));
        }
        if let Some((meant, help)) = meant {
            self.cx.mark_broken(&join(path, meant));
            return self.cx.push(error.help(help));
        }
        let home: Vec<String> = schema::tables()
            .iter()
            .filter(|table| table.keys.contains(&key) && table.head != "defaults")
            .map(|table| format!("[{}]", table.head))
            .collect();
        self.cx.push(match (home.is_empty(), known.len() > 20) {
            (false, _) => error.help(format!("`{key}` is a key of {}", home.join(" and "))),
            (true, true) => error.help("`hotset config --reference` prints every key of every table"),
            (true, false) => error.help_if(did_you_mean(key, known)),
        });
    }

    /// A value or a name that looks like a secret. Stars stand for it in the text of the file; messages do not repeat it.
    fn secret(&mut self, what: &str, place: &Place, path: &str) {
        let error = Diagnostic::error(format!("looks like {what}: no secret stands in the configuration"));
        self.cx.push(error.key(path).at(place, "").help(remedy(path)));
    }

    fn wrong_type(&mut self, value: &DeValue<'_>, place: &Place, schema: &Schema, path: &str) {
        let wanted = types(schema).map(wanted).collect::<Vec<_>>().join(" or ");
        let found = found(value);
        let error =
            Diagnostic::error(format!("must be {wanted}, not {found}")).key(path).at(place, format!("this is {found}"));
        let key = path.rsplit('.').next().unwrap_or(path);
        let written = place.file.text.get(place.span.clone()).filter(|text| text.len() < 200 && !text.contains('\n'));
        let right = path.rsplit_once('.').and_then(|(table, key)| example(&head(table), key));
        // The one word that makes a table: it was typed in its place.
        let right = match (value, key) {
            (DeValue::String(word), "checkpoint") => {
                let layouts = Layout::WORDS.iter().map(|(word, _)| *word);
                nearest(word, layouts).map(|layout| format!("checkpoint = {{ layout = \"{layout}\" }}")).or(right)
            }
            _ => right,
        };
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
            (DeValue::Integer(_) | DeValue::Float(_), Some("string")) if right.as_deref().is_some_and(has_unit) => {
                right.map(|right| format!("write it in quotes, a number with its unit: `{right}`"))
            }
            (DeValue::String(_), Some("object")) => right.map(|right| format!("write a table: `{right}`")),
            _ => right.map(|right| format!("for example `{right}`")),
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
            let error = error.help_if(example(&head(path), key).map(|right| format!("for example `{right}`")));
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
    fn in_range(&mut self, number: Option<f64>, place: &Place, schema: &Schema, path: &str) -> bool {
        let limit = |name: &str| schema.get(name).filter(|limit| limit.as_i64() != Some(i64::MAX));
        let (least, most) = (limit("minimum"), limit("maximum"));
        let below = |number: f64| least.and_then(Schema::as_f64).is_some_and(|least| number < least);
        let above = |number: f64| most.and_then(Schema::as_f64).is_some_and(|most| number > most);
        if number.is_some_and(|number| !below(number) && !above(number)) {
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

/// Where a list may stand, one value is a list of one.
fn one_is_a_list(value: &mut Value<'_>) {
    let one = Spanned::new(value.span(), std::mem::replace(value.get_mut(), DeValue::Boolean(false)));
    *value.get_mut() = DeValue::Array(DeArray::from_iter([one]));
}

/// Where a secret belongs instead.
fn remedy(path: &str) -> &'static str {
    match head(path).as_str() {
        head if head.starts_with("daemon") => {
            "write the token to a file, and name it: `token_file = \"/run/secrets/hotset-token\"`"
        }
        _ => {
            "mount it, and name the files with `access_key_id_file` and `secret_access_key_file` in [credentials.NAME]"
        }
    }
}

/// Whether a line like `key = "8 TiB"` writes a number with its unit.
fn has_unit(line: &str) -> bool {
    line.split_once("= \"").is_some_and(|(_, value)| value.starts_with(|c: char| c.is_ascii_digit()))
}
