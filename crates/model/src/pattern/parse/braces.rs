//! Parses braces: alternatives, or a range of numbers.

use super::super::{TextError, number};
use super::{Node, Parser, error};

/// Braces inside braces.
const MAX_DEPTH: usize = 16;

impl Parser<'_> {
    /// After the `{`; appends what it means, and answers whether a segment begins behind the `}`.
    pub(super) fn braces(&mut self, start: usize, fresh: bool, nodes: &mut Vec<Node>) -> Result<bool, TextError> {
        let (mut branches, begins_segment) = match self.numbers(start)? {
            Some(branches) => (branches, false),
            None => self.alternatives(start, fresh)?,
        };
        match branches.len() {
            1 => nodes.append(&mut branches[0]),
            _ => nodes.push(Node::Either(branches)),
        }
        Ok(begins_segment)
    }

    fn alternatives(&mut self, start: usize, fresh: bool) -> Result<(Vec<Vec<Node>>, bool), TextError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(error(start..self.at, format!("braces nest at most {MAX_DEPTH} deep"), None));
        }
        let mut branches = Vec::new();
        let mut begins_segment = true;
        loop {
            let branch = self.at;
            self.refuse_mixed_range()?;
            let (nodes, begins) = self.sequence(fresh)?;
            if nodes.is_empty() && branches.iter().any(Vec::is_empty) {
                return Err(error(
                    branch..(branch + 1).min(self.end),
                    "one alternative may be empty, not several",
                    None,
                ));
            }
            branches.push(nodes);
            begins_segment &= begins;
            self.count(1, start)?;
            match self.bump() {
                Some(',') => {}
                Some(_) => break,
                None => return Err(error(start..self.end, "`{` is never closed", self.key_only("{", start))),
            }
        }
        self.depth -= 1;
        if let [only] = branches.as_slice()
            && only.is_empty()
        {
            let hint = "write alternatives as in `{a,b}`, or a range as in `{000..127}`".to_owned();
            return Err(error(start..self.at, "empty braces match nothing", Some(hint)));
        }
        Ok((branches, begins_segment))
    }

    /// `{0..3,7}` reads like a range and would be the alternatives `0..3` and `7`.
    fn refuse_mixed_range(&self) -> Result<(), TextError> {
        let rest = &self.text[self.at..self.end];
        let alternative = &rest[..rest.find([',', '}', '{', '\\']).unwrap_or(rest.len())];
        match alternative.split_once("..") {
            Some((low, high)) if is_number(low) && is_number(high) => {
                let span = self.at..self.at + alternative.len();
                let hint = format!("write `{}`", self.fixed(span.clone(), &format!("{{{alternative}}}")));
                Err(error(span, "a range among alternatives needs braces of its own", Some(hint)))
            }
            _ => Ok(()),
        }
    }

    /// `{LOW..HIGH}`, after its `{`; `None` where the braces hold something else.
    fn numbers(&mut self, start: usize) -> Result<Option<Vec<Vec<Node>>>, TextError> {
        let rest = &self.text[self.at..self.end];
        let inside = match rest.find([',', '}', '{', '\\']) {
            Some(end) if rest[end..].starts_with('}') => &rest[..end],
            _ => return Ok(None),
        };
        let Some((low, high)) = inside.split_once("..") else {
            return Ok(None);
        };
        self.at += inside.len() + 1;
        let bad = |message: &str, hint: String| Err(error(start..self.at, message, Some(hint)));
        if !is_number(low) || !is_number(high) {
            let hint = self.not_a_range(start, low, high);
            return bad("a range runs from one whole number to another", hint);
        }
        if low.len().max(high.len()) > number::MAX_DIGITS {
            let message = format!("the numbers of a range have at most {} digits", number::MAX_DIGITS);
            return Err(error(start..self.at, message, None));
        }
        let (Ok(from), Ok(to)) = (low.parse::<u64>(), high.parse::<u64>()) else {
            return bad("a range runs from one whole number to another", self.not_a_range(start, low, high));
        };
        if from > to {
            let hint = format!("write `{}`", self.fixed(start..self.at, &format!("{{{high}..{low}}}")));
            return bad("the range runs backwards", hint);
        }
        let padded = [low, high].iter().any(|bound| bound.len() > 1 && bound.starts_with('0'));
        let branches = number::range(from, to, padded.then(|| low.len().max(high.len())));
        self.count(branches.iter().map(|branch| branch.len() + 1).sum(), start)?;
        Ok(Some(branches))
    }

    fn not_a_range(&self, start: usize, low: &str, high: &str) -> String {
        match (low.chars().count(), high.chars().count()) {
            (1, 1) if low < high => format!("write `{}`", self.fixed(start..self.at, &format!("[{low}-{high}]"))),
            _ => format!("if the dots belong to the key, write `{}`", self.dots_escaped(start, low, high)),
        }
    }

    fn dots_escaped(&self, start: usize, low: &str, high: &str) -> String {
        self.fixed(start..self.at, &format!("{{{low}\\..{high}}}"))
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}
