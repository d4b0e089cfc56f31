//! `hotset completions`: what a shell needs to complete verbs, flags and their values.

use std::io::{self, Write};

use clap_complete::Shell;

/// The shell to write for.
#[derive(Clone, Debug, clap::Args)]
pub struct CompletionsArgs {
    /// The shell that sources what is printed
    #[arg(value_name = "SHELL", value_enum)]
    shell: Shell,
}

/// # Errors
/// What `out` cannot take.
pub fn write(args: &CompletionsArgs, out: &mut impl Write) -> io::Result<()> {
    // The generator panics where it cannot write, and memory can always be written.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut super::command(), "hotset", &mut script);
    out.write_all(&script)
}
