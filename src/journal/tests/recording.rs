//! Completions on their way into the journal, also while it cannot be written.

use tokio::time::Instant;

use super::*;

/// What fills what is gathered, the batch that is being written, and most of the next: the first has been tried by then.
const MANY: u64 = 1_600;

/// As a warm does it.
async fn send(notes: &mut RecordBuffer, many: std::ops::Range<u64>) {
    for n in many {
        notes.note(&ledger::tests::warmed(&n.to_string(), "e", 7, at(50)).completion());
        assert!(!notes.is_full() || notes.hand_over().await);
    }
}

/// What a warm does at its end, and a pass at its own.
async fn end(mut notes: RecordBuffer, recorder: Recorder) {
    assert!(notes.hand_over().await);
    drop(notes);
    recorder.finish().await;
}

/// A disk with room for `pages` in all; fewer than there are leave none.
fn disk_of(journal: &Journal, pages: i64) {
    journal.lock().pragma_update_and_check(None, "max_page_count", pages, |_| Ok(())).unwrap();
}

#[tokio::test]
async fn all_that_was_sent_is_written_when_the_recorder_ends() {
    let dir = folder();
    let journal = Journal::open(dir.path()).unwrap();
    let run = begun(&journal, 1, "p");
    let recorder = journal.record(&run, "u");
    let mut notes = recorder.buffer();
    send(&mut notes, 0..MANY).await;
    let written = journal.run(Ulid(1)).unwrap().unwrap().warmed.objects;
    assert!(written + 1_000 >= MANY, "kill -9 loses no more than 1,000, not {}", MANY - written);
    end(notes, recorder).await;
    assert_eq!(journal.run(Ulid(1)).unwrap().unwrap().warmed, Count { objects: MANY, bytes: 7 * MANY });
    assert_eq!(journal.waiting().unwrap().cast_unsigned(), MANY);
}

#[tokio::test(start_paused = true)]
async fn what_is_left_to_the_disk_is_brought_there_though_nothing_more_comes() {
    let dir = folder();
    let journal = Journal::open(dir.path()).unwrap();
    let run = begun(&journal, 1, "p");
    let recorder = journal.record(&run, "u");
    let mut notes = recorder.buffer();
    let state = || {
        let synchronous = |row: &rusqlite::Row<'_>| row.get::<_, u8>(0);
        let synchronous = journal.lock().pragma_query_value(None, "synchronous", synchronous).unwrap();
        (journal.run(Ulid(1)).unwrap().unwrap().warmed.objects, ["OFF", "NORMAL", "FULL"][usize::from(synchronous)])
    };
    let settled = async || tokio::time::sleep(Duration::from_millis(100)).await;
    send(&mut notes, 0..900).await;
    settled().await;
    assert_eq!(state(), (900, "FULL"), "the first");
    send(&mut notes, 900..1_800).await;
    settled().await;
    assert_eq!(state(), (1_800, "NORMAL"), "what follows at once");
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(state(), (1_800, "FULL"), "a transaction of its own");
    end(notes, recorder).await;
}

#[tokio::test]
async fn what_is_warmed_while_the_disk_is_full_is_written_when_there_is_room() {
    let dir = folder();
    let journal = Journal::open(dir.path()).unwrap();
    let run = begun(&journal, 1, "p");
    disk_of(&journal, 1);
    let recorder = journal.record(&run, "u");
    let mut notes = recorder.buffer();
    send(&mut notes, 0..MANY).await;
    assert_eq!(journal.run(Ulid(1)).unwrap().unwrap().warmed, Count::default());
    disk_of(&journal, 1 << 30);
    send(&mut notes, MANY..MANY + 1).await;
    end(notes, recorder).await;
    assert_eq!(journal.run(Ulid(1)).unwrap().unwrap().warmed.objects, MANY + 1);
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_written_is_tried_again_though_nothing_more_comes() {
    let dir = folder();
    let journal = Journal::open(dir.path()).unwrap();
    let run = begun(&journal, 1, "p");
    let written = || journal.run(Ulid(1)).unwrap().unwrap().warmed.objects;
    disk_of(&journal, 1);
    let recorder = journal.record(&run, "u");
    let mut notes = recorder.buffer();
    send(&mut notes, 0..MANY).await;
    assert!(notes.hand_over().await);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(written(), 0, "there is no room");
    disk_of(&journal, 1 << 30);
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(written(), MANY, "a second later, not with the next completion");
    end(notes, recorder).await;
}

#[tokio::test(start_paused = true)]
async fn a_few_wait_for_others_less_than_a_second() {
    let dir = folder();
    let journal = Journal::open(dir.path()).unwrap();
    let run = begun(&journal, 1, "p");
    let recorder = journal.record(&run, "u");
    let mut notes = recorder.buffer();
    let written = || journal.run(Ulid(1)).unwrap().unwrap().warmed.objects;
    send(&mut notes, 0..3).await;
    for (after, counted) in [(700, 0), (800, 3)] {
        tokio::time::sleep_until(Instant::now() + Duration::from_millis(after)).await;
        assert!(notes.hand_over_if_due(Instant::now()));
        // Whatever is written is written by then.
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert_eq!(written(), counted);
    }
    end(notes, recorder).await;
}

#[tokio::test]
async fn a_run_on_a_disk_that_stays_full_ends_all_the_same() {
    let dir = folder();
    let journal = Journal::open(dir.path()).unwrap();
    let run = begun(&journal, 1, "p");
    disk_of(&journal, 1);
    let recorder = journal.record(&run, "u");
    let mut notes = recorder.buffer();
    send(&mut notes, 0..MANY).await;
    end(notes, recorder).await;
    assert_eq!(journal.run(Ulid(1)).unwrap().unwrap().warmed, Count::default());
}
