use std::time::Duration;

use hotset::report::{Outcome, Report};
use sim::{Fault, Kind, Lota, Rule, RuleId, Side, Throttle};
use tokio::task::yield_now;

use super::stage::{Stage, bucket, builder, classes, ends, profile, run_json, snapshot, stage};
use crate::patience::leap;

/// The deadline of a request: a thousand times what one takes, and twice that is less than what servers keep idle connections.
const DEADLINE: Duration = Duration::from_secs(10);

/// Warms `p`. When nothing is under way but what `stall` has struck time leaps: by a second towards the next try, and over the
/// deadline of what is never answered.
async fn warm_with_stalls(stage: &Stage, stall: RuleId) -> Report {
    let time = async {
        let mut given_up = 0;
        loop {
            yield_now().await;
            let lists = stage.sim.counters().list.open > 0 || stage.progress(|progress| &progress.planned_objects) == 0;
            let stalled = stage.sim.faults().struck(stall) - given_up;
            if !lists && stage.progress(|progress| &progress.in_flight) == stalled {
                leap(Duration::from_secs(1) + if stalled > 0 { DEADLINE } else { Duration::ZERO }).await;
                given_up += stalled;
            }
        }
    };
    tokio::select! {
        report = stage.warm("p") => report,
        () = time => unreachable!("it has no end"),
    }
}

#[tokio::test]
async fn a_throttled_and_faulty_run_is_partial_with_counts_that_match_the_cache() {
    let throttle = Throttle { in_flight: Some(4), ..Throttle::default() };
    let lota = Lota { floor: Duration::from_millis(2), throttle, ..Lota::default() };
    let sim = builder().bucket("training", bucket("", 60)).cache(lota);
    let endpoint = "retries = 4\nstart_in_flight = 5\nbase_timeout = \"10s\"";
    let stage = stage(sim, endpoint, &profile("\"s3://training/**\"", "")).await;
    let faults = stage.sim.faults();
    faults.push(Rule::new(Fault::status(500, "InternalError")).on(Kind::RangedHead).key("07"));
    faults.push(Rule::new(Fault::status(400, "InvalidRequest")).on(Kind::RangedHead).key("08"));
    let stall = faults.push(Rule::new(Fault::Stall).on(Kind::RangedHead).key("09"));
    faults.push(Rule::new(Fault::Truncated).on(Kind::RangedHead).key("10").times(1));
    faults.push(Rule::new(Fault::Deleted).on(Kind::RangedHead).key("11").times(1));
    let reset = faults.push(Rule::new(Fault::Reset).on(Kind::RangedHead).key("12").times(1));
    let report = warm_with_stalls(&stage, stall).await;
    assert_eq!((report.outcome, ends(&report)), (Outcome::Partial, [60, 55, 1, 3, 1]));
    let expected = [("rejected", 1), ("server_error", 1), ("timed_out", 1), ("truncated", 1)];
    assert_eq!(classes(&report), expected);
    assert_eq!(stage.warm_keys(), 55);
    let cache = stage.sim.counters().cache;
    let statuses = [200, 416, 404, 400].map(|status| cache.status(status));
    // 400 may be keys that are over: once more, with those just read.
    assert_eq!((statuses, cache.status(503)), ([55, 1, 1, 2], cache.throttled));
    assert_eq!(stage.sim.key_counters("training", "07").ranged_heads, 5, "four retries");
    assert_eq!((faults.struck(stall), faults.struck(reset)), (2, 1), "once, and once more");
    snapshot("warm-partial", &run_json(&report));
}

#[tokio::test]
async fn a_cache_that_throttles_for_a_while_costs_time_and_no_object() {
    let sim = builder().bucket("training", bucket("", 40));
    let stage = stage(sim, "", &profile("\"s3://training/**\"", "")).await;
    stage.sim.faults().push(Rule::new(Fault::status(503, "SlowDown")).on(Kind::RangedHead).every_nth(2).times(30));
    let report = stage.warm("p").await;
    assert_eq!((report.outcome, ends(&report)), (Outcome::Complete, [40, 40, 0, 0, 0]));
    assert_eq!(report.totals.sends, 70);
}

