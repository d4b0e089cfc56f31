//! Several processes on one folder, and what is said when it cannot be used.

use super::*;

/// Another process, as far as the journal can tell.
fn stranger(dir: &TempDir, name: &str) -> Journal {
    let mut journal = Journal::open(dir.path()).unwrap();
    Arc::get_mut(&mut journal.0).unwrap().process = name.to_owned();
    journal
}

#[test]
fn a_folder_has_one_daemon_even_without_a_database() {
    let dir = folder();
    let state = dir.path().join("new/state");
    let instance = Journal::instance(&state).unwrap();
    let taken = Journal::instance(&state).unwrap_err();
    let (pid, path) = (std::process::id(), state.display());
    let said = format!("another daemon (process {pid}) uses {path}; stop it, or give this one another state_dir");
    assert_eq!((taken.to_string(), taken.trouble()), (said, Trouble::Foreign));
    assert!(!state.join(FILE).exists());
    drop(instance);
    drop(Journal::instance(&state).unwrap());
    Journal::instance(dir.path()).unwrap();
}

#[test]
fn other_processes_count_that_warm_through_the_same_cache() {
    let dir = folder();
    let journal = Journal::open(dir.path()).unwrap();
    let [one, other] = ["one", "other"].map(|name| stranger(&dir, name));
    let on = |journal: &Journal, n, url: &str| {
        let run = begun(journal, n, &n.to_string());
        journal.sends_to(&run.id, url).unwrap();
        run
    };
    let _mine = on(&journal, 1, "u");
    assert_eq!(journal.others("u").unwrap(), 0, "this process does not count");
    let theirs = [on(&one, 2, "u"), on(&one, 3, "u")];
    assert_eq!(journal.others("u").unwrap(), 1, "processes count, not runs");
    let last = on(&other, 4, "u");
    let _elsewhere = on(&other, 5, "v");
    let _lists_yet = begun(&other, 6, "6");
    assert_eq!((journal.others("u").unwrap(), one.others("u").unwrap()), (2, 2));
    finish(&other, &last, &end(60));
    assert_eq!(journal.others("u").unwrap(), 1, "it has ended");
    drop(theirs);
    assert_eq!(journal.others("u").unwrap(), 0, "its process is gone");
}

#[tokio::test]
async fn a_run_that_records_says_where_it_sends() {
    let dir = folder();
    let journal = Journal::open(dir.path()).unwrap();
    let run = begun(&journal, 1, "p");
    journal.record(&run, "u").finish().await;
    assert_eq!(stranger(&dir, "other").others("u").unwrap(), 1);
}

#[test]
fn its_size_is_that_of_its_files() {
    let dir = folder();
    let journal = Journal::open(dir.path()).unwrap();
    journal.probe().unwrap();
    let names = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap());
    let files = names.filter(|entry| entry.file_name().to_str().unwrap().starts_with(FILE));
    assert_eq!(journal.bytes(), files.map(|entry| entry.metadata().unwrap().len()).sum::<u64>());
    assert!(journal.bytes() > fs::metadata(journal.path()).unwrap().len(), "with what is written ahead");
}

#[test]
fn what_cannot_be_written_now_is_told_apart_from_what_never_can() {
    let dir = folder();
    let journal = Journal::open(dir.path()).unwrap();
    let trouble = |what: Result<(), JournalError>| what.unwrap_err().trouble();
    let pages = |n: i64| {
        let was = "max_page_count";
        journal.lock().pragma_update_and_check(None, was, n, |_| Ok(())).unwrap();
    };
    pages(1);
    let long = "x".repeat(1 << 20);
    let full = journal.apply_fingerprint("p", &long);
    assert!(full.as_ref().unwrap_err().to_string().contains("full"), "{full:?}");
    assert_eq!(trouble(full), Trouble::Passing, "the disk is full");
    pages(1 << 30);
    journal.apply_fingerprint("p", &long).unwrap();
    let reader = Journal::read(dir.path()).unwrap().unwrap();
    assert_eq!(trouble(reader.probe()), Trouble::Passing, "it is read-only");

    fs::rename(journal.path(), dir.path().join("away")).unwrap();
    assert_eq!(trouble(journal.probe()), Trouble::Passing, "the file is gone");
    fs::write(journal.path(), "").unwrap();
    let error = journal.probe().unwrap_err();
    assert!(error.to_string().ends_with("another file is in its place"), "{error}");
}
