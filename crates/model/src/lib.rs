//! The values that hotset works on, and the rules over them: no runtime, no network, no clock (`now` is a parameter).

#![cfg_attr(test, expect(clippy::too_many_lines, reason = "tables of cases may be long"))]

pub mod api;
pub mod config;
pub mod manifest;
pub mod object;
pub mod pattern;
pub mod schedule;
pub mod select;
pub mod text_error;
pub mod words;
