//! What goes to standard error: log lines, colours, and nothing twice.

use serde_json::Value;
use sim::{Fault, Kind, Rule, Side};

use super::{Desk, Ran, shows};

/// A desk where one bucket is denied and one object is gone.
async fn troubled() -> Desk {
    let desk = Desk::with_shards(2).await;
    desk.nightly("");
    desk.sim.faults().push(Rule::new(Fault::Deleted).on(Kind::RangedHead).key("d/00.tar"));
    desk.sim.faults().push(Rule::new(Fault::status(403, "AccessDenied")).side(Side::Cache).key("d/01.tar"));
    desk
}

fn levels(ran: &Ran) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let lines = ran.err.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.map(|line| (text(&line["level"]), text(&line["message"]))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn more_is_said_when_asked_for() {
    for (flags, lines) in [("-q", 0), ("-qq", 0), ("", 1), ("-v", 4), ("-vv", 6), ("--verbose --verbose", 6)] {
        let desk = troubled().await;
        let ran = desk.run(&format!("warm {flags}"));
        assert_eq!(ran.err.lines().count(), lines, "{flags}: {ran}");
    }
    let desk = troubled().await;
    shows("logs", &[desk.run("warm -vv"), desk.run("warm -q -v")]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn json_logs_are_one_object_a_line_errors_included() {
    let desk = troubled().await;
    let denied = desk.run("warm --log-format json -vv");
    assert!(levels(&denied).iter().any(|(level, message)| level == "WARN" && message.starts_with("denied with")));
    let unknown = levels(&desk.run("plan nigthly --log-format json"));
    assert_eq!(unknown, [("ERROR".to_owned(), "there is no profile `nigthly`; did you mean `nightly`?".to_owned())]);
    desk.write("bad.toml", "[profile.a]\nobjects = []\nmax_byte = \"1 GiB\"\n");
    let invalid = levels(&desk.run("check --config bad.toml --log-format json"));
    assert!(
        invalid.len() > 1
            && invalid.iter().all(|(level, message)| level == "ERROR" && message.starts_with("bad.toml:"))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn colours_are_for_terminals_and_for_those_who_ask() {
    let desk = Desk::with_shards(1).await;
    desk.nightly("schedule = \"0 0 30 2 *\"");
    let colored = |line: &str, env: Option<&str>| {
        let mut command = desk.command(line);
        if let Some(name) = env {
            command.env(name, "1");
        }
        let ran = Ran::new(line, command.output().unwrap());
        (ran.out.contains('\x1b'), ran.err.contains('\x1b'))
    };
    for (line, env, expected, why) in [
        ("plan", None, (false, false), "no terminal"),
        ("plan --color always", None, (false, true), "the warning is on standard error, the table is plain"),
        ("plan --color always", Some("NO_COLOR"), (false, true), "the flag is nearer"),
        ("plan --color never", None, (false, false), "never"),
        ("plan nope --color always", None, (false, true), "errors too"),
        ("check --color always", None, (true, false), "its warnings are its output"),
        ("check", None, (false, false), "no terminal"),
        ("plan --log-format json --color always", None, (false, false), "JSON has no colour"),
    ] {
        assert_eq!(colored(line, env), expected, "{line}: {why}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn warnings_are_about_what_was_asked_for() {
    let desk = Desk::with_shards(1).await;
    desk.configure(
        "",
        "[defaults]\nmax_bytes = \"1 GiB\"\n[profile.a]\nobjects = [\"s3://training/**\"]\n\
         [profile.b]\nobjects = [\"s3://training/d/**\"]\n",
    );
    shows("logs_warnings", &[desk.run("plan a"), desk.run("plan b")]);
}
