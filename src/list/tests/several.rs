//! Several parts of a scope at the same time.

use std::io::{self, Write};

use super::*;

const PAGE: usize = 100;
const ROUND_TRIP: Duration = Duration::from_millis(200);

/// So many keys below each prefix, in pages that take a round trip.
fn answer(ask: &Ask, keys: usize, heeds: bool) -> Answer {
    let key = |n: usize| format!("{}{n:06}", ask.prefix);
    let behind = |after: &String| (0..keys).take_while(|n| key(*n) <= *after).count();
    let from = match (&ask.token, &ask.after) {
        (Some(token), _) => token.parse().unwrap(),
        (None, Some(after)) if heeds => behind(after),
        _ => 0,
    };
    let names: Vec<String> = (from..keys.min(from + PAGE)).map(key).collect();
    let next = (from + PAGE < keys).then(|| (from + PAGE).to_string());
    after(ROUND_TRIP, page(&names.iter().map(String::as_str).collect::<Vec<_>>(), next.as_deref()))
}

async fn listed(fake: &Arc<Fake>, prefixes: &[&str], in_flight: usize) -> (Vec<String>, Vec<u64>) {
    listed_from(&FairSemaphore::new(in_flight), fake, prefixes).await
}

async fn listed_from(semaphore: &FairSemaphore, fake: &Arc<Fake>, prefixes: &[&str]) -> (Vec<String>, Vec<u64>) {
    let retry_policy = RetryPolicy { share: Arc::new(semaphore.share()), ..retry_policy() };
    let progress = Arc::new(Progress::default());
    let scopes = prefixes.iter().map(|prefix| scope(prefix, Depth::Keys)).collect();
    let lister = Lister::new(fake.clone(), retry_policy, progress.clone());
    let mut pages = Box::pin(lister.pages(scopes));
    let (mut keys, mut shares) = (Vec::new(), Vec::new());
    while let Some(page) = pages.next().await {
        keys.extend(page.unwrap().objects.names());
        shares.push(progress.listed_share.load(Ordering::Relaxed));
    }
    keys.sort();
    (keys, shares)
}

fn all(prefixes: &[&str], keys: usize) -> Vec<String> {
    prefixes.iter().flat_map(|prefix| (0..keys).map(move |n| format!("{prefix}{n:06}"))).collect()
}

#[tokio::test(start_paused = true)]
async fn one_prefix_is_listed_by_as_many_as_are_allowed() {
    let fake = Fake::new(|ask| answer(ask, 10_000, true));
    let start = Instant::now();
    let (keys, shares) = listed(&fake, &["d/"], 16).await;
    assert!(keys == all(&["d/"], 10_000));
    assert_eq!(fake.state.lock().unwrap().most_open, 16);
    assert!(start.elapsed() <= 20 * ROUND_TRIP, "{:?} for 100 pages", start.elapsed());
    assert!(shares.is_sorted() && shares[shares.len() / 2] > WHOLE / 10, "{shares:?}");
    assert!(shares.last().is_some_and(|last| (WHOLE - 9..=WHOLE).contains(last)), "{shares:?}");
}

#[tokio::test(start_paused = true)]
async fn the_listings_of_an_endpoint_share_its_places() {
    let fake = Fake::new(|ask| answer(ask, if ask.prefix == "poll/" { 50 } else { 20_000 }, true));
    let semaphore = FairSemaphore::new(16);
    let began = Instant::now();
    let (first, second, poll) = tokio::join!(
        async {
            let (keys, _) = listed_from(&semaphore, &fake, &["first/"]).await;
            (keys, began.elapsed())
        },
        async {
            sleep(8 * ROUND_TRIP).await;
            let (keys, _) = listed_from(&semaphore, &fake, &["second/"]).await;
            (keys, began.elapsed())
        },
        async {
            sleep(9 * ROUND_TRIP).await;
            let (keys, _) = listed_from(&semaphore, &fake, &["poll/"]).await;
            (keys, began.elapsed() - 9 * ROUND_TRIP)
        },
    );
    assert!(first.0 == all(&["first/"], 20_000) && second.0 == all(&["second/"], 20_000) && poll.0.len() == 50);
    assert_eq!(fake.state.lock().unwrap().most_open, 16);
    assert!(poll.1 <= 2 * ROUND_TRIP, "{:?} for one page", poll.1);
    // Alone each takes 20 rounds or so; 400 pages take 25 at least.
    assert!(second.1 <= 40 * ROUND_TRIP && second.1 >= first.1, "{:?}, and the first {:?}", second.1, first.1);
    let asked = fake.asked();
    let of_second = asked.iter().filter(|ask| ask.prefix == "second/" && ask.at < first.1).count();
    assert!(of_second >= 40, "{of_second} pages of the second one while there was the first");
}

