//! Whole searches over made-up trees.

mod captured;
mod empty;
mod fitting;
mod forms;
mod interleavings;
mod layouts;
mod manual;
mod measures;
mod nested;
mod pairs;
mod uploads;
mod world;
