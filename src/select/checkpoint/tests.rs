//! Whole searches over made-up trees.

mod forms;
mod interleavings;
mod layouts;
mod uploads;
mod world;
