//! How a listing retries, against a list endpoint that answers by script under a paused clock.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;
use std::sync::atomic::Ordering;

use futures::StreamExt;
use tokio::time::{Instant, sleep};

use super::lister::WHOLE;
use super::*;
use crate::report::Progress;
use model::object::Object;
use s3::Class;

mod depths;
mod odd;
mod reads;
mod several;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// One request, as the script sees it.
#[derive(Clone, Debug)]
struct Ask {
    /// Of a read, its key.
    prefix: String,
    token: Option<String>,
    after: Option<String>,
    delimiter: bool,
    /// Requests that are under way, with this one.
    open: usize,
    /// Counts the requests for this page, from 1.
    nth: u32,
    rereads: u32,
    /// What was learned of the bucket before it was sent.
    region: Option<String>,
    /// Since the start.
    at: Duration,
}

type Answer = (Duration, Option<Result<Page, RequestError>>);

fn page(keys: &[&str], next: Option<&str>) -> Answer {
    let objects = keys.iter().map(|key| Object {
        bucket: Bucket::new("b"),
        key: Key::from(*key),
        size: 1,
        etag: None,
        last_modified: chrono::DateTime::UNIX_EPOCH,
        storage_class: None,
    });
    let page = Page { objects: objects.collect(), next: next.map(str::to_owned), ..Page::default() };
    (Duration::ZERO, Some(Ok(page)))
}

fn folders(names: &[&str], next: Option<&str>) -> Answer {
    let folders = names.iter().map(|name| Key::from(*name)).collect();
    let page = Page { folders, next: next.map(str::to_owned), ..Page::default() };
    (Duration::ZERO, Some(Ok(page)))
}

fn error(class: Class) -> RequestError {
    RequestError { class, message: "by script".to_owned(), retry_after: None, region: None }
}

fn fails(class: Class) -> Answer {
    (Duration::ZERO, Some(Err(error(class))))
}

fn elsewhere(region: &str) -> Answer {
    (Duration::ZERO, Some(Err(RequestError { region: Some(region.to_owned()), ..error(Class::Rejected) })))
}

fn throttled(wait: Duration) -> Answer {
    (Duration::ZERO, Some(Err(RequestError { retry_after: Some(wait), ..error(Class::Throttled) })))
}

fn silence() -> Answer {
    (Duration::ZERO, None)
}

fn after(wait: Duration, answer: Answer) -> Answer {
    (wait, answer.1)
}

struct Fake {
    script: Box<dyn Fn(&Ask) -> Answer + Send + Sync>,
    began: Instant,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    asked: Vec<Ask>,
    counts: HashMap<(String, Option<String>, Option<String>), u32>,
    open: usize,
    most_open: usize,
    rereads: u32,
    regions: HashMap<String, String>,
}

impl Fake {
    fn new(script: impl Fn(&Ask) -> Answer + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { script: Box::new(script), began: Instant::now(), state: Mutex::default() })
    }

    fn asked(&self) -> Vec<Ask> {
        self.state.lock().unwrap().asked.clone()
    }

    async fn answer<T>(&self, request: PageRequest<'_>, read: impl Fn(Page) -> T) -> Result<T, RequestError> {
        let PageRequest { bucket, prefix, after, continuation, delimiter } = request;
        let (wait, what) = {
            let mut state = self.state.lock().unwrap();
            let (prefix, token) = (prefix.to_string(), continuation.map(str::to_owned));
            let after = after.map(ToString::to_string);
            let nth = state.counts.entry((prefix.clone(), token.clone(), after.clone())).or_default();
            *nth += 1;
            let nth = *nth;
            let region = state.regions.get(bucket.as_str()).cloned();
            let (at, rereads) = (self.began.elapsed(), state.rereads);
            let open = state.open + 1;
            let ask = Ask { prefix, token, after, delimiter, open, nth, rereads, region, at };
            let answer = (self.script)(&ask);
            state.asked.push(ask);
            state.open += 1;
            state.most_open = state.most_open.max(state.open);
            answer
        };
        let _open = Open(self);
        sleep(wait).await;
        match what {
            Some(answer) => answer.map(read),
            None => std::future::pending().await,
        }
    }
}

struct Open<'a>(&'a Fake);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        if let Ok(mut state) = self.0.state.lock() {
            state.open -= 1;
        }
    }
}

impl Lists for Fake {
    async fn page(&self, request: PageRequest<'_>) -> Result<Page, RequestError> {
        self.answer(request, |page| page).await
    }