#[tokio::test]
async fn connections_that_were_closed_while_idle_cost_nothing() {
    let sim = builder().bucket("training", bucket("", 40));
    let stage = stage(sim, "start_in_flight = 2\nmax_in_flight = 2", &profile("\"s3://training/**\"", "")).await;
    stage.sim.faults().push(Rule::new(Fault::ResetNext).on(Kind::RangedHead).every_nth(5));
    let report = stage.warm("p").await;
    assert_eq!((report.outcome, ends(&report)), (Outcome::Complete, [40, 40, 0, 0, 0]));
}

#[tokio::test]
async fn a_share_that_may_be_missing_decides_in_place_of_completeness() {
    for (share, outcome) in [("90%", Outcome::Complete), ("95%", Outcome::Partial)] {
        let sim = builder().bucket("training", bucket("", 10));
        let lines = format!("min_warm = \"{share}\"");
        let stage = stage(sim, "retries = 0", &profile("\"s3://training/**\"", &lines)).await;
        stage.sim.faults().push(Rule::new(Fault::status(400, "InvalidRequest")).on(Kind::RangedHead).key("03"));
        let report = stage.warm("p").await;
        assert_eq!((report.outcome, ends(&report)), (outcome, [10, 9, 0, 1, 0]), "{share}");
    }
}

#[tokio::test]
async fn what_did_not_fit_counts_against_the_share() {
    let sim = builder().bucket("training", bucket("", 10));
    let tables = profile("\"s3://training/**\"", "min_warm = \"90%\"").replace("1 TiB", "8 kB");
    let stage = stage(sim, "", &tables).await;
    let report = stage.warm("p").await;
    assert_eq!((report.outcome, ends(&report)), (Outcome::Partial, [8, 8, 0, 0, 0]));
    snapshot("warm-below-min-warm", &report.reason.unwrap());
}

#[tokio::test]
async fn a_bucket_that_the_cache_denies_is_given_up_and_others_are_warmed() {
    let sim = builder().bucket("open", bucket("", 10)).bucket("shut", bucket("", 100));
    let stage =
        stage(sim, "start_in_flight = 4\nmax_in_flight = 4", &profile("\"s3://open/**\", \"s3://shut/**\"", "")).await;
    stage.sim.faults().push(Rule::new(Fault::status(403, "AccessDenied")).on(Kind::RangedHead).bucket("shut"));
    let report = stage.warm("p").await;
    assert_eq!((report.outcome, ends(&report)), (Outcome::Partial, [110, 10, 0, 100, 0]));
    assert_eq!(classes(&report), [("denied", 100)]);
    let denied = stage.sim.counters().cache.status(403);
    assert!(denied <= 8, "two rounds of four: {denied}");
}

#[tokio::test]
async fn a_run_that_is_denied_everything_is_refused() {
    let sim = builder().bucket("training", bucket("", 10));
    let stage = stage(sim, "", &profile("\"s3://training/**\"", "")).await;
    stage.sim.faults().push(Rule::new(Fault::status(403, "AccessDenied")).on(Kind::RangedHead));
    let report = stage.warm("p").await;
    assert_eq!((report.outcome, ends(&report)), (Outcome::Refused, [10, 0, 0, 10, 0]));
}

#[tokio::test]
async fn everything_at_once_costs_time_and_no_object() {
    let lota = Lota { floor: Duration::from_millis(1), ..Lota::default() };
    let sim = builder().bucket("training", bucket("", 90)).cache(lota);
    let endpoint = "retries = 12\nbase_timeout = \"10s\"\nstart_in_flight = 8\nmax_in_flight = 16";
    let mut stage = stage(sim, endpoint, &profile("\"s3://training/**\"", "")).await;
    stage.lossy = true;
    let close = Fault::CloseIdle { after: Duration::from_millis(1), reset: true };
    for (fault, nth, times) in [
        (Fault::status(503, "SlowDown"), 5, 10),
        (Fault::status(500, "InternalError"), 7, 6),
        (Fault::stray_chunk(500), 9, 4),
        (Fault::ResetNext, 6, 8),
        (close, 8, 8),
        (Fault::Reset, 37, 1),
        (Fault::Overwritten, 11, 3),
    ] {
        stage.sim.faults().push(Rule::new(fault).on(Kind::RangedHead).every_nth(nth).times(times));
    }
    let stall = stage.sim.faults().push(Rule::new(Fault::Stall).on(Kind::RangedHead).every_nth(31).times(2));
    let report = warm_with_stalls(&stage, stall).await;
    assert_eq!((report.outcome, ends(&report)), (Outcome::Complete, [90, 90, 0, 0, 0]), "{:?}", report.totals.errors);
    assert_eq!((stage.warm_keys(), stage.sim.counters().cache.open), (90, 0));
}

