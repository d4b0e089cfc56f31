//! A scheduler, a configuration for it, and short words for what it wants.

use chrono::{DateTime, TimeDelta, Utc};
use ulid::Ulid;

use crate::daemon::scheduler::{Action, Remembered, RunEnd, Scheduler};
use crate::daemon::tasks;
use crate::daemon::view::ReloadedBy;
use crate::journal::{Interrupted, Pause, ProfileRecord};
use crate::report::{Begun, Outcome, RunInfo, Trigger};
use crate::run::Task;
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

pub struct Stage {
    pub scheduler: Scheduler,
    pub now: DateTime<Utc>,
    /// Of the run that began last.
    pub run: Option<Ulid>,
    pub wanted: Vec<Action>,
    /// What a journal has: no due of it begins again.
    dues: Vec<DateTime<Utc>>,
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
        let (scheduler, wanted) = Scheduler::start(tasks(config), remembered, now);
        let mut stage = Self { scheduler, now, run: None, wanted, dues: Vec::new() };
        let first = stage.scheduler.tick(now);
        stage.take(first);
        stage
    }

    /// A daemon that knows the profile of `config` and has nothing to do.
    pub fn idle(config: &Config) -> Self {
        Self::start(config, known(config, noon()), noon())
    }

    fn take(&mut self, actions: Vec<Action>) {
        for action in actions {
            if let Action::Begin(begin) = &action {
                let info = &begin.info;
                self.run = Some(info.id);
                let is_new = info.trigger != Trigger::Reload && begin.resumed_with.is_none();
                if let Some(due) = info.due.filter(|_| is_new) {
                    if self.dues.contains(&due) {
                        self.done();
                        continue;
                    }
                    self.dues.push(due);
                }
            }
            self.wanted.push(action);
        }
    }

    fn done(&mut self) {
        let end = RunEnd {
            run: self.run.unwrap(),
            begun: Begun::Done,
            outcome: Outcome::Refused,
            reason: None,
            warmed: Count::default(),
        };
        let actions = self.scheduler.ended("p", &end, self.now);
        self.take(actions);
    }

    pub fn reload(&mut self, config: &Config, by: ReloadedBy) {
        let actions = self.scheduler.reconfigure(tasks(config), by, self.now);
        self.take(actions);
        let actions = self.scheduler.tick(self.now);
        self.take(actions);
    }

    pub fn tick(&mut self, now: DateTime<Utc>) {
        self.now = now;
        let actions = self.scheduler.tick(now);
        self.take(actions);
    }

    pub fn by_hand(&mut self) -> Result<bool, String> {
        let (started, actions) =
            self.scheduler.begin_by_hand("p", false, self.now).map_err(|error| error.to_string())?;
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
        let actions = self.scheduler.cancel(self.run.unwrap()).unwrap();
        self.take(actions);
    }

    /// The run that began last ends.
    pub fn end(&mut self, outcome: Outcome) {
        let end = RunEnd { run: self.run.unwrap(), begun: Begun::Yes, outcome, reason: None, warmed: Count::default() };
        let actions = self.scheduler.ended("p", &end, self.now);
        self.take(actions);
    }

    /// The run that began last found another process at work.
    pub fn refuse(&mut self) {
        self.dues.pop();
        let reason = Some("already running".to_owned());
        let end = RunEnd {
            run: self.run.unwrap(),
            begun: Begun::Held,
            outcome: Outcome::Refused,
            reason,
            warmed: Count::default(),
        };
        let actions = self.scheduler.ended("p", &end, self.now);
        self.take(actions);
    }

    /// What was wanted since the last look, without what is only written down.
    pub fn wants(&mut self) -> Vec<String> {
        let wanted = std::mem::take(&mut self.wanted);
        wanted.iter().filter_map(words).collect()
    }
}

/// Times of one day are enough to tell fires apart.
fn clock(at: DateTime<Utc>) -> String {
    at.format("%dT%H:%M").to_string()
}

fn words(action: &Action) -> Option<String> {
    Some(match action {
        Action::Begin(begin) => {
            let info = &begin.info;
            let due = info.due.map_or(String::new(), |due| format!(" due {}", clock(due)));
            let missed = if info.missed > 0 { format!(" missed {}", info.missed) } else { String::new() };
            let again = begin.resumed_with.map_or(String::new(), |_| format!(" resumes {}", info.resumes));
            format!("begin by {}{due}{missed}{again}", info.trigger)
        }
        Action::Stop { reason, .. } => format!("stop: {}", reason.as_str()),
        Action::Skip { fire, reason, .. } => {
            let reason = reason.split(" since").next().unwrap_or_default();
            format!("skip {} missed {}: {reason}", clock(fire.due), fire.missed)
        }
        Action::Adopt { .. } => "adopt".to_owned(),
        Action::Forget { .. } => "forget".to_owned(),
        Action::Unpause { .. } => "unpause".to_owned(),
        Action::SetWatermark { .. } => return None,
    })
}
