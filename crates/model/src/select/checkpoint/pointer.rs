//! The file beside the groups that names the newest one. It may be stale, early or garbage: an upper bound, not a proof.

use super::naming::{Naming, folder_of};
use crate::object::{Escaped, Key};

/// Bytes of a pointer that are read: a name and its line end.
pub(super) const MAX_POINTER_BYTES: usize = 4096;

/// How far a pointer lets groups be newest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Bound {
    /// No pointer, or none that was asked for.
    #[default]
    None,
    /// Up to the group of this step; `None` is one that does not count, and comes before all that do.
    Step { key: Key, shown: String, step: Option<u64> },
    /// It is there and names no group.
    Garbage { key: Key, shown: String },
}

impl Bound {
    /// What the text in the pointer `key` means.
    pub fn read(key: Key, text: &[u8], naming: &Naming) -> Self {
        let text = text.trim_ascii();
        let shown = shown(text);
        match step(folder_of(key.as_bytes()), text, naming) {
            Some(step) => Self::Step { key, shown, step },
            None => Self::Garbage { key, shown },
        }
    }

    /// Why a group of `step` cannot be the newest yet.
    pub fn objection(&self, step: Option<u64>) -> Option<String> {
        match self {
            Self::Step { key, shown, step: bound } if step > *bound => {
                Some(format!("`{key}` names `{shown}`, which is older"))
            }
            _ => None,
        }
    }

    /// Why a group of a kind that has to be named is not, where `pointer` is what it would be named by.
    pub fn unnamed(&self, pointer: Option<&str>) -> Option<String> {
        match self {
            Self::Step { .. } => None,
            Self::Garbage { key, shown } => Some(format!("`{key}` has to name it, and holds `{shown}`")),
            Self::None => match pointer {
                Some(name) => Some(format!("`{}` has to name it, and is not there", Escaped(name))),
                None => Some("a pointer has to name it, and the profile has none".to_owned()),
            },
        }
    }
}

/// The step that `text` names, by itself or as the name of a group in `folder`.
fn step(folder: &[u8], text: &[u8], naming: &Naming) -> Option<Option<u64>> {
    if text.is_empty() {
        return None;
    }
    if text.iter().all(u8::is_ascii_digit) {
        return std::str::from_utf8(text).ok()?.parse().ok().map(Some);
    }
    // A path may be from the machine that wrote it: its last segment is the group.
    let bare = text.strip_suffix(b"/").unwrap_or(text);
    let name = &bare[folder_of(bare).len()..];
    let as_folder = [folder, name, b"/"].concat();
    let as_file = [folder, name].concat();
    let place = [as_folder, as_file].into_iter().find_map(|key| naming.place(&key).map(|place| place.step));
    place.filter(|_| !name.is_empty())
}

/// The first line, and not all of a long one.
fn shown(text: &[u8]) -> String {
    const LONGEST: usize = 60;
    let line = text.split(|byte| matches!(byte, b'\n' | b'\r')).next().unwrap_or_default();
    let cut = &line[..line.len().min(LONGEST)];
    let more = if cut.len() < text.len() { "…" } else { "" };
    format!("{}{more}", Key::from_bytes(cut))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_names_a_step_or_nothing() {
        let megatron = Naming::parse(r"^(?:(?<run>.*?)/)??(?:iter_(?<step>[0-9]+)|release)/").unwrap();
        let files = Naming::parse(r"^(?:(?<run>.*)/)?(?<name>ep\d+-ba(?<step>\d+))-rank\d+\.pt$").unwrap();
        for (naming, text, expected) in [
            (&megatron, "500", Some(Some(500))),
            (&megatron, " 500\n", Some(Some(500))),
            (&megatron, "release\n", Some(None)),
            (&megatron, "iter_0000500", Some(Some(500))),
            (&megatron, "/local/ckpt/iter_0000500/", Some(Some(500))),
            (&megatron, "18446744073709551616", None),
            (&megatron, "", None),
            (&megatron, "/", None),
            (&megatron, "<html>not found</html>", None),
            (&files, "ep1-ba20-rank0.pt", Some(Some(20))),
            (&files, "somewhere/ep1-ba20-rank0.pt\n", Some(Some(20))),
            (&files, "ep1-ba20", None),
        ] {
            let bound = Bound::read(Key::from("70b/latest"), text.as_bytes(), naming);
            let step = match bound {
                Bound::Step { step, .. } => Some(step),
                _ => None,
            };
            assert_eq!(step, expected, "{text:?}");
        }
    }

    #[test]
    fn what_a_pointer_objects_to_is_said_in_its_words() {
        let naming = Naming::parse("global_step(?<step>[0-9]+)/").unwrap();
        let bound = |text: &str| Bound::read(Key::from("r/latest"), text.as_bytes(), &naming);
        assert_eq!(bound("global_step5").objection(Some(5)), None);
        assert_eq!(
            bound("global_step5").objection(Some(6)).unwrap(),
            "`r/latest` names `global_step5`, which is older"
        );
        assert_eq!(bound("what\nis this").objection(Some(6)), None);
        assert_eq!(
            bound("what\nis this").unnamed(Some("latest")).unwrap(),
            "`r/latest` has to name it, and holds `what…`"
        );
        assert_eq!(Bound::None.unnamed(Some("latest")).unwrap(), "`latest` has to name it, and is not there");
        let long = "x".repeat(100);
        assert!(bound(&long).unnamed(None).unwrap().len() < 120);
    }
}
