//! Patterns of objects and buckets as values of a file. The room `pattern` defines their syntax.

use std::sync::Arc;

use super::{Kind, ValueError, Weight};
use crate::pattern::{BucketGlob, KeyGlob, Pattern, PatternError};
use crate::select::checkpoint::naming::{Naming, NamingError};

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

    fn weight(pattern: &Pattern) -> Weight {
        Weight::Nodes(pattern.nodes())
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

    fn weight(glob: &BucketGlob) -> Weight {
        Weight::Nodes(glob.nodes())
    }

    fn show(glob: &BucketGlob) -> String {
        glob.text().to_owned()
    }
}

/// Members of a checkpoint: a glob below its group.
pub struct Members;

impl Kind for Members {
    type Value = KeyGlob;
    const EXAMPLE: &'static str = "metadata.json";
    const PATTERN: Option<&'static str> = Some(".");

    fn parse(text: &str) -> Result<KeyGlob, ValueError> {
        if text.is_empty() {
            return Err(ValueError::new("a glob of names below the group is expected"));
        }
        if text.starts_with("s3://") {
            return Err(ValueError::new("is a whole address").help("name members relative to their group"));
        }
        KeyGlob::parse(text).map_err(|error| explain(&error))
    }

    fn weight(glob: &KeyGlob) -> Weight {
        Weight::Nodes(glob.nodes())
    }

    fn show(glob: &KeyGlob) -> String {
        glob.text().to_owned()
    }
}

/// The file that names the newest checkpoint: a name beside the groups, byte for byte.
pub struct Pointer;

impl Kind for Pointer {
    type Value = Arc<str>;
    const EXAMPLE: &'static str = "latest";
    const PATTERN: Option<&'static str> = Some(".");

    fn parse(text: &str) -> Result<Arc<str>, ValueError> {
        if text.is_empty() {
            return Err(ValueError::new("the name of a file beside the groups is expected"));
        }
        if text.starts_with("s3://") {
            return Err(ValueError::new("is a whole address").help("name the file as it is called beside the groups"));
        }
        Ok(text.into())
    }

    fn show(name: &Arc<str>) -> String {
        name.to_string()
    }
}

/// What is added to the name of a checkpoint to name an object beside it.
pub struct Suffix;

impl Kind for Suffix {
    type Value = Arc<str>;
    const EXAMPLE: &'static str = "-unfinished";
    const PATTERN: Option<&'static str> = Some("^[^/]+$");

    fn parse(text: &str) -> Result<Arc<str>, ValueError> {
        if text.is_empty() || text.contains('/') {
            return Err(ValueError::new("what is added to the name of a checkpoint is expected, without a `/`"));
        }
        Ok(text.into())
    }

    fn show(added: &Arc<str>) -> String {
        added.to_string()
    }
}

/// What tells checkpoints apart: a regular expression over keys with the capture `step`.
pub struct Group;

impl Kind for Group {
    type Value = Naming;
    const EXAMPLE: &'static str = "(?<run>.*)/step_(?<step>[0-9]+)/";
    const PATTERN: Option<&'static str> = Some(r"\(\?P?<step>");

    fn parse(text: &str) -> Result<Naming, ValueError> {
        let naming = Naming::parse(text).map_err(|error| {
            let message = ValueError::new(error.to_string());
            match error {
                NamingError::Capture(_) => message.help(
                    "captures are `step`, `run`, `name` and `temporary`; write `(?:...)` for a group that captures nothing",
                ),
                NamingError::Syntax(_) | NamingError::TooLarge => message,
            }
        })?;
        if !naming.counts() {
            return Err(
                ValueError::new("has no capture `step`").help("name the number that counts up: `(?<step>[0-9]+)`")
            );
        }
        Ok(naming)
    }

    fn weight(naming: &Naming) -> Weight {
        if naming.is_large() { Weight::Large } else { Weight::Little }
    }

    fn show(naming: &Naming) -> String {
        naming.text().to_owned()
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
