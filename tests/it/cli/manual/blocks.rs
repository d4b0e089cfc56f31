//! Fences, and the kinds of blocks that need no more than a look.

use super::page::{Block, Page};

/// What may stand behind a fence, and behind that.
const KINDS: [(&str, &[&str]); 14] = [
    ("", &[]),
    ("bash", &[]),
    ("console", &["norun"]),
    ("dockerfile", &[]),
    ("ini", &[]),
    ("json", &[]),
    ("markdown", &[]),
    ("promql", &[]),
    ("python", &[]),
    ("rust", &[]),
    ("sh", &[]),
    ("text", &[]),
    ("toml", &["fragment", "refused"]),
    ("yaml", &[]),
];

pub fn faults(page: &Page) -> Vec<String> {
    page.blocks.iter().flat_map(|block| faults_of(page, block)).collect()
}

fn faults_of(page: &Page, block: &Block) -> Vec<String> {
    let known = KINDS.iter().find(|(kind, _)| *kind == block.kind).map(|(_, options)| *options);
    let is_known = known.is_some_and(|options| block.options.iter().all(|option| options.contains(&option.as_str())));
    let mut faults = Vec::new();
    if !is_known {
        faults.push(format!("{}: no such fence: {} {:?}", page.at(block.line), block.kind, block.options));
    }
    // README.md is read where no fence says more than that it is one.
    if block.kind.is_empty() && page.name != "README.md" {
        faults.push(format!("{}: a fence says what stands behind it", page.at(block.line)));
    }
    if block.kind == "json" {
        let wrong = |line: &str| serde_json::from_str::<serde_json::Value>(line).err();
        faults
            .extend(block.lines().filter_map(|(at, line)| Some(format!("{}: no JSON: {}", page.at(at), wrong(line)?))));
    }
    faults
}

#[test]
fn a_fence_that_nobody_knows_is_found() {
    let page = Page::parse("docs/p.md", "```tmol\n```\n```toml,fragmnet\n```\n```\n```\n```json\n{}\n{\n```\n");
    let found: Vec<_> =
        faults(&page).iter().map(|fault| fault.split(": ").take(2).collect::<Vec<_>>().join(": ")).collect();
    assert_eq!(
        found,
        [
            "docs/p.md:1: no such fence",
            "docs/p.md:3: no such fence",
            "docs/p.md:5: a fence says what stands behind it",
            "docs/p.md:9: no JSON",
        ]
    );
}
