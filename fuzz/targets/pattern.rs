//! A pattern never panics, and listing its prefixes misses no key that it matches, nor does listing folder by folder.
//!
//! Input: the pattern, a line break, a key.

#![no_main]

use libfuzzer_sys::fuzz_target;
use model::object::Key;
use model::pattern::{Pattern, escape};

/// Bytes. Listed prefixes are no longer either.
const LONGEST_KEY: usize = 1024;

fuzz_target!(|data: &[u8]| {
    let (pattern, key) = match data.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&data[..end], &data[end + 1..]),
        None => (data, &b""[..]),
    };
    if let Ok(text) = std::str::from_utf8(key)
        && (1..=LONGEST_KEY).contains(&text.len())
    {
        an_escaped_key_matches_itself_alone(text);
    }
    let Ok(text) = std::str::from_utf8(pattern) else { return };
    let Ok(pattern) = Pattern::parse(text) else { return };
    let prefixes = pattern.list_prefixes();
    assert!(!prefixes.is_empty() && prefixes.len() <= 64, "{text:?} lists {} prefixes", prefixes.len());
    assert!(prefixes.is_sorted(), "{text:?} lists {prefixes:?}");
    assert!(
        prefixes.windows(2).all(|pair| !pair[1].as_bytes().starts_with(pair[0].as_bytes())),
        "{text:?} lists {prefixes:?}: one is a prefix of another"
    );
    for key in [key.to_vec(), filled_in(text)] {
        let key = Key::from_bytes(key);
        let is_listed = prefixes.iter().any(|prefix| key.as_bytes().starts_with(prefix.as_bytes()));
        assert!(is_listed || !pattern.matches_key(&key), "{text:?} matches {key:?}, but lists {prefixes:?}");
        if pattern.matches_key(&key) {
            folders_lead_to(&pattern, &key);
        }
    }
});

fn folders_lead_to(pattern: &Pattern, key: &Key) {
    let slashes = key.as_bytes().iter().enumerate().filter(|(_, byte)| **byte == b'/');
    for (slash, _) in slashes.take(20) {
        let folder = Key::from_bytes(&key.as_bytes()[..=slash]);
        let below = pattern.prefixes_below(&folder);
        let is_listed = below.iter().any(|prefix| key.as_bytes().starts_with(prefix.as_bytes()));
        assert!(is_listed, "{pattern} matches {key:?}, but below {folder:?} lists {below:?}");
    }
}

fn an_escaped_key_matches_itself_alone(key: &str) {
    // A trailing slash is a folder, which a pattern must say what to take of.
    let Ok(pattern) = Pattern::parse(&format!("s3://b/{}", escape(key))) else { return };
    assert!(pattern.matches_key(&Key::from(key)), "{key:?}, escaped, does not match itself");
    assert!(!pattern.matches_key(&Key::from(&*format!("{key}x"))), "{key:?}, escaped, matches more than itself");
    assert_eq!(pattern.list_prefixes(), [Key::from(key)]);
}

/// A key that the pattern probably matches, so that most inputs test something: first alternatives, short runs.
fn filled_in(pattern: &str) -> Vec<u8> {
    let mut key = String::new();
    let mut chars = pattern.strip_prefix("s3://").unwrap_or_default().chars().skip_while(|c| *c != '/').skip(1);
    let mut depth = 0_usize;
    let mut is_first = true;
    while let Some(c) = chars.next() {
        match c {
            '{' => (depth, is_first) = (depth + 1, true),
            '}' => (depth, is_first) = (depth.saturating_sub(1), true),
            ',' | '.' if depth > 0 => is_first = false,
            _ if !is_first => {}
            '*' => key.push('é'),
            '?' => key.push('日'),
            '\\' => key.extend(chars.next()),
            '[' => key.extend(chars.by_ref().take_while(|c| *c != ']').next()),
            c => key.push(c),
        }
    }
    key.into_bytes()
}
