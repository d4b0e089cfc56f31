//! Reads the files of a configuration, all of them before any is parsed, and shows them without secrets.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::diagnostic::Diagnostic;
use super::file::Source;
use admission::Admission;

pub(super) mod admission;

/// The link of a Kubernetes volume to its current files.
const DATA_LINK: &str = "..data";
/// Attempts to read one generation whole, while each is removed before it was read.
const MAX_GENERATIONS: usize = 20;
/// Size limit of one file, in bytes.
const MAX_FILE_BYTES: u64 = 4 << 20;
/// Bytes of all files together.
const MAX_BYTES: usize = 16 << 20;

/// What tells a file from all others of the machine.
fn identity(file: &fs::Metadata) -> (u64, u64) {
    (file.dev(), file.ino())
}

/// Reads files, and the `*.toml` of folders by name, without parsing any.
///
/// A Kubernetes volume changes all its files at once by moving its `..data` link, so the link is followed once for all. A
/// generation that is taken away in the middle of it, file by file, is left for the next.
pub(super) fn read(paths: &[PathBuf]) -> (Vec<Source>, Vec<Diagnostic>) {
    let mut reader = Reader::of(paths);
    for _ in 0..MAX_GENERATIONS {
        let whole = reader.errors.is_empty() && reader.is_current();
        let mut folders = reader.generations.keys().map(PathBuf::as_path).chain(paths.iter().map(PathBuf::as_path));
        if whole || !folders.any(is_in_volume) {
            break;
        }
        reader = Reader::of(paths);
    }
    (reader.sources, reader.errors)
}

/// Whether it is, or lies in, a folder whose files change by a link.
pub(super) fn is_in_volume(path: &Path) -> bool {
    [Some(path), path.parent()].into_iter().flatten().any(|folder| fs::symlink_metadata(folder.join(DATA_LINK)).is_ok())
}

#[derive(Default)]
struct Reader {
    sources: Vec<Source>,
    errors: Vec<Diagnostic>,
    /// Where the `..data` of a folder led when it was first asked for.
    generations: HashMap<PathBuf, PathBuf>,
    /// The real path of what was read, with the name it was read by, and for which team.
    seen: BTreeMap<PathBuf, (String, Option<String>)>,
    /// What is read now is a team's.
    admission: Option<Admission>,
}

impl Reader {
    fn of(paths: &[PathBuf]) -> Self {
        let mut reader = Self::default();
        for (layer, path) in paths.iter().enumerate() {
            reader.path(path, layer);
        }
        reader.teams();
        reader
    }

    /// Reads what trusted files name as a team's, once all of those are read.
    fn teams(&mut self) {
        let trusted = self.sources.iter().enumerate();
        let admissions: Vec<Admission> = trusted.flat_map(|(number, source)| admission::all(source, number)).collect();
        for admission in admissions {
            let (path, layer) = (admission.path.clone(), admission.place.file.layer);
            self.admission = Some(admission);
            self.path(&path, layer);
        }
        self.admission = None;
    }

    /// An error about what is read now.
    fn push(&mut self, name: &str, message: &str, help: &str) {
        let error = match &self.admission {
            None => Diagnostic::error(message).file(name),
            Some(admission) => admission.error(&format!("{name}: {message}")),
        };
        self.errors.push(if help.is_empty() { error } else { error.help(help) });
    }

