use super::*;
use crate::http::tests::fake::Fake;
use crate::http::tests::views::{busy, fresh};

/// What a reader sees of a page, a line a piece of text.
fn words(page: &str) -> String {
    let start = page.find("<main>").unwrap();
    let mut text = String::new();
    let mut inside = false;
    for c in page[start..].split("</main>").next().unwrap().chars() {
        match c {
            '<' => inside = true,
            '>' => {
                inside = false;
                text.push('\n');
            }
            c if !inside => text.push(c),
            _ => {}
        }
    }
    let lines: Vec<&str> = text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    lines.join("\n")
}

#[test]
fn a_busy_daemon_says_what_is_wrong_and_how_things_stand() {
    insta::assert_snapshot!(words(&document(&main(&busy())).into_string()));
}

#[test]
fn a_fresh_daemon_has_nothing_to_complain_of() {
    insta::assert_snapshot!(words(&document(&main(&fresh())).into_string()));
}

#[test]
fn nothing_from_outside_is_markup_or_a_control_character() {
    let mut view = busy();
    let evil = "\"><script>alert(1)</script>\u{1b}[31m\u{202e}\0";
    view.reload.error = Some(format!("{evil}\nsecond line"));
    view.reload.warnings = vec![evil.to_owned()];
    view.journal.error = Some(evil.to_owned());
    view.failures[0].message = evil.to_owned();
    view.failures[0].class = evil.to_owned();
    for profile in &mut view.profiles {
        (profile.window, profile.schedules) = (Some(evil.to_owned()), vec![evil.to_owned()]);
        if let Some(last) = &mut profile.last {
            last.reason = Some(evil.to_owned());
            for group in &mut last.groups {
                (group.run, group.name, group.why) = (evil.to_owned(), evil.to_owned(), Some(evil.to_owned()));
            }
        }
        if let Some(waiting) = &mut profile.waiting {
            evil.clone_into(&mut waiting.why);
        }
    }
    let page = document(&main(&view)).into_string();
    assert_eq!(page.matches("<script").count(), 1, "the page's own");
    let main = page.split("<main>").nth(1).unwrap().split("</main>").next().unwrap();
    assert!(
        !main.contains("\"&gt;\"") && main.contains("&lt;script&gt;alert(1)&lt;/script&gt;\\u{1b}[31m\\u{202e}\\u{0}")
    );
    let odd: Vec<char> = main.chars().filter(|c| (c.is_control() && *c != '\n') || *c == '\u{202e}').collect();
    assert!(odd.is_empty(), "{odd:?}");
}

#[tokio::test]
async fn the_page_runs_and_loads_nothing_but_its_own() {
    let answer = Fake::new(busy()).get("/").await;
    let policy = answer.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none';") && !policy.contains("unsafe"), "{policy}");
    let between = |open: &str, close: &str| {
        let start = answer.text.find(open).unwrap() + open.len();
        answer.text[start..].split(close).next().unwrap()
    };
    for (kind, text) in [("style", between("<style>", "</style>")), ("script", between("<script>", "</script>"))] {
        let hash = BASE64.encode(Sha256::digest(text));
        assert!(policy.contains(&format!("{kind}-src 'sha256-{hash}'")), "{kind}: {policy}");
    }
    for forbidden in [" style=", " onclick=", "http://www", "https://", "src="] {
        assert!(!answer.text.contains(forbidden), "{forbidden}");
    }
    assert!(answer.text.contains("<noscript><meta http-equiv=\"refresh\""));
}

#[tokio::test]
async fn a_daemon_that_does_not_answer_still_has_a_page() {
    let (commands, _) = tokio::sync::mpsc::channel(1);
    let auth = crate::http::Auth::new("127.0.0.1:9464".parse().unwrap(), crate::http::TokenFiles::default());
    let router = crate::http::route::router(crate::daemon::handle::Handle(commands), auth);
    let answer = crate::http::tests::fake::send(router, crate::http::tests::fake::Asked::new("GET", "/")).await;
    assert_eq!(answer.status, 503);
    assert_eq!(words(&answer.text), "Nothing is known\n the daemon is stopping.");
}
