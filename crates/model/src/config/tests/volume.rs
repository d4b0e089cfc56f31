//! A volume that Kubernetes swaps while it is read.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use super::super::read;

/// As kubelet does it: a new folder, the link moved over, the old folder removed.
fn swap(volume: &Path, generation: u32) {
    let name = |generation: u32| format!("..{generation}");
    let folder = volume.join(name(generation));
    fs::create_dir(&folder).unwrap();
    for file in ["a.toml", "b.toml"] {
        fs::write(folder.join(file), generation.to_string()).unwrap();
    }
    symlink(name(generation), volume.join("..data_tmp")).unwrap();
    fs::rename(volume.join("..data_tmp"), volume.join("..data")).unwrap();
    if let Some(before) = generation.checked_sub(1) {
        fs::remove_dir_all(volume.join(name(before))).unwrap();
    }
}

const LAST: u32 = 500;

#[test]
fn generations_are_never_mixed_and_none_that_vanishes_is_an_error() {
    let volume = tempfile::tempdir().unwrap();
    let path = volume.path();
    swap(path, 0);
    for file in ["a.toml", "b.toml"] {
        symlink(format!("..data/{file}"), path.join(file)).unwrap();
    }
    let seen = AtomicU32::new(0);
    thread::scope(|scope| {
        scope.spawn(|| {
            for generation in 1..=LAST {
                // Neither thread runs away from the other: a reading is overtaken a few times, and is done then.
                while generation > seen.load(Ordering::Relaxed) + 10 {
                    thread::yield_now();
                }
                swap(path, generation);
            }
        });
        let ways = [vec![path.to_owned()], vec![path.join("a.toml"), path.join("b.toml")]];
        while seen.load(Ordering::Relaxed) < LAST {
            for paths in &ways {
                let sources = read(paths).unwrap_or_else(|wrong| panic!("{}", wrong.render(false)));
                let generations: Vec<u32> = sources.iter().map(|source| source.text.parse().unwrap()).collect();
                assert!(generations.len() == 2 && generations[0] == generations[1], "{generations:?}");
                assert!(seen.swap(generations[0], Ordering::Relaxed) <= generations[0], "it goes forward");
            }
        }
    });
}
