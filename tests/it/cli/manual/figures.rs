//! Measured figures: each stands in docs/performance.md, and what other pages say of it is copied from there.
//!
//! A figure has its name before it and an empty comment behind it, `<!--idle-rss-->21.6 MiB<!---->`, so that pages read the
//! same with and without.

use std::collections::BTreeMap;

/// Where a figure is written by hand, from what a benchmark printed.
pub const SOURCE: &str = "docs/performance.md";

const OPEN: &str = "<!--";
const NAMED: &str = "-->";
const END: &str = "<!---->";

/// The figures of a page by name.
pub fn of(page: &str) -> BTreeMap<&str, &str> {
    let mut figures = BTreeMap::new();
    for (name, value) in parts(page).filter_map(|part| part.1) {
        let known = figures.insert(name, value);
        assert!(known.is_none_or(|known| known == value), "{name} is {value} and {known:?}");
    }
    figures
}

/// The page with each figure as the source has it.
///
/// # Panics
/// The source has no figure of that name.
pub fn filled(page: &str, source: &BTreeMap<&str, &str>) -> String {
    let fill = |(before, figure): (&str, Option<(&str, &str)>)| match figure {
        None => before.to_owned(),
        Some((name, _)) => {
            let value = source.get(name).unwrap_or_else(|| panic!("{SOURCE} has no figure {name}"));
            format!("{before}{OPEN}{name}{NAMED}{value}{END}")
        }
    };
    parts(page).map(fill).collect()
}

/// What stands before each figure, with its name and value; the rest of the page last.
fn parts(page: &str) -> impl Iterator<Item = (&str, Option<(&str, &str)>)> {
    let mut rest = Some(page);
    std::iter::from_fn(move || {
        let text = rest?;
        let Some((before, value)) = text.find(END).map(|end| (&text[..end], &text[end + END.len()..])) else {
            rest = None;
            return Some((text, None));
        };
        rest = Some(value);
        let (start, figure) = before.rsplit_once(OPEN).unwrap_or_else(|| panic!("no name before {END} in {before}"));
        Some((start, Some(figure.split_once(NAMED).unwrap_or_else(|| panic!("no name in {figure}")))))
    })
}

#[test]
fn a_figure_of_another_page_becomes_the_measured_one() {
    let source = "| CPU | <!--cpu-->10 µs<!----> | <!--ratio-->2×<!----> |\n";
    assert_eq!(of(source), BTreeMap::from([("cpu", "10 µs"), ("ratio", "2×")]));
    let page = "<!-- no figure -->\nIt takes <!--cpu-->12 µs<!---->, and more.\n";
    assert_eq!(filled(page, &of(source)), "<!-- no figure -->\nIt takes <!--cpu-->10 µs<!---->, and more.\n");
    assert_eq!(filled(source, &of(source)), source);
}

#[test]
#[should_panic(expected = "has no figure size")]
fn a_figure_that_was_not_measured_is_refused() {
    filled("<!--size-->1 MiB<!---->", &BTreeMap::new());
}
