//! `hotset schema`: the JSON Schema of a configuration file, for editors.

use std::io::{self, Write};

/// # Errors
/// What `out` cannot take.
pub fn write(out: &mut impl Write) -> io::Result<()> {
    out.write_all(model::config::schema().as_bytes())
}
