use super::*;

fn key_glob(glob: &str) -> Pattern {
    Pattern::parse(&format!("s3://b/{glob}")).unwrap_or_else(|error| panic!("{glob}: {error} ({:?})", error.hint))
}

#[test]
fn the_table_of_the_manual_holds_line_by_line() {
    let mut lines = 0;
    for row in include_str!("../pattern.rs").lines().filter_map(|line| line.strip_prefix("//! | `")) {
        let cells: Vec<&str> = row.split(" | ").map(|cell| cell.trim_matches('`')).collect();
        let [glob, key, answer @ ("yes" | "no"), because] = cells[..] else { continue };
        assert_eq!(key_glob(glob).matches_key(&key.into()), answer == "yes", "{glob} against {key}: {because}");
        lines += 1;
    }
    assert!(lines > 45, "the table was not found: {lines}");
}