#[tokio::test(start_paused = true)]
async fn throttling_lowers_how_many_are_under_way_and_costs_no_key() {
    for class in [Class::Throttled, Class::ServerError, Class::TimedOut] {
        let fake = Fake::new(move |ask| match ask.open {
            // The first eight pages come, so that there are parts enough.
            7.. if ask.at > 8 * ROUND_TRIP => after(ROUND_TRIP / 4, fails(class)),
            _ => answer(ask, 30_000, true),
        });
        let (keys, _) = listed(&fake, &["d/"], 32).await;
        assert!(keys == all(&["d/"], 30_000), "{class}: {} keys", keys.len());
        let asked = fake.asked();
        let refused = |from: Duration| asked.iter().filter(|ask| ask.open >= 7 && ask.at > from).count();
        let settled = 8 * ROUND_TRIP + 3 * SECOND;
        let behind = asked.iter().filter(|ask| ask.at > settled).count();
        assert!(refused(8 * ROUND_TRIP) > 10 && behind > 100, "{class}: the case is one");
        assert!(refused(settled) * 8 <= behind, "{class}: {} of {behind} are refused later", refused(settled));
        // It is tried again whether more can be had.
        assert!(asked.iter().any(|ask| ask.open >= 6 && ask.at > settled), "{class}");
    }
}

#[tokio::test(start_paused = true)]
async fn while_it_throttles_nothing_is_cut() {
    let outage = 5 * SECOND..6 * SECOND;
    let fake = Fake::new({
        let outage = outage.clone();
        move |ask| if outage.contains(&ask.at) { fails(Class::Throttled) } else { answer(ask, 60_000, true) }
    });
    let (keys, _) = listed(&fake, &["d/"], 8).await;
    assert!(keys == all(&["d/"], 60_000));
    let asked = fake.asked();
    let cuts = |during: std::ops::Range<Duration>| {
        asked.iter().filter(|ask| ask.after.is_some() && ask.nth == 1 && during.contains(&ask.at)).count()
    };
    assert!(cuts(SECOND..outage.start) > 0, "the case is one");
    assert_eq!(cuts(outage), 0);
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_mishandles_start_after_is_named_once() {
    let written = Arc::new(Mutex::new(Vec::new()));
    let lines = written.clone();
    let subscriber = tracing_subscriber::fmt().without_time().with_target(false).with_ansi(false);
    let subscriber = subscriber.with_writer(move || Lines(lines.clone())).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let fake = Fake::new(|ask| answer(ask, 2_000, false));
    let (keys, _) = listed(&fake, &["a/", "b/", "c/"], 8).await;
    assert!(keys == all(&["a/", "b/", "c/"], 2_000));
    let asked = fake.asked();
    assert!(asked.iter().filter(|ask| ask.after.is_some()).count() <= 6, "each prefix finds out at its first cuts");
    let written = String::from_utf8(written.lock().unwrap().clone()).unwrap();
    assert_eq!(written.matches("mishandles start-after").count(), 1, "{written}");
    assert!(written.contains("it begins before the key that it is asked to begin after"), "{written}");
}

struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        Write::write(&mut *self.0.lock().unwrap(), text)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
