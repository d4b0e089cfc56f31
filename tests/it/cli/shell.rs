//! What a shell and `man` are given. That bash completes with it, and that `man` finds nothing to say against the pages, is
//! the matter of tests/manual/run.

use std::fs;

use super::Desk;

fn verbs() -> Vec<String> {
    hotset::cli::command().get_subcommands().map(|verb| verb.get_name().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn every_shell_is_told_of_every_verb() {
    let desk = Desk::with_shards(0).await;
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ran = desk.run(&format!("completions {shell}"));
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran}");
        for verb in verbs() {
            assert!(ran.out.contains(&verb), "{shell} does not complete {verb}");
        }
    }
    let ran = desk.run("completions tcsh");
    assert!(ran.code == 2 && ran.err.contains("[possible values: bash, elvish, fish, powershell, zsh]"), "{ran}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn every_verb_has_a_man_page_with_its_flags_and_exit_codes() {
    let desk = Desk::with_shards(0).await;
    let ran = desk.run("man pages/man1");
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (0, "", ""), "{ran}");
    let page = |name: &str| fs::read_to_string(desk.path(&format!("pages/man1/{name}.1"))).unwrap();
    for verb in verbs() {
        let text = page(&format!("hotset-{verb}"));
        for part in [".SH NAME", ".SH SYNOPSIS", ".SH \"EXIT STATUS\"", "\\fBhotset\\fR(1)", "\\-\\-log\\-format"] {
            assert!(text.contains(part), "hotset-{verb}.1 lacks {part}:\n{text}");
        }
    }
    let hotset = page("hotset");
    assert!(hotset.contains("hotset\\-plan(1)") && hotset.contains(".SH \"EXIT STATUS\""), "{hotset}");
    assert_eq!(fs::read_dir(desk.path("pages/man1")).unwrap().count(), verbs().len() + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn man_pages_that_cannot_be_written_are_a_fault_that_names_the_place() {
    let desk = Desk::with_shards(0).await;
    desk.write("file", "");
    let ran = desk.run("man file");
    assert!(ran.code == 1 && ran.err.starts_with("error: make the folder file: "), "{ran}");
}
