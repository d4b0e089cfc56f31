//! Commands of hotset in blocks and code spans: each is parsed as it would be when typed.

use clap::error::ErrorKind;

use super::page::{Block, Page};

/// What stands for a value in the text, and a value.
const NAMES: [(&str, &str); 5] = [
    ("RUN", "01M818RQTE2MSQ2NDXHXH8SS0W"),
    ("ID", "01M818RQTE2MSQ2NDXHXH8SS0W"),
    ("SHELL", "bash"),
    ("TIME", "1h"),
    ("VERB", "plan"),
];

pub fn faults(page: &Page) -> Vec<String> {
    let blocks = page.blocks.iter().flat_map(|block| faults_of_block(page, block));
    let spans = page.spans.iter().filter_map(|(line, span)| {
        let fault = commands(span).iter().find_map(|words| fault(words, false))?;
        Some(format!("{}: `{span}`: {fault}", page.at(*line)))
    });
    blocks.chain(spans).collect()
}

fn faults_of_block(page: &Page, block: &Block) -> Vec<String> {
    let is_script = match &*block.kind {
        "console" | "text" => false,
        // A configuration is held to more than that.
        "toml" => return Vec::new(),
        "" => block.text.lines().all(|line| line.is_empty() || line.starts_with("hotset ")),
        _ => true,
    };
    joined(block)
        .into_iter()
        .filter(|(_, line)| line.starts_with("$ ") || is_script)
        .flat_map(|(at, line)| {
            let line = line.trim_start_matches("$ ").to_owned();
            commands(&line)
                .into_iter()
                .filter_map(|words| fault(&words, true).or_else(|| unquoted(&line, &words)))
                .map(|fault| format!("{}: {line}: {fault}", page.at(at)))
                .collect::<Vec<_>>()
        })
        .collect()
}

/// Lines, with those that end in a backslash joined to the next one.
pub fn joined(block: &Block) -> Vec<(usize, String)> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    let mut goes_on = false;
    for (at, line) in block.lines() {
        let (text, more) = line.strip_suffix('\\').map_or((line, false), |text| (text, true));
        match lines.last_mut().filter(|_| goes_on) {
            Some((_, before)) => *before += text,
            None => lines.push((at, text.to_owned())),
        }
        goes_on = more;
    }
    lines
}

/// The words of each command of a line of shell.
fn commands(line: &str) -> Vec<Vec<String>> {
    let words = words(line);
    words.split(|word| is_end(word)).map(<[String]>::to_vec).collect()
}

fn is_end(word: &str) -> bool {
    matches!(word, "&&" | "||" | "|" | ";" | "&" | "--") || word.trim_start_matches('2').starts_with(['>', '<'])
}

/// What a shell would put something else in the place of, in a line with a command of hotset.
fn unquoted(line: &str, words: &[String]) -> Option<String> {
    let is_ours = words.iter().any(|word| word == "hotset" || word.ends_with("/hotset"));
    let (mut quote, mut before) = (None, ' ');
    for letter in line.chars().filter(|_| is_ours) {
        match (quote, letter) {
            (Some(open), letter) if letter == open => quote = None,
            (None, '\'' | '"') => quote = Some(letter),
            (None, '#') if before == ' ' => break,
            // `$?` and `${NAME}` are meant.
            (None, '*' | '?' | '[' | '{') if before != '$' => {
                return Some(format!("`{letter}` stands in no quotes, and a shell takes it for its own"));
            }
            _ => {}
        }
        before = letter;
    }
    None
}

/// Words as a shell takes them apart; a comment ends them.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let (mut word, mut quote, mut is_word) = (String::new(), None, false);
    for letter in line.chars() {
        match (quote, letter) {
            (Some(open), letter) if letter == open => quote = None,
            (Some(_), letter) => word.push(letter),
            (None, '\'' | '"') => (quote, is_word) = (Some(letter), true),
            (None, '#') if !is_word => break,
            (None, ' ' | ';') => {
                words.extend(is_word.then(|| std::mem::take(&mut word)));
                words.extend((letter == ';').then(|| ";".to_owned()));
                is_word = false;
            }
            (None, letter) => {
                word.push(letter);
                is_word = true;
            }
        }
    }
    words.extend(is_word.then_some(word));
    words
}

