//! Whole searches over made-up trees.

mod captured;
mod forms;
mod interleavings;
mod layouts;
mod manual;
mod measures;
mod uploads;
mod world;
