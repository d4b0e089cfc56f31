//! What an attacker tries on the binary, and what a careless operator does to it.

mod caches;
mod links;
mod markup;
mod secrets;
mod sizes;
mod state;
mod tokens;

use super::{Desk, Ran, shows};
