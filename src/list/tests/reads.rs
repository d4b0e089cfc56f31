use super::*;

async fn body(fake: &Arc<Fake>, most: usize) -> Result<Option<String>, ListError> {
    let progress = Arc::new(Progress::default());
    let (bucket, key) = (Bucket::new("b"), Key::from("run/latest"));
    let lister = Lister::new(fake.clone(), retry_policy(), progress.clone());
    let read = lister.read(&bucket, &key, most).await;
    assert_eq!(progress.list_requests.load(Ordering::Relaxed), 0, "a read is no LIST");
    assert!(fake.asked().iter().all(|ask| ask.prefix == "run/latest"));
    Ok(read?.map(|body| String::from_utf8(body).unwrap()))
}

#[tokio::test(start_paused = true)]
async fn a_read_is_the_beginning_of_an_object_or_nothing() {
    let fake = Fake::new(|_| page(&["iter_0000100"], None));
    assert_eq!(body(&fake, 4).await.unwrap().as_deref(), Some("iter"));
    let fake = Fake::new(|_| page(&[], None));
    assert_eq!(body(&fake, 4).await.unwrap(), None);
    assert_eq!(fake.asked().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_read_is_as_patient_as_a_page() {
    let fake = Fake::new(|ask| match (ask.rereads, ask.region.as_deref(), ask.nth) {
        (0, ..) => fails(Class::Denied),
        (_, None, _) => elsewhere("EU-NORTH-05A"),
        (.., 3) => fails(Class::Lost),
        (.., 4) => silence(),
        (.., 5) => throttled(42 * SECOND),
        _ => page(&["100"], None),
    });
    assert_eq!(body(&fake, 100).await.unwrap().as_deref(), Some("100"));
    let asked = fake.asked();
    assert_eq!(asked.len(), 6);
    assert!(asked[4].at - asked[3].at >= MINUTE, "the deadline of a page");
    assert!(asked[5].at - asked[4].at >= 42 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_read_that_fails_names_the_object() {
    for (class, asked) in [(Class::NotFound, 1), (Class::Denied, 2), (Class::ServerError, 5)] {
        let fake = Fake::new(move |_| fails(class));
        let error = body(&fake, 4).await.unwrap_err();
        assert_eq!(error.to_string(), format!("read s3://b/run/latest: {class}: by script"));
        assert_eq!(fake.asked().len(), asked);
    }
}
