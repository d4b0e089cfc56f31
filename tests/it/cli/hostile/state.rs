//! A state folder that somebody else has prepared.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::{Desk, shows};

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_state_folder_that_others_prepared_is_not_used() {
    let desk = Desk::with_shards(1).await;
    desk.nightly("");
    let victim = |name: &str| fs::read_to_string(desk.path("victim").join(name)).unwrap();
    desk.write("victim/file", "as it was");
    let prepare = |name: &str| {
        let folder = desk.path(name);
        fs::create_dir(&folder).unwrap();
        folder
    };
    symlink("victim", desk.path("a-link")).unwrap();
    let open = prepare("open-to-all");
    fs::set_permissions(&open, fs::Permissions::from_mode(0o1777)).unwrap();
    for file in ["journal.db", "journal.lock", "journal.db-wal", "runs"] {
        let folder = prepare(&format!("with-{file}"));
        symlink(if file == "runs" { "../victim" } else { "../victim/file" }, folder.join(file)).unwrap();
    }
    let mut said = Vec::new();
    for state in
        ["a-link", "a-link/", "open-to-all", "with-journal.db", "with-journal.lock", "with-journal.db-wal", "with-runs"]
    {
        let ran = desk.run(&format!("warm --state-dir {state}"));
        assert!(ran.code == 0 && ran.err.contains("nothing is recorded"), "{ran}");
        said.push(ran);
    }
    assert_eq!(victim("file"), "as it was");
    assert_eq!(fs::read_dir(desk.path("victim")).unwrap().count(), 1, "nothing was put there");
    for ran in &mut said {
        ran.out.clear();
    }
    shows("hostile_state", &said);
    assert_eq!(desk.run("warm --state-dir of-our-own/state").code, 0);
    assert!(desk.path("of-our-own/state/journal.db").exists());
}
