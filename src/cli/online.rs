//! `hotset check --online`: what was tried against the endpoints, line by line.

use std::io::{self, Write};

use crate::run::probe::Finding;

/// Prints what was found for one profile; false where something is wrong.
pub fn write(profile: &str, findings: &[Finding], out: &mut impl Write) -> io::Result<bool> {
    writeln!(out, "{profile}")?;
    for Finding { what, result } in findings {
        match result {
            Ok(found) => writeln!(out, "  ok    {what}: {found}")?,
            Err(wrong) => writeln!(out, "  WRONG {what}: {wrong}")?,
        }
    }
    Ok(findings.iter().all(|finding| finding.result.is_ok()))
}
