//! A scheduler, a configuration for it, and short words for what it wants.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use ulid::Ulid;

use crate::daemon::scheduler::{Action, ProfileState, Remembered, RunEnd, RunRequest, Scheduler};
use crate::daemon::tasks;
use crate::journal::{Interrupted, Pause, ProfileRecord};
use crate::report::{Outcome, RunInfo, StopReason, Trigger};
use crate::run::{Denied, Task};
use model::api::ReloadedBy;
use model::config::{self, Config, Source};
use model::object::Count;

pub fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// 2026-03-02, a Monday, at noon.
pub fn noon() -> DateTime<Utc> {
    at("2026-03-02T12:00:00Z")
}

/// One profile `p` with more lines.
pub fn config(lines: &str) -> Config {
    profiles(&format!("[profile.p]\nobjects = [\"s3://b/p/**\"]\n{lines}\n"))
}

pub fn profiles(tables: &str) -> Config {
    let text = format!(
        "[endpoint.e]\ncache_url = \"http://cache.test\"\nlist_url = \"http://list.test\"\nregion = \"r\"\naddressing = \"path\"\n\
         [defaults]\nmax_bytes = \"1 TiB\"\n{tables}"
    );
    let source = Source::trusted("hotset.toml", text, 0);
    config::load_sources(vec![source]).unwrap_or_else(|wrong| panic!("{}", wrong.render(false)))
}

/// A scheduler with a journal that answers at once, or holds its answers.
pub struct Stage {
    pub scheduler: Scheduler,
    pub now: DateTime<Utc>,
    /// That was claimed last.
    pub run: Option<Arc<RunRequest>>,
    pub wanted: Vec<Action>,
    /// What was wanted, in words, and what the run in progress was told.
    said: Vec<String>,
    /// What the run was told last.
    told: Option<StopReason>,
    /// What a journal has: no due of it begins again.
    dues: Vec<DateTime<Utc>>,
    holds: bool,
}

/// What a journal has of `p` under this configuration, last looked at at `watermark`.
pub fn known(config: &Config, watermark: DateTime<Utc>) -> Remembered {
    let task = task(config);
    let timetable = crate::daemon::fire_clock::Timetable::of(&task.profile).text();
    let state = ProfileRecord {
        watermark: Some(watermark),
        timetable: Some(timetable),
        applied_fingerprint: Some(task.fingerprint),
        ..ProfileRecord::default()
    };
    Remembered { profiles: [("p".to_owned(), state)].into(), interrupted: Vec::new() }
}

pub fn task(config: &Config) -> Task {
    tasks(config).into_iter().find(|task| &*task.profile.name == "p").unwrap()
}

/// A run of `p` that was begun an hour ago and interrupted.
pub fn left(config: &Config, now: DateTime<Utc>) -> Interrupted {
    Interrupted {
        info: RunInfo {
            id: Ulid::from_parts(7, 7),
            trigger: Trigger::Schedule,
            due: Some(now - TimeDelta::hours(1)),
            missed: 3,
            resumes: 1,
            started: now - TimeDelta::hours(1),
        },
        profile: "p".to_owned(),
        fingerprint: task(config).fingerprint,
        ended: now - TimeDelta::minutes(30),
        warmed: Count { objects: 5, bytes: 50 },
        rewarm: false,
    }
}

impl Stage {
    pub fn start(config: &Config, remembered: Remembered, now: DateTime<Utc>) -> Self {
        Self::new(config, remembered, now, false)
    }

    /// The journal answers only when [`grant`](Self::grant), [`deny`](Self::deny) or [`done`](Self::done) is called.
    pub fn holding(config: &Config, remembered: Remembered, now: DateTime<Utc>) -> Self {
        Self::new(config, remembered, now, true)
    }

    fn new(config: &Config, remembered: Remembered, now: DateTime<Utc>, holds: bool) -> Self {
        let (scheduler, wanted) = Scheduler::start(tasks(config), remembered, now);
        let (run, said, told, dues) = (None, Vec::new(), None, Vec::new());
        let mut stage = Self { scheduler, now, run, wanted: Vec::new(), said, told, dues, holds };
        stage.take(wanted);
        stage.tick(now);
        stage
    }

    /// A daemon that knows the profile of `config` and has nothing to do.
    pub fn idle(config: &Config) -> Self {
        Self::start(config, known(config, noon()), noon())
    }

