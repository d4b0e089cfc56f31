//! `hotset wait`: the gate of a job that wants its data warm.

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout_at};
use ulid::Ulid;

use super::contact::{Answer, Client, Contact, Unreached, part};
use super::text::{count, counted, iec};
use super::typed::{checked, typed};
use super::{Context, Usage};
use crate::exit;
use crate::report::{Outcome, ReasonClass, Trigger};
use model::api::{NoBody, ProfileAnswer, Progress, Ready, RunAnswer, RunLine, Started};
use model::config::value::Kind as _;
use model::config::value::duration::Length;
use model::config::value::percent::Percent;

/// How often the daemon is asked.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// A wait that is over without what was waited for.
const TIMED_OUT: u8 = 3;

#[derive(Clone, Debug, Args)]
pub struct WaitArgs {
    #[command(flatten)]
    contact: Contact,
    /// The profile that must be warm
    #[arg(value_name = "PROFILE")]
    profile: String,
    /// How long to wait
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = typed::<Length<false>>)]
    timeout: Duration,
    /// Start a run, or join the one in progress, and wait for that
    #[arg(long)]
    start: bool,
    /// Take a run that ended within this time [default: rewarm_after of the profile; with --start none]
    #[arg(long, value_name = "TIME", value_parser = checked::<Length<false>>)]
    within: Option<String>,
    /// Take a run that warmed this share of objects and of bytes, complete or not
    #[arg(long, value_name = "PERCENT", value_parser = checked::<Percent>)]
    min_warm: Option<String>,
    /// Exit 0 also when it is not warm in time
    #[arg(long)]
    best_effort: bool,
}

/// How a wait ended.
struct Waited {
    code: u8,
    said: String,
}

pub(super) async fn run(context: &Context, args: &WaitArgs) -> anyhow::Result<ExitCode> {
    let client = Client::new(context, &args.contact).await?;
    let until = Instant::now() + args.timeout;
    let last = watch::Sender::new(None);
    let heard = last.subscribe();
    let mut gate = Gate { args, client, run: None, last };
    let waiting = context.screen.watch_reason((&args.profile, args.timeout), heard, gate.wait());
    let waited = tokio::select! {
        waited = timeout_at(until, waiting) => waited,
        () = context.stop.told() => return Ok(ExitCode::from(context.received.exit_code().unwrap_or(130))),
    };
    let waited = match waited {
        Ok(waited) => waited?,
        Err(_) => {
            let after = humantime::format_duration(args.timeout);
            let last = gate.last.borrow().clone().unwrap_or_else(|| "nothing was heard of the daemon".to_owned());
            Waited { code: TIMED_OUT, said: format!("not warm after {after}: {last}") }
        }
    };
    let Waited { code, said } = waited;
    if code == 0 {
        writeln!(io::stdout(), "{}: {said}", args.profile)?;
    } else {
        tracing::error!("{}: {said}", args.profile);
    }
    Ok(ExitCode::from(if args.best_effort && code != exit::USAGE { 0 } else { code }))
}

struct Gate<'a> {
    args: &'a WaitArgs,
    client: Client,
    /// The run that is waited for.
    run: Option<Ulid>,
    /// Why it is not warm yet; `None` until that is known.
    last: watch::Sender<Option<String>>,
}

