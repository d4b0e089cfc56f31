//! `hotset plan --against`: two configurations over one listing, and what changes between them.

mod groups;
pub mod reach;

use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, Write};

use serde::Serialize;

use groups::Group;

use super::text::{count, counted, iec, percent, usd, write_json};
use crate::report::Outcome;
use crate::report::groups::title;
use model::api::ObjectName;
use model::object::{Count, Object, ObjectIndex, disturbs};
use model::select::Selection;
use model::select::plan::{Plan, Verdict};

/// How many keys a change names on each side.
const SAMPLE: usize = 5;

/// How a change is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    #[default]
    Table,
    Markdown,
    Json,
}

/// A profile before and after; one side is absent where it was added or removed.
pub struct Change {
    pub profile: String,
    pub before: Option<Plan>,
    pub after: Option<Plan>,
    /// Neither side was planned: the change reaches what was not reached before.
    pub withheld: Option<Withheld>,
}

pub struct Withheld {
    was_there: bool,
    why: String,
}

/// What enters or leaves a selection.
#[derive(Default)]
struct Moved {
    count: Count,
    sample: Vec<Object>,
    /// Checkpoints of which there was nothing, or is nothing any more, in the order of the selection.
    groups: Vec<Group>,
}

impl Moved {
    /// What `these` have and `those` do not.
    fn between(these: Option<&Selection>, those: Option<&Selection>) -> Self {
        let others = Named::of(those.map(|selection| &selection.selected));
        let mut moved = Self { groups: groups::between(these, those), ..Self::default() };
        let these = these.iter().flat_map(|selection| &selection.selected);
        for object in these.filter(|object| !others.holds(object)) {
            moved.count.add(object.size);
            if moved.sample.len() < SAMPLE {
                moved.sample.push(object);
            }
        }
        moved
    }

    /// Its checkpoints and objects, a line each, as far as they are named.
    fn lines(&self) -> Vec<String> {
        let named = self.groups.iter().take(groups::NAMED).map(|group| {
            let Count { objects, bytes } = group.count;
            format!(
                "checkpoint {} ({}, {})",
                title(&group.run, &group.name, group.step),
                counted(objects, "object"),
                iec(bytes)
            )
        });
        let more = self.groups.len().saturating_sub(groups::NAMED) as u64;
        let more = (more > 0).then(|| format!("and {}", counted(more, "more checkpoint")));
        let objects = self.sample.iter().map(|object| {
            let (bucket, key) = (&object.bucket, &object.key);
            format!("s3://{bucket}/{key} ({})", iec(object.size))
        });
        let rest = self.count.objects - self.sample.len() as u64;
        let rest = (rest > 0).then(|| format!("and {} more", count(rest)));
        named.chain(more).chain(objects).chain(rest).collect()
    }
}

/// What some objects are called, in sixteen bytes each: of a billion, two share them once in 10^20 times.
struct Named {
    states: [RandomState; 2],
    hashes: Vec<u128>,
}

impl Named {
    fn of(objects: Option<&ObjectIndex>) -> Self {
        let mut named = Self { states: [RandomState::new(), RandomState::new()], hashes: Vec::new() };
        let mut hashes: Vec<u128> = objects.into_iter().flatten().map(|object| named.hash(&object)).collect();
        hashes.sort_unstable();
        named.hashes = hashes;
        named
    }

    fn holds(&self, object: &Object) -> bool {
        self.hashes.binary_search(&self.hash(object)).is_ok()
    }

    fn hash(&self, object: &Object) -> u128 {
        let half = |state: &RandomState| u128::from(state.hash_one((&object.bucket, &object.key)));
        half(&self.states[0]) << u64::BITS | half(&self.states[1])
    }
}

impl Change {
    /// A profile for which nobody was asked.
    pub fn withheld(profile: &str, was_there: bool, why: String) -> Self {
        Self { profile: profile.to_owned(), before: None, after: None, withheld: Some(Withheld { was_there, why }) }
    }

    fn kind(&self) -> &'static str {
        match (&self.before, &self.after) {
            (None, _) if self.withheld.as_ref().is_some_and(|withheld| withheld.was_there) => "changed",
            (None, _) => "added",
            (_, None) => "removed",
            (Some(before), Some(after)) if before.fingerprint == after.fingerprint => "same",
            _ => "changed",
        }
    }

    fn enters(&self) -> Moved {
        Moved::between(chosen(self.after.as_ref()), chosen(self.before.as_ref()))
    }

    fn leaves(&self) -> Moved {
        Moved::between(chosen(self.before.as_ref()), chosen(self.after.as_ref()))
    }

    /// Before and after.
    fn sides(&self) -> [String; 2] {
        if let Some(withheld) = &self.withheld {
            return ["not asked".to_owned(), withheld.told()];
        }
        [&self.before, &self.after].map(|plan| side(plan.as_ref()))
    }
}

