//! A repository with a `hotset.toml` in it, and somebody who works in there.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread;

use super::super::hotset;
use super::{Desk, Ran};

const LOOT: &str = "what-stands-in-a-file-of-the-victim";

/// What one request says that comes to a listener of the attacker, who wants a token.
fn heard(desk: &Desk, verb: &str, file: &str, flags: &[&str], environment: &[(&str, &str)]) -> (String, Ran) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let loot = desk.path("loot");
    let text =
        format!("[daemon]\nlisten = \"{}\"\ntoken_file = \"{}\"\n", listener.local_addr().unwrap(), loot.display());
    desk.write(file, &format!("{text}{}", desk.endpoint()));
    let listens = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let (mut said, mut bytes) = (String::new(), [0; 4096]);
        while !said.contains("\r\n\r\n") {
            let n = stream.read(&mut bytes).unwrap();
            said.push_str(&String::from_utf8_lossy(&bytes[..n]));
        }
        let body = "{\"error\":\"a bearer token is needed\"}";
        write!(
            stream,
            "HTTP/1.1 401 Unauthorized\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        said
    });
    let arguments = verb.split_whitespace().chain(flags.iter().copied());
    let output = hotset(desk.dir.path(), arguments).envs(environment.iter().copied()).output().unwrap();
    std::fs::remove_file(desk.path(file)).unwrap();
    (listens.join().unwrap(), Ran::new(verb, output))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_token_file_named_by_what_lies_around_is_not_sent_to_an_address_named_there() {
    let desk = Desk::with_shards(0).await;
    desk.write("loot", LOOT);
    for (verb, file) in [
        ("reload", "hotset.toml"),
        ("pause nightly", "hotset.toml"),
        ("cancel 01KK9ES96G000000000000000B", "config/hotset.toml"),
    ] {
        let (said, ran) = heard(&desk, verb, file, &[], &[]);
        assert!(said.starts_with("POST ") && !said.contains(LOOT), "{verb}: {said}");
        assert!(ran.code == 4 && ran.err.contains(&format!("name it with --config {file}")), "{ran}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_token_is_sent_where_somebody_named_it() {
    let desk = Desk::with_shards(0).await;
    desk.write("loot", LOOT);
    for (flags, environment, why) in [
        (&["--config", "hotset.toml"][..], &[][..], "the configuration was named"),
        (&[], &[("HOTSET_CONFIG", "hotset.toml")], "by the environment"),
        (&["--token-file", "loot"], &[], "the token was"),
        (&[], &[("HOTSET_TOKEN_FILE", "loot")], "by the environment"),
    ] {
        let (said, ran) = heard(&desk, "reload", "hotset.toml", flags, environment);
        assert!(said.contains(LOOT), "{why}: {said}");
        assert!(!ran.err.contains("was not sent"), "{why}: {ran}");
    }
}
