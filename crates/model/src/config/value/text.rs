//! Text values that are kept as typed once they pass a rule: paths, regions, storage classes, names that others give.

use std::path::PathBuf;
use std::sync::Arc;

use super::{Kind, TextError};
use crate::manifest::Place;
use crate::object::Bucket;

fn not_empty(text: &str, what: &str) -> Result<(), TextError> {
    if text.trim().is_empty() {
        return Err(TextError::new(format!("{what} is expected")));
    }
    match text.char_indices().find(|(_, c)| c.is_control()) {
        Some((at, c)) => Err(TextError::new("has a control character").at(at..at + c.len_utf8())),
        None => Ok(()),
    }
}

/// Where a file or folder is.
pub struct FilePath;

impl Kind for FilePath {
    type Value = PathBuf;
    const EXAMPLE: &'static str = "/run/secrets/hotset-token";
    const PATTERN: Option<&'static str> = Some(".");

    fn parse(text: &str) -> Result<PathBuf, TextError> {
        not_empty(text, "a path")?;
        if text.starts_with('~') {
            return Err(TextError::new("`~` is not expanded").at(0..1).help("write the whole path"));
        }
        Ok(text.into())
    }
}

/// Where a file is that holds a secret. What stands there may be the secret itself, so no message repeats it.
pub struct SecretPath;

impl Kind for SecretPath {
    type Value = PathBuf;
    const EXAMPLE: &'static str = "/run/secrets/hotset-token";
    const PATTERN: Option<&'static str> = Some("^(/|~/).");

    fn parse(text: &str) -> Result<PathBuf, TextError> {
        not_empty(text, "a path")?;
        if text.starts_with('/') || text.starts_with("~/") {
            return Ok(text.into());
        }
        let message = "is no path from the root or from your home: a file that holds the secret stands here";
        Err(TextError::new(message).help("write the whole path, or `~/` and the path from your home; never the secret"))
    }
}

/// Where a team's files are: a path, beside the file that names it unless it begins with a `/`.
pub struct TeamFiles;

impl Kind for TeamFiles {
    type Value = PathBuf;
    const EXAMPLE: &'static str = "teams/vision.toml";
    const PATTERN: Option<&'static str> = Some(".");

    fn parse(text: &str) -> Result<PathBuf, TextError> {
        FilePath::parse(text)
    }
}

/// What a request is signed for.
pub struct Region;

impl Kind for Region {
    type Value = String;
    const EXAMPLE: &'static str = "us-east-1";
    const PATTERN: Option<&'static str> = Some("^[A-Za-z0-9._-]{1,64}$");

    fn parse(text: &str) -> Result<String, TextError> {
        not_empty(text, "a region")?;
        let wrong = |(_, c): &(usize, char)| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
        match text.char_indices().find(wrong) {
            Some((at, c)) => Err(TextError::new("a region has letters, digits and `-`").at(at..at + c.len_utf8())),
            None if text.len() > 64 => Err(TextError::new("a region is at most 64 long")),
            None => Ok(text.to_owned()),
        }
    }
}

/// A profile of the shared AWS configuration files.
pub struct AwsProfile;

impl Kind for AwsProfile {
    type Value = String;
    const EXAMPLE: &'static str = "cw";

    fn parse(text: &str) -> Result<String, TextError> {
        not_empty(text, "the name of an AWS profile")?;
        Ok(text.to_owned())
    }
}

/// A storage class, as listings spell it.
pub struct StorageClass;

impl Kind for StorageClass {
    type Value = Arc<str>;
    const EXAMPLE: &'static str = "STANDARD";
    const PATTERN: Option<&'static str> = Some("^[A-Z0-9_]+$");

    fn parse(text: &str) -> Result<Arc<str>, TextError> {
        not_empty(text, "a storage class")?;
        if text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_') {
            return Ok(text.into());
        }
        let upper = text.to_ascii_uppercase().replace('-', "_");
        let error = TextError::new("a storage class has capitals, digits and `_`, as in listings");
        Err(match upper.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_') {
            true => error.help(format!("did you mean `{upper}`?")),
            false => error,
        })
    }
}

/// A list of objects in place of a listing: a file, or an object.
pub struct Manifest;

