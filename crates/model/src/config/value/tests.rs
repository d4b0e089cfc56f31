//! Tables of texts that a kind of value takes or refuses.

use super::Kind;

/// Every text parses, and shows as its canonical spelling, which parses to the same.
pub(crate) fn accepts<K: Kind>(table: &[(&str, &str)]) {
    for (text, shown) in table {
        let value = K::parse(text).unwrap_or_else(|error| panic!("{text:?}: {error}"));
        assert_eq!(shows::<K>(&value, text), *shown, "{text:?}");
        let again = K::parse(shown).unwrap_or_else(|error| panic!("{shown:?}: {error}"));
        assert_eq!(shows::<K>(&again, shown), *shown);
    }
}

/// Every text is refused with these words, about this part of it.
pub(crate) fn refuses<K: Kind>(table: &[(&str, &str, &str)]) {
    for (text, part, message) in table {
        let Err(error) = K::parse(text) else { panic!("{text:?} was accepted") };
        assert_eq!(error.message, *message, "{text:?}");
        let span = error.span.clone().unwrap_or(0..text.len());
        assert_eq!(text.get(span).unwrap_or("(outside)"), *part, "{text:?}");
    }
}

fn shows<K: Kind>(value: &K::Value, text: &str) -> String {
    K::show(value).unwrap_or_else(|| text.to_owned())
}