/// What is wrong with a command, if it is one of hotset.
fn fault(words: &[String], is_whole: bool) -> Option<String> {
    let at = words.iter().position(|word| !word.contains('=') || word.starts_with("ExecStart"))?;
    let program = words[at].trim_start_matches("ExecStart=").trim_start_matches("$(");
    if program != "hotset" && !program.ends_with("/hotset") {
        return None;
    }
    let given: Vec<&str> = words[at + 1..]
        .iter()
        .map(|word| NAMES.iter().find(|(name, _)| name == word).map_or(&**word, |(_, value)| *value))
        .filter(|word| *word != "…")
        .collect();
    let error = hotset::cli::command().try_get_matches_from([&["hotset"], given.as_slice()].concat()).err()?;
    let is_fine = match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => true,
        // The text speaks of a verb or a flag without all that it takes, or of hotset.
        ErrorKind::InvalidValue => !is_whole && error.to_string().contains("a value is required"),
        ErrorKind::MissingRequiredArgument | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => !is_whole,
        _ => false,
    };
    (!is_fine).then(|| error.to_string().lines().next().unwrap_or_default().to_owned())
}

#[test]
fn a_slip_in_a_command_is_found() {
    for (text, fault) in [
        (
            "```console,norun\n$ hotset wram nightly\n```",
            "p:2: hotset wram nightly: error: unrecognized subcommand 'wram'",
        ),
        (
            "```console\n$ hotset plan --jsno | jq .\nhotset was here\n```",
            "p:2: hotset plan --jsno | jq .: error: unexpected",
        ),
        ("```console,norun\n$ kubectl exec deploy/hotset -- hotset stauts\n```", "unrecognized subcommand 'stauts'"),
        ("```bash\nsleep 1 && hotset wait nightly \\\n  --timeout 90x\n```", "p:2: "),
        ("```ini\nExecStart=/usr/local/bin/hotset deamon\n```", "unrecognized subcommand 'deamon'"),
        ("Type `hotset plan --objets keys.jsonl`.", "p:1: `hotset plan --objets keys.jsonl`: "),
        ("```\nhotset cancel\n```", "required arguments"),
        ("```sh\nhotset warm s3://b/d/** --max-bytes 1TiB\n```", "`*` stands in no quotes"),
        ("```console,norun\n$ sudo hotset sim --bucket b=d/{0..9}:1MiB\n```", "`{` stands in no quotes"),
        ("```console,norun\n$ hotset warm 's3://b/d/'[0-9].tar --max-bytes 1TiB\n```", "`[` stands in no quotes"),
    ] {
        let found = faults(&Page::parse("p", text));
        assert!(found.len() == 1 && found[0].contains(fault), "{text}: {found:?}");
    }
}

#[test]
fn what_is_right_or_of_others_is_not() {
    for text in [
        "`hotset`, `hotset wait --start`, `hotset cancel RUN`, `hotset runs ID --json`, `hotset warm s3://…`",
        "```console,norun\n$ HOTSET_URL=http://x hotset status   # what it does; really\n$ kubectl get pods --wram\n```",
        "```text\nhotset explodes\n```",
        "```console,norun\n$ hotset wait p --url http://${HOST}:9464; echo $?  # 3? and *\n$ ls *.toml\n```",
        "```console\n$ hotset warm 's3://b/a b/**' --max-bytes \"1 TiB\" --cache-url http://c; echo $?\n0\n```",
    ] {
        assert_eq!(faults(&Page::parse("p", text)), [""; 0], "{text}");
    }
}
