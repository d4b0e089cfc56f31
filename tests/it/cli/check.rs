//! `hotset check`, and `--online`.

use sim::{Fault, Kind, Outage, Rule, Side};

use super::{Desk, shows};

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_configuration_is_valid_or_all_that_is_wrong_is_said() {
    let desk = Desk::with_shards(1).await;
    desk.nightly("");
    let valid = desk.run("check");
    desk.write("bad.toml", "[endpoint.lota]\ncache_url = \"cwlota.com\"\n[profile.a]\nobjects = [\"s3://b/[x\"]\n");
    let invalid = desk.run("check --config bad.toml");
    let scripted = desk.run("check --config bad.toml --json");
    shows("check", &[valid, invalid, scripted]);
    assert_eq!(desk.json("check --json", 0).len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn online_finds_nothing_wrong_and_fills_nothing() {
    let desk = Desk::with_shards(2).await;
    desk.nightly("");
    shows(
        "check_online",
        &[desk.run("check --online"), desk.run("check --online=list"), desk.run("check --online=cache")],
    );
    assert_eq!(desk.ranged_heads(), 0);
    assert_eq!(desk.sim.counters().fills.fills, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn online_says_what_is_wrong_on_a_line() {
    let desk = Desk::with_shards(2).await;
    let mut wrong = Vec::new();
    let mut online = |desk: &Desk, why: &str| {
        let mut ran = desk.run("check --online");
        assert_eq!(ran.code, 4, "{ran}");
        // What comes before is what `check` says offline.
        ran.out = ran.out.split_once("\nonline ").unwrap().1.to_owned();
        ran.line = format!("check --online  # {why}");
        wrong.push(ran);
    };
    desk.nightly("");
    desk.write("secret", "wrong");
    online(&desk, "a wrong secret");
    std::fs::remove_file(desk.path("secret")).unwrap();
    online(&desk, "no secret");
    desk.write("secret", super::SECRET_KEY);
    desk.configure(
        "addressing = \"path\"\n",
        "[profile.nightly]\nobjects = [\"s3://training/d/**\"]\nmax_bytes = \"1 GiB\"\n",
    );
    online(&desk, "path style at a cache that has none");
    desk.configure("", "[profile.nightly]\nobjects = [\"s3://trainin/d/**\"]\nmax_bytes = \"1 GiB\"\n");
    online(&desk, "a bucket that is not there");
    desk.nightly("");
    desk.sim.set_outage(Side::Cache, Outage::Refused);
    online(&desk, "a cache that is not there");
    shows("check_online_wrong", &wrong);
    assert_eq!(desk.ranged_heads(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn online_tells_an_answer_of_something_else_from_one_of_the_cache() {
    let desk = Desk::with_shards(2).await;
    let mut ran = Vec::new();
    let mut online = |objects: &str, headers: &str, why: &str| {
        desk.configure(
            "",
            &format!("[profile.nightly]\nobjects = [\"s3://training/{objects}\"]\nmax_bytes = \"1 GiB\"\n"),
        );
        let fault = Fault::Raw { status: 200, answer: format!("HTTP/1.1 200 OK\r\n{headers}\r\n\r\n").into() };
        desk.sim.faults().clear();
        desk.sim.faults().push(Rule::new(fault).side(Side::Cache).on(Kind::PlainHead));
        let mut one = desk.run("check --online=cache");
        one.out = one.out.split_once("\nonline ").unwrap().1.to_owned();
        one.line = format!("check --online=cache  # {why}");
        ran.push(one);
    };
    let page = "Content-Type: text/html; charset=utf-8\r\nContent-Length: 5620\r\nServer: nginx";
    online("d/**", page, "the page of a bouncer");
    online("none/**", page, "the same, where nothing is listed");
    online("d/**", "Content-Length: 8388608", "the right size, and no sign of S3");
    online(
        "d/**",
        "Content-Length: 1\r\nETag: \"00000000000000000000000000000001-2\"",
        "the listed ETag, and another size",
    );
    let nginx = "Content-Type: text/html\r\nContent-Length: 5620\r\nETag: \"5f3a-15f4\"\r\nServer: nginx";
    online("d/**", nginx, "the page of a web server, under an ETag of its own");
    let other = "x-amz-request-id: 1\r\nETag: \"ffffffffffffffffffffffffffffffff\"";
    online("d/**", &format!("Content-Length: 1\r\n{other}"), "another object");
    online("d/**", &format!("Content-Length: 8388608\r\n{other}"), "another object of as many bytes");
    assert_eq!(ran.iter().map(|ran| ran.code).collect::<Vec<_>>(), [4; 7]);
    shows("check_online_another_service", &ran);
    assert_eq!(desk.ranged_heads(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_weekday_beside_the_days_of_a_week_is_warned_of_by_the_line_that_was_meant() {
    let desk = Desk::with_shards(0).await;
    for (schedule, meant) in [
        ("0 2 1-7 * SAT", "`0 2 * * SAT#1`"),
        ("30 0 2 8-14 * 2", "`30 0 2 * * TUE#2`"),
        ("0 2 22-28 1,7 MON,THU", "`0 2 * 1,7 MON#4,THU#4`"),
        ("0 2 25-31 * FRI", "`0 2 * * FRIL`"),
    ] {
        desk.nightly(&format!("schedule = \"{schedule}\"\n"));
        let ran = desk.run("check");
        assert!(ran.code == 0 && ran.out.contains(meant) && ran.out.contains("1 warning\n"), "{ran}");
        desk.nightly(&format!("schedule = \"{}\"\n", meant.trim_matches('`')));
        let ran = desk.run("check");
        assert!(ran.code == 0 && ran.out.contains("0 warnings\n"), "{ran}");
    }
}
