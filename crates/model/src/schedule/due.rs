//! Fires inside the window.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Fires, Schedule, Window, fires};

/// Times that the window may be found shut before a search is given up: five years of daily ones, some 10 ms.
const LOOKS: usize = 2_000;

/// The fires of several schedules that lie inside a window, as [`fires`] gives them. Ends with the calendar, or where
/// it gives up because the window was shut at very many fires in a row; asked again, it goes on.
#[derive(Clone, Debug)]
pub struct Dues<'a> {
    schedules: &'a [Schedule],
    window: Option<&'a Window>,
    fires: Fires<'a>,
    searched: Option<DateTime<Utc>>,
}

/// The fires of all `schedules` after `after` that lie inside `window`; without one, all of them.
pub fn dues<'a>(schedules: &'a [Schedule], window: Option<&'a Window>, after: DateTime<Utc>) -> Dues<'a> {
    Dues { schedules, window, fires: fires(schedules, after), searched: None }
}

impl Dues<'_> {
    /// The instant up to which nothing was found when the search was given up; `None` where it was not.
    pub fn gave_up(&self) -> Option<DateTime<Utc>> {
        self.searched
    }
}

impl Iterator for Dues<'_> {
    type Item = DateTime<Utc>;

    fn next(&mut self) -> Option<Self::Item> {
        for _ in 0..LOOKS {
            self.searched = None;
            let fire = self.fires.next()?;
            let Some(window) = self.window.filter(|window| !window.contains(fire)) else { return Some(fire) };
            // Fires are whole seconds and so is the opening: none lies between the two, and one may lie on the latter.
            let shut_until = window.next_open(fire).checked_sub_signed(TimeDelta::seconds(1)).unwrap_or(fire);
            if shut_until > fire {
                self.fires = fires(self.schedules, shut_until);
            }
            self.searched = Some(shut_until.max(fire));
        }
        None
    }
}
