//! Whole searches over made-up trees.

mod captured;
mod forms;
mod interleavings;
mod layouts;
mod manual;
mod uploads;
mod world;