    async fn buckets(&self) -> Result<Vec<BucketName>, RequestError> {
        let read = |page: Page| {
            let names = page.objects.names().into_iter();
            names.map(|name| BucketName { bucket: Bucket::new(&name), region: None }).collect()
        };
        let (bucket, prefix) = (Bucket::new(""), Key::from(""));
        let request =
            PageRequest { bucket: &bucket, prefix: &prefix, after: None, continuation: None, delimiter: false };
        self.answer(request, read).await
    }

    /// The key of the one object that the script has is the body.
    async fn read(&self, bucket: &Bucket, key: &Key, most: usize) -> Result<Option<Vec<u8>>, RequestError> {
        let body = |page: Page| {
            let body = page.objects.first().map(|object| object.key.to_vec());
            body.map(|body| body.into_iter().take(most).collect())
        };
        self.answer(PageRequest { bucket, prefix: key, after: None, continuation: None, delimiter: false }, body).await
    }

    async fn reread_keys(&self) -> Result<(), String> {
        sleep(SECOND).await;
        self.state.lock().unwrap().rereads += 1;
        Ok(())
    }

    fn learn(&self, bucket: &Bucket, region: &str) -> bool {
        let mut state = self.state.lock().unwrap();
        state.regions.insert(bucket.to_string(), region.to_owned()).is_none_or(|before| before != region)
    }
}

fn retry_policy() -> RetryPolicy {
    RetryPolicy {
        share: Arc::new(FairSemaphore::new(4).share()),
        page_timeout: MINUTE,
        retries: 4,
        outage_wait: 5 * MINUTE,
        first_wait: Duration::MAX,
    }
}

fn scope(prefix: &str, depth: Depth) -> Scope {
    Scope { bucket: Bucket::new("b"), prefix: Key::from(prefix), depth }
}

/// The keys, or the first error.
async fn list(fake: &Arc<Fake>, prefixes: &[&str]) -> Result<Vec<String>, ListError> {
    let scope = |prefix: &&str| scope(prefix, Depth::Keys);
    let progress = Arc::new(Progress::default());
    let lister = Lister::new(fake.clone(), retry_policy(), progress.clone());
    let mut pages = Box::pin(lister.pages(prefixes.iter().map(scope).collect()));
    let mut keys = Vec::new();
    while let Some(page) = pages.next().await {
        keys.extend(page?.objects.names());
    }
    assert_eq!(progress.listed.load(Ordering::Relaxed), keys.len() as u64);
    assert_eq!(progress.list_requests.load(Ordering::Relaxed), fake.asked().len() as u64);
    keys.sort();
    Ok(keys)
}

#[tokio::test(start_paused = true)]
async fn a_prefix_is_walked_page_by_page_with_the_servers_own_tokens() {
    let fake = Fake::new(|ask| match ask.token.as_deref() {
        None => page(&["a", "b"], Some("opaque+/=")),
        Some("opaque+/=") => page(&[], Some("more")),
        Some("more") => page(&["c"], None),
        other => panic!("{other:?}"),
    });
    assert_eq!(list(&fake, &[""]).await.unwrap(), ["a", "b", "c"]);
}

