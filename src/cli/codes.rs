//! The exit codes of each verb, in words: what its help and its man page end with.

/// What they begin with; the man pages put them into a section of their own by it.
pub(super) const BEGIN: &str = "Exit codes: ";

#[cfg(feature = "sim")]
pub(super) const DEMO: &str = "Exit codes: 0 all was warmed, 1 a fault of hotset itself, 130 and 143 interrupted.";

pub(super) const CHECK: &str = "Exit codes: 0 the configuration is right, warnings or not, 2 it is not, 4 what --online \
asked for was refused or not found, 130 and 143 interrupted.";

pub(super) const PLAN: &str = "Exit codes: as `hotset warm` would end, as far as a plan tells: 0 there is something to \
warm or all is fresh, 2 usage or configuration, 3 some profiles of several, 4 refused (nothing matched, over a cap that \
refuses, denied), 5 the listing failed and is worth another try, 130 and 143 interrupted.";

pub(super) const WARM: &str = "Exit codes: 0 complete, 2 usage or configuration, 3 partial, or some profiles of several, \
4 refused (nothing matched, over a cap that refuses, denied, already running), 5 failed and worth another try, 130 and \
143 interrupted.";

pub(super) const DAEMON: &str = "Exit codes: 0 stopped by SIGTERM or SIGINT, 1 a fault of hotset itself, or an address \
that cannot be listened on, 2 the configuration is bad and there is no last good one, or another daemon uses the folder.";

pub(super) const WAIT: &str = "Exit codes: 0 warm, 2 unknown profile or usage, 3 not in time, or the run that it started \
ended partial, 4 no or a wrong token, or that run was refused or cancelled, 5 that run failed; with --best-effort 0 in \
place of 3, 4 and 5.";

pub(super) const CONTROL: &str = "Exit codes: 0 done, 2 unknown profile or run, usage, or bad files at a reload, 4 no or a \
wrong token, or the profile is paused in the configuration, 5 nobody answers, or the daemon cannot.";

pub(super) const WHY: &str = "Exit codes: 0 answered, warm or not, 2 unknown profile or usage, 5 nobody answers.";

pub(super) const READ: &str = "Exit codes: 0 shown, 1 a fault of hotset itself, 2 usage or configuration.";

pub(super) const WRITE: &str = "Exit codes: 0 written, 1 it cannot be, 2 usage.";

#[cfg(feature = "sim")]
pub(super) const SIM: &str = "Exit codes: 0 stopped by SIGTERM or SIGINT, 1 a port that cannot be had, 2 usage.";
