//! What an attacker tries on the binary, and what a careless operator does to it.

mod caches;
mod markup;
mod sizes;

use super::{Desk, Ran, shows};
