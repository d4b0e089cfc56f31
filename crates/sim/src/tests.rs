//! Over the wire: what a client sees of the simulator.

mod breaking;
mod client;
mod filling;
mod listing;
mod signing;
