//! Passes of profiles that keep the newest complete checkpoints hot.

mod caps;
mod choice;
mod ends;
mod gone;
mod layouts;
mod listing;
mod poller;
mod polls;