    fn take(&mut self, actions: Vec<Action>) {
        self.listen();
        for action in actions {
            self.said.extend(words(&action));
            self.wanted.push(action.clone());
            if let Action::Claim(run) = action {
                (self.run, self.told) = (Some(run), None);
                if !self.holds {
                    self.answer();
                }
            }
        }
    }

    /// What the run in progress was told since the last look.
    fn listen(&mut self) {
        let told = self.run.as_ref().and_then(|run| run.stop.reason());
        if let Some(reason) = told.filter(|_| told != self.told) {
            self.said.push(format!("stop: {}", reason.as_str()));
            self.told = told;
        }
    }

    fn answer(&mut self) {
        let run = self.run.clone().unwrap();
        let is_new = run.info.trigger != Trigger::Reload && run.resumed_with.is_none();
        match run.info.due.filter(|_| is_new) {
            Some(due) if self.dues.contains(&due) => self.done(),
            due => {
                self.dues.extend(due);
                self.grant();
            }
        }
    }

    /// The journal grants the run that was claimed.
    pub fn grant(&mut self) {
        let actions = self.scheduler.granted("p");
        self.take(actions);
    }

    /// The journal has another process at work.
    pub fn deny(&mut self) {
        self.denied(&Denied::AlreadyRunning { id: "another".to_owned(), since: self.now });
    }

    /// The journal has the due, or the end, of the run that was claimed.
    pub fn done(&mut self) {
        self.said.pop();
        self.denied(&Denied::AlreadyDone { id: "another".to_owned() });
    }

    fn denied(&mut self, denied: &Denied) {
        let actions = self.scheduler.denied("p", denied, self.now);
        self.take(actions);
    }

    pub fn reload(&mut self, config: &Config, by: ReloadedBy) {
        let actions = self.scheduler.reconfigure(tasks(config), by, self.now);
        self.take(actions);
        self.tick(self.now);
    }

    pub fn tick(&mut self, now: DateTime<Utc>) {
        self.now = now;
        let actions = self.scheduler.tick(now);
        self.take(actions);
    }

    pub fn by_hand(&mut self) -> Result<bool, String> {
        let started = self.scheduler.start_by_hand("p", false, self.now);
        let (started, actions) = started.map_err(|error| error.to_string())?;
        self.take(actions);
        Ok(started.joined)
    }

    pub fn pause(&mut self, until: Option<DateTime<Utc>>) {
        let actions = self.scheduler.pause("p", Pause { since: self.now, until }).unwrap();
        self.take(actions);
    }

    pub fn resume(&mut self) {
        let actions = self.scheduler.resume("p", self.now).unwrap();
        self.take(actions);
        self.tick(self.now);
    }

    pub fn cancel(&mut self) {
        self.scheduler.cancel(self.run.as_ref().unwrap().info.id).unwrap();
        self.listen();
    }

    pub fn stop(&mut self) {
        self.scheduler.stop();
        self.listen();
    }

    /// The run that began last ends.
    pub fn end(&mut self, outcome: Outcome) {
        let actions = self.scheduler.ended("p", &RunEnd { outcome, warmed: Count::default() }, self.now);
        self.take(actions);
    }

    pub fn state(&self) -> &ProfileState {
        self.scheduler.profiles().next().unwrap()
    }

    /// What was wanted since the last look, without what is only written down.
    pub fn wants(&mut self) -> Vec<String> {
        self.wanted.clear();
        std::mem::take(&mut self.said)
    }
}

/// Times of one day are enough to tell fires apart.
fn clock(at: DateTime<Utc>) -> String {
    at.format("%dT%H:%M").to_string()
}

fn words(action: &Action) -> Option<String> {
    Some(match action {
        Action::Claim(run) => {
            let info = &run.info;
            let due = info.due.map_or(String::new(), |due| format!(" due {}", clock(due)));
            let missed = if info.missed > 0 { format!(" missed {}", info.missed) } else { String::new() };
            let again = run.resumed_with.map_or(String::new(), |_| format!(" resumes {}", info.resumes));
            format!("begin by {}{due}{missed}{again}", info.trigger)
        }
        Action::Skip { fire, reason, .. } => {
            let reason = reason.split(" since").next().unwrap_or_default();
            format!("skip {} missed {}: {reason}", clock(fire.due), fire.missed)
        }
        Action::ApplyFingerprint { .. } => "apply".to_owned(),
        Action::Forget { .. } => "forget".to_owned(),
        Action::Unpause { .. } => "unpause".to_owned(),
        Action::SetWatermark { .. } => return None,
    })
}
