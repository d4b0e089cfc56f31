//! What a checkpoint profile keeps, in one line.

use model::config::value::duration::show;
use model::object::Escaped;
use model::pattern::KeyGlob;
use model::select::checkpoint::{Checkpoint, Kind, MemberCount, Parts, When};

/// How many checkpoints of which runs, by which layout, and what makes one complete.
pub(super) fn told(checkpoint: &Checkpoint) -> String {
    let newest = match checkpoint.keep {
        1 => "the newest complete checkpoint".to_owned(),
        keep => format!("the {keep} newest complete checkpoints"),
    };
    let runs = match checkpoint.active_within {
        Some(within) => format!("every run active within {}", show(within)),
        None => "every run".to_owned(),
    };
    let parts = if checkpoint.parts == Parts::Weights { ", weights only" } else { "" };
    format!("{newest} of {runs}{parts}, layout {}: {}", checkpoint.layout.as_str(), complete(checkpoint).join(", "))
}

/// What makes a checkpoint complete.
fn complete(checkpoint: &Checkpoint) -> Vec<String> {
    let mut asks = Vec::new();
    match checkpoint.kinds.as_slice() {
        [] => {}
        [Kind { when: When::Always, require, named: false, .. }] => asks.push(format!("with {}", globs(require))),
        _ => asks.push("marked as the layout marks it".to_owned()),
    }
    if !checkpoint.forbid.is_empty() {
        asks.push(format!("without {}", globs(&checkpoint.forbid)));
    }
    if !checkpoint.sets.is_empty() {
        asks.push("all shards there".to_owned());
    }
    match checkpoint.count {
        MemberCount::Any => {}
        MemberCount::AsPrevious => asks.push("as many objects as the ones before".to_owned()),
        MemberCount::LikePrevious => asks.push("the names and bytes of the ones before".to_owned()),
        MemberCount::AtLeast(least) => asks.push(format!("at least {least} objects")),
    }
    asks.extend(checkpoint.pointer.as_deref().map(|pointer| format!("not ahead of `{}`", Escaped(pointer))));
    asks.extend(checkpoint.beside.as_deref().map(|added| format!("nothing called `…{}` beside it", Escaped(added))));
    asks.push(format!("quiet for {}", show(checkpoint.settle)));
    asks
}

fn globs(globs: &[KeyGlob]) -> String {
    let globs: Vec<_> = globs.iter().map(|glob| format!("`{}`", Escaped(glob.text()))).collect();
    globs.join(" and ")
}
