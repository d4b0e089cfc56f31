//! Every key with its unit and default, as a file that can be read.

/// `config/reference.toml`.
pub fn reference() -> &'static str {
    include_str!("../../config/reference.toml")
}
