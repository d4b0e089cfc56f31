//! What an attacker tries on the binary, and what a careless operator does to it.

mod caches;
mod markup;
mod sizes;
mod state;

use super::{Desk, Ran, shows};
