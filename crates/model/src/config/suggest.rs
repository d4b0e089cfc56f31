//! Suggests the nearest right word for a wrong one.

/// Each wrong word is held against so many right ones.
const MAX_CANDIDATES: usize = 1_000;

/// The candidate that a slip of the keyboard may have made into `word`; `None` where none is near.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Longer words are no slips, and the comparison is quadratic.
    if word.is_empty() || word.len() > 100 {
        return None;
    }
    let normal = |text: &str| text.to_ascii_lowercase().replace('-', "_");
    let wrong = normal(word);
    let allowed = (word.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .take(MAX_CANDIDATES)
        .map(|candidate| (strsim::damerau_levenshtein(&wrong, &normal(candidate)), candidate))
        .filter(|(distance, candidate)| {
            *distance <= allowed || (wrong.len() >= 3 && normal(candidate).starts_with(&wrong))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// "did you mean" with the nearest, or the whole list where none is near.
pub fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let candidates: Vec<&str> = candidates.into_iter().collect();
    if let Some(near) = nearest(word, candidates.iter().copied()) {
        return Some(format!("did you mean `{near}`?"));
    }
    match candidates.as_slice() {
        [] => None,
        [one] => Some(format!("the only one is `{one}`")),
        all if all.len() <= 20 => Some(format!("one of {}", list(all))),
        all => Some(format!("one of {} and {} more", list(&all[..15]), all.len() - 15)),
    }
}

/// The same behind a sentence that says what is not there; empty where there is nothing to name.
pub fn hint<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    let hint = did_you_mean(word, candidates).map(|hint| format!("; {hint}"));
    hint.unwrap_or_default().replace("; one of", "; there are")
}

fn list(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proposes_what_a_slip_may_have_meant() {
        let keys = ["max_bytes", "max_objects", "schedule", "paused"];
        for (word, near) in [
            ("max_byte", Some("max_bytes")),
            ("max-bytes", Some("max_bytes")),
            ("maxbytes", Some("max_bytes")),
            ("Schedule", Some("schedule")),
            ("sched", Some("schedule")),
            ("cron", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, keys), near, "{word:?}");
        }
    }
}
