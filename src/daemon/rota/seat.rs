//! One profile of the rota.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use ulid::Ulid;

use super::{Action, Begin, RunEnd};
use crate::config::profile::{OnOverlap, OnReload, OnStart};
use crate::daemon::handle::{Objection, Started};
use crate::daemon::planner::{Fire, Planner, Tick, Timetable};
use crate::daemon::view::{PauseView, ReloadedBy, WaitingView};
use crate::journal::{Interrupted, Mark, Pause, ProfileState};
use crate::report::{Begun, Cut, Identity, Outcome, Trigger};
use crate::run::Task;

/// How long a run of the daemon may take where the profile does not say.
const DEADLINE: Duration = Duration::from_secs(24 * 3600);
/// What a journal keeps in the place of the schedules of a profile that the configuration pauses: fires of that time are
/// not missed.
const PAUSED: &str = "paused";
/// By so much a clock that is kept right may step back: nothing but a wait comes of it.
const SET_BACK: Duration = Duration::from_secs(60);
/// How soon a profile is looked at again whose claim another process holds.
const CLAIMED: TimeDelta = TimeDelta::seconds(10);

#[derive(Debug)]
pub(in crate::daemon) struct Seat {
    pub task: Task,
    pub planner: Planner,
    /// The fingerprint that the journal has: of the last run, or taken without one.
    adopted: Option<String>,
    /// What a fingerprint that the journal does not have is put down to.
    changed_by: Trigger,
    by_hand: Option<Pause>,
    live: Option<Live>,
    /// An interrupted run that may be taken up.
    left: Option<Interrupted>,
    wish: Option<Wish>,
    not_before: Option<DateTime<Utc>>,
    /// Removed from the configuration; its run is still ending.
    leaving: bool,
}

/// A run in progress.
#[derive(Clone, Debug)]
pub(in crate::daemon) struct Live {
    pub identity: Identity,
    pub fingerprint: String,
    pub cut: Option<Cut>,
    pub rewarm: bool,
    /// What was adopted before, should it never begin.
    adopted_before: Option<String>,
    wish_before: Option<Wish>,
    left_before: Option<Interrupted>,
}

/// What waits to be a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Wish {
    trigger: Trigger,
    due: Option<DateTime<Utc>>,
    missed: u64,
}

impl Wish {
    fn of(fire: Fire) -> Self {
        let trigger = if fire.late { Trigger::Missed } else { Trigger::Schedule };
        Self { trigger, due: Some(fire.due), missed: fire.missed }
    }

    /// One run for both: a fire that waited has passed without one of its own.
    fn and(self, fire: Fire) -> Self {
        let passed = fire.missed + self.due.map_or(0, |_| self.missed + 1);
        let trigger = match self.trigger {
            Trigger::Schedule | Trigger::Missed => Self::of(fire).trigger,
            other => other,
        };
        Self { trigger, due: Some(fire.due), missed: passed }
    }

    fn fire(self) -> Option<Fire> {
        let late = self.trigger != Trigger::Schedule;
        self.due.map(|due| Fire { due, missed: self.missed, late })
    }
}

