mod acts;
mod auth;
mod bounds;
pub(super) mod fake;
mod reads;
pub(super) mod views;
mod why;
