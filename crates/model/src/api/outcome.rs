//! How runs end.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::select::plan::Verdict;

/// How a run ended. Exit codes, metrics and the page derive from this one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Complete,
    Partial,
    Refused,
    Failed,
    Interrupted,
    Skipped,
    Running,
}

impl Outcome {
    const ALL: [Self; 7] =
        [Self::Complete, Self::Partial, Self::Refused, Self::Failed, Self::Interrupted, Self::Skipped, Self::Running];

    /// As the JSON contract and the metrics spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Partial => "partial",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
            Self::Skipped => "skipped",
            Self::Running => "running",
        }
    }

    /// What a plan alone comes to: `complete` says that it stands, not that anything was warmed.
    pub fn of_plan(verdict: &Verdict) -> (Self, Option<&str>) {
        let outcome = match verdict {
            Verdict::Ready => Self::Complete,
            Verdict::Refused(_) => Self::Refused,
            Verdict::Failed(_) => Self::Failed,
            Verdict::Interrupted(_) => Self::Interrupted,
        };
        (outcome, verdict.why().map(|why| &*why.text))
    }

    /// The outcome that is spelled so.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == name)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
