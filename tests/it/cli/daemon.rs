//! The daemon as a process: signals, reloads, restarts, and the verbs that speak to it.

pub(super) mod desk;
mod reloads;
mod restarts;
mod verbs;
