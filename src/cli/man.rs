//! `hotset man`: the man pages, one a verb, made from what `--help` prints.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use super::codes;

/// Where the pages go.
#[derive(Clone, Debug, clap::Args)]
pub struct ManArgs {
    /// The folder to write them to; it is made if it is not there
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

/// Writes `hotset.1` and `hotset-VERB.1` for every verb.
///
/// # Errors
/// A folder or a file that cannot be written.
pub fn write(args: &ManArgs) -> anyhow::Result<()> {
    let mut hotset = super::command().disable_help_subcommand(true);
    hotset.build();
    let folder = &args.folder;
    fs::create_dir_all(folder).with_context(|| format!("make the folder {}", folder.display()))?;
    let pages = hotset.get_subcommands().map(|verb| page(verb, &[hotset.get_name()]));
    let verbs: Vec<&str> = hotset.get_subcommands().map(Command::get_name).collect();
    for (name, page) in pages.chain([page(&hotset, &verbs)]) {
        write_page(&folder.join(name), &page?)?;
    }
    Ok(())
}

fn write_page(path: &Path, page: &[u8]) -> anyhow::Result<()> {
    fs::write(path, page).with_context(|| format!("write {}", path.display()))
}

/// The name of a command's page, and its text.
fn page(command: &Command, others: &[&str]) -> (String, io::Result<Vec<u8>>) {
    let man = Man::new(command.clone()).source(concat!("hotset ", env!("CARGO_PKG_VERSION"))).manual("hotset");
    (man.get_filename(), render(&man, command, others))
}

fn render(man: &Man, command: &Command, others: &[&str]) -> io::Result<Vec<u8>> {
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut page)?;
    }
    page.write_all(ending(command, others).to_roff().as_bytes())?;
    Ok(page)
}

/// The sections that `--help` has no headings for.
fn ending(command: &Command, others: &[&str]) -> Roff {
    let mut roff = Roff::new();
    let notes = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let (before, status) = notes.split_once(codes::BEGIN).unwrap_or((&notes, ""));
    for (head, text) in [("NOTES", before.trim()), ("EXIT STATUS", status.trim())] {
        if !text.is_empty() {
            roff.control("SH", [head]);
            roff.text([roman(text)]);
        }
    }
    roff.control("SH", ["SEE ALSO"]);
    let names: Vec<String> = others.iter().map(|name| page_name(command, name)).collect();
    for (nth, name) in names.iter().enumerate() {
        let comma = if nth + 1 == names.len() { "(1)" } else { "(1), " };
        roff.text([bold(name.as_str()), roman(comma)]);
    }
    roff
}

fn page_name(command: &Command, other: &str) -> String {
    match command.has_subcommands() {
        true => format!("{}-{other}", command.get_name()),
        false => other.to_owned(),
    }
}
