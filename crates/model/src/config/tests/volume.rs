//! A volume that Kubernetes swaps while it is read.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
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

#[test]
fn generations_are_never_mixed_and_none_that_vanishes_is_an_error() {
    let volume = tempfile::tempdir().unwrap();
    let path = volume.path();
    swap(path, 0);
    for file in ["a.toml", "b.toml"] {
        symlink(format!("..data/{file}"), path.join(file)).unwrap();
    }
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            (1..=500).for_each(|generation| swap(path, generation));
            over.store(true, Ordering::Relaxed);
        });
        let ways = [vec![path.to_owned()], vec![path.join("a.toml"), path.join("b.toml")]];
        let mut seen = 0;
        while !over.load(Ordering::Relaxed) {
            for paths in &ways {
                let sources = read(paths).unwrap_or_else(|wrong| panic!("{}", wrong.render(false)));
                let generations: Vec<u32> = sources.iter().map(|source| source.text.parse().unwrap()).collect();
                assert!(generations.len() == 2 && generations[0] == generations[1], "{generations:?}");
                assert!(generations[0] >= seen, "it goes forward");
                seen = generations[0];
            }
        }
        assert!(seen > 0, "some were seen");
    });
}
