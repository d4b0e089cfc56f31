//! Secrets typed where a path, a name or a URL belongs: whatever is printed may end in a log, a ticket or a pull request.

use super::{Desk, Ran, shows};

/// Each of a shape, none of them real.
const SECRETS: [&str; 6] = [
    "AKIAIOSFODNN7EXAMPLE",
    "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl",
    "Bearer 0123456789abcdef",
    "glpat-0123456789abcdefghij",
    "https://me:hunter22@store.example.com",
];

fn quiet_about(ran: &Ran, secret: &str) {
    let said = format!("{}{}", ran.out, ran.err);
    let part =
        secret.rsplit([' ', '/', ':']).find(|part| part.len() >= 8 && !part.contains("example.com")).unwrap_or(secret);
    assert!(ran.code == 2 && !said.contains(secret) && !said.contains(part), "{secret}: {ran}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_value_of_the_shape_of_a_secret_is_refused_wherever_it_stands_and_shown_nowhere() {
    let desk = Desk::with_shards(0).await;
    for secret in SECRETS {
        for (text, why) in [
            (format!("[credentials.c]\naccess_key_id_file = \"{secret}\"\n"), "in place of a file"),
            (format!("[credentials.c]\naws_profile = \"{secret}\"\n"), "in place of a name"),
            (format!("[credentials.c]\nbuckets = [\"b\", '{secret}']\n"), "in a list"),
            (format!("[endpoint.e]\nregion = '''{secret}'''\n"), "in quotes of another kind"),
            (format!("[endpoint.e]\ncache_url = \"{secret}\"\n"), "in place of a URL"),
            (format!("[profile.p]\nmanifest = \"{secret}\"\n"), "in place of a manifest"),
            (format!("[profile.p]\nnotes = \"{secret}\"\n"), "under a key that is unknown"),
            (format!("[profile.p]\nmax_bytes = 1 # {secret}\n"), "in a comment of a line that is shown"),
            (format!("[profile.p]\nmax_bytes = \"{secret}\n"), "in a file that does not parse"),
            (format!("[credentials.\"{secret}\"]\naws_profile = \"x\"\n"), "in place of a table's name"),
        ] {
            desk.write("hotset.toml", &text);
            for verb in ["check", "check --json", "plan", "config"] {
                let ran = desk.run(verb);
                assert!(ran.err.len() + ran.out.len() > 20, "{why}: {ran}");
                quiet_about(&ran, secret);
            }
        }
    }
    desk.write(
        "hotset.toml",
        &format!("[credentials.c]\naccess_key_id_file = \"{}\"\naws_profile = '{}'\n", SECRETS[0], SECRETS[1]),
    );
    shows("hostile_secrets", &[desk.run("check")]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_is_no_path_is_taken_for_the_secret_itself() {
    let desk = Desk::with_shards(0).await;
    let secret = "hunter2-hunter2";
    let mut said = Vec::new();
    for (table, key) in [
        ("daemon", "token_file"),
        ("daemon", "run_token_file"),
        ("credentials.c", "access_key_id_file"),
        ("credentials.c", "secret_access_key_file"),
        ("credentials.c", "session_token_file"),
    ] {
        desk.write("hotset.toml", &format!("{}[{table}]\n{key} = \"{secret}\"\n", desk.endpoint()));
        let ran = desk.run("check");
        quiet_about(&ran, secret);
        assert!(ran.err.contains(&format!("{table}.{key}: ")), "{ran}");
        said.push(ran);
    }
    shows("hostile_secret_for_a_path", &said[..1]);
    let team = "[team.t]\nprofiles = [\"t.toml\"]\nendpoints = [\"lota\"]\nbuckets = [\"b\"]\nbudget = \"1 TiB\"\n";
    desk.write("t.toml", "");
    desk.write("hotset.toml", &format!("{}{team}run_token_file = \"{secret}\"\n", desk.endpoint()));
    let ran = desk.run("check");
    quiet_about(&ran, secret);
    assert!(ran.err.contains("team.t.run_token_file: "), "{ran}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_secret_under_a_key_that_is_typed_nearly_right_is_not_shown() {
    let desk = Desk::with_shards(0).await;
    let secret = "hunter2-hunter2";
    for line in [
        format!("secretAccessKey = \"{secret}\""),
        format!("secret_access_key_fil = \"{secret}\""),
        format!("aws-secret = \"{secret}\""),
        format!("key = \"{secret}\""),
        format!("secret_access_key_file =\n\"{secret}\""),
        format!("secret_access_key_file.path = \"{secret}\""),
        format!("secret_access_key_file : \"{secret}\""),
        format!("token = [\n\"{secret}\"]"),
    ] {
        desk.write("hotset.toml", &format!("{}[credentials.c]\n{line}\n", desk.endpoint()));
        ["check", "check --json", "plan", "config"].iter().for_each(|verb| quiet_about(&desk.run(verb), secret));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_secret_on_the_command_line_is_not_repeated() {
    let desk = Desk::with_shards(0).await;
    let (url, part) = ("http://me:hunter2hunter2@127.0.0.1:1", "hunter2hunter2");
    for line in [
        format!("warm s3://b/** --max-bytes 1B --region r --cache-url {url}"),
        "warm s3://b/** --max-bytes 1B --region AKIAIOSFODNN7EXAMPLE+ --cache-url http://c".to_owned(),
        format!("status --url {url}"),
        format!("reload --url {url}"),
        format!("reload --url http://127.0.0.1:1 --token-file {part}"),
    ] {
        let ran = desk.run(&line);
        assert!(ran.code == 2 && !ran.err.contains(part) && !ran.err.contains("AKIAIOSFODNN7EXAMPLE"), "{ran}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn files_that_cannot_be_read_are_warned_of_by_their_keys() {
    let desk = Desk::with_shards(1).await;
    let text =
        format!("[daemon]\ntoken_file = \"/nowhere/of-no-use\"\nrun_token_file = \"{}\"\n", desk.dir.path().display());
    desk.configure("", &format!("{text}[profile.p]\nobjects = [\"s3://training/d/**\"]\nmax_bytes = \"1 GiB\"\n"));
    std::fs::remove_file(desk.path("secret")).unwrap();
    let ran = desk.run("check");
    assert!(!ran.out.contains("of-no-use"), "{ran}");
    shows("hostile_unreadable", &[ran]);
    let online = desk.run("check --online");
    assert!(online.out.contains("secret_access_key_file: No such file"), "{online}");
    std::fs::create_dir(desk.path("home")).unwrap();
    desk.write("home/id", super::super::ACCESS_KEY);
    desk.write("home/secret", super::super::SECRET_KEY);
    let home = std::fs::read_to_string(desk.path("hotset.toml")).unwrap();
    let below = |name: &str| format!("\"{}\"", desk.path(name).display());
    desk.write(
        "hotset.toml",
        &home.replace(&below("id"), "\"~/home/id\"").replace(&below("secret"), "\"~/home/secret\""),
    );
    assert_eq!(desk.run("warm").code, 0, "`~` is the home of the user");
    assert_eq!(desk.ranged_heads(), 1);
}
