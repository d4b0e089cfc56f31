//! A page of Markdown, as far as its blocks and its code spans go.

/// A page by its name, from the root.
pub struct Page {
    pub name: String,
    pub blocks: Vec<Block>,
    /// Code spans outside of blocks, with their lines.
    pub spans: Vec<(usize, String)>,
}

/// A fenced block.
pub struct Block {
    /// Of the fence, from 1.
    pub line: usize,
    /// The first word behind the fence; empty where there is none.
    pub kind: String,
    /// Those behind it.
    pub options: Vec<String>,
    pub text: String,
}

impl Block {
    pub fn has(&self, option: &str) -> bool {
        self.options.iter().any(|one| one == option)
    }

    /// Its lines with their numbers in the page.
    pub fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(nth, line)| (self.line + 1 + nth, line))
    }
}

impl Page {
    pub fn parse(name: &str, text: &str) -> Self {
        let mut page = Self { name: name.to_owned(), blocks: Vec::new(), spans: Vec::new() };
        let mut open: Option<(usize, Block)> = None;
        for (nth, line) in text.lines().enumerate() {
            let fence = line.trim_start().strip_prefix("```");
            match (&mut open, fence) {
                (None, Some(info)) => {
                    let mut words = info.split([',', ' ']).map(str::to_owned);
                    let kind = words.next().unwrap_or_default();
                    let block = Block { line: nth + 1, kind, options: words.collect(), text: String::new() };
                    open = Some((line.len() - line.trim_start().len(), block));
                }
                (None, None) => {
                    page.spans.extend(line.split('`').skip(1).step_by(2).map(|span| (nth + 1, span.to_owned())));
                }
                (Some(_), Some(_)) => page.blocks.extend(open.take().map(|(_, block)| block)),
                (Some((indent, block)), None) => {
                    // Within a list the block is as far in as its fence.
                    block.text += line.get(*indent..).unwrap_or_default();
                    block.text.push('\n');
                }
            }
        }
        assert!(open.is_none(), "{name}: a block is not closed");
        page
    }

    /// Where something stands, for a message.
    pub fn at(&self, line: usize) -> String {
        format!("{}:{line}", self.name)
    }
}

#[test]
fn a_page_falls_into_blocks_and_spans() {
    let page = Page::parse("p", "a `b` c `d`\n```toml,fragment\nx = 1\n\ny = 2\n```\n\n  ```\n  $ z\n  ```\n");
    let blocks: Vec<_> = page.blocks.iter().map(|block| (block.line, &*block.kind, &*block.text)).collect();
    assert_eq!(blocks, [(2, "toml", "x = 1\n\ny = 2\n"), (8, "", "$ z\n")]);
    assert!(page.blocks[0].has("fragment") && page.blocks[0].lines().last() == Some((5, "y = 2")));
    assert_eq!(page.spans, [(1, "b".to_owned()), (1, "d".to_owned())]);
}