/// What an answer with these headers comes to for every ranged HEAD that `strikes`.
async fn answered(headers: &str, strikes: impl FnOnce(Rule) -> Rule) -> Report {
    let stage = stage(builder().bucket("training", bucket("", 5)), "", &profile("\"s3://training/**\"", "")).await;
    let status = if headers.contains("Content-Range") { "206 Partial Content" } else { "200 OK" };
    let answer = format!("HTTP/1.1 {status}\r\n{headers}\r\n\r\n");
    let fault = Fault::Raw { status: 200, answer: answer.into() };
    stage.sim.faults().push(strikes(Rule::new(fault).on(Kind::RangedHead)));
    let report = stage.warm("p").await;
    assert_eq!(report.totals.sends, 5, "asking again would not change it");
    assert_eq!(stage.warm_keys() as u64, report.totals.warmed.objects);
    report
}

#[tokio::test]
async fn an_answer_of_another_service_warms_nothing_and_is_named() {
    let page = "Content-Type: text/html; charset=utf-8\r\nContent-Length: 5620\r\nServer: nginx";
    let report = answered(page, |rule| rule).await;
    assert_eq!(
        (report.outcome, ends(&report), classes(&report)),
        (Outcome::Failed, [5, 0, 0, 5, 0], vec![("malformed", 5)])
    );
    let why =
        "5 failed of 5 objects (malformed: 200 text/html; charset=utf-8 from nginx: 5620 bytes, and 1000 were listed)";
    assert_eq!(report.reason.as_deref(), Some(why));
}

#[tokio::test]
async fn an_answer_about_something_else_warms_nothing() {
    for (headers, why) in [
        ("Content-Range: bytes 0-0/999\r\nx-amz-request-id: 1", "another total, and no ETag that could have changed"),
        ("Content-Length: 1\r\nLast-Modified: Thu, 01 Jan 1970 00:00:00 GMT", "another length"),
        ("Content-Length: 1000\r\nServer: nginx", "the right length, and no sign of S3"),
        ("Content-Type: text/html", "no sign of anything"),
        (
            "Content-Type: text/html\r\nETag: \"5f3a-15f4\"\r\nContent-Length: 5620\r\nServer: nginx",
            "a web server's page",
        ),
        ("Content-Range: bytes 0-0/5620\r\nETag: \"5f3a-15f4\"\r\nServer: nginx", "the first byte of it"),
        ("Content-Type: text/html\r\nx-amz-request-id: 1", "an S3 header, and nothing of the object"),
    ] {
        let report = answered(headers, |rule| rule).await;
        assert_eq!((report.outcome, ends(&report)), (Outcome::Failed, [5, 0, 0, 5, 0]), "{why}");
    }
    let report = answered("Content-Length: 9", |rule| rule.key("03")).await;
    assert_eq!((report.outcome, ends(&report)), (Outcome::Partial, [5, 4, 0, 1, 0]), "of one object");
}

#[tokio::test]
async fn an_object_that_was_overwritten_is_warm_where_the_list_endpoint_says_so_too() {
    let answer = |status: u16| {
        let answer = "Content-Range: bytes 0-0/77\r\nx-amz-id-2: 1\r\nETag: \"new\"\r\n\r\n";
        Fault::Raw { status, answer: format!("HTTP/1.1 {status} X\r\n{answer}").into() }
    };
    for (confirmed, outcome, counts, class) in
        [(true, Outcome::Complete, [5, 5, 0, 0, 0], "changed"), (false, Outcome::Partial, [5, 4, 0, 1, 0], "malformed")]
    {
        let sim = builder().bucket("training", bucket("", 5));
        let stage = stage(sim, "", &profile("\"s3://training/**\"", "")).await;
        stage.sim.faults().push(Rule::new(answer(206)).on(Kind::RangedHead).key("03"));
        if confirmed {
            stage.sim.faults().push(Rule::new(answer(200)).on(Kind::PlainHead).side(Side::List).key("03"));
        }
        let report = stage.warm("p").await;
        assert_eq!((report.outcome, ends(&report), classes(&report)), (outcome, counts, vec![(class, 1)]));
    }
}

