//! `hotset explain`: which profiles want an object, and when it was last warmed. Nothing is listed and nothing is sent.

mod group;

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use chrono::{DateTime, Utc};
use clap::Args;
use group::Belongs;

use super::global::Files;
use super::text::{brief_time, iec};
use super::{Context, Usage, state, verbs};
use crate::clock;
use crate::journal::{Journal, LastWarmed};
use model::config::profile::Profile;
use model::config::value::duration::show;
use model::config::value::size::brief;
use model::object::{Bucket, Escaped, Key};
use model::select::Rules;

#[derive(Clone, Debug, Args)]
pub struct ExplainArgs {
    #[command(flatten)]
    pub files: Files,
    /// The object, byte for byte: nothing in it is a wildcard
    #[arg(value_name = "s3://BUCKET/KEY", value_parser = object)]
    pub object: (Bucket, Key),
}

fn object(text: &str) -> Result<(Bucket, Key), String> {
    let parts = text.strip_prefix("s3://").and_then(|rest| rest.split_once('/'));
    match parts {
        Some((bucket, key)) if !bucket.is_empty() && !key.is_empty() => Ok((Bucket::new(bucket), Key::from(key))),
        _ => Err("an object is named s3://BUCKET/KEY".to_owned()),
    }
}

pub(super) async fn run(context: &Context, args: &ExplainArgs) -> anyhow::Result<ExitCode> {
    let config = verbs::load(context, &args.files, &[]).await?;
    let journal = state::place(context, config.daemon.state_dir.as_deref());
    let journal = match journal {
        state::Place::Folder(folder) => Journal::read(&folder)?,
        _ => None,
    };
    let (bucket, key) = &args.object;
    if config.profiles.is_empty() {
        return Err(Usage("no profile".to_owned()).into());
    }
    let mut out = BufWriter::new(io::stdout());
    writeln!(out, "s3://{bucket}/{key}")?;
    for profile in config.profiles.values() {
        write_profile(profile, (bucket, key), &mut out)?;
    }
    for endpoint in config.endpoints.values() {
        let url = endpoint.cache.0.address();
        let last = journal.as_ref().map(|journal| journal.last_warmed(&url, bucket, key)).transpose()?.flatten();
        writeln!(out, "  on {} ({url}): {}", Escaped(&endpoint.name), warmed(last, endpoint.capacity, clock::now()))?;
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

fn write_profile(profile: &Profile, (bucket, key): (&Bucket, &Key), out: &mut impl Write) -> io::Result<()> {
    let paused = if profile.paused { " (paused)" } else { "" };
    let is_matched = profile.rules.patterns.iter().any(|pattern| pattern.matches(bucket, key.as_bytes()));
    let checkpoint = profile.checkpoint.as_ref().filter(|_| is_matched);
    let belongs = checkpoint.map(|checkpoint| (Belongs::of(key, checkpoint), checkpoint));
    let dropped = belongs.as_ref().and_then(|(belongs, checkpoint)| match belongs {
        Belongs::No => Some("never chosen"),
        _ => belongs.is_without(key, checkpoint).then_some("left out by parts = \"weights\""),
    });
    writeln!(out, "  {}{paused}: {}", Escaped(&profile.name), chosen(profile, (bucket, key), dropped))?;
    if let Some((belongs, checkpoint)) = belongs {
        belongs.lines(key, checkpoint).iter().try_for_each(|line| writeln!(out, "    {line}"))?;
    }
    Ok(())
}

/// What the rules alone say, and what they leave to the listing; `dropped` is why its checkpoint does without the object.
fn chosen(profile: &Profile, (bucket, key): (&Bucket, &Key), dropped: Option<&str>) -> String {
    let rules = &profile.rules;
    let pattern = rules.patterns.iter().find(|pattern| pattern.matches(bucket, key.as_bytes()));
    let matched = match pattern {
        Some(pattern) => format!("matched by {}", Escaped(pattern.text())),
        None if rules.named && rules.patterns.is_empty() => "its manifest decides".to_owned(),
        None => return "no pattern matches it".to_owned(),
    };
    if let Some(excluded) = rules.exclude.iter().find(|pattern| pattern.matches(bucket, key.as_bytes())) {
        return format!("{matched}, left out by exclude {}", Escaped(excluded.text()));
    }
    if let Some(why) = dropped {
        return format!("{matched}, {why}");
    }
    let source = if rules.named { "the manifest names it, and it" } else { "the listing shows that it" };
    format!("{matched}; chosen if {source} {}", conditions(rules, profile.checkpoint.is_some()))
}

/// What an object must be, beside its name.
fn conditions(rules: &Rules, checkpoint: bool) -> String {
    let classes: Vec<&str> = rules.storage_classes.iter().map(|class| &**class).collect();
    let mut all = vec!["is there and not empty".to_owned(), format!("is of class {}", classes.join(" or "))];
    all.extend(rules.min_size.map(|size| format!("has at least {}", brief(size))));
    all.extend(rules.max_size.map(|size| format!("has at most {}", brief(size))));
    all.extend(rules.newer_than.map(|than| format!("is not older than {}", show(than))));
    all.extend(rules.older_than.map(|than| format!("is not younger than {}", show(than))));
    if checkpoint {
        all.push("is of a complete checkpoint that is kept".to_owned());
    }
    let caps = [
        rules.max_objects.map(|objects| format!("max_objects = {objects}")),
        rules.max_bytes.bytes().map(|bytes| format!("max_bytes = {}", brief(bytes))),
    ];
    let caps: Vec<_> = caps.into_iter().flatten().collect();
    if !caps.is_empty() {
        all.push(format!("fits {}", caps.join(" and ")));
    }
    all.join(", ")
}

fn warmed(last: Option<LastWarmed>, capacity: Option<u64>, now: DateTime<Utc>) -> String {
    let Some(LastWarmed { sent, content_hash, filled_since }) = last else {
        return "not known to have been warmed".to_owned();
    };
    let at = sent.format("%Y-%m-%d %H:%M:%S UTC");
    let since = iec(filled_since);
    let evicted = match capacity {
        Some(capacity) if filled_since > capacity => {
            format!(", more than its capacity of {}: likely evicted", brief(capacity))
        }
        _ => String::new(),
    };
    let ago = brief_time((now - sent).to_std().unwrap_or_default());
    format!(
        "last warmed {at}, {ago} ago, ETag and size hash to {content_hash:016x}; up to {since} warmed there since{evicted}"
    )
}
