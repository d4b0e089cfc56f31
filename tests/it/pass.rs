//! Whole passes over the wire: a configuration is resolved, the simulator is listed, and the cache is warmed or not.
//! What a report says is held against what the simulator counted.

mod checkpoints;
mod ending;
mod faults;
mod manifests;
mod plans;
mod sharing;
mod spilling;
mod stage;
mod streaming;
mod together;
mod warming;
