//! What others ask of the loop.

use tokio::sync::oneshot;

use super::Daemon;
use super::handle::{Command, CommandError, Started};
use crate::clock;
use crate::journal::{Journal, JournalError, Pause};
use model::api::ReloadedBy;

type Reply<T> = oneshot::Sender<Result<T, CommandError>>;

impl Daemon {
    pub(super) fn command(&mut self, command: Command) {
        match command {
            Command::View(reply) => drop(reply.send(self.view())),
            Command::Start { profile, rewarm, team, reply } => {
                let started = match team.filter(|team| !self.is_of(&profile, team)) {
                    Some(team) => Err(CommandError::OtherTeam(team)),
                    None => self.start(&profile, rewarm),
                };
                drop(reply.send(started));
            }
            Command::Pause { profile, until, reply } => {
                let pause = Pause { since: clock::now(), until };
                match self.scheduler.pause(&profile, pause) {
                    Ok(actions) => {
                        self.act(actions);
                        self.keep(reply, move |journal| journal.set_pause(&profile, Some(pause)));
                    }
                    Err(error) => drop(reply.send(Err(self.explained(error)))),
                }
            }
            Command::Resume { profile, reply } => match self.scheduler.resume(&profile, clock::now()) {
                Ok(actions) => {
                    self.act(actions);
                    self.keep(reply, move |journal| journal.set_pause(&profile, None));
                    self.tick();
                }
                Err(error) => drop(reply.send(Err(self.explained(error)))),
            },
            Command::Cancel { run, reply } => {
                drop(reply.send(self.scheduler.cancel(run)));
            }
            Command::Audit(entry) => self.writer.write("who asked for what", move |journal| journal.audit(&entry)),
            Command::Reload(reply) => self.reloader.ask(ReloadedBy::Api, Some(reply)),
            Command::Runs { filter, limit, reply } => {
                self.read(reply, move |journal| journal.latest_runs(&filter, limit));
            }
            Command::Run { run, reply } => {
                self.read(reply, move |journal| {
                    let Some(recorded) = journal.run(run)? else { return Ok(None) };
                    Ok(Some((recorded, journal.failures(run)?)))
                });
            }
        }
    }

    /// Whether the profile is the team's, in the configuration in force.
    fn is_of(&self, profile: &str, team: &str) -> bool {
        let owner = self.config.profiles.get(profile).and_then(|profile| profile.team.as_ref());
        owner.is_some_and(|owner| &*owner.name == team)
    }

    fn start(&mut self, profile: &str, rewarm: bool) -> Result<Started, CommandError> {
        let started = self.scheduler.start_by_hand(profile, rewarm, clock::now());
        let (started, actions) = started.map_err(|error| self.explained(error))?;
        self.act(actions);
        Ok(started)
    }

    fn explained(&self, error: CommandError) -> CommandError {
        error.beside_files(self.reload.error.is_some())
    }

    /// Answers with what comes of the journal. Whoever asked may have gone.
    fn keep<T: Send + 'static>(
        &self,
        reply: Reply<T>,
        job: impl Fn(&Journal) -> Result<T, JournalError> + Send + 'static,
    ) {
        self.writer.ask(move |journal| {
            drop(reply.send(journal.with(job).map_err(|error| CommandError::Journal(error.to_string()))));
        });
    }

    /// The same for what is only read: nobody's impatience may crowd out what is to be written.
    fn read<T: Send + 'static>(
        &self,
        reply: Reply<T>,
        job: impl Fn(&Journal) -> Result<T, JournalError> + Send + 'static,
    ) {
        if self.writer.is_crowded() {
            let behind = "the journal is behind with what it has to write; ask again later".to_owned();
            return drop(reply.send(Err(CommandError::Journal(behind))));
        }
        self.writer.ask(move |journal| {
            if !reply.is_closed() {
                drop(reply.send(journal.with(job).map_err(|error| CommandError::Journal(error.to_string()))));
            }
        });
    }
}
