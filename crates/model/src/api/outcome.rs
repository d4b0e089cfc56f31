//! How runs end.

use serde::{Deserialize, Serialize};

use crate::select::plan::Verdict;
use crate::words::words;

words! {
    /// How a run ended. Exit codes, metrics and the page derive from this one value.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum Outcome {
        Complete = "complete",
        Partial = "partial",
        Refused = "refused",
        Failed = "failed",
        Interrupted = "interrupted",
        Skipped = "skipped",
        Running = "running",
    }
}

impl Outcome {
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
}
