//! `hotset check --online`: what was tried against the endpoints, line by line.

use std::io::{self, Write};

use super::text::counted;
use crate::run::probe::Finding;

/// What came of all that was tried.
#[derive(Debug, Default)]
pub struct Tally {
    tried: u64,
    wrong: u64,
}

impl Tally {
    /// Prints what was found for one profile.
    pub fn write(&mut self, profile: &str, findings: &[Finding], out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "\nonline {profile}")?;
        for Finding { what, result } in findings {
            self.tried += 1;
            match result {
                Ok(found) => writeln!(out, "  ok     {what}: {found}")?,
                Err(wrong) => {
                    self.wrong += 1;
                    writeln!(out, "  WRONG  {what}: {wrong}")?;
                }
            }
        }
        Ok(())
    }

    /// Prints what it comes to; false where something is wrong.
    pub fn finish(&self, out: &mut impl Write) -> io::Result<bool> {
        match self.wrong {
            0 => writeln!(out, "\nonline, {} found nothing wrong", counted(self.tried, "probe"))?,
            wrong => writeln!(out, "\nonline, {wrong} of {} went wrong", counted(self.tried, "probe"))?,
        }
        Ok(self.wrong == 0)
    }
}
