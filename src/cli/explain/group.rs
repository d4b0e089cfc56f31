//! Which checkpoint an object would belong to, as far as its key tells.

use model::object::{Escaped, Key};
use model::select::checkpoint::Checkpoint;
use model::select::checkpoint::naming::Place;

/// What a key says of its checkpoint.
pub(super) enum Belongs<'k> {
    No,
    To(Place<'k>),
    /// To the first of these folders that directly holds a sign of its layout.
    Perhaps(Vec<Place<'k>>),
}

impl<'k> Belongs<'k> {
    pub fn of(key: &'k Key, checkpoint: &Checkpoint) -> Self {
        let key = key.as_bytes();
        if checkpoint.signs.is_empty() {
            return checkpoint.naming.place(key).map_or(Self::No, Self::To);
        }
        let ends = key.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at + 1);
        let mut folders = Vec::new();
        for end in std::iter::once(0).chain(ends) {
            let (folder, name) = key.split_at(end);
            let Some(place) = checkpoint.naming.place(folder) else { continue };
            folders.push(Place { stem: folder, is_folder: true, ..place });
            if checkpoint.signs.iter().any(|sign| sign.matches(name)) {
                break;
            }
        }
        match folders.as_slice() {
            [] => Self::No,
            [one] if is_sign(checkpoint, one, key) => Self::To(*one),
            _ => Self::Perhaps(folders),
        }
    }

    /// Whether `parts` surely leaves the key out.
    pub fn is_without(&self, key: &Key, checkpoint: &Checkpoint) -> bool {
        matches!(self, Self::To(place) if is_without(checkpoint, place, key.as_bytes()))
    }

    /// A line for each checkpoint that it may be of.
    pub fn lines(&self, key: &Key, checkpoint: &Checkpoint) -> Vec<String> {
        let layout = checkpoint.layout.as_str();
        match self {
            Self::No => vec![format!("of no checkpoint: nothing in its key fits layout {layout}")],
            Self::To(place) => vec![format!("of checkpoint {} (layout {layout})", told(place))],
            Self::Perhaps(places) => {
                let one = |place: &Place<'_>| {
                    let dropped = is_without(checkpoint, place, key.as_bytes());
                    let dropped = if dropped { ", left out of it by parts = \"weights\"" } else { "" };
                    format!("perhaps of checkpoint {}{dropped}", told(place))
                };
                let signs: Vec<_> = checkpoint.signs.iter().map(|sign| format!("`{}`", Escaped(sign.text()))).collect();
                let which =
                    if places.len() > 1 { "it is the first of these that holds" } else { "it is one if it holds" };
                let signs = signs.join(" or ");
                let rule = format!("layout {layout} does not tell by names alone: {which} {signs}");
                places.iter().map(one).chain([rule]).collect()
            }
        }
    }
}

fn is_sign(checkpoint: &Checkpoint, place: &Place<'_>, key: &[u8]) -> bool {
    checkpoint.signs.iter().any(|sign| sign.matches(&key[place.stem.len()..]))
}

fn is_without(checkpoint: &Checkpoint, place: &Place<'_>, key: &[u8]) -> bool {
    checkpoint.without.iter().any(|glob| glob.matches(&key[place.stem.len()..]))
}

/// Name, run and step.
fn told(place: &Place<'_>) -> String {
    let text = |bytes: &[u8]| Key::from_bytes(bytes).to_string();
    let mut told = if place.name.is_empty() { "(the whole bucket)".to_owned() } else { text(place.name) };
    if !place.run.is_empty() {
        told = format!("{told}, run {}", text(place.run));
    }
    if let Some(step) = place.step {
        told = format!("{told}, step {step}");
    }
    if place.temporary {
        told = format!("{told}, still being written by its name");
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::select::checkpoint::layout::Layout;

    fn lines(layout: Layout, key: &str) -> String {
        let mut checkpoint = Checkpoint::of(layout).unwrap();
        (checkpoint.without, checkpoint.mixed) = layout.weights().unwrap_or_default();
        let key = Key::from(key);
        let belongs = Belongs::of(&key, &checkpoint);
        let without = if belongs.is_without(&key, &checkpoint) { "without it: " } else { "" };
        format!("{without}{}", belongs.lines(&key, &checkpoint).join("\n"))
    }

    #[test]
    fn a_key_tells_its_checkpoint_or_that_it_does_not() {
        let told = [
            (Layout::HfTrainer, "runs/a/checkpoint-30/model.safetensors"),
            (Layout::HfTrainer, "runs/a/checkpoint-30/optimizer.pt"),
            (Layout::HfTrainer, "runs/a/checkpoint-best/model.safetensors"),
            (Layout::Lightning, "r/epoch=3-step=500.ckpt"),
            (Layout::TorchDcp, "llama-70b/step-100/__0_0.distcp"),
            (Layout::TorchDcp, "llama/step-100/__0_0.distcp"),
            (Layout::TorchDcp, "llama/step-100/train.json"),
            (Layout::Nanotron, "r/100/optimizer/x.pt"),
            (Layout::Safetensors, "model.safetensors"),
            (Layout::Safetensors, "m/tokenizer.json"),
            (Layout::Orbax, "r/5.orbax-checkpoint-tmp-1/_METADATA"),
        ]
        .map(|(layout, key)| format!("{key}\n{}\n", lines(layout, key)));
        insta::assert_snapshot!(told.join("\n"));
    }
}
