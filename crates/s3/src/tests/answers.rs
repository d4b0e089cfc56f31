use std::time::Duration;

use super::{To, clients, sim, training};
use crate::{Class, PageRequest};
use model::object::Key;
use sim::{Bucket, EmptyHead, Entry, Fault, HeadForm, Kind, Rule, Side, Sim};

async fn one() -> Sim {
    sim(Bucket::new().object("a", Entry::sized(1234)).object("empty", Entry::sized(0))).await
}

#[tokio::test]
async fn the_size_is_read_from_both_forms_of_the_answer() {
    let sim = one().await;
    let clients = clients(&sim).await;
    for form in [HeadForm::Whole, HeadForm::Partial] {
        sim.set_cache(|lota| lota.ranged_head = form);
        let warmed = clients.warm("a").await.unwrap();
        assert_eq!(warmed.size, Some(1234), "{form:?}");
        assert_eq!(warmed.etag.unwrap().as_str(), &*sim.get("training", "a").unwrap().etag);
    }
}

#[tokio::test]
async fn an_empty_object_is_truncated_or_warm_as_the_server_has_it() {
    let sim = one().await;
    let clients = clients(&sim).await;
    let error = clients.warm("empty").await.unwrap_err();
    assert_eq!((error.class, error.message.as_str()), (Class::Truncated, "416"));
    sim.set_cache(|lota| lota.empty_head = EmptyHead::Ok);
    assert_eq!(clients.warm("empty").await.unwrap().size, Some(0));
}

#[tokio::test]
async fn only_an_answer_of_200_or_206_says_that_the_cache_holds_it() {
    let sim = one().await;
    let clients = clients(&sim).await;
    for status in [201, 202, 204] {
        sim.faults().clear();
        sim.faults().push(Rule::new(Fault::Status { status, code: "Odd".to_owned(), retry_after: None }));
        let error = clients.warm("a").await.unwrap_err();
        assert_eq!(error.to_string(), format!("malformed: {status} does not say that the cache holds it"));
    }
}

#[tokio::test]
async fn a_status_has_its_class_on_both_sides() {
    let sim = one().await;
    let clients = clients(&sim).await;
    for (status, class) in [
        (301, Class::Rejected),
        (400, Class::Rejected),
        (401, Class::Denied),
        (403, Class::Denied),
        (404, Class::NotFound),
        (408, Class::ServerError),
        (416, Class::Truncated),
        (429, Class::Throttled),
        (500, Class::ServerError),
        (502, Class::ServerError),
        (503, Class::Throttled),
    ] {
        let wait = Some(Duration::from_secs(7));
        sim.faults().clear();
        sim.faults().push(Rule::new(Fault::Status { status, code: "Odd".to_owned(), retry_after: wait }));
        let error = clients.warm("a").await.unwrap_err();
        assert_eq!((error.class, error.retry_after), (class, wait), "{status}");
        let request = PageRequest {
            bucket: &training(),
            prefix: &Key::from(""),
            after: None,
            continuation: None,
            delimiter: false,
        };
        let error = clients.list.page(request).await.unwrap_err();
        assert_eq!((error.class, error.retry_after), (class, wait), "{status}");
        assert!(error.message.starts_with(&status.to_string()), "{error}");
    }
}

#[tokio::test]
async fn the_region_of_a_refusal_is_read_and_signed_for_once_it_is_learned() {
    let elsewhere = Bucket::new().object("a", Entry::sized(7)).region("eu-north-05a");
    let sim = sim(elsewhere).await;
    let clients = clients(&sim).await;
    let request =
        PageRequest { bucket: &training(), prefix: &Key::from(""), after: None, continuation: None, delimiter: false };
    let error = clients.list.page(request).await.unwrap_err();
    assert_eq!((error.class, error.region.as_deref()), (Class::Rejected, Some("eu-north-05a")));
    let error = clients.warm("a").await.unwrap_err();
    assert_eq!((error.class, error.region.as_deref()), (Class::Rejected, Some("eu-north-05a")));
    assert!(clients.regions.learn(&training(), "eu-north-05a"));
    assert_eq!(clients.list.page(request).await.unwrap().objects.len(), 1);
    clients.warm("a").await.unwrap();
}

#[tokio::test]
async fn an_answer_that_is_no_s3_answer_is_an_error_and_not_an_empty_page() {
    let sim = one().await;
    let clients = clients(&sim).await;
    for body in ["", "<html>welcome</html>", "{\"objects\":[]}", "<ListBucketResult><Contents><Key>a</Key>"] {
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        sim.faults().clear();
        sim.faults().push(Rule::new(Fault::Raw { status: 200, answer: answer.into() }).side(Side::List));
        let request = PageRequest {
            bucket: &training(),
            prefix: &Key::from(""),
            after: None,
            continuation: None,
            delimiter: false,
        };
        let answer = clients.list.page(request).await;
        assert_eq!(answer.map_err(|error| error.class).err(), Some(Class::Malformed), "{body:?}");
    }
}

#[tokio::test]
async fn keys_that_a_server_repeats_are_starred() {
    let (secret, token) = ("SECRET-OF-THE-KEY", "TOKEN-OF-THE-SESSION");
    let body = format!("<Error><Code>AccessDenied</Code><Message>sent {secret}</Message></Error>");
    let answer = format!("HTTP/1.1 403 Forbidden\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let sim = one().await;
    let (cache, list) = (sim.cache_url(), sim.list_url());
    let clients = To { secret, ..To::new(&cache, &list) }.connect().await;
    sim.faults().push(Rule::new(Fault::Raw { status: 403, answer: answer.into() }));
    let request =
        PageRequest { bucket: &training(), prefix: &Key::from(""), after: None, continuation: None, delimiter: false };
    let page = clients.list.page(request).await.unwrap_err();
    let buckets = clients.list.buckets().await.unwrap_err();
    let read = clients.list.read(&training(), &Key::from("a"), 9).await.unwrap_err();
    for (what, error) in [("page", page), ("buckets", buckets), ("read", read)] {
        assert_eq!((error.class, &*error.message), (Class::Denied, "403 AccessDenied: sent ***"), "{what}");
    }
    let clients = To { token: Some(token), ..To::new(&cache, &list) }.connect().await;
    clients.keys.reread().await.unwrap();
    assert_eq!(clients.keys.starred(format!("sent {token}, and SK")), "sent ***, and SK", "SK is too short to be one");
}

#[tokio::test]
async fn a_stray_chunk_after_an_error_is_not_taken_for_the_next_answer() {
    let sim = one().await;
    let clients = clients(&sim).await;
    sim.faults().push(Rule::new(Fault::stray_chunk(500)).on(Kind::RangedHead).nth(1));
    let error = clients.warm("a").await.unwrap_err();
    assert_eq!(error.class, Class::ServerError);
    match clients.warm("a").await {
        Ok(warmed) => assert_eq!(warmed.size, Some(1234)),
        Err(error) => assert!(!error.answered() || error.transient(), "{error}"),
    }
    assert_eq!(clients.warm("a").await.unwrap().size, Some(1234));
}
