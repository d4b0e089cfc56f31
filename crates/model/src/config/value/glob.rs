//! Patterns of objects and buckets as values of a file. The room `pattern` defines their syntax.

use std::sync::Arc;

use super::{Kind, TextError, Weight};
use crate::pattern::{BucketGlob, KeyGlob, Pattern};
use crate::select::checkpoint::naming::{Naming, NamingError};

/// Objects: `s3://BUCKET-GLOB/KEY-GLOB`.
pub struct Objects;

impl Kind for Objects {
    type Value = Pattern;
    const EXAMPLE: &'static str = "s3://training/datasets/imagenet/train-{000000..009999}.tar";
    const PATTERN: Option<&'static str> = Some("^s3://[^/]+/");

    fn parse(text: &str) -> Result<Pattern, TextError> {
        Pattern::parse(text)
    }

    fn weight(pattern: &Pattern) -> Weight {
        Weight::Nodes(pattern.nodes())
    }
}

/// Buckets, by name.
pub struct Buckets;

impl Kind for Buckets {
    type Value = BucketGlob;
    const EXAMPLE: &'static str = "ckpt-*";
    const PATTERN: Option<&'static str> = Some("^[^/]+$");

    fn parse(text: &str) -> Result<BucketGlob, TextError> {
        BucketGlob::parse(text)
    }

    fn weight(glob: &BucketGlob) -> Weight {
        Weight::Nodes(glob.nodes())
    }
}

/// Members of a checkpoint: a glob below its group.
pub struct Members;

impl Kind for Members {
    type Value = KeyGlob;
    const EXAMPLE: &'static str = "metadata.json";
    const PATTERN: Option<&'static str> = Some(".");

    fn parse(text: &str) -> Result<KeyGlob, TextError> {
        if text.is_empty() {
            return Err(TextError::new("a glob of names below the group is expected"));
        }
        if text.starts_with("s3://") {
            return Err(TextError::new("is a whole address").help("name members relative to their group"));
        }
        KeyGlob::parse(text)
    }

    fn weight(glob: &KeyGlob) -> Weight {
        Weight::Nodes(glob.nodes())
    }
}

/// The file that names the newest checkpoint: a name beside the groups, byte for byte.
pub struct Pointer;

impl Kind for Pointer {
    type Value = Arc<str>;
    const EXAMPLE: &'static str = "latest";
    const PATTERN: Option<&'static str> = Some(".");

    fn parse(text: &str) -> Result<Arc<str>, TextError> {
        if text.is_empty() {
            return Err(TextError::new("the name of a file beside the groups is expected"));
        }
        if text.starts_with("s3://") {
            return Err(TextError::new("is a whole address").help("name the file as it is called beside the groups"));
        }
        Ok(text.into())
    }
}

/// What is added to the name of a checkpoint to name an object beside it.
pub struct Suffix;

impl Kind for Suffix {
    type Value = Arc<str>;
    const EXAMPLE: &'static str = "-unfinished";
    const PATTERN: Option<&'static str> = Some("^[^/]+$");

    fn parse(text: &str) -> Result<Arc<str>, TextError> {
        if text.is_empty() || text.contains('/') {
            return Err(TextError::new("what is added to the name of a checkpoint is expected, without a `/`"));
        }
        Ok(text.into())
    }
}

/// What tells checkpoints apart: a regular expression over keys with the capture `step`.
pub struct Group;

impl Kind for Group {
    type Value = Naming;
    const EXAMPLE: &'static str = "(?<run>.*)/step_(?<step>[0-9]+)/";
    const PATTERN: Option<&'static str> = Some(r"\(\?P?<step>");

    fn parse(text: &str) -> Result<Naming, TextError> {
        let naming = Naming::parse(text).map_err(|error| {
            let message = TextError::new(error.to_string());
            match error {
                NamingError::Capture(_) => message.help(
                    "captures are `step`, `run`, `name` and `temporary`; write `(?:...)` for a group that captures nothing",
                ),
                NamingError::Syntax(_) | NamingError::TooLarge => message,
            }
        })?;
        if !naming.counts() {
            return Err(
                TextError::new("has no capture `step`").help("name the number that counts up: `(?<step>[0-9]+)`")
            );
        }
        Ok(naming)
    }

    fn weight(naming: &Naming) -> Weight {
        if naming.is_large() { Weight::Large } else { Weight::Little }
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
