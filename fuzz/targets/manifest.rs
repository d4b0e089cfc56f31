//! A manifest never panics nor grows, whatever its bytes, and where they are cut makes no difference.
//!
//! Input: how many bytes are given at once, then the manifest.

#![no_main]

use libfuzzer_sys::fuzz_target;
use model::manifest::{Decoder, Entry, ManifestError};

fuzz_target!(|data: &[u8]| {
    let Some((at_once, manifest)) = data.split_first() else { return };
    let whole = read(manifest, manifest.len().max(1));
    let cut = read(manifest, usize::from(*at_once).max(1));
    match (&whole, &cut) {
        (Ok(whole), Ok(cut)) => assert_eq!(whole, cut),
        // A gzip that is broken may show that before a line which is, or behind it.
        (Err(_), Err(_)) => {}
        _ => panic!("whole it is {whole:?}, and cut it is {cut:?}"),
    }
    for entry in whole.into_iter().flatten() {
        assert!((1..=1024).contains(&entry.key.as_bytes().len()) && !entry.bucket.as_str().contains('/'));
        drop(entry.into_object());
    }
});

fn read(manifest: &[u8], at_once: usize) -> Result<Vec<Entry>, ManifestError> {
    let mut decoder = Decoder::default();
    let mut entries = Vec::new();
    for piece in manifest.chunks(at_once) {
        for portion in Decoder::portions(piece) {
            entries.extend(decoder.push(portion)?);
        }
    }
    entries.extend(decoder.finish()?);
    Ok(entries)
}