    fn path(&mut self, path: &Path, layer: usize) {
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => self.folder(path, layer),
            Ok(_) => {
                let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
                self.file(path, folder, (path.display().to_string(), layer));
            }
            Err(cause) => self.unreadable(path, &cause),
        }
    }

    fn folder(&mut self, folder: &Path, layer: usize) {
        let real = self.generation(folder);
        let names = fs::read_dir(&real).and_then(|entries| {
            entries.map(|entry| entry.map(|entry| entry.file_name())).collect::<io::Result<Vec<_>>>()
        });
        let mut names = match names {
            Ok(names) => names,
            Err(cause) => return self.unreadable(folder, &cause),
        };
        names.retain(|name| {
            let path = Path::new(name);
            let hidden = name.as_encoded_bytes().first() == Some(&b'.');
            !hidden && path.extension().is_some_and(|extension| extension == "toml") && !real.join(path).is_dir()
        });
        names.sort();
        if names.is_empty() {
            let help = "hidden files and subfolders are not read";
            self.push(&folder.display().to_string(), "the folder has no *.toml file", help);
        }
        for name in names {
            self.file(&real.join(&name), folder, (folder.join(&name).display().to_string(), layer));
        }
    }

    /// Reads a file of the folder that was named, or the one that was named in its own.
    fn file(&mut self, path: &Path, folder: &Path, (name, layer): (String, usize)) {
        let path = self.in_generation(path);
        match self.bytes(&path, folder, &name).map(|bytes| bytes.map(decode)) {
            Ok(Some(Ok(text))) => {
                let team = self.admission.as_ref().map(|admission| admission.team.clone());
                if self.sources.iter().map(|source| source.text.len()).sum::<usize>() + text.len() > MAX_BYTES {
                    self.push(&name, "with it the configuration is larger than 16 MiB", "");
                    return;
                }
                self.sources.push(Source { name, text, layer, team });
            }
            Ok(Some(Err((message, help)))) => self.push(&name, &message, help),
            Ok(None) => {}
            Err(cause) => self.unreadable(Path::new(&name), &cause),
        }
    }

    /// What stands in the file; `None` where it may not be read, which has been said.
    fn bytes(&mut self, path: &Path, folder: &Path, name: &str) -> io::Result<Option<Vec<u8>>> {
        let real = fs::canonicalize(path)?;
        let mut team = None;
        // A link in a repository could lead to any file of the machine, and errors show lines of what is read.
        if let Some(admission) = &self.admission {
            team = Some(admission.team.clone());
            if !real.starts_with(admission.folder()?) {
                self.push(name, "a link leads out of the team's folder", Admission::OWN);
                return Ok(None);
            }
            // A team could keep every reader waiting with a pipe into which nobody writes.
            if !fs::metadata(&real)?.is_file() {
                return Err(io::Error::other("it is no regular file"));
            }
        } else if !real.starts_with(fs::canonicalize(folder)?) {
            let help = "put the file itself there, or name the one that it leads to with --config";
            self.push(name, "it is a link that leaves its folder", help);
            return Ok(None);
        }
        if let Some((first, owner)) = self.seen.insert(real.clone(), (name.to_owned(), team.clone())) {
            self.twice(name, &first, (owner.as_deref(), team.as_deref()));
            return Ok(None);
        }
        let mut file = fs::File::open(&real)?;
        // It may have become a link since it was looked at.
        if fs::canonicalize(&real)? != real || identity(&fs::metadata(&real)?) != identity(&file.metadata()?) {
            return Err(io::Error::other("it changed while it was read"));
        }
        let mut bytes = Vec::new();
        Read::by_ref(&mut file).take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    }

    /// A file has one owner. A folder that `--config` names is trusted as a whole, so that a team that may add a file to it
    /// would be trusted, too.
    fn twice(&mut self, name: &str, first: &str, (owner, team): (Option<&str>, Option<&str>)) {
        let (message, help) = match (owner, team) {
            (owner, team) if owner == team => {
                ("the file is given twice".to_owned(), format!("it was read as {first} already: name it once"))
            }
            (Some(owner), _) => {
                (format!("the file is [team.{owner}]'s already"), "a file belongs to one team".to_owned())
            }
            (None, _) => (
                "the file is trusted already: --config reads it".to_owned(),
                "whoever may add a file to a folder that --config names may say anything: give the teams a folder of \
                 their own, or name the trusted files one by one"
                    .to_owned(),
            ),
        };
        self.push(name, &message, &help);
    }

    fn unreadable(&mut self, path: &Path, cause: &io::Error) {
        let name = path.display().to_string();
        match cause.kind() {
            io::ErrorKind::NotFound if self.admission.is_some() => {
                self.push(&name, "there is no such file or folder", "it is looked for beside the file that names it");
            }
            io::ErrorKind::NotFound => {
                let help = "name the file or folder with --config, or with HOTSET_CONFIG";
                self.push(&name, "there is no such file or folder", help);
            }
            io::ErrorKind::PermissionDenied => {
                self.push(&name, "reading it is not permitted", "the user that hotset runs as needs to read it");
            }
            _ => self.push(&name, &format!("cannot be read: {cause}"), ""),
        }
    }

    /// Whether every generation that was read is still the one in force: none of its files had been taken away.
    fn is_current(&self) -> bool {
        let mut links = self.generations.iter().map(|(folder, real)| (folder.join(DATA_LINK), real));
        links.all(|(link, real)| {
            fs::symlink_metadata(&link).is_err() || fs::canonicalize(&link).is_ok_and(|now| now == *real)
        })
    }

    /// Where the files of `folder` really are.
    fn generation(&mut self, folder: &Path) -> PathBuf {
        if let Some(real) = self.generations.get(folder) {
            return real.clone();
        }
        let link = folder.join(DATA_LINK);
        let real = fs::canonicalize(&link).unwrap_or_else(|cause| {
            // Files of a generation that is gone must not be read one by one through links that lead to the next.
            if fs::symlink_metadata(&link).is_ok() {
                self.unreadable(&link, &cause);
            }
            folder.to_owned()
        });
        self.generations.insert(folder.to_owned(), real.clone());
        real
    }

    /// The same file in the generation of its folder, where it is part of one.
    fn in_generation(&mut self, path: &Path) -> PathBuf {
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return path.to_owned() };
        let real = self.generation(folder).join(name);
        let part = fs::read_link(path).is_ok_and(|target| target.starts_with(DATA_LINK));
        if part { real } else { path.to_owned() }
    }
}