#[tokio::test]
async fn two_addresses_that_are_not_of_one_store_are_no_complete_run() {
    let two_stores = "all that was just listed, 5 objects, is 404 at both addresses: cache_url and list_url may not be of one \
                      store";
    let gone = || Fault::status(404, "NoSuchKey");
    for (rules, outcome, expected, why) in [
        (
            vec![Rule::new(gone()).on(Kind::RangedHead), Rule::new(gone()).on(Kind::PlainHead)],
            Outcome::Partial,
            [5, 0, 5, 0, 0],
            Some(two_stores),
        ),
        (vec![Rule::new(Fault::Deleted).on(Kind::RangedHead)], Outcome::Partial, [5, 0, 5, 0, 0], Some(two_stores)),
        (
            vec![Rule::new(Fault::Deleted).on(Kind::RangedHead).prefix("0").times(4)],
            Outcome::Complete,
            [5, 1, 4, 0, 0],
            None,
        ),
    ] {
        for lines in ["", "min_warm = \"50%\""] {
            let sim = builder().bucket("training", bucket("", 5));
            let stage = stage(sim, "max_in_flight = 1", &profile("\"s3://training/**\"", lines)).await;
            rules.iter().for_each(|rule| _ = stage.sim.faults().push(rule.clone()));
            let report = stage.warm("p").await;
            assert_eq!((report.outcome, ends(&report)), (outcome, expected), "{lines}");
            let reason = report.reason.filter(|_| outcome == Outcome::Partial);
            assert_eq!(reason.as_deref(), why, "{lines}");
        }
    }
}

/// The 404 of a web server.
fn page_404() -> Fault {
    let answer = "HTTP/1.1 404 Not Found\r\nServer: nginx\r\nContent-Type: text/html\r\nContent-Length: 150\r\n\r\n";
    Fault::Raw { status: 404, answer: answer.into() }
}

#[tokio::test]
async fn a_404_of_something_else_than_s3_is_no_proof_that_an_object_is_gone() {
    let why = "malformed: 404 text/html from nginx, without a sign of S3, of an object that is listed";
    for (but, expected) in [("none", [5, 0, 0, 5, 0]), ("00", [5, 1, 0, 4, 0])] {
        let stage = stage(builder().bucket("training", bucket("", 5)), "", &profile("\"s3://training/**\"", "")).await;
        for key in ["00", "01", "02", "03", "04"].into_iter().filter(|key| *key != but) {
            for kind in [Kind::RangedHead, Kind::PlainHead] {
                stage.sim.faults().push(Rule::new(page_404()).on(kind).key(key));
            }
        }
        let report = stage.warm("p").await;
        assert_eq!((ends(&report), report.totals.sends), (expected, 5), "{:?}", report.reason);
        assert!(report.reason.unwrap().ends_with(&format!("({why})")), "{but}");
    }
    // One that is not listed any more is gone, whatever answers.
    let stage = stage(builder().bucket("training", bucket("", 5)), "", &profile("\"s3://training/**\"", "")).await;
    stage.sim.faults().push(Rule::new(Fault::Deleted).on(Kind::RangedHead).key("03"));
    stage.sim.faults().push(Rule::new(page_404()).on(Kind::PlainHead));
    let report = stage.warm("p").await;
    assert_eq!((report.outcome, ends(&report)), (Outcome::Complete, [5, 4, 1, 0, 0]), "{:?}", report.reason);
}

#[tokio::test]
async fn a_server_that_ends_its_connections_behind_each_answer_costs_connections_and_no_object() {
    let close = |reset| Fault::CloseIdle { after: Duration::ZERO, reset };
    for fault in [Fault::ResetNext, close(true), close(false)] {
        for retries in [1, 4] {
            let endpoint = format!("retries = {retries}\nstart_in_flight = 4\nmax_in_flight = 4");
            let sim = builder().bucket("training", bucket("", 40));
            let mut stage = stage(sim, &endpoint, &profile("\"s3://training/**\"", "")).await;
            stage.lossy = true;
            stage.sim.faults().push(Rule::new(fault.clone()).on(Kind::RangedHead));
            let report = stage.warm("p").await;
            assert_eq!((report.outcome, ends(&report)), (Outcome::Complete, [40, 40, 0, 0, 0]), "{fault:?} {retries}");
        }
    }
}