#[tokio::test(start_paused = true)]
async fn a_page_is_asked_for_again_as_often_as_allowed() {
    for class in [Class::Throttled, Class::ServerError] {
        let fake = Fake::new(move |ask| if ask.nth <= 4 { fails(class) } else { page(&["a"], None) });
        assert_eq!(list(&fake, &[""]).await.unwrap(), ["a"], "{class}");
        let fake = Fake::new(move |_| fails(class));
        assert_eq!(list(&fake, &[""]).await.unwrap_err().source.class, class);
        assert_eq!(fake.asked().len(), 5, "{class}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_asking_again_would_not_change_is_asked_once() {
    for class in [Class::NotFound, Class::Rejected, Class::Malformed, Class::Truncated] {
        let fake = Fake::new(move |_| fails(class));
        let error = list(&fake, &["p/"]).await.unwrap_err();
        assert_eq!((error.source.class, fake.asked().len()), (class, 1));
        assert_eq!(error.what, "list s3://b/p/");
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_in_the_middle_is_an_error_and_not_the_end() {
    let fake = Fake::new(|ask| if ask.token.is_none() { page(&["a"], Some("t")) } else { fails(Class::Malformed) });
    assert_eq!(list(&fake, &[""]).await.unwrap_err().source.class, Class::Malformed);
}

#[tokio::test(start_paused = true)]
async fn a_retry_after_is_honoured() {
    let fake = Fake::new(|ask| if ask.nth == 1 { throttled(42 * SECOND) } else { page(&["a"], None) });
    assert_eq!(list(&fake, &[""]).await.unwrap(), ["a"]);
    assert!(fake.asked()[1].at >= 42 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_region_that_the_server_names_is_learned_and_asked_for_at_once() {
    let fake = Fake::new(|ask| if ask.region.is_some() { page(&["a"], None) } else { elsewhere("EU-NORTH-05A") });
    assert_eq!(list(&fake, &[""]).await.unwrap(), ["a"]);
    let asked = fake.asked();
    assert_eq!((asked.len(), asked[1].at, asked[1].region.as_deref()), (2, Duration::ZERO, Some("EU-NORTH-05A")));
}

#[tokio::test(start_paused = true)]
async fn denied_keys_are_read_again_once() {
    let fake = Fake::new(|ask| if ask.rereads == 1 { page(&["a"], None) } else { fails(Class::Denied) });
    assert_eq!(list(&fake, &[""]).await.unwrap(), ["a"]);
    let fake = Fake::new(|_| fails(Class::Denied));
    assert_eq!(list(&fake, &[""]).await.unwrap_err().source.class, Class::Denied);
    assert_eq!((fake.asked().len(), fake.state.lock().unwrap().rereads), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn a_token_that_does_not_advance_is_an_error() {
    let fake = Fake::new(|_| page(&["a"], Some("same")));
    assert_eq!(list(&fake, &[""]).await.unwrap_err().source.class, Class::Malformed);
    assert_eq!(fake.asked().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_ends_a_page_and_begins_the_next_is_listed_once() {
    let fake = Fake::new(|ask| match ask.token.as_deref() {
        None => page(&["a", "b"], Some("1")),
        Some("1") => page(&["b"], Some("2")),
        Some("2") => page(&[], Some("3")),
        _ => page(&["b", "c"], None),
    });
    assert_eq!(list(&fake, &[""]).await.unwrap(), ["a", "b", "c"]);
}

#[tokio::test(start_paused = true)]
async fn several_prefixes_are_walked_at_once_and_no_more_than_allowed() {
    let fake = Fake::new(|ask| match &ask.token {
        None => after(SECOND, page(&[&format!("{}1", ask.prefix)], Some("t"))),
        Some(_) => after(SECOND, page(&[&format!("{}2", ask.prefix)], None)),
    });
    let start = Instant::now();
    let keys = list(&fake, &["a/", "b/", "c/", "d/", "e/", "f/", "g/", "h/"]).await.unwrap();
    assert_eq!((keys.len(), keys.iter().collect::<HashSet<_>>().len()), (16, 16));
    assert_eq!((fake.state.lock().unwrap().most_open, start.elapsed()), (4, 4 * SECOND));
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_has_answered_nothing_yet_may_be_given_up_sooner() {
    let take = async |fake: &Arc<Fake>, outage_wait| {
        let progress = Arc::new(Progress::default());
        let retry_policy = RetryPolicy { first_wait: 20 * SECOND, outage_wait, ..retry_policy() };
        let scopes = vec![scope("p/", Depth::Folders)];
        let start = Instant::now();
        let lister = Lister::new(fake.clone(), retry_policy, progress.clone());
        let pages: Vec<_> = lister.pages(scopes).collect().await;
        (pages.last().unwrap().is_err(), start.elapsed(), progress.trouble())
    };
    for class in [Class::Unreachable, Class::Lost] {
        let fake = Fake::new(move |_| fails(class));
        let (failed, took, trouble) = take(&fake, 5 * MINUTE).await;
        assert!(failed && (20 * SECOND..21 * SECOND).contains(&took), "{class}: {took:?}");
        let said = if class == Class::Lost { "lost: by script" } else { "cannot reach by script" };
        assert_eq!(trouble, Some(format!("{said}; trying for 20s")));
    }
    let (_, took, _) = take(&Fake::new(|_| fails(Class::Unreachable)), 2 * SECOND).await;
    assert!((2 * SECOND..3 * SECOND).contains(&took), "no longer than an outage: {took:?}");
    let fake =
        Fake::new(|ask| if ask.token.is_none() { folders(&["a/"], Some("1")) } else { fails(Class::Unreachable) });
    let (failed, took, trouble) = take(&fake, 5 * MINUTE).await;
    assert!(failed && took >= 5 * MINUTE, "one that has answered is waited for: {took:?}");
    assert_eq!(trouble.as_deref(), Some("cannot reach by script; trying for 5m"));
    let fake = Fake::new(|ask| if ask.nth == 1 { fails(Class::Unreachable) } else { folders(&["a/"], None) });
    assert_eq!(take(&fake, 5 * MINUTE).await.2, None, "it is over once something is answered");
    let fake = Fake::new(|ask| if ask.nth < 4 { fails(Class::ServerError) } else { fails(Class::Unreachable) });
    assert!(take(&fake, 5 * MINUTE).await.1 >= 5 * MINUTE, "an error is an answer");
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_cannot_be_reached_or_is_silent_ends_the_listing_after_the_wait() {
    for (answer, class) in [
        (fails(Class::Unreachable), Class::Unreachable),
        (silence(), Class::TimedOut),
        (after(SECOND, fails(Class::Lost)), Class::Lost),
    ] {
        let fake = Fake::new(move |_| answer.clone());
        let start = Instant::now();
        assert_eq!(list(&fake, &[""]).await.unwrap_err().source.class, class);
        assert!((5 * MINUTE..7 * MINUTE).contains(&start.elapsed()), "{class}: {:?}", start.elapsed());
        assert!(fake.asked().len() < 120, "not in a hurry: {}", fake.asked().len());
    }
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_comes_back_in_time_is_listed_whole() {
    let fake = Fake::new(|ask| match &ask.token {
        None => page(&["a"], Some("t")),
        Some(_) if ask.at < 4 * MINUTE => fails(Class::Unreachable),
        Some(_) => page(&["b"], None),
    });
    assert_eq!(list(&fake, &[""]).await.unwrap(), ["a", "b"]);
}

#[tokio::test(start_paused = true)]
async fn buckets_are_asked_for_as_patiently() {
    let fake = Fake::new(|ask| match ask.nth {
        1 => fails(Class::Denied),
        2 => throttled(SECOND),
        _ => page(&["one", "two"], None),
    });
    let found = Lister::new(fake, retry_policy(), Arc::default()).buckets().await.unwrap();
    assert_eq!(found.iter().map(Bucket::as_str).collect::<Vec<_>>(), ["one", "two"]);
    let fake = Fake::new(|_| fails(Class::Rejected));
    let error = Lister::new(fake, retry_policy(), Arc::default()).buckets().await.unwrap_err();
    assert_eq!(error.to_string(), "list the buckets: rejected: by script");
}

#[tokio::test(start_paused = true)]
async fn a_region_learned_by_one_walk_serves_those_that_were_under_way() {
    let fake = Fake::new(|ask| match ask.region {
        Some(_) => page(&[&ask.prefix], None),
        None => after(SECOND, elsewhere("EU-NORTH-05A")),
    });
    assert_eq!(list(&fake, &["a", "b", "c", "d"]).await.unwrap(), ["a", "b", "c", "d"]);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_names_ever_another_region_is_believed_once() {
    let fake = Fake::new(|ask| elsewhere(if ask.nth % 2 == 0 { "ONE" } else { "TWO" }));
    assert_eq!(list(&fake, &[""]).await.unwrap_err().source.class, Class::Rejected);
    assert_eq!(fake.asked().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn walks_that_are_denied_together_read_the_keys_once() {
    let fake = Fake::new(|ask| if ask.rereads == 0 { fails(Class::Denied) } else { page(&[&ask.prefix], None) });
    assert_eq!(list(&fake, &["a", "b", "c", "d"]).await.unwrap(), ["a", "b", "c", "d"]);
    assert_eq!(fake.state.lock().unwrap().rereads, 1);
}

#[tokio::test(start_paused = true)]
async fn a_retry_after_beyond_all_reason_is_not_waited_for() {
    let fake = Fake::new(|ask| match ask.nth {
        1 => throttled(Duration::from_secs(u64::MAX)),
        _ => page(&["a"], None),
    });
    assert_eq!(list(&fake, &[""]).await.unwrap(), ["a"]);
    assert!(fake.asked()[1].at <= 6 * MINUTE, "no longer than an outage");
}

#[tokio::test(start_paused = true)]
async fn tokens_that_go_round_in_a_circle_are_an_error() {
    for length in [1, 2, 3, 10, 100] {
        let fake = Fake::new(move |ask| {
            // Five pages that come once, then the circle.
            let at: usize = ask.token.as_deref().map_or(0, |token| token.parse().unwrap());
            let next = if at + 1 < 5 + length { at + 1 } else { 5 };
            page(&[], Some(&next.to_string()))
        });
        let error = list(&fake, &[""]).await.unwrap_err();
        assert_eq!(error.source.message, "the same page again", "{length}");
        assert!(fake.asked().len() < 4 * (length + 10), "{length}: {}", fake.asked().len());
    }
}
