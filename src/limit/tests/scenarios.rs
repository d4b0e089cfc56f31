//! How long a warm takes against caches of six kinds, beside what no warm could beat.

use super::world::{Cache, GB, Went, World};
use model::config::endpoint::Limits;

const MB: u64 = 1_000_000;

fn limits() -> Limits {
    Limits { start_in_flight: 32, max_in_flight: 300, max_in_flight_bytes: 1 << 41, ..super::limits() }
}

/// Seconds: the bytes over the bandwidth, the largest over a fill's rate, the floors over what may be in flight.
fn bound(cache: &Cache, sizes: &[u64], allowed: u32) -> f64 {
    let bytes: f64 = sizes.iter().map(|size| *size as f64).sum();
    let passing = match cache.changes {
        Some((at, bandwidth)) if bytes > cache.bandwidth * at => at + (bytes - cache.bandwidth * at) / bandwidth,
        _ => bytes / cache.bandwidth,
    };
    let largest = sizes.iter().max().map_or(0.0, |size| *size as f64) / cache.per_fill;
    passing.max(largest).max(sizes.len() as f64 * cache.floor / f64::from(allowed))
}

/// Largest first, as a run sends them.
#[expect(clippy::cast_sign_loss, reason = "an exponential is positive")]
fn log_normal(n: usize) -> Vec<u64> {
    let mut seed = 42_u64;
    let mut uniform = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((seed >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    };
    let mut sizes: Vec<u64> = (0..n)
        .map(|_| {
            let normal = (-2.0 * uniform().ln()).sqrt() * (std::f64::consts::TAU * uniform()).cos();
            ((17.0 + 1.6 * normal).exp() as u64).clamp(1_000, 20_000 * MB)
        })
        .collect();
    sizes.sort_unstable_by(|a, b| b.cmp(a));
    sizes
}

fn checkpoint() -> Vec<u64> {
    [vec![4_800 * MB; 280], vec![450 * MB; 40], vec![MB; 300], vec![20_000; 500]].concat()
}

#[test]
fn every_scenario_is_near_its_lower_bound() {
    let throttles = Cache { throttle: Some(120), ..Cache::default() };
    let halves = Cache { changes: Some((30.0, 25.0 * GB)), ..Cache::default() };
    let slow_shards = Cache { bandwidth: 40.0 * GB, per_fill: 0.2 * GB, ..Cache::default() };
    let slow_fills = Cache { per_fill: 0.25 * GB, ..Cache::default() };
    let mut report = String::new();
    for (name, cache, sizes, allowed) in [
        ("uniform", Cache::default(), vec![500 * MB; 6_000], 300),
        ("tiny", Cache::default(), vec![MB / 10; 1_000_000], 300),
        ("log-normal", Cache::default(), log_normal(40_000), 300),
        ("checkpoint", Cache::default(), checkpoint(), 300),
        ("slow shards", slow_shards, vec![200 * MB; 4_500], 300),
        ("checkpoint, slow fills", slow_fills, checkpoint(), 300),
        ("throttles, tiny", throttles.clone(), vec![MB / 10; 200_000], 120),
        ("throttles, shards", throttles, vec![500 * MB; 6_000], 120),
        ("halves", halves, vec![500 * MB; 6_000], 300),
    ] {
        let least = bound(&cache, &sizes, allowed);
        let went = World::new(cache, &limits()).run(sizes);
        let line = format!(
            "{name}: {:.1} s, bound {least:.1} s, {:.3}, throttled {} then {:.4}; {:?}\n",
            went.took,
            went.took / least,
            went.throttled,
            went.late_share(),
            course(&went)
        );
        println!("{line}");
        if went.took > 1.1 * least || went.late_share() > 0.01 {
            report += &line;
        }
    }
    assert!(report.is_empty(), "{report}");
}

/// A few points of it.
fn course(went: &Went) -> Vec<String> {
    let step = (went.course.len() / 24).max(1);
    went.course.iter().step_by(step).map(|(at, allowed, open)| format!("{at}s:{allowed}/{open}")).collect()
}

#[test]
fn what_is_small_fills_the_gaps_beside_what_is_large() {
    // No more than a few of the largest have room together, and these few do not fill the pipe.
    let cache = Cache { bandwidth: 40.0 * GB, per_fill: 1.6 * GB, ..Cache::default() };
    for n in [20_000, 30_000] {
        let sizes = log_normal(n);
        let least = bound(&cache, &sizes, 300);
        let went = World::new(cache.clone(), &Limits { max_in_flight_bytes: 64 << 30, ..limits() }).run(sizes);
        println!("{n}: {:.1} s, {:.3}: {:?}", went.took, went.took / least, course(&went));
        assert!(went.took < 1.1 * least, "{:.1} s, bound {least:.1} s: {:?}", went.took, course(&went));
    }
}

#[test]
fn holds_where_more_brings_no_more_and_leaves_the_pipe_full() {
    // 55 fill it, and what is in flight rests for a twelfth of its time. 135 are one trial, a quarter above what held for 10 s.
    let went = World::new(Cache::default(), &limits()).run(vec![500 * MB; 6_000]);
    let range = went.range(5.0, went.took - 2.0);
    assert!(range.0 >= 55 && range.1 <= 140, "{range:?}: {:?}", course(&went));
}

#[test]
fn latency_that_grows_without_bringing_bytes_brings_it_down() {
    let cache = Cache { changes: Some((30.0, 5.0 * GB)), ..Cache::default() };
    let went = World::new(cache, &limits()).run(vec![500 * MB; 6_000]);
    let (before, after) = (went.range(20.0, 30.0), went.range(went.took - 60.0, went.took - 30.0));
    assert!(after.1 * 2 <= before.0, "{before:?}, then {after:?}: {:?}", course(&went));
}

#[test]
fn grows_again_where_the_cache_becomes_faster() {
    let cache = Cache { bandwidth: 5.0 * GB, changes: Some((60.0, 100.0 * GB)), ..Cache::default() };
    let went = World::new(cache, &limits()).run(vec![500 * MB; 6_000]);
    let after = went.range(75.0, went.took - 2.0);
    assert!(after.0 >= 105, "100 GB a second take 110: {after:?}: {:?}", course(&went));
}

#[test]
fn a_level_that_was_throttled_is_kept_below_and_tried_again_rarely() {
    let cache = Cache { throttle: Some(120), ..Cache::default() };
    let went = World::new(cache, &limits()).run(vec![MB / 10; 1_000_000]);
    let range = went.range(5.0, went.took - 1.0);
    assert!(range.0 >= 100 && range.1 <= 122, "{range:?}: {:?}", course(&went));
    assert!(went.late_throttled > 0 && went.late_share() < 0.001, "{went:?}");
}

#[test]
fn a_throttle_that_is_lifted_is_found_out() {
    let cache = Cache { lifted: 20.0, throttle: Some(60), ..Cache::default() };
    let went = World::new(cache, &limits()).run(vec![MB / 10; 200_000]);
    assert!(went.range(0.0, 19.0).1 <= 128 && went.range(40.0, 41.0).0 == 300, "{:?}", course(&went));
}

#[test]
fn recovers_from_an_outage_within_seconds() {
    for (share, until) in [(1.0, 40.0), (1.0, 21.0), (0.95, 25.0)] {
        let refuses: fn(f64) -> f64 = match (share, until) {
            (1.0, 40.0) => |at| if (20.0..40.0).contains(&at) { 1.0 } else { 0.0 },
            (1.0, _) => |at| if (20.0..21.0).contains(&at) { 1.0 } else { 0.0 },
            _ => |at| if (20.0..25.0).contains(&at) { 0.95 } else { 0.0 },
        };
        let went = World::new(Cache { refuses, ..Cache::default() }, &limits()).run(vec![MB / 10; 400_000]);
        // A probe of an open circuit is sent every ten seconds.
        let after = went.range(until + 18.0, until + 20.0);
        assert!(after.0 >= 200, "{share} until {until}: {:?}", course(&went));
        assert!(share < 1.0 || went.throttled < 1_500, "not flooded: {went:?}");
    }
}

#[test]
fn refusals_that_have_nothing_to_do_with_the_load_do_not_bring_it_to_a_stop() {
    // A fifth, of 50 ms each where it is refused, and a second where it is lost.
    for (loses, each) in [(false, 0.05), (true, 0.05 + 0.1 / 0.8)] {
        let cache = Cache { refuses: |_| 0.2, loses, ..Cache::default() };
        let least = 200_000.0 * each / 300.0;
        let went = World::new(cache, &limits()).run(vec![MB / 10; 200_000]);
        assert!(went.took < 1.6 * least + 5.0, "{} of {least}: {:?}", went.took, course(&went));
    }
}

#[test]
fn a_rate_that_the_cache_enforces_is_kept() {
    let cache = Cache { rate: Some(1_000.0), ..Cache::default() };
    let went = World::new(cache, &limits()).run(vec![MB / 10; 100_000]);
    assert!(
        went.took < 150.0 && went.late_share() < 0.03,
        "{} s, {}: {:?}",
        went.took,
        went.late_share(),
        course(&went)
    );
}

#[test]
fn giants_go_alone_and_the_shards_between_them_at_full_speed() {
    let limits = Limits { max_in_flight_bytes: 64 << 30, ..limits() };
    let cache = Cache { per_fill: 10.0 * GB, ..Cache::default() };
    let mut sizes = vec![];
    for _ in 0..10 {
        sizes.push(80_000 * MB);
        sizes.extend(vec![4 * MB; 20_000]);
    }
    // Each giant waits for the shards before it to end, and they for it; 300 of them cannot fill the pipe.
    let alone = 10.0 * (0.05 + 8.0 + 20_000.0 * 0.05 / 300.0);
    let went = World::new(cache, &limits).run(sizes);
    assert!(went.took < 1.25 * alone, "{} of {alone}: {:?}", went.took, course(&went));
}

proptest::proptest! {
    /// Whatever the cache and the sizes: it ends, keeps to its maxima at every step, and counts right.
    #[test]
    fn keeps_to_its_maxima_whatever_comes(
        start in 1_u32..50, max in 1_u32..200, bytes in 1_u64..10_000,
        rate in proptest::option::of(50_u32..2_000),
        throttle in proptest::option::of(1_u32..100),
        share in 0..3_usize,
        sizes in proptest::collection::vec(0_u64..20_000, 1..400),
    ) {
        let limits = Limits {
            start_in_flight: start.min(max),
            max_in_flight: max,
            max_in_flight_bytes: bytes * MB,
            max_requests_per_second: rate,
            ..limits()
        };
        let refuses: fn(f64) -> f64 = [|_| 0.0, |_| 0.3, |at| if at < 5.0 { 1.0 } else { 0.1 }][share];
        let n = sizes.len() as u32;
        let sizes = sizes.into_iter().map(|size| size * MB).collect();
        let went = World::new(Cache { throttle, refuses, ..Cache::default() }, &limits).run(sizes);
        proptest::prop_assert_eq!(went.sends, n + went.throttled);
    }
}
