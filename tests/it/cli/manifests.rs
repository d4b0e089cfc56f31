//! Profiles whose objects a manifest names.

use super::{Desk, shows};

const LISTED: &str = "[profile.nightly]\nobjects = [\"s3://training/d/**\"]\nmax_bytes = \"1 GiB\"\nmax_objects = 2\n";
const FROM_FILE: &str = "[profile.frozen]\nmanifest = \"file:keys.jsonl\"\nmax_bytes = \"1 GiB\"\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_is_planned_today_can_be_kept_hot_from_then_on() {
    let desk = Desk::with_shards(3).await;
    desk.configure("", LISTED);
    let written = desk.run("plan --objects keys.jsonl");
    desk.configure("", FROM_FILE);
    let checked = desk.run("check");
    let planned = desk.run("plan");
    let warmed = desk.run("warm");
    let explained = desk.run("explain s3://training/d/00.tar");
    shows("manifest", &[written, checked, planned, warmed, explained]);
    assert_eq!(desk.ranged_heads(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_list_of_names_is_enough_and_what_it_does_not_say_is_said() {
    let desk = Desk::with_shards(3).await;
    let names = ["d/00.tar", "d/01.tar", "d/00.tar", "d/no-more.tar", "other/x"];
    let text: String = names.map(|key| format!("{{\"bucket\":\"training\",\"key\":\"{key}\"}}\n")).concat();
    desk.sim.put("training", "lists/today.jsonl", sim::Entry::bytes(text));
    let table = "[profile.named]\nmanifest = \"s3://training/lists/today.jsonl\"\nobjects = [\"s3://training/d/**\"]\nmax_bytes = \"10 MiB\"\n";
    desk.configure("", table);
    shows(
        "manifest_of_names",
        &[desk.run("plan"), desk.run("check --online"), desk.run("explain s3://training/other/x")],
    );
    let line = desk.json("plan --json", 0).remove(0);
    let expected = serde_json::json!({
        "place": "s3://training/lists/today.jsonl", "entries": 5, "duplicates": 1, "looked_up": 3, "gone": 1, "without_etag": 0
    });
    assert_eq!(line["manifest"], expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_manifest_that_cannot_be_used_is_said_with_its_place() {
    let desk = Desk::with_shards(3).await;
    desk.configure("", FROM_FILE);
    let mut ran = vec![desk.run("check"), desk.run("plan")];
    assert_eq!((ran[0].code, ran[1].code), (0, 5));
    desk.write("keys.jsonl", "{\"bucket\":\"training\",\"key\":\"d/00.tar\"}\n{\"bucket\":\"training\"\n");
    ran.extend([desk.run("plan"), desk.run("warm"), desk.run("check --online")]);
    assert!(ran[2..].iter().all(|ran| ran.code == 4));
    desk.write("keys.jsonl", "");
    ran.push(desk.run("plan"));
    shows("manifest_wrong", &ran);
    assert_eq!(desk.ranged_heads(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_file_is_looked_for_beside_the_configuration_that_names_it() {
    let desk = Desk::with_shards(3).await;
    desk.write("conf/endpoint.toml", &desk.endpoint());
    desk.write("conf/profile.toml", FROM_FILE);
    desk.write("conf/keys.jsonl", "{\"bucket\":\"training\",\"key\":\"d/00.tar\"}\n");
    let line = desk.json("plan --json --config conf", 0).remove(0);
    assert_eq!((&line["manifest"]["place"], &line["selected"]["objects"]), (&"conf/keys.jsonl".into(), &1.into()));
}
