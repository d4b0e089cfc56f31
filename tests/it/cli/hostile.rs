//! What an attacker tries on the binary, and what a careless operator does to it.

mod caches;

use super::{Desk, shows};
