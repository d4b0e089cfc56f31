//! More than a cache's limits and budget give, by another name for the same cache.

use super::{Desk, shows};

const PROFILE: &str =
    "[profile.nightly]\nendpoint = \"lota\"\nobjects = [\"s3://training/d/**\"]\nmax_bytes = \"1 GiB\"\n";

fn port(desk: &Desk) -> String {
    desk.sim.cache_url().rsplit_once(':').unwrap().1.to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_cache_has_one_endpoint_however_it_is_spelled() {
    let desk = Desk::with_shards(1).await;
    let port = port(&desk);
    for spelled in ["http://LOCALHOST:", "http://localhost.:", "http://local%68ost:", "http://localhost..:"] {
        let second = format!("[endpoint.second]\ncache_url = \"{spelled}{port}\"\nregion = \"us-east-1\"\n");
        desk.configure("", &format!("{second}{PROFILE}"));
        for verb in ["check", "plan", "warm"] {
            let ran = desk.run(verb);
            assert_eq!(ran.code, 2, "{spelled}: {ran}");
            assert!(ran.err.contains("is the cache of [endpoint.lota] already"), "{spelled}: {ran}");
        }
    }
    let by_address = desk.endpoint().replace("localhost", "127.0.0.1").replace("[endpoint.lota]", "[endpoint.first]");
    let mapped =
        format!("[endpoint.second]\ncache_url = \"http://[::ffff:127.0.0.1]:{port}\"\nregion = \"us-east-1\"\n");
    desk.write("hotset.toml", &format!("{by_address}{mapped}"));
    let ran = desk.run("check");
    assert!(ran.code == 2 && ran.err.contains("is the cache of [endpoint.first] already"), "{ran}");
    let other = "[endpoint.second]\ncache_url = \"http://localhost:9\"\nregion = \"us-east-1\"\n";
    desk.configure("", &format!("{other}{PROFILE}"));
    assert_eq!(desk.run("check").code, 0);
    assert_eq!(desk.ranged_heads(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_cache_of_the_files_is_not_named_anew_on_the_command_line() {
    let desk = Desk::with_shards(1).await;
    desk.configure("", PROFILE);
    let line = format!(
        "warm s3://training/d/** --config hotset.toml --max-bytes 1TiB --region us-east-1 --cache-url {}",
        desk.sim.cache_url().replace("localhost", "localhost.")
    );
    let mut ran = desk.run(&line);
    for text in [&mut ran.line, &mut ran.err] {
        *text = text.replace(&port(&desk), "PORT");
    }
    shows("hostile_cache_on_the_command_line", &[ran]);
    assert_eq!(desk.ranged_heads(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_was_warmed_is_fresh_under_every_name_of_its_cache() {
    let desk = Desk::with_shards(3).await;
    desk.nightly("");
    desk.run("warm --state-dir state");
    let text = std::fs::read_to_string(desk.path("hotset.toml")).unwrap();
    let dotted = desk.sim.cache_url().replace("localhost", "LocalHost.");
    desk.write("hotset.toml", &text.replace(desk.sim.cache_url().as_str(), &dotted));
    let plan = desk.json("plan --json --state-dir state", 0);
    assert_eq!(plan[0]["fresh"]["objects"], 3, "{}", plan[0]);
}
