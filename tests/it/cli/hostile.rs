//! What an attacker tries on the binary, and what a careless operator does to it.

mod caches;
mod sizes;

use super::{Desk, Ran, shows};