impl Kind for Manifest {
    type Value = Place;
    const EXAMPLE: &'static str = "s3://training/manifests/today.jsonl";

    fn parse(text: &str) -> Result<Place, TextError> {
        not_empty(text, "a path or an s3:// address")?;
        if let Some(rest) = text.strip_prefix("s3://") {
            return match rest.split_once('/') {
                Some((bucket, key)) if !bucket.is_empty() && !key.is_empty() && !key.ends_with('/') => {
                    Ok(Place::Object { bucket: Bucket::new(bucket), key: key.into() })
                }
                _ => Err(TextError::new("an s3:// address has a bucket and a key")),
            };
        }
        let path = text.strip_prefix("file:").unwrap_or(text);
        // As URLs have it: a host that is empty, and a path from the root.
        let path = path.strip_prefix("//").filter(|rest| rest.starts_with('/')).unwrap_or(path);
        if let Some((scheme, _)) = path.split_once("://") {
            let start = text.len() - path.len();
            return Err(TextError::new(format!("`{scheme}` is not a scheme a manifest is read from"))
                .at(start..start + scheme.len())
                .help("write file:PATH, or s3://BUCKET/KEY"));
        }
        let start = text.len() - path.len();
        let file = |path| Place::File { path, within: None };
        FilePath::parse(path).map(file).map_err(|error| TextError {
            span: error.span.clone().map(|span| start + span.start..start + span.end),
            ..error
        })
    }

    fn show(place: &Place) -> Option<String> {
        Some(manifest_text(place))
    }
}

/// As a profile may write it.
pub fn manifest_text(place: &Place) -> String {
    match place {
        Place::File { path, .. } => format!("file:{}", path.display()),
        Place::Object { bucket, key } => format!("s3://{bucket}/{}", key.as_str().unwrap_or_default()),
    }
}

/// Kept as typed: its rule needs what stands elsewhere (a schedule needs its zone, a group its layout).
pub struct Cron;

impl Kind for Cron {
    type Value = String;
    const EXAMPLE: &'static str = "30 1 * * *";

    fn parse(text: &str) -> Result<String, TextError> {
        Ok(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{accepts, refuses};
    use super::*;

    #[test]
    fn texts_keep_to_their_rule() {
        accepts::<FilePath>(&[("/run/secrets/token", "/run/secrets/token"), ("token", "token")]);
        refuses::<FilePath>(&[
            ("", "", "a path is expected"),
            ("~/token", "~", "`~` is not expanded"),
            ("a\0b", "\0", "has a control character"),
        ]);
        accepts::<SecretPath>(&[("/run/secrets/token", "/run/secrets/token"), ("~/.hotset/token", "~/.hotset/token")]);
        for typed in ["token", "hunter2", "~", "~root/token", "./token"] {
            let error = SecretPath::parse(typed).unwrap_err();
            assert!(error.span.is_none() && !error.message.contains(typed), "{typed}: {error}");
        }
        accepts::<Region>(&[("us-east-1", "us-east-1"), ("EU-NORTH-05A", "EU-NORTH-05A"), ("auto", "auto")]);
        refuses::<Region>(&[
            ("", "", "a region is expected"),
            ("us east", " ", "a region has letters, digits and `-`"),
        ]);
        accepts::<StorageClass>(&[("STANDARD_IA", "STANDARD_IA")]);
        refuses::<StorageClass>(&[(
            "standard",
            "standard",
            "a storage class has capitals, digits and `_`, as in listings",
        )]);
        accepts::<Manifest>(&[
            ("/srv/list.jsonl", "file:/srv/list.jsonl"),
            ("file:///srv/list.jsonl", "file:/srv/list.jsonl"),
            ("file:list.jsonl.gz", "file:list.jsonl.gz"),
            ("list.jsonl", "file:list.jsonl"),
            ("s3://b/a//k %+", "s3://b/a//k %+"),
        ]);
        refuses::<Manifest>(&[
            ("s3://bucket", "s3://bucket", "an s3:// address has a bucket and a key"),
            ("https://x/y", "https", "`https` is not a scheme a manifest is read from"),
            ("file:~/list.jsonl", "~", "`~` is not expanded"),
            ("file:", "file:", "a path is expected"),
        ]);
    }
}
