//! What `hotset warm` was asked for: profiles of the configuration, or patterns and flags that stand for one.

use super::verbs::{WarmArgs, files, load, warned};
use super::{Context, Usage, adhoc, read};
use crate::clock;
use model::config::{self, Config, Stop};

/// What `warm` was asked for.
pub(super) struct Wanted {
    pub config: Config,
    pub names: Vec<String>,
    /// In place of names.
    pub patterns: Vec<String>,
}

/// The configuration with its names, or the one that patterns and flags stand for.
pub(super) async fn what_to_warm(context: &Context, args: &WarmArgs) -> anyhow::Result<Wanted> {
    let (patterns, names): (Vec<_>, Vec<_>) = args.what.iter().cloned().partition(|what| what.starts_with("s3://"));
    if let Some(neither) = names.iter().find(|name| name.contains(['/', ':'])) {
        return Err(Usage(format!("`{neither}` is no profile, and no pattern either: those begin with s3://")).into());
    }
    if patterns.is_empty() {
        if args.ad_hoc.is_given() {
            let why = "--max-bytes, --endpoint, --cache-url and --lota go with patterns (s3://...), not with profiles";
            return Err(Usage(why.to_owned()).into());
        }
        return Ok(Wanted { config: load(context, &args.files, &names).await?, names, patterns });
    }
    if !names.is_empty() {
        return Err(Usage("patterns and profiles cannot be warmed in one call".to_owned()).into());
    }
    let patterns: Vec<String> = patterns.iter().map(|pattern| adhoc::below(pattern)).collect();
    // With a cache on the command line no file is needed; one that is named counts all the same.
    let files = files(context, &args.files);
    let ad_hoc = args.ad_hoc.clone().placed(&context.stop, &patterns, &files).await?;
    let paths = match &ad_hoc.endpoint {
        None => files.named().unwrap_or_default(),
        Some(_) => files.paths()?,
    };
    let named = paths.len();
    let mut sources = read::sources(&context.stop, paths).await??;
    sources.push(ad_hoc.source(&patterns, named));
    let config = config::resolve_sources(sources, clock::zones(), &Stop::default())?;
    let names = vec![adhoc::NAME.to_owned()];
    Ok(Wanted { config: warned(config, &names), names, patterns })
}
