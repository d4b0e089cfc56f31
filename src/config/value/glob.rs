//! Patterns of objects and of buckets. Their dialect is the room `pattern`'s; here they are values of a file.

use std::ops::Range;
use std::sync::Arc;

use super::{Kind, ValueError};
use crate::pattern::{BucketGlob, Pattern, PatternError};

fn explain(error: &PatternError) -> ValueError {
    let message = ValueError::new(error.to_string()).at(error.span.clone());
    match &error.hint {
        Some(hint) => message.help(hint.clone()),
        None => message,
    }
}

/// Objects: `s3://BUCKET-GLOB/KEY-GLOB`.
pub struct Objects;

impl Kind for Objects {
    type Value = Pattern;
    const EXAMPLE: &'static str = "s3://training/datasets/imagenet/train-{000000..009999}.tar";
    const PATTERN: Option<&'static str> = Some("^s3://[^/]+/");

    fn parse(text: &str) -> Result<Pattern, ValueError> {
        Pattern::parse(text).map_err(|error| explain(&error))
    }

    fn show(pattern: &Pattern) -> String {
        pattern.text().to_owned()
    }
}

/// Buckets, by name.
pub struct Buckets;

impl Kind for Buckets {
    type Value = BucketGlob;
    const EXAMPLE: &'static str = "ckpt-*";
    const PATTERN: Option<&'static str> = Some("^[^/]+$");

    fn parse(text: &str) -> Result<BucketGlob, ValueError> {
        BucketGlob::parse(text).map_err(|error| explain(&error))
    }

    fn show(glob: &BucketGlob) -> String {
        glob.text().to_owned()
    }
}

/// Members of a checkpoint: a glob below its group.
pub struct Members;

impl Kind for Members {
    type Value = Arc<str>;
    const EXAMPLE: &'static str = "metadata.json";
    const PATTERN: Option<&'static str> = Some(".");

    fn parse(text: &str) -> Result<Arc<str>, ValueError> {
        const BELOW: &str = "s3://bucket/";
        if text.is_empty() {
            return Err(ValueError::new("a glob of names below the group is expected"));
        }
        if text.starts_with("s3://") {
            return Err(ValueError::new("is a whole address").help("name members relative to their group"));
        }
        // A bucket in front makes it the pattern that this kind is a part of.
        let cut = |span: Range<usize>| span.start.saturating_sub(BELOW.len())..span.end.saturating_sub(BELOW.len());
        Pattern::parse(&format!("{BELOW}{text}")).map_err(|error| {
            let error = explain(&error);
            let help = error.help.map(|help| help.replace(BELOW, ""));
            ValueError { span: error.span.map(cut), help, ..error }
        })?;
        Ok(text.into())
    }

    fn show(glob: &Arc<str>) -> String {
        glob.to_string()
    }
}

/// What tells checkpoints apart: a regular expression over keys with the capture `step`.
pub struct Group;

impl Kind for Group {
    type Value = Arc<str>;
    const EXAMPLE: &'static str = "(?<run>.*)/step_(?<step>[0-9]+)/";
    const PATTERN: Option<&'static str> = Some(r"\(\?P?<step>");

    fn parse(text: &str) -> Result<Arc<str>, ValueError> {
        let regex =
            regex::bytes::RegexBuilder::new(text).size_limit(1 << 20).build().map_err(|cause| explain_regex(&cause))?;
        let names: Vec<&str> = regex.capture_names().flatten().collect();
        if !names.contains(&"step") {
            return Err(
                ValueError::new("has no capture `step`").help("name the number that counts up: `(?<step>[0-9]+)`")
            );
        }
        match names.iter().find(|name| !matches!(**name, "step" | "run")) {
            Some(name) => Err(ValueError::new(format!("has a capture `{name}`, which means nothing here"))
                .help("captures are `step` and `run`; write `(?:...)` for a group that captures nothing")),
            None => Ok(text.into()),
        }
    }

    fn show(regex: &Arc<str>) -> String {
        regex.to_string()
    }
}

fn explain_regex(cause: &regex::Error) -> ValueError {
    match cause {
        // The last line of the parser's drawing is the reason; the caret is ours.
        regex::Error::Syntax(drawing) => {
            let reason = drawing.lines().last().unwrap_or_default();
            let reason = reason.strip_prefix("error: ").unwrap_or(reason);
            ValueError::new(format!("is not a regular expression: {reason}"))
        }
        regex::Error::CompiledTooBig(_) => ValueError::new("is too large a regular expression"),
        other => ValueError::new(format!("is not a regular expression: {other}")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{accepts, refuses};
    use super::*;

    #[test]
    fn patterns_are_refused_where_they_go_wrong() {
        accepts::<Objects>(&[("s3://b/k/**", "s3://b/k/**")]);
        accepts::<Buckets>(&[("ckpt-*", "ckpt-*")]);
        assert!(Objects::parse("b/k").is_err());
        assert!(Buckets::parse("").is_err());
    }

    #[test]
    fn members_are_named_below_their_group() {
        accepts::<Members>(&[(".metadata", ".metadata"), ("model-{1..4}.safetensors", "model-{1..4}.safetensors")]);
        let error = Members::parse("model-[a").unwrap_err();
        assert!(error.span.is_some_and(|span| "model-[a".get(span).is_some_and(|part| part.starts_with('['))));
        assert!(Members::parse("s3://b/k").is_err());
    }

    #[test]
    fn a_group_captures_its_step() {
        accepts::<Group>(&[(r"(?<run>.+)/step-(?<step>\d+)/", r"(?<run>.+)/step-(?<step>\d+)/")]);
        refuses::<Group>(&[
            (r"step-\d+", r"step-\d+", "has no capture `step`"),
            (r"(?<step>\d+", r"(?<step>\d+", "is not a regular expression: unclosed group"),
            (r"(?<job>.*)(?<step>\d+)", r"(?<job>.*)(?<step>\d+)", "has a capture `job`, which means nothing here"),
        ]);
    }
}
