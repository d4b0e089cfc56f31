use super::*;

/// What was listed of each scope, folders with a `>`, pages split by `|`, and `…` where more would follow.
async fn survey(fake: &Arc<Fake>, scopes: &[Scope]) -> Result<Vec<String>, ListError> {
    let progress = Arc::new(Progress::default());
    let mut pages = Box::pin(Lister::new(fake.clone(), retry_policy(), progress.clone()).pages_of(scopes.to_vec()));
    let mut seen = vec![Vec::new(); scopes.len()];
    let mut objects = 0;
    while let Some(page) = pages.next().await {
        let (number, page) = page?;
        objects += page.objects.len() as u64;
        let keys = page.objects.names();
        let names: Vec<String> =
            keys.into_iter().chain(page.folders.iter().map(|folder| format!("{folder}>"))).collect();
        seen[number].push((names.join(" "), page.next.is_some()));
    }
    assert_eq!(progress.listed.load(Ordering::Relaxed), objects, "folders are no objects");
    assert_eq!(progress.list_requests.load(Ordering::Relaxed), fake.asked().len() as u64);
    let text = |pages: Vec<(String, bool)>| {
        let more = pages.last().is_some_and(|(_, more)| *more);
        pages.into_iter().map(|(names, _)| names).collect::<Vec<_>>().join("|") + if more { "…" } else { "" }
    };
    Ok(seen.into_iter().map(text).collect())
}

#[tokio::test(start_paused = true)]
async fn each_range_is_listed_as_deep_as_it_asks() {
    let fake = Fake::new(|ask| match (ask.delimiter, ask.token.as_deref()) {
        (true, None) => folders(&["a/", "b/"], Some("1")),
        (true, Some("1")) => folders(&[], Some("2")),
        (true, _) => page(&["c"], None),
        (false, None) => page(&["a/1"], Some("1")),
        (false, _) => page(&["a/2"], None),
    });
    let scopes = [Depth::Folders, Depth::Keys, Depth::FirstKeys { pages: 1 }].map(|depth| scope("", depth));
    assert_eq!(survey(&fake, &scopes).await.unwrap(), ["a/> b/>||c", "a/1|a/2", "a/1…"]);
    assert_eq!(fake.asked().len(), 3 + 2 + 1);
}

#[tokio::test(start_paused = true)]
async fn a_page_says_which_range_it_is_of_however_they_overtake_each_other() {
    let fake = Fake::new(|ask| {
        let wait = if ask.prefix == "0" { 3 * SECOND } else { SECOND };
        match ask.token {
            None => after(wait, page(&[&format!("{}a", ask.prefix)], Some("t"))),
            Some(_) => after(wait, page(&[&format!("{}b", ask.prefix)], None)),
        }
    });
    let scopes: Vec<Scope> = (0..9).map(|n| scope(&n.to_string(), Depth::Keys)).collect();
    let expected: Vec<String> = (0..9).map(|n| format!("{n}a|{n}b")).collect();
    assert_eq!(survey(&fake, &scopes).await.unwrap(), expected);
}

#[tokio::test(start_paused = true)]
async fn a_first_page_that_is_the_last_says_so() {
    let fake = Fake::new(|_| page(&["a"], None));
    assert_eq!(survey(&fake, &[scope("", Depth::FirstKeys { pages: 1 })]).await.unwrap(), ["a"]);
}

#[tokio::test(start_paused = true)]
async fn a_folder_that_ends_a_page_and_begins_the_next_is_given_once() {
    let fake = Fake::new(|ask| match ask.token.as_deref() {
        None => folders(&["a/", "b/"], Some("1")),
        Some("1") => page(&["b0"], Some("2")),
        Some("2") => folders(&["b/"], Some("3")),
        _ => folders(&["b/", "c/"], None),
    });
    assert_eq!(survey(&fake, &[scope("", Depth::Folders)]).await.unwrap(), ["a/> b/>|b0||c/>"]);
}

#[tokio::test(start_paused = true)]
async fn pages_of_folders_that_go_round_in_a_circle_are_an_error() {
    for length in [1, 2, 7] {
        let fake = Fake::new(move |ask| {
            let at: usize = ask.token.as_deref().map_or(0, |token| token.parse().unwrap());
            folders(&[&format!("{at}/")], Some(&((at + 1) % length).to_string()))
        });
        let error = survey(&fake, &[scope("p/", Depth::Folders)]).await.unwrap_err();
        assert_eq!(error.to_string(), "list s3://b/p/: malformed: the same page again", "{length}");
    }
}
