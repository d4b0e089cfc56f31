//! `hotset why`: what keeps a profile from being warm, and what to do about it.

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use clap::Args;

use super::Context;
use super::contact::{Client, Contact, conclude, part};
use model::api::Why;
use model::object::Escaped;

#[derive(Clone, Debug, Args)]
pub struct WhyArgs {
    #[command(flatten)]
    contact: Contact,
    /// The profile that is not warm
    #[arg(value_name = "PROFILE")]
    profile: String,
    /// The daemon's answer, as one JSON object
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(context: &Context, args: &WhyArgs) -> anyhow::Result<ExitCode> {
    let path = format!("/api/v1/profiles/{}/why", part(&args.profile));
    let answer = Client::new(context, &args.contact).await?.get(&path).await?;
    if answer.is_ok() {
        let mut out = BufWriter::new(io::stdout());
        if args.json {
            writeln!(out, "{}", answer.body)?;
        } else {
            write(&answer.read()?, &mut out)?;
        }
        out.flush()?;
    }
    Ok(conclude(&answer))
}

/// Writes the answer as a person reads it: each cause, and below it what to do.
///
/// # Errors
/// Those of `out`.
pub fn write(answer: &Why, out: &mut impl Write) -> io::Result<()> {
    let state = if answer.warm { "warm" } else { "not warm" };
    writeln!(out, "{}: {state}: {}", Escaped(&answer.profile), Escaped(&answer.reason))?;
    for cause in &answer.causes {
        writeln!(out, "  because {}", Escaped(&cause.why))?;
        writeln!(out, "       do {}", Escaped(&cause.r#do))?;
    }
    Ok(())
}
