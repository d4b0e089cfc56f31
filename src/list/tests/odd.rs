//! Servers that repeat themselves, or never come to an end.

use super::*;

fn counted(ask: &Ask) -> usize {
    ask.token.as_deref().map_or(0, |token| token.parse().unwrap())
}

#[tokio::test(start_paused = true)]
async fn pages_that_bring_nothing_and_never_end_are_an_error_and_no_flood() {
    for keys in [&[][..], &["a"], &["a", "b", "c"]] {
        let fake = Fake::new(move |ask| page(keys, Some(&(counted(ask) + 1).to_string())));
        let start = Instant::now();
        let error = list(&fake, &[""]).await.unwrap_err();
        assert_eq!(error.source.class, Class::Malformed, "{keys:?}");
        assert_eq!(error.source.message, "500 pages in a row bring nothing new, and say that more follows", "{keys:?}");
        let (asked, took) = (fake.asked().len(), start.elapsed());
        assert!((500..=501).contains(&asked), "{keys:?}: {asked}");
        assert!((20 * SECOND..MINUTE).contains(&took), "{keys:?}: {took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn folders_that_bring_nothing_and_never_end_are_an_error() {
    for names in [&[][..], &["a/"], &["a/", "b/"]] {
        let fake = Fake::new(move |ask| folders(names, Some(&(counted(ask) + 1).to_string())));
        let lister = Lister::new(fake.clone(), retry_policy(), Arc::default());
        let mut pages = Box::pin(lister.pages_of(vec![scope("", Depth::Folders)]));
        let mut found = Vec::new();
        let error = loop {
            match pages.next().await.unwrap() {
                Ok((_, page)) => found.extend(page.folders),
                Err(error) => break error,
            }
        };
        assert_eq!((error.source.class, found.len()), (Class::Malformed, names.len()), "{error}");
        assert!(fake.asked().len() <= 501);
    }
}

#[tokio::test(start_paused = true)]
async fn a_bucket_with_many_pages_of_deleted_versions_is_listed() {
    let fake = Fake::new(|ask| match counted(ask) {
        at @ (0..400 | 401..800) => page(&[], Some(&(at + 1).to_string())),
        400 => page(&["a"], Some("401")),
        _ => page(&["b"], None),
    });
    assert_eq!(list(&fake, &[""]).await.unwrap(), ["a", "b"]);
}

#[tokio::test(start_paused = true)]
async fn an_object_that_is_listed_twice_is_one() {
    for (pages, once, case) in [
        (&["a a b c c"][..], "a b c", "in one page"),
        (&["a b", "b c"], "a b c", "at the end of a page, and the beginning of the next"),
        (&["a b", "a b c"], "a b c", "on two pages that overlap"),
        (&["a b", "a b", "c"], "a b c", "on a page that comes again"),
        (&["c a b", "b c"], "a b c", "in no order"),
        (&["a b", "b d c", "c d"], "a b c d", "in an order that is lost on the way"),
    ] {
        let fake = Fake::new(move |ask| {
            let at = counted(ask);
            let keys: Vec<&str> = pages[at].split(' ').collect();
            page(&keys, (at + 1 < pages.len()).then(|| (at + 1).to_string()).as_deref())
        });
        assert_eq!(list(&fake, &[""]).await.unwrap().join(" "), once, "{case}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_that_goes_back_into_what_was_listed_is_an_error() {
    let fake_of = |pages: &'static [&'static str]| {
        Fake::new(move |ask| {
            let at = counted(ask);
            let keys: Vec<&str> = pages[at].split(' ').collect();
            page(&keys, (at + 1 < pages.len()).then(|| (at + 1).to_string()).as_deref())
        })
    };
    for (pages, key, last) in [
        (&["a b c", "d e", "a b c"][..], "b", "e"),
        (&["a b", "c d", "e f", "c d", "g"], "c", "f"),
        (&["a c", "d e", "b f"], "b", "e"),
        (&["a c", "d e", "f b"], "b", "e"),
    ] {
        let why = format!("a page goes back: it has `{key}`, behind `{last}`");
        let error = list(&fake_of(pages), &[""]).await.unwrap_err();
        assert_eq!((error.source.class, &error.source.message), (Class::Malformed, &why), "{pages:?}");
        let scopes = vec![scope("", Depth::FirstKeys { pages: 9 })];
        let lister = Lister::new(fake_of(pages), retry_policy(), Arc::default());
        let pages: Vec<_> = lister.pages_of(scopes).collect().await;
        assert_eq!(pages.into_iter().find_map(Result::err).map(|error| error.source.message), Some(why));
    }
    let keys = list(&fake_of(&["m n", "a b", "c m z"]), &[""]).await.unwrap();
    assert_eq!(keys.join(" "), "a b c m n z", "what comes before all of it was not there");
}