impl Seat {
    fn empty(task: Task, watermark: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Self {
        Self {
            planner: Planner::new(Timetable::of(&task.profile), watermark, now),
            task,
            adopted: None,
            changed_by: Trigger::Reload,
            by_hand: None,
            live: None,
            left: None,
            wish: None,
            not_before: None,
            leaving: false,
        }
    }

    /// A profile of the configuration that the daemon starts with.
    pub fn at_start(
        task: Task,
        state: Option<ProfileState>,
        is_fresh: bool,
        now: DateTime<Utc>,
        actions: &mut Vec<Action>,
    ) -> Self {
        let is_known = state.is_some();
        let state = state.unwrap_or_default();
        let timetable = timetable(&task);
        let same_times = state.timetable.as_deref() == Some(&*timetable);
        let mut watermark = state.watermark.filter(|_| same_times);
        let (by_hand, over) = match state.pause {
            Some(pause) if pause.until.is_some_and(|until| until <= now) => (None, pause.until),
            pause => (pause, None),
        };
        if over.is_some() {
            // What fired before the pause's end is not missed, what fired since is.
            watermark = watermark.max(over);
        }
        let mut seat = Self::empty(task, watermark, now);
        (seat.adopted, seat.by_hand, seat.changed_by) = (state.fingerprint, by_hand, Trigger::Start);
        if !same_times || over.is_some() {
            actions.push(seat.marked());
        }
        if over.is_some() {
            // After the mark: a crash between the two must not make fires of the pause missed ones.
            actions.push(Action::Unpause { profile: seat.task.profile.name.clone() });
        }
        match seat.task.profile.on_start {
            OnStart::Always => seat.wish = Some(Wish { trigger: Trigger::Start, due: None, missed: 0 }),
            OnStart::Never => seat.adopt(actions),
            OnStart::Auto if is_fresh => seat.adopt(actions),
            OnStart::Auto if seat.task.profile.on_reload == OnReload::Never => seat.adopt(actions),
            OnStart::Auto => {}
        }
        if !is_known && seat.adopted.is_none() {
            // Known from now on, however long its first run has to wait.
            actions.push(seat.marked());
        }
        seat
    }

    /// A profile that a reload has brought.
    pub fn new(task: Task, by: ReloadedBy, now: DateTime<Utc>, actions: &mut Vec<Action>) -> Self {
        let mut seat = Self::empty(task, None, now);
        actions.push(seat.marked());
        seat.obey_reload(by, actions);
        seat
    }

    /// The profile as the configuration now has it.
    pub fn reconfigure(&mut self, task: Task, by: ReloadedBy, now: DateTime<Utc>, actions: &mut Vec<Action>) {
        let before = timetable(&self.task);
        let was_paused = self.task.profile.paused;
        self.task = task;
        if self.leaving {
            // Removed and brought back before its run had ended: a new profile.
            self.leaving = false;
            (self.adopted, self.left, self.wish) = (None, None, None);
        }
        self.planner.retime(Timetable::of(&self.task.profile), now);
        if was_paused && !self.task.profile.paused {
            self.planner.pass_over(now);
        }
        if timetable(&self.task) != before {
            actions.push(self.marked());
        }
        if self.live.as_ref().is_some_and(|live| live.fingerprint != self.task.fingerprint) {
            self.cut(Cut::Changed, actions);
        }
        if self.task.profile.paused {
            self.cut(Cut::Paused, actions);
            self.drop_wish(actions);
        }
        self.obey_reload(by, actions);
    }

    fn obey_reload(&mut self, by: ReloadedBy, actions: &mut Vec<Action>) {
        self.changed_by = Trigger::Reload;
        match self.task.profile.on_reload {
            OnReload::IfChanged => {}
            // A run that is stopped because of the change is replaced all the same: it was under way.
            OnReload::Never if self.live.is_some() && !self.is_current() => {}
            OnReload::Never => self.adopt(actions),
            OnReload::Always if matches!(by, ReloadedBy::Sighup | ReloadedBy::Api) && !self.is_paused() => {
                self.wish.get_or_insert(Wish { trigger: Trigger::Reload, due: None, missed: 0 });
            }
            OnReload::Always => {}
        }
        // One that goes on as it is needs no second.
        if self.live.as_ref().is_some_and(|live| live.cut.is_none()) {
            self.wish = self.wish.filter(|wish| wish.trigger != Trigger::Reload);
        }
    }

    /// The profile is gone from the configuration. True when nothing of it is left to wait for.
    pub fn leave(&mut self, actions: &mut Vec<Action>) -> bool {
        self.leaving = true;
        (self.wish, self.left) = (None, None);
        self.cut(Cut::Removed, actions);
        if self.live.is_none() {
            actions.push(Action::Forget { profile: self.task.profile.name.clone() });
        }
        self.live.is_none()
    }

    /// What time brings: fires, the end of a pause, the end of a window.
    pub fn look(&mut self, now: DateTime<Utc>, actions: &mut Vec<Action>) {
        if self.leaving {
            return;
        }
        if let Some(until) = self.by_hand.as_ref().and_then(|pause| pause.until).filter(|until| *until <= now) {
            self.resume(until, actions);
            actions.push(Action::Unpause { profile: self.task.profile.name.clone() });
        }
        if self.is_paused() {
            self.planner.pass_over(now);
            return;
        }
        let is_open = self.task.profile.window.as_ref().is_none_or(|window| window.contains(now));
        if !is_open && self.live.as_ref().is_some_and(|live| live.identity.trigger != Trigger::Api) {
            self.cut(Cut::Window, actions);
        }
        if self.planner.behind(now).is_some_and(|behind| behind > SET_BACK) {
            tracing::warn!(
                profile = &*self.task.profile.name,
                "the clock was set back; fires that were dealt with are not repeated"
            );
            self.planner.rewind(now);
        }
        match self.planner.tick(now) {
            Tick::Nothing => {}
            Tick::Fire(fire) => self.fire(fire, actions),
            Tick::Skipped(fire) => {
                let reason = "it passed while nobody could start it, and on_missed is skip".to_owned();
                self.skip(fire, reason, actions);
            }
        }
    }

    fn fire(&mut self, fire: Fire, actions: &mut Vec<Action>) {
        let going = self.live.as_ref().filter(|live| live.cut.is_none());
        match (going, self.task.profile.on_overlap) {
            (Some(live), OnOverlap::Skip) => {
                let reason = still_running(&live.identity);
                self.skip(fire, reason, actions);
            }
            (Some(_), OnOverlap::Replace) => {
                self.want(fire);
                self.cut(Cut::Replaced, actions);
            }
            _ => self.want(fire),
        }
    }

    fn want(&mut self, fire: Fire) {
        self.wish = Some(self.wish.map_or_else(|| Wish::of(fire), |wish| wish.and(fire)));
    }

    fn skip(&self, fire: Fire, reason: String, actions: &mut Vec<Action>) {
        actions.push(Action::Skip { task: self.task.clone(), fire, mark: self.mark(), reason });
    }

    /// Begins what is to run next, if anything is and nothing is in its way.
    pub fn settle(&mut self, now: DateTime<Utc>, actions: &mut Vec<Action>) {
        if self.live.is_some() || self.is_paused() || self.leaving || self.not_before.is_some_and(|at| now < at) {
            return;
        }
        self.not_before = None;
        let is_open = self.task.profile.window.as_ref().is_none_or(|window| window.contains(now));
        if let Some(left) = self.left.take() {
            if is_open && self.is_worth_taking_up(&left, now) {
                return self.begin_again(left, now, actions);
            }
            tracing::info!(profile = &*self.task.profile.name, run = %left.id, "the interrupted run is not taken up again");
        }
        if !is_open {
            return;
        }
        let changed = Wish { trigger: self.changed_by, due: None, missed: 0 };
        let next = match (self.is_current(), self.wish) {
            (true, None) => return,
            (true, Some(wish)) => wish,
            (false, None) => changed,
            (false, Some(wish)) => Wish { trigger: changed.trigger, ..wish },
        };
        self.begin(next, false, now, actions);
    }

    /// A run of what the profile was, or one that has outlived its deadline, is over.
    fn is_worth_taking_up(&self, left: &Interrupted, now: DateTime<Utc>) -> bool {
        left.fingerprint == self.task.fingerprint && left.started <= now && !self.time_left(left.started, now).is_zero()
    }

    fn time_left(&self, started: DateTime<Utc>, now: DateTime<Utc>) -> Duration {
        let spent = (now - started).to_std().unwrap_or_default();
        self.task.profile.deadline.unwrap_or(DEADLINE).saturating_sub(spent)
    }

    fn begin(&mut self, wish: Wish, rewarm: bool, now: DateTime<Utc>, actions: &mut Vec<Action>) -> Ulid {
        let Wish { trigger, due, missed } = wish;
        let identity = Identity { due, missed, ..Identity::new(trigger, now) };
        let run = identity.run;
        self.go(
            Begin {
                task: self.task.clone(),
                identity,
                again: None,
                rewarm,
                deadline: self.task.profile.deadline.unwrap_or(DEADLINE),
                mark: self.mark(),
            },
            actions,
        );
        run
    }

    fn begin_again(&mut self, left: Interrupted, now: DateTime<Utc>, actions: &mut Vec<Action>) {
        let identity = Identity {
            run: left.id,
            trigger: Trigger::Resume,
            due: left.due,
            missed: left.missed,
            resumes: left.resumes + 1,
            started: left.started,
        };
        // A fire that comes with it finds it running; a wish without a fire is what it does already.
        let fire = self.wish.take().and_then(Wish::fire);
        match fire {
            Some(fire) if self.task.profile.on_overlap == OnOverlap::Skip => {
                self.skip(fire, still_running(&identity), actions);
            }
            Some(fire) => self.want(fire),
            None => {}
        }
        let begin = Begin {
            task: self.task.clone(),
            identity,
            again: Some(left.warmed),
            rewarm: left.rewarm,
            deadline: self.time_left(left.started, now),
            mark: self.mark(),
        };
        let wish = self.wish;
        self.left = Some(left);
        self.go(begin, actions);
        self.wish = wish;
    }

    fn go(&mut self, begin: Begin, actions: &mut Vec<Action>) {
        self.live = Some(Live {
            identity: begin.identity,
            fingerprint: begin.task.fingerprint.clone(),
            cut: None,
            rewarm: begin.rewarm,
            adopted_before: self.adopted.replace(begin.task.fingerprint.clone()),
            wish_before: self.wish.take(),
            left_before: self.left.take(),
        });
        actions.push(Action::Begin(Box::new(begin)));
    }

    /// Joins the run in progress, or begins one; the window is not asked.
    pub fn begin_by_hand(
        &mut self,
        rewarm: bool,
        now: DateTime<Utc>,
        actions: &mut Vec<Action>,
    ) -> Result<Started, Objection> {
        let profile = &self.task.profile.name;
        if let Some(live) = &self.live {
            let run = live.identity.run;
            return match live.cut {
                None => Ok(Started { run, joined: true }),
                Some(_) => Err(Objection::Ending { profile: profile.clone(), run }),
            };
        }
        if self.is_paused() {
            return Err(Objection::Paused(profile.clone()));
        }
        let wish = self.wish.map_or((None, 0), |wish| (wish.due, wish.missed));
        let wish = Wish { trigger: Trigger::Api, due: wish.0, missed: wish.1 };
        Ok(Started { run: self.begin(wish, rewarm, now, actions), joined: false })
    }

    pub fn pause(&mut self, pause: Pause, actions: &mut Vec<Action>) {
        self.by_hand = Some(pause);
        self.cut(Cut::Paused, actions);
        self.drop_wish(actions);
    }

    /// A fire that waited when the profile was paused passes without a run.
    fn drop_wish(&mut self, actions: &mut Vec<Action>) {
        if let Some(fire) = self.wish.take().and_then(Wish::fire) {
            self.skip(fire, "the profile was paused before it could begin".to_owned(), actions);
        }
    }

    /// A pause by hand is over since `at`.
    pub fn resume(&mut self, at: DateTime<Utc>, actions: &mut Vec<Action>) {
        if self.by_hand.take().is_some() && !self.is_paused() {
            self.planner.pass_over(at);
            actions.push(self.marked());
        }
    }

    /// Tells the run in progress to stop, unless it was told already. One that is to be taken up again may still be
    /// stopped for good.
    pub fn cut(&mut self, cut: Cut, actions: &mut Vec<Action>) {
        if let Some(live) = self.live.as_mut().filter(|live| live.cut.is_none_or(|before| cut.overrules(before))) {
            live.cut = Some(cut);
            actions.push(Action::Cut { run: live.identity.run, cut });
        }
    }

    /// An interrupted run of this profile.
    pub fn take_up(&mut self, run: Interrupted) {
        self.left = Some(run);
    }

    /// The run in progress is over.
    pub fn ended(&mut self, end: &RunEnd, now: DateTime<Utc>, actions: &mut Vec<Action>) {
        let Some(live) = self.live.take_if(|live| live.identity.run == end.run) else { return };
        match (end.begun, end.outcome) {
            (Begun::Held, _) => self.held(live, end, now, actions),
            // The clock was set back: it has been seen to.
            (Begun::Done, _) => self.adopted = live.adopted_before,
            (Begun::Yes, Outcome::Interrupted) => match live.cut {
                Some(Cut::Paused) => self.left = Some(interrupted(&self.task, &live, end, now)),
                // It was under way: a run of what the profile is now takes its place, and stands for the same fire.
                Some(Cut::Changed) if !self.leaving => {
                    let due = live.identity.due.filter(|_| live.fingerprint != self.task.fingerprint);
                    self.wish = self.wish.or(Some(Wish { trigger: self.changed_by, due, missed: 0 }));
                }
                _ => {}
            },
            (Begun::Yes, _) if live.cut == Some(Cut::Changed) && self.task.profile.on_reload == OnReload::Never => {
                self.adopt(actions);
            }
            (Begun::Yes, _) => {}
        }
    }

    /// Another process holds the profile.
    fn held(&mut self, live: Live, end: &RunEnd, now: DateTime<Utc>, actions: &mut Vec<Action>) {
        self.adopted = live.adopted_before;
        self.left = self.left.take().or(live.left_before);
        let reason = end.reason.clone().unwrap_or_default();
        let Identity { trigger, due, missed, .. } = live.identity;
        if trigger == Trigger::Api || self.leaving {
            self.wish = self.wish.or(live.wish_before);
            return;
        }
        self.not_before = Some(now + CLAIMED);
        if trigger == Trigger::Resume {
            // It is taken up when the other one is done.
            return;
        }
        let wish = Wish { trigger, due, missed };
        match wish.fire() {
            Some(fire) if self.task.profile.on_overlap == OnOverlap::Skip => self.skip(fire, reason, actions),
            _ => self.wish = self.wish.or(Some(wish)),
        }
    }

    fn adopt(&mut self, actions: &mut Vec<Action>) {
        if !self.is_current() {
            self.adopted = Some(self.task.fingerprint.clone());
            let (profile, fingerprint) = (self.task.profile.name.clone(), self.task.fingerprint.clone());
            actions.push(Action::Adopt { profile, fingerprint });
        }
    }

    fn mark(&self) -> Mark {
        Mark { watermark: self.planner.watermark(), timetable: timetable(&self.task) }
    }

    fn marked(&self) -> Action {
        Action::Mark { profile: self.task.profile.name.clone(), mark: self.mark() }
    }

    fn is_current(&self) -> bool {
        self.adopted.as_ref() == Some(&self.task.fingerprint)
    }

    pub fn is_paused(&self) -> bool {
        self.task.profile.paused || self.by_hand.is_some()
    }

    pub fn is_leaving(&self) -> bool {
        self.leaving
    }

    pub fn live(&self) -> Option<&Live> {
        self.live.as_ref()
    }

    pub fn paused(&self) -> Option<PauseView> {
        let by_configuration = self.task.profile.paused;
        let until = self.by_hand.as_ref().and_then(|pause| pause.until).filter(|_| !by_configuration);
        self.is_paused().then_some(PauseView { by_configuration, until })
    }

    /// What has yet to begin, and why it has not.
    pub fn waiting(&self, now: DateTime<Utc>) -> Option<WaitingView> {
        let changed = (!self.is_current()).then_some((self.changed_by, None));
        let left = self.left.as_ref().map(|left| (Trigger::Resume, left.due));
        let wished = self.wish.map(|wish| (wish.trigger, wish.due));
        let (trigger, due) = left.or(changed).or(wished)?;
        let why = if let Some(live) = &self.live {
            still_running(&live.identity)
        } else if self.is_paused() {
            "the profile is paused".to_owned()
        } else if let Some(at) = self.not_before {
            format!("another process warms this profile; it is looked at again at {}", at.format("%H:%M:%S UTC"))
        } else {
            let window = self.task.profile.window.as_ref()?;
            let zone = self.task.profile.zone;
            format!("its window opens at {}", window.next_open(now).with_timezone(&zone).format("%Y-%m-%d %H:%M %Z"))
        };
        Some(WaitingView { trigger, due, why })
    }
}

/// What a journal keeps beside the watermark: fires count as missed only where it is the same.
fn timetable(task: &Task) -> String {
    if task.profile.paused { PAUSED.to_owned() } else { Timetable::of(&task.profile).text() }
}

fn still_running(identity: &Identity) -> String {
    format!("still running since {}: run {}", identity.started.format("%Y-%m-%d %H:%M:%S UTC"), identity.run)
}

fn interrupted(task: &Task, live: &Live, end: &RunEnd, now: DateTime<Utc>) -> Interrupted {
    let Identity { run, trigger, due, missed, resumes, started } = live.identity;
    Interrupted {
        id: run,
        profile: task.profile.name.to_string(),
        fingerprint: live.fingerprint.clone(),
        trigger,
        due,
        missed,
        resumes,
        started,
        ended: now,
        warmed: end.warmed,
        rewarm: live.rewarm,
    }
}