impl Gate<'_> {
    /// Asks until there is an answer that counts. A daemon that is away, or starting, is waited for.
    async fn wait(&mut self) -> anyhow::Result<Waited> {
        loop {
            let looked = match (self.run, self.args.start) {
                (Some(run), _) => self.look_at(run).await,
                (None, true) => self.start().await,
                (None, false) => self.look().await,
            };
            match looked {
                Ok(Some(waited)) => return Ok(waited),
                Ok(None) => {}
                Err(error) if error.is::<Unreached>() => self.not_yet(error.to_string()),
                Err(error) => return Err(error),
            }
            sleep(POLL_INTERVAL).await;
        }
    }

    fn not_yet(&self, why: String) {
        self.last.send_replace(Some(why));
    }

    async fn look(&mut self) -> anyhow::Result<Option<Waited>> {
        let mut query = Vec::new();
        query.extend(self.args.within.as_ref().map(|within| format!("within={}", part(within))));
        query.extend(self.args.min_warm.as_ref().map(|least| format!("min_warm={}", part(least))));
        let path = format!("/api/v1/profiles/{}/ready?{}", part(&self.args.profile), query.join("&"));
        let answer = self.client.get(&path).await?;
        match answer.status {
            200 => Ok(Some(Waited { code: 0, said: format!("warm: {}", answer.read::<Ready>()?.reason) })),
            400 | 404 => Err(Usage(answer.error()).into()),
            _ => {
                self.not_yet(answer.read::<Ready>().map_or_else(|_| answer.error(), not_ready));
                Ok(None)
            }
        }
    }

    /// A run that is recent enough will do; else one is begun or joined.
    async fn start(&mut self) -> anyhow::Result<Option<Waited>> {
        if self.args.within.is_some()
            && let Some(waited) = self.look().await?
        {
            return Ok(Some(waited));
        }
        let path = format!("/api/v1/profiles/{}/run", part(&self.args.profile));
        let answer = self.client.post(&path, &NoBody {}).await?;
        if answer.is_ok() {
            let Started { run, joined, .. } = answer.read()?;
            let how = if joined { "joined" } else { "started" };
            tracing::info!("{}: {how} run {run}", self.args.profile);
            self.not_yet(format!("run {run} is in progress"));
            self.run = Some(run);
            return Ok(None);
        }
        self.refused(&answer)
    }

    fn refused(&mut self, answer: &Answer) -> anyhow::Result<Option<Waited>> {
        match answer.status {
            400 | 404 => Err(Usage(answer.error()).into()),
            // It may be resumed, and a run that is being stopped ends.
            409 | 503 => {
                self.not_yet(answer.error());
                Ok(None)
            }
            _ => Ok(Some(Waited { code: answer.code(), said: answer.error() })),
        }
    }

    /// One that was interrupted may be taken up again, under its id; until then it is waited for.
    async fn look_at(&mut self, run: Ulid) -> anyhow::Result<Option<Waited>> {
        let answer = self.client.get(&format!("/api/v1/runs/{run}")).await?;
        if answer.status == 404 {
            // Not in the journal yet, or the daemon lost what it kept in memory: then another is begun.
            self.not_yet(format!("the daemon does not know run {run}"));
            if self.is_over(run).await? {
                self.run = None;
            }
            return Ok(None);
        }
        let RunAnswer { line, progress, .. } = answer.read()?;
        let outcome = line.outcome;
        let reason = line.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        let least = self.args.min_warm.as_deref().and_then(|text| Percent::parse(text).ok());
        match outcome {
            Outcome::Running => {
                self.not_yet(format!("run {run} is in progress{}", so_far(progress.as_ref())));
                Ok(None)
            }
            Outcome::Interrupted if !reaches(&line, least) && is_cancelled(&line) => Ok(Some(Waited {
                code: exit::of_outcome(Outcome::Refused),
                said: format!("run {run} was interrupted{reason}"),
            })),
            Outcome::Interrupted if !reaches(&line, least) => {
                self.not_yet(format!("run {run} was interrupted{reason}"));
                if self.is_over(run).await? {
                    self.run = None;
                }
                Ok(None)
            }
            Outcome::Complete => Ok(Some(Waited { code: 0, said: format!("warm: run {run} is complete{reason}") })),
            _ if reaches(&line, least) => {
                Ok(Some(Waited { code: 0, said: format!("warm enough: run {run} is {outcome}{reason}") }))
            }
            _ => Ok(Some(Waited { code: exit::of_outcome(outcome), said: format!("run {run} is {outcome}{reason}") })),
        }
    }

    /// Whether the profile neither runs it nor is about to take it up.
    async fn is_over(&self, run: Ulid) -> anyhow::Result<bool> {
        let answer = self.client.get(&format!("/api/v1/profiles/{}", part(&self.args.profile))).await?;
        if !answer.is_ok() {
            return Ok(false);
        }
        let ProfileAnswer { profile, .. } = answer.read()?;
        let runs = profile.running.is_some_and(|running| running.info.id == run);
        let waits = profile.waiting.is_some_and(|waiting| waiting.trigger == Trigger::Resume);
        Ok(!runs && !waits)
    }
}

/// Why, and which run is in progress.
fn not_ready(ready: Ready) -> String {
    let running = ready.running.map(|run| format!("; run {run} is in progress")).unwrap_or_default();
    ready.reason + &running
}

/// How far a run is.
fn so_far(progress: Option<&Progress>) -> String {
    let Some(Progress { trouble, planned, ended, listed, .. }) = progress else { return String::new() };
    if let Some(trouble) = trouble {
        return format!(": {trouble}");
    }
    if planned.objects == 0 {
        return format!(": listing, {} so far", counted(*listed, "object"));
    }
    let (bytes, all) = (iec(ended.bytes), iec(planned.bytes));
    format!(": {} of {}, {bytes} of {all}", count(ended.objects), counted(planned.objects, "object"))
}

/// Somebody does not want it: that is no reason to begin another.
fn is_cancelled(line: &RunLine) -> bool {
    line.reason_class == Some(ReasonClass::Cancelled)
}

fn reaches(line: &RunLine, least: Option<f64>) -> bool {
    least.is_some_and(|least| line.warm_ratio.reaches(least))
}
