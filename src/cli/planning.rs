//! The few lines that join configuration, listing and selection for `hotset plan`, with and without `--against`.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;

use super::against::{self, Change, reach};
use super::plan::{Output, write_json, write_objects, write_text};
use super::text::write_gap;
use super::verbs::{self, PlanArgs, code, load, tasks};
use super::{Context, Usage, read, state};
use crate::report::{Outcome, Progress};
use crate::run::{self, Connection, Task};
use model::config::Config;
use model::config::profile::Profile;
use model::config::reach::{beyond, confined, held_to_known};
use model::object::Bucket;
use model::select::plan::{Plan, Verdict};

pub async fn plan(context: &Context, args: PlanArgs) -> anyhow::Result<ExitCode> {
    let output = Output { json: args.json, objects: args.objects.clone() };
    if output.json && output.objects_on_stdout() {
        return Err(Usage("--json and --objects - both want standard output".to_owned()).into());
    }
    let config = load(context, &args.files, &args.profiles).await?;
    if !args.against.is_empty() {
        let format = if output.json { against::Format::Json } else { args.format };
        let before = read::load(&context.stop, args.against.clone()).await??;
        return compare(context, (&before, &config), &args, format).await;
    }
    show(context, (&config, &args.profiles), &output, true).await
}

/// Plans the profiles named, else all that are not paused, and prints what comes of it; what is fresh is left out where
/// `fresh`.
pub(super) async fn show(
    context: &Context,
    (config, names): (&Config, &[String]),
    output: &Output,
    fresh: bool,
) -> anyhow::Result<ExitCode> {
    let mut objects: Option<Box<dyn Write>> = match &output.objects {
        Some(_) if output.objects_on_stdout() => Some(Box::new(BufWriter::new(io::stdout()))),
        Some(path) => Some(Box::new(create(path)?)),
        None => None,
    };
    let connections = state::connections(context, config);
    let mut ends = Vec::new();
    let tasks = tasks(config, names)?;
    let journal = if fresh { state::read(context, config) } else { None };
    for task in &tasks {
        let connection = connections.open(&task.profile).await;
        verbs::say_where(&task.profile);
        let progress = Arc::new(Progress::default());
        let planning = run::plan(task, &connection, &progress, &context.stop);
        let mut plan = context.screen.watch(&task.profile.name, &progress, planning).await;
        if let Some(journal) = &journal {
            run::mark_fresh(&mut plan, task, journal, task.profile.rewarm_after).await;
        }
        if let Some(objects) = &mut objects {
            write_objects(&plan, objects).and_then(|()| objects.flush()).context("write the objects")?;
            run::fail_if_lost(&mut plan, &connection);
        }
        if !output.json {
            write_gap(ends.is_empty(), &mut output.text())?;
        }
        print(&plan, &task.profile, output)?;
        let (outcome, _) = Outcome::of_plan(&plan.verdict);
        ends.push((outcome, outcome == Outcome::Complete));
        if context.stop.drain.is_cancelled() {
            break;
        }
    }
    Ok(code(context, &ends, ends.len() < tasks.len()))
}

fn create(path: &Path) -> Result<BufWriter<File>, Usage> {
    let why = |cause| Usage(format!("--objects: cannot write {}: {cause}", path.display()));
    File::create(path).map(BufWriter::new).map_err(why)
}

fn print(plan: &Plan, profile: &Profile, output: &Output) -> io::Result<()> {
    if output.json {
        let mut out = BufWriter::new(io::stdout());
        write_json(plan, &mut out)?;
        let (outcome, reason) = Outcome::of_plan(&plan.verdict);
        verbs::say(&plan.profile, outcome, reason);
        return out.flush();
    }
    let mut text = output.text();
    write_text(plan, profile, &mut text)?;
    text.flush()
}