impl Withheld {
    fn told(&self) -> String {
        format!("refused: {}; nobody was asked, which --trust-new would", self.why)
    }
}

/// A plan that may not be carried out warms nothing.
fn chosen(plan: Option<&Plan>) -> Option<&Selection> {
    plan.filter(|plan| plan.verdict == Verdict::Ready).map(|plan| &plan.selection)
}

fn selected(plan: Option<&Plan>) -> Count {
    plan.map(Plan::to_warm).unwrap_or_default()
}

fn month(plan: Option<&Plan>) -> Option<f64> {
    Some(plan?.cost?.usd_month_max).filter(|_| plan.is_some_and(|plan| plan.verdict == Verdict::Ready))
}

fn share(plan: Option<&Plan>) -> Option<f64> {
    plan.filter(|plan| plan.verdict == Verdict::Ready)?.share
}

/// Prints all changes.
pub fn write(changes: &[Change], format: Format, out: &mut impl Write) -> io::Result<()> {
    match format {
        Format::Table => changes.iter().try_for_each(|change| table(change, out)),
        Format::Markdown => markdown(changes, out),
        Format::Json => changes.iter().try_for_each(|change| json(change, out)),
    }
}

fn table(change: &Change, out: &mut impl Write) -> io::Result<()> {
    let [before, after] = change.sides();
    if change.kind() == "same" && before == after {
        return writeln!(out, "{}: same, {after}", change.profile);
    }
    writeln!(out, "{}: {}", change.profile, change.kind())?;
    if change.withheld.is_some() {
        return writeln!(out, "  {after}");
    }
    writeln!(out, "  before  {before}\n  after   {after}")?;
    for (sign, name, moved) in [('+', "enters", change.enters()), ('-', "leaves", change.leaves())] {
        let Count { objects, bytes } = moved.count;
        if objects == 0 {
            writeln!(out, "  {name}  nothing")?;
            continue;
        }
        writeln!(out, "  {name}  {}, {}", counted(objects, "object"), iec(bytes))?;
        moved.lines().iter().try_for_each(|line| writeln!(out, "    {sign} {line}"))?;
    }
    Ok(())
}

fn side(plan: Option<&Plan>) -> String {
    let Some(plan) = plan else { return "not there".to_owned() };
    let (Verdict::Ready, count) = (&plan.verdict, plan.to_warm()) else {
        let (outcome, why) = Outcome::of_plan(&plan.verdict);
        return format!("{outcome}: {}", why.unwrap_or_default());
    };
    let mut text = format!("{}, {}", counted(count.objects, "object"), iec(count.bytes));
    if let Some(share) = plan.share {
        text = format!("{text}, {} of the cache", percent(share));
    }
    if let Some(cost) = plan.cost {
        text = format!("{text}, at most {} a month", usd(cost.usd_month_max));
    }
    text
}

fn markdown(changes: &[Change], out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "### What hotset would warm\n")?;
    writeln!(out, "| profile | | before | after | enters | leaves |")?;
    writeln!(out, "|---|---|---|---|---|---|")?;
    for change in changes {
        let moved = |moved: &Moved| match (moved.count.objects, moved.groups.len() as u64) {
            (0, _) => "–".to_owned(),
            (n, 0) => format!("{}, {}", counted(n, "object"), iec(moved.count.bytes)),
            (n, groups) => {
                format!("{}: {}, {}", counted(groups, "checkpoint"), counted(n, "object"), iec(moved.count.bytes))
            }
        };
        let (enters, leaves) = (moved(&change.enters()), moved(&change.leaves()));
        let [before, after] = change.sides().map(|side| cell(&side));
        // A profile's name has nothing that means anything here.
        let (name, kind) = (&change.profile, change.kind());
        writeln!(out, "| `{name}` | {kind} | {before} | {after} | {enters} | {leaves} |")?;
    }
    for change in changes {
        for (sign, name, moved) in [('+', "enters", change.enters()), ('-', "leaves", change.leaves())] {
            if moved.sample.is_empty() {
                continue;
            }
            writeln!(out, "\n<details><summary><code>{}</code> {name}</summary>\n\n```diff", change.profile)?;
            for line in moved.lines() {
                // A fence inside a key would end the block.
                writeln!(out, "{sign} {}", line.replace('`', "\\u{60}"))?;
            }
            writeln!(out, "```\n\n</details>")?;
        }
    }
    Ok(())
}

