//! The ordered selection of one profile at one instant, with what was left out and why. `plan` prints it, `warm` does it.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::estimate::{Cost, Warning};
use super::{Cap, ReasonClass, Refusal, Selection};
use crate::manifest::Account;
use crate::object::Count;

/// What a pass would do.
#[derive(Clone, Debug)]
pub struct Plan {
    pub profile: Arc<str>,
    pub endpoint: Arc<str>,
    pub fingerprint: String,
    /// The server's clock, else ours.
    pub at: DateTime<Utc>,
    pub verdict: Verdict,
    pub selection: Selection,
    /// What was selected; the objects themselves leave the plan when they are warmed.
    pub selected: Count,
    /// Warmed recently enough to be skipped.
    pub fresh: Count,
    pub max_bytes: Cap,
    /// Of the endpoint's capacity, from 0.
    pub share: Option<f64>,
    pub cost: Option<Cost>,
    pub list_requests: u64,
    /// What it was read from in place of a listing.
    pub manifest: Option<Account>,
    pub warnings: Vec<Warning>,
}

/// Whether a plan may be carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Ready,
    /// Doing nothing is right: nothing matched, over a cap, denied, not built.
    Refused(Why),
    /// It could not be made: worth trying again.
    Failed(Why),
    /// Told to stop while it was being made.
    Interrupted(Why),
}

/// Why a plan may not be carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Why {
    pub class: Option<ReasonClass>,
    /// For people.
    pub text: String,
}

impl Why {
    pub fn new(class: impl Into<Option<ReasonClass>>, text: impl Into<String>) -> Self {
        Self { class: class.into(), text: text.into() }
    }
}

/// Of no class.
impl From<String> for Why {
    fn from(text: String) -> Self {
        Self { class: None, text }
    }
}

impl From<&Refusal> for Why {
    fn from(refusal: &Refusal) -> Self {
        Self::new(refusal.class(), refusal.to_string())
    }
}

impl Verdict {
    /// `None` of a plan that is ready.
    pub fn why(&self) -> Option<&Why> {
        match self {
            Self::Ready => None,
            Self::Refused(why) | Self::Failed(why) | Self::Interrupted(why) => Some(why),
        }
    }
}

impl Plan {
    /// Selected less fresh; nothing where the plan is not ready.
    pub fn to_warm(&self) -> Count {
        match self.verdict {
            Verdict::Ready => Count {
                objects: self.selected.objects.saturating_sub(self.fresh.objects),
                bytes: self.selected.bytes.saturating_sub(self.fresh.bytes),
            },
            _ => Count::default(),
        }
    }

    /// Notes what was read in place of a listing, and warns of what that did not say.
    pub fn read_from(&mut self, manifest: Option<Account>) {
        let notes = manifest.iter().flat_map(Account::notes).map(Warning::Manifest);
        self.warnings.splice(0..0, notes);
        self.manifest = manifest;
    }

    /// What would be warmed if there were room.
    pub fn wanted(&self) -> Count {
        self.selected + self.selection.unmet
    }

    /// Whether a cap cut something.
    pub fn over_cap(&self) -> bool {
        self.selection.over_cap().objects > 0
    }
}
