//! Reads the bytes of a manifest piece by piece, all of one version.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use chrono::{DateTime, Utc};
use tokio::fs::{self, File};
use tokio::io::AsyncReadExt as _;

use crate::list::Lister;
use crate::run::list_and_select::verdict;
use model::manifest::Place;
use model::object::{Bucket, ETag, Escaped, Key};
use model::select::plan::Verdict;
use s3::{Parted, Wanted};

/// Bytes of one read of a file.
const PIECE: usize = 256 << 10;
/// Bytes of one GET, which has to arrive within the deadline of a page.
const PART: u64 = 4 << 20;

/// Where the bytes come from, and how far they were read.
pub(super) enum Bytes {
    File { path: PathBuf, file: File, before: State },
    Object { bucket: Bucket, key: Key, from: u64, whole: Option<(u64, Option<ETag>)> },
}

/// What changes with a file's content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct State {
    length: u64,
    modified: Option<SystemTime>,
}

impl Bytes {
    /// Nothing is asked of an endpoint yet.
    pub async fn open(place: &Place) -> Result<Self, Verdict> {
        match place {
            Place::Object { bucket, key } => {
                Ok(Self::Object { bucket: bucket.clone(), key: key.clone(), from: 0, whole: None })
            }
            Place::File { path, within } => {
                let expected = match within {
                    None => None,
                    Some(folder) => Some(confined(path, folder, place).await?),
                };
                let opened = async {
                    // A pipe would be waited for, whoever fills it.
                    if !fs::metadata(path).await?.is_file() {
                        return Err(io::Error::other("it is no regular file"));
                    }
                    let file = File::open(path).await?;
                    let opened = file.metadata().await?;
                    if expected.is_some_and(|expected| identity(&expected) != identity(&opened)) {
                        return Err(io::Error::other(CHANGED));
                    }
                    let before = State::of(&file).await?;
                    Ok((file, before))
                };
                let (file, before) = opened.await.map_err(|cause| unreadable(path, &cause))?;
                Ok(Self::File { path: path.clone(), file, before })
            }
        }
    }

    /// The next bytes, and the server's clock where one has answered; `None` at the end.
    ///
    /// # Errors
    /// Why there is no whole manifest.
    pub async fn next(&mut self, lister: &Lister) -> Result<Option<(Vec<u8>, Option<DateTime<Utc>>)>, Verdict> {
        match self {
            Self::File { path, file, .. } => {
                let mut some = vec![0; PIECE];
                let read = file.read(&mut some).await.map_err(|cause| unreadable(path, &cause))?;
                some.truncate(read);
                Ok((read > 0).then_some((some, None)))
            }
            Self::Object { bucket, key, from, whole } => {
                if whole.as_ref().is_some_and(|(total, _)| *from >= *total) {
                    return Ok(None);
                }
                let version = whole.as_ref().and_then(|(_, version)| version.as_ref());
                let wanted = Wanted { from: *from, most: PART, version };
                let parted = lister.part(bucket, key, wanted).await.map_err(|error| verdict(&error))?;
                let failed = |why: &str| Err(Verdict::Failed(format!("manifest s3://{bucket}/{key}: {why}").into()));
                let part = match parted {
                    Parted::Part(part) => part,
                    Parted::Absent => return failed("there is no such object"),
                    Parted::Changed => return failed(CHANGED),
                };
                if whole.as_ref().is_some_and(|(total, _)| *total != part.total) {
                    return failed(CHANGED);
                }
                *from += part.bytes.len() as u64;
                if part.version.is_none() && *from < part.total {
                    return failed("it has no ETag by which its parts could be told to be of one version");
                }
                *whole = Some((part.total, part.version));
                Ok(Some((part.bytes, part.date)))
            }
        }
    }

    /// Whether what was read is what is there: a file may be written while it is read.
    pub async fn finish(self) -> Result<(), Verdict> {
        let Self::File { path, file, before } = self else { return Ok(()) };
        let after = State::of(&file).await.map_err(|cause| unreadable(&path, &cause))?;
        if after == before { Ok(()) } else { Err(unreadable(&path, &io::Error::other(CHANGED))) }
    }
}

const CHANGED: &str = "it changed while it was read";

impl State {
    async fn of(file: &File) -> io::Result<Self> {
        let metadata = file.metadata().await?;
        Ok(Self { length: metadata.len(), modified: metadata.modified().ok() })
    }
}

/// The file that `path` really is, which lies below `folder`. It is looked at before it is opened: of a file elsewhere even an
/// error could tell something.
async fn confined(path: &Path, folder: &Path, place: &Place) -> Result<Metadata, Verdict> {
    let real = async { Ok((fs::canonicalize(path).await?, fs::canonicalize(folder).await?)) };
    let (real, folder) = real.await.map_err(|cause| unreadable(path, &cause))?;
    if !real.starts_with(&folder) {
        return Err(Verdict::Refused(format!("manifest {place}: a link leads out of its folder").into()));
    }
    fs::symlink_metadata(&real).await.map_err(|cause| unreadable(path, &cause))
}

fn identity(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

/// It may be there next time.
fn unreadable(path: &Path, cause: &io::Error) -> Verdict {
    Verdict::Failed(format!("manifest {}: {cause}", Escaped(&path.to_string_lossy())).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_that_is_written_while_it_is_read_is_no_manifest() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.jsonl");
        std::fs::write(&path, "one\n").unwrap();
        let opened = || async { Bytes::open(&Place::File { path: path.clone(), within: None }).await.unwrap() };
        let unchanged = opened().await;
        assert_eq!(unchanged.finish().await, Ok(()));
        let before = opened().await;
        std::fs::write(&path, "one\ntwo\n").unwrap();
        let told = format!("manifest {}: it changed while it was read", path.display());
        assert_eq!(before.finish().await, Err(Verdict::Failed(told.into())));
        let replaced = opened().await;
        std::fs::write(folder.path().join("new"), "three\n").unwrap();
        std::fs::rename(folder.path().join("new"), &path).unwrap();
        assert_eq!(replaced.finish().await, Ok(()), "what was opened is still there, and whole");
    }
}
