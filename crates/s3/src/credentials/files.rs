//! Credentials in mounted files, always of one generation.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::sleep;

/// More than any key or token.
const LARGEST: u64 = 64 * 1024;
/// How often files that change while they are read are read again, and after how long.
const TRIES: (u32, Duration) = (5, Duration::from_millis(20));

const ID: &str = "access_key_id_file";

/// Where the parts of a key are.
#[derive(Clone, Debug)]
pub(super) struct Files {
    pub access_key_id: PathBuf,
    pub secret_access_key: PathBuf,
    pub session_token: Option<PathBuf>,
}

/// A key as it stands in its files.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Pair {
    pub id: String,
    pub secret: String,
    pub token: Option<String>,
}

impl Files {
    /// A Kubernetes volume changes all its files at once by moving its `..data` link, which is followed once for all of
    /// them; files of any other kind are read until two readings in a row agree.
    ///
    /// # Errors
    /// Names the key of the file and what is wrong with it, never its content.
    pub async fn read(&self) -> Result<Pair, String> {
        for _ in 0..TRIES.0 {
            let files = self.clone();
            let both = spawn_blocking(move || (files.read_once(), files.read_once())).await;
            let (first, second) = both.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
            // An error counts when it stays: a generation may be removed while it is read.
            if first == second {
                return first;
            }
            sleep(TRIES.1).await;
        }
        Err(format!("{ID}: it or what belongs to it changes at every reading"))
    }

    fn read_once(&self) -> Result<Pair, String> {
        let mut volumes = Volumes::default();
        Ok(Pair {
            id: line((ID, &self.access_key_id), &mut volumes)?,
            secret: line(("secret_access_key_file", &self.secret_access_key), &mut volumes)?,
            token: (self.session_token.as_deref())
                .map(|path| line(("session_token_file", path), &mut volumes))
                .transpose()?,
        })
    }
}

/// Where the `..data` of a folder led when it was first asked for.
#[derive(Default)]
struct Volumes(HashMap<PathBuf, PathBuf>);

impl Volumes {
    /// The same file in the generation of its folder, where it is part of one.
    fn locate(&mut self, path: &Path) -> io::Result<PathBuf> {
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return Ok(path.to_owned()) };
        if !fs::read_link(path).is_ok_and(|target| target.starts_with("..data")) {
            return Ok(path.to_owned());
        }
        let generation = match self.0.entry(folder.to_owned()) {
            Entry::Occupied(known) => known.into_mut(),
            // Removed in this moment: an error, for by another way the next file would be of another generation.
            Entry::Vacant(new) => new.insert(fs::canonicalize(folder.join("..data"))?),
        };
        Ok(generation.join(name))
    }
}

/// The path of a configured file: `~/` is the home of the user that hotset runs as.
pub fn in_home(path: &Path) -> Cow<'_, Path> {
    match (path.strip_prefix("~"), std::env::home_dir()) {
        (Ok(below), Some(home)) => home.join(below).into(),
        _ => path.into(),
    }
}

/// Opens a regular file: a pipe would wait for its writer.
fn open(path: PathBuf) -> io::Result<fs::File> {
    if fs::metadata(&path)?.is_file() { fs::File::open(path) } else { Err(io::Error::other("it is no regular file")) }
}

/// Errors name the key that says where the file is, and not the path: someone may have typed the secret there.
fn line((key, path): (&str, &Path), volumes: &mut Volumes) -> Result<String, String> {
    let refuse = |why: String| format!("{key}: {why}");
    let mut text = String::new();
    let file = volumes.locate(&in_home(path)).and_then(open).map_err(|error| refuse(error.to_string()))?;
    file.take(LARGEST).read_to_string(&mut text).map_err(|error| refuse(error.to_string()))?;
    let text = text.trim();
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(refuse("expected one line of printable ASCII".to_owned()));
    }
    Ok(text.to_owned())
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// A mounted Secret: files that lead through `..data` to a generation.
    fn mount(dir: &Path) -> Files {
        turn(dir, 0);
        for name in ["id", "secret", "token"] {
            symlink(format!("..data/{name}"), dir.join(name)).unwrap();
        }
        Files {
            access_key_id: dir.join("id"),
            secret_access_key: dir.join("secret"),
            session_token: Some(dir.join("token")),
        }
    }

    /// As the kubelet does it: a new folder, a new link over the old one, then the old folder goes.
    fn turn(dir: &Path, n: u32) {
        let folder = dir.join(format!("..gen{n}"));
        fs::create_dir(&folder).unwrap();
        for name in ["id", "secret", "token"] {
            fs::write(folder.join(name), format!("{name}{n}")).unwrap();
        }
        symlink(format!("..gen{n}"), dir.join("..data_tmp")).unwrap();
        fs::rename(dir.join("..data_tmp"), dir.join("..data")).unwrap();
        if let Some(before) = n.checked_sub(1) {
            fs::remove_dir_all(dir.join(format!("..gen{before}"))).unwrap();
        }
    }

    #[test]
    fn the_parts_of_a_key_are_of_the_generation_that_was_found_first() {
        let dir = tempfile::tempdir().unwrap();
        let files = mount(dir.path());
        let mut volumes = Volumes::default();
        assert_eq!(line((ID, &files.access_key_id), &mut volumes).unwrap(), "id0");
        let old = dir.path().join("kept");
        fs::rename(dir.path().join("..gen0"), &old).unwrap();
        fs::create_dir(dir.path().join("..gen0")).unwrap();
        fs::copy(old.join("secret"), dir.path().join("..gen0/secret")).unwrap();
        turn(dir.path(), 1);
        assert!(
            line(("secret_access_key_file", &files.secret_access_key), &mut volumes).is_err(),
            "gone, rather than that of another key"
        );
    }

    #[tokio::test]
    async fn a_mounted_secret_that_turns_all_the_time_never_gives_a_mixed_key() {
        let dir = tempfile::tempdir().unwrap();
        let files = mount(dir.path());
        let seen = AtomicU32::new(0);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for n in 1..400 {
                    // Neither thread runs away from the other.
                    while n > seen.load(Ordering::Relaxed) + 10 {
                        std::thread::yield_now();
                    }
                    turn(dir.path(), n);
                }
            });
            while seen.load(Ordering::Relaxed) < 399 {
                if let Ok(pair) = files.read_once() {
                    let n = pair.id.trim_start_matches("id").to_owned();
                    assert_eq!((pair.secret, pair.token), (format!("secret{n}"), Some(format!("token{n}"))));
                    seen.store(n.parse().unwrap(), Ordering::Relaxed);
                }
            }
        });
        assert_eq!(files.read().await.map(|pair| pair.id).unwrap(), "id399");
    }
}