#[tokio::test]
async fn a_listing_without_end_is_an_error() {
    let stage = stage(builder().bucket("training", bucket("", 5)), "", &profile("\"s3://training/**\"", "")).await;
    stage.sim.faults().push(Rule::new(Fault::BarrenPage).on(Kind::List));
    // Pages are asked for at a pace: time leaps from one to the next.
    let time = async {
        loop {
            yield_now().await;
            if stage.sim.counters().list.open == 0 {
                leap(Duration::from_millis(50)).await;
            }
        }
    };
    let report = tokio::select! {
        report = stage.warm("p") => report,
        () = time => unreachable!("it has no end"),
    };
    assert_eq!((report.outcome, stage.lists(), stage.heads()), (Outcome::Failed, 500, 0));
    let why = "list s3://training/: malformed: 500 pages in a row bring nothing new, and say that more follows";
    assert_eq!(report.reason.as_deref(), Some(why));
}

/// A page of `bucket` with these keys.
fn page(bucket: &str, keys: &[&str], next: Option<&str>) -> Fault {
    let item = |key: &&str| {
        format!(
            "<Contents><Key>{key}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>&quot;e&quot;</ETag>\
             <Size>1000</Size></Contents>"
        )
    };
    let items: String = keys.iter().map(item).collect();
    let next = next.map(|token| format!("<NextContinuationToken>{token}</NextContinuationToken>")).unwrap_or_default();
    let body = format!(
        "<ListBucketResult><Name>{bucket}</Name><IsTruncated>{}</IsTruncated>{next}{items}</ListBucketResult>",
        !next.is_empty()
    );
    let head = format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
    Fault::Raw { status: 200, answer: (head + &body).into() }
}

#[tokio::test]
async fn a_page_of_another_bucket_is_not_taken() {
    for name in ["other", "Training", "training2"] {
        let stage = stage(builder().bucket("training", bucket("", 5)), "", &profile("\"s3://training/**\"", "")).await;
        stage.sim.faults().push(Rule::new(page(name, &["00", "01"], None)).on(Kind::List));
        let report = stage.warm("p").await;
        assert_eq!((report.outcome, stage.heads()), (Outcome::Failed, 0), "{name}");
        let why = format!("list s3://training/: malformed: a page of `training` is of the bucket `{name}`");
        assert_eq!(report.reason, Some(why));
    }
}

#[tokio::test]
async fn a_page_that_goes_back_is_an_error_and_no_second_plan_of_its_keys() {
    let stage = stage(builder().bucket("training", bucket("", 5)), "", &profile("\"s3://training/**\"", "")).await;
    for (keys, next) in [(&["00", "01"][..], Some("1")), (&["02", "03"], Some("2")), (&["00", "01"], None)] {
        stage.sim.faults().push(Rule::new(page("training", keys, next)).on(Kind::List).nth(1));
    }
    let report = stage.warm("p").await;
    assert_eq!((report.outcome, stage.heads()), (Outcome::Failed, 0));
    let why = "list s3://training/: malformed: a page goes back: it has `01`, behind `03`";
    assert_eq!(report.reason.as_deref(), Some(why));
}

#[tokio::test]
async fn a_key_that_is_listed_twice_is_planned_once() {
    for (first, second) in
        [(&["00", "00", "01"][..], &["02"][..]), (&["00", "01"], &["01", "02"]), (&["00", "01"], &["00", "01", "02"])]
    {
        let stage = stage(builder().bucket("training", bucket("", 5)), "", &profile("\"s3://training/**\"", "")).await;
        stage.sim.faults().push(Rule::new(page("training", first, Some("1"))).on(Kind::List).nth(1));
        stage.sim.faults().push(Rule::new(page("training", second, None)).on(Kind::List));
        let plan = stage.plan("p").await;
        assert_eq!(
            (plan.selection.listed.objects, plan.selected.objects, plan.selected.bytes),
            (3, 3, 3000),
            "{first:?}"
        );
    }
}
