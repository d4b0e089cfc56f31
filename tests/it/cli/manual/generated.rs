//! Pages that are made from the code: the reference of the configuration, and that of the command line.

use std::fmt::Write as _;

use clap::{Arg, Command};

const MADE: &str = "<!-- Made from the code; HOTSET_WRITE_MANUAL=1 cargo test --test it manual writes it anew. -->\n\n";

/// What scripts rest on; of one profile the codes are those of `exit::of_outcome`, of several of `exit::of_several`.
const EXIT_CODES: &str = "
## Exit codes

| code | one profile | several |
|---|---|---|
| 0 | complete | all complete |
| 1 | a fault of hotset itself | any |
| 2 | usage or configuration | – |
| 3 | partial; `wait`: not warm in time | some did something, not all are complete |
| 4 | refused | none did anything |
| 5 | failed: worth trying again | none did anything, and one of them is 5 |
| 130, 143 | interrupted by SIGINT, SIGTERM | any |
";

/// Their names and texts.
pub fn pages() -> [(&'static str, String); 2] {
    [("docs/reference.md", reference()), ("docs/cli.md", command_line())]
}

/// The text of `hotset config --reference`, table by table.
fn reference() -> String {
    let mut page = format!(
        "# Configuration reference\n\n{MADE}Every key, as `hotset config --reference` prints it in one file, with its default or, where \
         it has none, an example. [Configuration](config.md) says how files become one configuration.\n"
    );
    let blocks: Vec<&str> = model::config::reference_with_team().split("\n\n\n").collect();
    let (head, tables) = blocks.split_first().unwrap();
    page += &prose(head);
    for block in tables {
        block.trim().split("\n\n").for_each(|table| page += &section(table));
    }
    page
}

/// Comments as paragraphs; what is indented stands as it is.
fn prose(comments: &str) -> String {
    let mut text = String::new();
    let lines = comments.lines().map(|line| line.trim_start_matches('#'));
    let lines: Vec<&str> = lines.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
    for paragraph in lines.split(|line| line.is_empty()).filter(|lines| !lines.is_empty()).skip(2) {
        let all = paragraph.join("\n");
        match paragraph.iter().all(|line| line.starts_with("  ")) {
            true => write!(text, "\n```text\n{all}\n```\n").unwrap(),
            false => write!(text, "\n{}\n", escaped(&all)).unwrap(),
        }
    }
    text
}

/// A table of the reference: what its head says, and a row for each key.
fn section(table: &str) -> String {
    let mut text = String::new();
    let mut said = Vec::new();
    let mut lines = table.lines().peekable();
    while let Some(line) = lines.next() {
        if let Some(comment) = line.strip_prefix('#') {
            said.push(comment.strip_prefix(' ').unwrap_or(comment));
        } else if line.starts_with('[') {
            write!(text, "\n## `{line}`\n").unwrap();
            let said = std::mem::take(&mut said);
            (!said.is_empty()).then(|| write!(text, "\n{}\n", escaped(&said.join("\n"))));
            text += "\n| key | meaning |\n|---|---|\n";
        } else {
            text += &row(line, &said.join(" "));
            // Keys that share a comment stand together.
            if lines.peek().is_none_or(|next| next.starts_with('#')) {
                said.clear();
            }
        }
    }
    // Overrides are nothing by themselves, and stand as comments.
    if let Some(at) = said.iter().position(|line| line.starts_with('[')) {
        let (words, lines) = said.split_at(at);
        write!(
            text,
            "\n## `[override]`\n\n{}\n```toml,fragment\n{}\n```\n",
            escaped(&words.join("\n")),
            lines.join("\n")
        )
        .unwrap();
    }
    text
}

fn row(line: &str, meaning: &str) -> String {
    let (setting, kind) = line.rsplit_once("  # ").unwrap_or_else(|| panic!("says not what it is: {line}"));
    let (key, value) = setting.trim_end().split_once(" = ").unwrap();
    let what = if kind.trim() == "default" { "Default" } else { "Example" };
    format!("| `{key}` | {} {what}: `{}` |\n", escaped(meaning), value.replace('|', "\\|"))
}

/// Text as Markdown shows it, with what is typed as code.
fn escaped(text: &str) -> String {
    text.replace('*', "\\*").replace('|', "\\|").replace('<', "\\<").replace('[', "\\[").replace('_', "\\_")
}

fn command_line() -> String {
    let mut hotset = hotset::cli::command().disable_help_subcommand(true);
    hotset.build();
    let mut page = format!(
        "# The command line\n\n{MADE}As `hotset VERB --help` says it. `hotset man DIR` writes the same as man pages, and \
         `hotset completions SHELL` what a shell needs to complete it: [Install](quickstart.md#completions-and-man-pages).\n\n\
         | verb | does |\n|---|---|\n"
    );
    for verb in hotset.get_subcommands() {
        let name = verb.get_name();
        writeln!(page, "| [`{name}`](#{name}) | {} |", about(verb)).unwrap();
    }
    writeln!(page, "\n{}", escaped(&hotset.get_after_help().unwrap().to_string())).unwrap();
    page += EXIT_CODES;
    page += "\n## Everywhere\n\nThese go with every verb; `hotset --version` prints the version.\n";
    page += &table(hotset.get_arguments().filter(|arg| is_shared(arg) && arg.get_id() != "version"));
    hotset.get_subcommands().for_each(|verb| page += &verb_section(verb));
    page
}

fn verb_section(verb: &Command) -> String {
    let usage = verb.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ");
    let aliases: Vec<String> = verb.get_visible_aliases().map(|alias| format!("`{alias}`")).collect();
    let also = if aliases.is_empty() { String::new() } else { format!(" Also called {}.", aliases.join(" and ")) };
    let mut text = format!("\n## {}\n\n{}.{also}\n\n```text\n{usage}\n```\n", verb.get_name(), about(verb));
    text += &table(verb.get_arguments().filter(|arg| !is_shared(arg)));
    let codes = verb.get_after_help().map(ToString::to_string).unwrap_or_default();
    write!(text, "\n{}\n", escaped(&codes)).unwrap();
    text
}

fn is_shared(arg: &Arg) -> bool {
    arg.get_help_heading() == Some("Everywhere") || matches!(arg.get_id().as_str(), "help" | "version")
}

fn about(command: &Command) -> String {
    escaped(&command.get_about().unwrap().to_string())
}

fn table<'a>(args: impl Iterator<Item = &'a Arg>) -> String {
    let rows: Vec<String> = args.map(argument).collect();
    match rows.is_empty() {
        true => String::new(),
        false => format!("\n| argument | meaning |\n|---|---|\n{}", rows.concat()),
    }
}

fn argument(arg: &Arg) -> String {
    let short = arg.get_short().map(|short| format!("`-{short}`, ")).unwrap_or_default();
    let mut help = escaped(&arg.get_help().map(ToString::to_string).unwrap_or_default());
    for (what, values) in [("default", defaults(arg)), ("one of", choices(arg)), ("environment", environment(arg))] {
        if !values.is_empty() {
            write!(help, "; {what}: {values}").unwrap();
        }
    }
    let name = arg.to_string();
    format!("| {short}`{}` | {help} |\n", name.replace('|', "\\|").trim_end_matches("..."))
}

fn defaults(arg: &Arg) -> String {
    let values = arg.get_default_values().iter().map(|value| format!("`{}`", value.to_string_lossy()));
    if arg.get_action().takes_values() { values.collect::<Vec<_>>().join(", ") } else { String::new() }
}

fn choices(arg: &Arg) -> String {
    let values = arg.get_possible_values();
    let values = values.iter().filter(|_| arg.get_action().takes_values());
    values.map(|value| format!("`{}`", value.get_name())).collect::<Vec<_>>().join(", ")
}

fn environment(arg: &Arg) -> String {
    arg.get_env().map(|name| format!("`{}`", name.to_string_lossy())).unwrap_or_default()
}