async fn compare(
    context: &Context,
    (before, after): (&Config, &Config),
    PlanArgs { profiles: names, trust_new, .. }: &PlanArgs,
    format: against::Format,
) -> anyhow::Result<ExitCode> {
    let mut all: Vec<&str> = before.profiles.keys().chain(after.profiles.keys()).map(|name| &**name).collect();
    all.sort_unstable();
    all.dedup();
    if let Some(unknown) = names.iter().find(|name| !all.contains(&name.as_str())) {
        return Err(verbs::unknown(unknown, all.iter().copied()).into());
    }
    all.retain(|name| names.is_empty() || names.iter().any(|named| named == name));
    // Said before anybody is asked anything: what is new may be somebody else's.
    let mut out = io::stdout();
    reach::write(&reach::changes(before, after), format, &mut out)?;
    out.flush()?;
    let task = |config: &Config, name: &str| {
        let profile = config.profiles.get(name).filter(|profile| !profile.paused || !names.is_empty())?;
        Some(Task { profile: profile.clone(), fingerprint: config.fingerprint(profile) })
    };
    let (mut changes, mut connections) = (Vec::new(), Vec::new());
    for name in all {
        let mut sides = [task(before, name), task(after, name)];
        if let (Some(task), false) = (&mut sides[1], trust_new) {
            task.profile = Arc::new(confined((*task.profile).clone()));
        }
        let beyond = sides[1].as_ref().filter(|_| !trust_new).and_then(|task| beyond(before, &task.profile));
        if let Some(why) = beyond {
            changes.push(Change::withheld(name, sides[0].is_some(), why));
            continue;
        }
        if let ([old, Some(new)], false) = (&mut sides, trust_new) {
            let profile = (*new.profile).clone();
            new.profile =
                Arc::new(held_to_known(before, profile, buckets_by_now((context, before), old.as_ref()).await));
        }
        if sides.iter().any(Option::is_some) && !context.stop.drain.is_cancelled() {
            let (change, opened) = plan_both((context, after), name, sides).await;
            changes.push(change);
            connections.extend(opened.into_iter().flatten());
        }
    }
    let mut out = BufWriter::new(io::stdout());
    against::write(&changes, format, &mut out)?;
    out.flush()?;
    if let Some(why) = connections.iter().find_map(Connection::lost) {
        anyhow::bail!("{why}");
    }
    // What could not be listed before makes all of it seem to enter now.
    let untold = |plan: &&Plan| matches!(plan.verdict, Verdict::Failed(_) | Verdict::Interrupted(_));
    let before = changes.iter().filter_map(|change| change.before.as_ref()).filter(untold);
    let plans = changes.iter().filter_map(|change| change.after.as_ref()).chain(before);
    let withheld = changes.iter().filter(|change| change.withheld.is_some()).map(|_| Outcome::Refused);
    let outcomes = plans.map(|plan| Outcome::of_plan(&plan.verdict).0).chain(withheld);
    let ends: Vec<_> = outcomes.map(|o| (o, o == Outcome::Complete)).collect();
    Ok(code(context, &ends, context.stop.drain.is_cancelled()))
}

/// The buckets that a profile's manifest, as a file beside the configuration, names before the change.
async fn buckets_by_now((context, config): (&Context, &Config), task: Option<&Task>) -> BTreeSet<Bucket> {
    let Some(task) = task else { return BTreeSet::new() };
    let Some(manifest) = task.profile.manifest.as_ref().filter(|manifest| manifest.place.is_file()) else {
        return BTreeSet::new();
    };
    let connection = state::connections(context, config).open(&task.profile).await;
    // What is wrong with it is said where that side is planned.
    run::named_buckets(&connection, &manifest.place).await.unwrap_or_default()
}

/// Both sides over one listing where they list at the same place as the same user, else each over its own.
async fn plan_both(
    (context, config): (&Context, &Config),
    name: &str,
    sides: [Option<Task>; 2],
) -> (Change, [Option<Connection>; 2]) {
    let progress = Arc::new(Progress::default());
    let [before, after] = sides;
    let one_place = before.as_ref().zip(after.as_ref()).is_some_and(|(before, after)| {
        let place = |task: &Task| {
            let site = &task.profile.endpoint.list.0;
            let credentials = task.profile.credentials.clone().unwrap_or_else(|| site.credentials.clone());
            let buckets = task.profile.team.as_ref().map(|team| team.buckets.clone());
            (site.url.clone(), site.region.clone(), credentials, buckets)
        };
        place(before) == place(after)
    });
    // Several plans, of which each is large.
    let planning = Box::pin(async {
        if let (true, Some(old), Some(new)) = (one_place, before.clone(), after.clone()) {
            let connection = state::connections(context, config).open(&new.profile).await;
            let mut plans = run::plan_together(&[old, new], &connection, &progress, &context.stop).await.into_iter();
            return [plans.next(), plans.next()].map(|plan| plan.map(|plan| (plan, connection.clone())));
        }
        let [before, after] = [before, after].map(|task| plan_one((context, config), task, &progress));
        [before.await, after.await]
    });
    let [before, after] = context.screen.watch(name, &progress, planning).await;
    let ((before, one), (after, other)) = (before.unzip(), after.unzip());
    (Change { profile: name.to_owned(), before, after, withheld: None }, [one, other])
}

async fn plan_one(
    (context, config): (&Context, &Config),
    task: Option<Task>,
    progress: &Arc<Progress>,
) -> Option<(Plan, Connection)> {
    let task = task?;
    let connection = state::connections(context, config).open(&task.profile).await;
    Some((run::plan(&task, &connection, progress, &context.stop).await, connection))
}