/// The text, or what is wrong and what to do.
fn decode(bytes: Vec<u8>) -> Result<String, (String, &'static str)> {
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(("the file is larger than 4 MiB".to_owned(), "split it into several files of one folder"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let line = error.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count() + 1;
        (format!("the file is not UTF-8: line {line} has a byte that is none"), "save it as UTF-8")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(paths: &[PathBuf], below: &Path) -> Vec<String> {
        let (sources, errors) = read(paths);
        assert!(errors.is_empty(), "{errors:?}");
        let prefix = format!("{}/", below.display());
        sources.iter().map(|source| source.name.replace(&prefix, "")).collect()
    }

    fn errors(path: &Path) -> Vec<String> {
        let (_, errors) = read(&[path.to_owned()]);
        errors.iter().map(|error| error.to_string().replace(&path.display().to_string(), "PATH")).collect()
    }

    #[test]
    fn a_generation_that_was_moved_away_from_while_it_was_read_does_not_count() {
        use std::os::unix::fs::symlink;

        let dir = tempfile::tempdir().unwrap();
        for name in ["..1/a.toml", "..1/b.toml", "..2/a.toml", "..2/b.toml"] {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let data = dir.path().join(DATA_LINK);
        symlink("..1", &data).unwrap();
        // As kubelet takes the first one away, after the link has moved on.
        let mut reader = Reader::default();
        reader.generation(dir.path());
        assert!(reader.is_current());
        fs::remove_file(&data).unwrap();
        symlink("..2", &data).unwrap();
        fs::remove_file(dir.path().join("..1/b.toml")).unwrap();
        reader.path(dir.path(), 0);
        assert_eq!((reader.sources.len(), reader.errors.len()), (1, 0), "half of it, and no error");
        assert!(!reader.is_current());
    }

    #[test]
    fn a_folder_is_read_by_name_without_what_is_hidden() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["b.toml", "a.toml", ".hidden.toml", "notes.md", "10.toml"] {
            fs::write(dir.path().join(name), "").unwrap();
        }
        fs::create_dir(dir.path().join("folder.toml")).unwrap();
        assert_eq!(names(&[dir.path().to_owned()], dir.path()), ["10.toml", "a.toml", "b.toml"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_mounted_volume_is_read_from_one_generation() {
        use std::os::unix::fs::symlink;
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir(at("..2026_1")).unwrap();
        for name in ["a.toml", "b.toml"] {
            fs::write(at("..2026_1").join(name), "# 1").unwrap();
            symlink(format!("..data/{name}"), at(name)).unwrap();
        }
        symlink("..2026_1", at("..data")).unwrap();
        assert_eq!(names(&[dir.path().to_owned()], dir.path()), ["a.toml", "b.toml"]);
        assert_eq!(names(&[at("b.toml"), at("a.toml")], dir.path()), ["b.toml", "a.toml"]);

        let mut reader = Reader::default();
        reader.path(&at("a.toml"), 0);
        fs::create_dir(at("..2026_2")).unwrap();
        fs::write(at("..2026_2/b.toml"), "# 2").unwrap();
        fs::remove_file(at("..data")).unwrap();
        symlink("..2026_2", at("..data")).unwrap();
        reader.path(&at("b.toml"), 1);
        assert_eq!(reader.sources[1].text, "# 1");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_that_leaves_its_folder_is_not_followed() {
        use std::os::unix::fs::symlink;
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        for folder in ["conf/sub", "conf/..gen", "evil", "outside"] {
            fs::create_dir_all(at(folder)).unwrap();
        }
        for file in ["conf/real.toml", "conf/sub/a.toml", "conf/..gen/v.toml", "outside/secret.toml"] {
            fs::write(at(file), "").unwrap();
        }
        symlink(at("outside"), at("evil/..data")).unwrap();
        symlink("..data/secret.toml", at("evil/secret.toml")).unwrap();
        for (link, target, is_followed) in [
            ("conf/1.toml", "../outside/secret.toml", false),
            ("conf/2.toml", "/etc/passwd", false),
            ("conf/3.toml", "sub/../../outside/secret.toml", false),
            ("conf/4.toml", "/proc/self/environ", false),
            ("conf/5.toml", "sub/a.toml", true),
            ("conf/6.toml", "..gen/v.toml", true),
        ] {
            symlink(target, at(link)).unwrap();
            let (sources, errors) = read(&[at(link)]);
            assert_eq!((sources.len(), errors.len()), if is_followed { (1, 0) } else { (0, 1) }, "{link}: {errors:?}");
            let (_, all) = read(&[at("conf")]);
            assert_eq!(all.len(), usize::from(!is_followed), "in the folder, {link}: {all:?}");
            fs::remove_file(at(link)).unwrap();
        }
        for named in ["evil", "evil/secret.toml"] {
            let (sources, errors) = read(&[at(named)]);
            assert!(sources.is_empty(), "a volume that is none: {errors:?}");
        }
        symlink("conf", at("current")).unwrap();
        assert_eq!(names(&[at("current")], &at("current")), ["real.toml"], "a folder may be named by a link");
    }

    #[test]
    fn what_cannot_be_read_is_named_with_the_reason() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(errors(dir.path()), ["PATH: the folder has no *.toml file"]);
        assert_eq!(errors(&dir.path().join("missing.toml")), ["PATH: there is no such file or folder"]);
        let latin = dir.path().join("latin.toml");
        fs::write(&latin, b"# one\n# caf\xe9\n").unwrap();
        assert_eq!(errors(&latin), ["PATH: the file is not UTF-8: line 2 has a byte that is none"]);
        let large = dir.path().join("large.toml");
        fs::write(&large, vec![b'#'; usize::try_from(MAX_FILE_BYTES).unwrap() + 1]).unwrap();
        assert_eq!(errors(&large), ["PATH: the file is larger than 4 MiB"]);
        let halves = dir.path().join("halves");
        fs::create_dir(&halves).unwrap();
        let half = vec![b'#'; usize::try_from(MAX_FILE_BYTES).unwrap()];
        (0..5).for_each(|n| fs::write(halves.join(format!("{n}.toml")), &half).unwrap());
        assert_eq!(errors(&halves), ["PATH/4.toml: with it the configuration is larger than 16 MiB"]);
        let (sources, twice) = read(&[latin.with_file_name("."), latin]);
        assert!(sources.is_empty());
        assert!(twice.iter().any(|error| error.to_string().contains("the file is given twice")), "{twice:?}");
    }
}
