//! Why a run is stopped before it is done.

use super::ReasonClass;

/// Who or what stops a run. The first to speak wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// A signal to a verb that runs once.
    Told,
    /// The daemon ends.
    Shutdown,
    /// The profile was paused, by hand or in the configuration.
    Paused,
    /// The profile is gone from the configuration.
    Removed,
    /// What the profile warms has changed.
    Changed,
    /// The next fire came, and `on_overlap` is `replace`.
    Replaced,
    /// By hand.
    Cancelled,
    /// The profile's window has closed.
    Window,
}

impl StopReason {
    /// The words that a report's reason begins with.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Told => "told to stop",
            Self::Shutdown => "the daemon was stopped",
            Self::Paused => "the profile was paused",
            Self::Removed => "the profile was removed",
            Self::Changed => "the profile was changed",
            Self::Replaced => "the next fire replaced it",
            Self::Cancelled => "cancelled by hand",
            Self::Window => "its window closed",
        }
    }

    /// The class of a reason that begins with it.
    pub fn class(self) -> Option<ReasonClass> {
        match self {
            Self::Cancelled => Some(ReasonClass::Cancelled),
            Self::Window => Some(ReasonClass::WindowClosed),
            Self::Replaced => Some(ReasonClass::Replaced),
            Self::Told | Self::Shutdown | Self::Paused | Self::Removed | Self::Changed => None,
        }
    }

    /// Whether a run that was stopped so is taken up again where it was left, once nothing is in its way.
    pub fn resumes(self) -> bool {
        matches!(self, Self::Shutdown | Self::Paused)
    }

    /// Whether it counts for a run that was told to stop for another reason `before`: it ends for good what would be taken
    /// up again.
    pub fn overrules(self, before: Self) -> bool {
        before.resumes() && !self.resumes()
    }
}