/// Text that cannot leave its table cell, nor become a link, an image, a mention or markup: of whatever has a meaning the number
/// of its character, which nothing reads again.
fn cell(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '.' if out.ends_with(|before: char| before.is_ascii_digit()) => out.push(c),
            ' ' | '-' | ',' | '%' | '$' | '/' | '(' | ')' => out.push(c),
            _ if c.is_alphanumeric() => out.push(c),
            _ if disturbs(c) => out.push(' '),
            _ => out.push_str(&format!("&#{};", u32::from(c))),
        }
    }
    out
}

#[derive(Serialize)]
struct ChangeLine<'a> {
    v: u32,
    profile: &'a str,
    change: &'static str,
    before: SideField<'a>,
    after: SideField<'a>,
    enters: MovedField<'a>,
    leaves: MovedField<'a>,
}

#[derive(Serialize)]
struct SideField<'a> {
    outcome: Option<Outcome>,
    reason: Option<&'a str>,
    #[serde(flatten)]
    count: Count,
    share: Option<f64>,
    usd_month_max: Option<f64>,
}

#[derive(Serialize)]
struct MovedField<'a> {
    #[serde(flatten)]
    count: Count,
    sample: Vec<ObjectName>,
    /// Checkpoints of which all that is selected enters or leaves.
    groups: Vec<GroupMoved<'a>>,
    more_groups: u64,
}

#[derive(Serialize)]
struct GroupMoved<'a> {
    bucket: &'a str,
    run: &'a str,
    name: &'a str,
    step: Option<u64>,
    #[serde(flatten)]
    count: Count,
}

fn json(change: &Change, out: &mut impl Write) -> io::Result<()> {
    let (enters, leaves) = (change.enters(), change.leaves());
    let line = ChangeLine {
        v: 1,
        profile: &change.profile,
        change: change.kind(),
        before: side_field(change.before.as_ref()),
        after: match &change.withheld {
            None => side_field(change.after.as_ref()),
            Some(withheld) => {
                SideField { outcome: Some(Outcome::Refused), reason: Some(&withheld.why), ..side_field(None) }
            }
        },
        enters: moved_field(&enters),
        leaves: moved_field(&leaves),
    };
    write_json(&line, out)
}

fn side_field(plan: Option<&Plan>) -> SideField<'_> {
    let verdict = plan.map(|plan| Outcome::of_plan(&plan.verdict));
    SideField {
        outcome: verdict.map(|(outcome, _)| outcome),
        reason: verdict.and_then(|(_, reason)| reason),
        count: selected(plan),
        share: share(plan),
        usd_month_max: month(plan),
    }
}

fn moved_field<'a>(moved: &'a Moved) -> MovedField<'a> {
    let sample = moved.sample.iter().map(|object| ObjectName::new(&object.bucket, &object.key)).collect();
    let groups = moved.groups.iter().take(groups::NAMED).map(|group| GroupMoved {
        bucket: &group.bucket,
        run: &group.run,
        name: &group.name,
        step: group.step,
        count: group.count,
    });
    let more_groups = moved.groups.len().saturating_sub(groups::NAMED) as u64;
    MovedField { count: moved.count, sample, groups: groups.collect(), more_groups }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_cell_means_anything_to_markdown() {
        for (text, shown) in [
            ("refused: 38.0 MiB, 0.4% (8 listed)", "refused&#58; 38.0 MiB, 0.4% (8 listed)"),
            ("a\\|b|c", "a&#92;&#124;b&#124;c"),
            ("![i](http://evil.test/p.png)", "&#33;&#91;i&#93;(http&#58;//evil&#46;test/p&#46;png)"),
            ("@octocat #7 www.evil.test", "&#64;octocat &#35;7 www&#46;evil&#46;test"),
            (
                "`code` <b> &lt; *x* _y_ ~z~",
                "&#96;code&#96; &#60;b&#62; &#38;lt&#59; &#42;x&#42; &#95;y&#95; &#126;z&#126;",
            ),
            ("a\nb\u{202e}c", "a b c"),
        ] {
            assert_eq!(cell(text), shown);
        }
    }
}
