//! The state folder. One that is world-writable, or belongs to another user, is refused, and so are symbolic links in it.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::JournalError;

const ROOT: u32 = 0;
/// Write permission of everybody.
const OTHERS: u32 = 0o002;

/// Makes a folder of the state where there is none, and checks owner, mode and links.
pub(super) fn make(folder: &Path) -> Result<(), JournalError> {
    // A link with a `/` behind it is looked at as the folder that it leads to.
    let folder: PathBuf = folder.components().collect();
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&folder)
        .map_err(JournalError::io("make the folder", &folder))?;
    judge(&folder).map_err(JournalError::io("use the folder", &folder))
}

fn judge(folder: &Path) -> io::Result<()> {
    let me = fs::metadata("/proc/self").map(|process| process.uid()).ok();
    let there = fs::symlink_metadata(folder)?;
    // systemd makes one for a unit whose user is made as it starts.
    if there.is_symlink() && (there.uid() != ROOT || me == Some(ROOT)) {
        return Err(io::Error::other("it is a symbolic link; name the folder that it leads to"));
    }
    objection(&fs::metadata(folder)?, me).map_or(Ok(()), |why| Err(io::Error::other(why)))
}

/// Why somebody else could put files into it. Root looks into what services keep.
fn objection(folder: &Metadata, me: Option<u32>) -> Option<&'static str> {
    if folder.mode() & OTHERS != 0 {
        return Some("everybody may write into it: take that away (chmod o-w), or name a folder below it");
    }
    let trusted = me.is_none_or(|me| me == ROOT || [me, ROOT].contains(&folder.uid()));
    (!trusted).then_some("it belongs to another user")
}

/// Opens a file that nobody else may read, and makes it where there is none. SQLite gives its other files the same mode.
pub(super) fn private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    options.custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path).map_err(named).and_then(regular)
}

/// Opens a file to look at it.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(named).and_then(regular)
}

/// Refuses a pipe, whose reader would wait for its writer.
fn regular(file: File) -> io::Result<File> {
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is no regular file")) }
}

/// What the system says of a link that it does not follow is about loops.
fn named(error: io::Error) -> io::Error {
    if error.raw_os_error() == Some(libc::ELOOP) { io::Error::other("it is a symbolic link") } else { error }
}

/// Refuses links and pipes in the place of the files of a database, which SQLite opens by itself.
pub(super) fn regular_files(database: &Path) -> io::Result<()> {
    for suffix in ["", "-wal", "-shm", "-journal"] {
        let mut name = database.as_os_str().to_owned();
        name.push(suffix);
        match fs::symlink_metadata(&name) {
            Ok(there) if !there.is_file() => {
                let what = if there.is_symlink() { "a symbolic link" } else { "no regular file" };
                return Err(io::Error::other(format!("{} is {what}", Path::new(&name).display())));
            }
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn a_folder_of_the_state_is_ours_alone() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        make(&at("new/state")).unwrap();
        assert_eq!(fs::metadata(at("new/state")).unwrap().mode() & 0o777, 0o700);
        for (mode, is_refused, why) in [
            (0o755, false, "others may look"),
            (0o2770, false, "as a volume is that a group of its own owns"),
            (0o777, true, "everybody may write"),
            (0o1777, true, "nor may they make files that are not there yet"),
        ] {
            fs::set_permissions(at("new/state"), fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(make(&at("new/state")).is_err(), is_refused, "{why}");
        }
        fs::create_dir(at("real")).unwrap();
        symlink("real", at("link")).unwrap();
        for name in ["link", "link/", "link/."] {
            let refused = make(&at(name)).unwrap_err().to_string();
            assert!(refused.ends_with("it is a symbolic link; name the folder that it leads to"), "{refused}");
        }
    }

    #[test]
    fn files_are_not_reached_through_links() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("victim"), "as it was").unwrap();
        symlink("victim", at("there")).unwrap();
        symlink("nowhere", at("dangling")).unwrap();
        for name in ["there", "dangling"] {
            assert_eq!(private(&at(name)).unwrap_err().to_string(), "it is a symbolic link");
            assert_eq!(open(&at(name)).unwrap_err().to_string(), "it is a symbolic link");
            assert!(regular_files(&at(name)).is_err());
        }
        assert!(!at("nowhere").exists());
        symlink("victim", at("journal.db-wal")).unwrap();
        assert!(regular_files(&at("journal.db")).is_err(), "SQLite's other files, too");
        assert!(regular_files(&at("new.db")).is_ok());
    }
}
