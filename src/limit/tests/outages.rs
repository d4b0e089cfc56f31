//! Endpoints that are away, or ask for nothing to be sent.

use super::*;
use crate::limit::Cause;
use crate::limit::state::LONGEST_HOLD;

#[tokio::test(start_paused = true)]
async fn a_retry_after_holds_the_endpoint_back() {
    let limit = Limit::new(&limits());
    let hold = Some(Duration::from_secs(7));
    limit.admit(1).await.settle(Verdict::Throttled { retry_after: hold });
    let start = Instant::now();
    drop(limit.admit(1).await);
    assert_eq!(start.elapsed().as_secs(), 7);
}

#[tokio::test(start_paused = true)]
async fn silence_opens_the_circuit_and_one_answer_closes_it() {
    let limit = Limit::new(&limits());
    for _ in 0..OPEN_AFTER {
        limit.admit(1).await.settle(Verdict::Unanswered);
    }
    assert!(limit.open_since().is_some());
    let probe = limit.admit(1).await;
    let second = tokio::time::timeout(Duration::from_secs(60), limit.admit(1)).await;
    assert!(second.is_err(), "one probe at a time");
    probe.settle(Verdict::Unanswered);
    let start = Instant::now();
    let probe = limit.admit(1).await;
    let pause = start.elapsed().as_millis();
    assert!((300..=601).contains(&pause), "the ceiling of the pause doubles: {pause} ms");
    probe.settle(Verdict::Answered);
    assert!(limit.open_since().is_none());
    assert!(now_or_never(&limit, 1).await.is_some());
}

/// A limit whose circuit has just opened.
async fn away() -> Limit {
    let limit = Limit::new(&limits());
    for _ in 0..OPEN_AFTER {
        limit.admit(1).await.settle(Verdict::Unanswered);
    }
    limit
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_is_given_up_makes_room_for_another() {
    let limit = away().await;
    drop(limit.admit(1).await);
    assert!(now_or_never(&limit, 1).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_straggler_from_before_the_outage_that_is_answered_ends_it() {
    let limit = Limit::new(&limits());
    let straggler = limit.admit(1).await;
    for _ in 0..OPEN_AFTER {
        limit.admit(1).await.settle(Verdict::Unanswered);
    }
    assert!(limit.snapshot().circuit_open);
    straggler.settle(Verdict::Answered);
    assert!(!limit.snapshot().circuit_open);
}

#[tokio::test(start_paused = true)]
async fn a_straggler_that_is_not_answered_lets_no_second_probe_through() {
    let limit = Limit::new(&limits());
    let straggler = limit.admit(1).await;
    for _ in 0..OPEN_AFTER {
        limit.admit(1).await.settle(Verdict::Unanswered);
    }
    let _probe = limit.admit(1).await;
    straggler.settle(Verdict::Unanswered);
    assert!(tokio::time::timeout(Duration::from_secs(60), limit.admit(1)).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_probe_of_an_earlier_outage_lets_no_second_probe_through() {
    for verdict in [Verdict::Unanswered, Verdict::Neutral] {
        let limit = Limit::new(&limits());
        let straggler = limit.admit(1).await;
        for _ in 0..OPEN_AFTER {
            limit.admit(1).await.settle(Verdict::Unanswered);
        }
        let earlier = limit.admit(1).await;
        straggler.settle(Verdict::Answered);
        for _ in 0..10 {
            if let Some(permit) = now_or_never(&limit, 1).await {
                permit.settle(Verdict::Answered);
            }
        }
        for _ in 0..OPEN_AFTER {
            limit.admit(1).await.settle(Verdict::Unanswered);
        }
        let _probe = limit.admit(1).await;
        earlier.settle(verdict);
        let second = tokio::time::timeout(Duration::from_secs(60), limit.admit(1)).await;
        assert!(second.is_err(), "{verdict:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_retry_after_of_any_length_holds_the_endpoint_back_for_half_a_minute_at_most() {
    let limit = Limit::new(&limits());
    let hold = Some(Duration::from_secs(u64::MAX));
    limit.admit(1).await.settle(Verdict::Throttled { retry_after: hold });
    let start = Instant::now();
    drop(limit.admit(1).await);
    assert_eq!(start.elapsed(), LONGEST_HOLD);
}

#[tokio::test(start_paused = true)]
async fn a_limit_falls_to_one_and_asks_now_and_then_while_even_that_is_too_much() {
    let limit = Limit::new(&limits());
    let start = Instant::now();
    for _ in 0..60 {
        limit.admit(1).await.settle(Verdict::Throttled { retry_after: None });
        tokio::time::advance(Duration::from_millis(1)).await;
    }
    assert_eq!(limit.snapshot().allowed, 1);
    assert!(
        matches!(limit.snapshot().reason, Reason::Circuit { cause: Cause::Throttle, .. }),
        "{:?}",
        limit.snapshot()
    );
    assert!(limit.open_since().is_some() && start.elapsed() > Duration::from_secs(100), "{:?}", start.elapsed());
    limit.admit(1).await.settle(Verdict::Filled);
    assert!(limit.open_since().is_none() && now_or_never(&limit, 1).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn answers_that_prove_nothing_open_the_circuit_and_are_named_until_the_cache_answers() {
    let limit = Limit::new(&limits());
    for n in 1..=OPEN_AFTER {
        assert!(limit.open_since().is_none(), "{n}");
        limit.admit(1).await.settle(Verdict::Malformed("200 text/html"));
    }
    limit.admit(1).await.settle(Verdict::Malformed("403 page from nginx"));
    let waiting = "waiting: for 0 s no answer of this cache, last 403 page from nginx";
    assert_eq!(limit.snapshot().reason.to_string(), waiting, "the latest");
    limit.admit(1).await.settle(Verdict::Filled);
    assert!(limit.open_since().is_none() && now_or_never(&limit, 1).await.is_some());
    for verdict in [Verdict::Filled, Verdict::Answered, Verdict::Erred, Verdict::Throttled { retry_after: None }] {
        for _ in 1..OPEN_AFTER {
            limit.admit(1).await.settle(Verdict::Malformed("200 text/html"));
        }
        limit.admit(1).await.settle(verdict);
        limit.admit(1).await.settle(Verdict::Malformed("200 text/html"));
        assert!(limit.open_since().is_none(), "{verdict:?} is between them");
        limit.admit(1).await.settle(Verdict::Filled);
    }
}
