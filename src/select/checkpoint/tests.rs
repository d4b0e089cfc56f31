//! Whole searches over made-up trees.

mod forms;
mod layouts;
mod uploads;
mod world;
