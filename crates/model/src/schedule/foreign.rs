//! Schedules in the syntax of other schedulers: refused, with the line that says the same here.

use super::Schedule;
use super::field::WEEKDAYS;
use super::piece::Piece;
use super::zone::Zone;
use crate::object::Escaped;
use crate::text_error::TextError;

/// What is wrong with a text that another scheduler would take. `None`: it is no such text.
pub(super) fn refusal(text: Piece<'_>) -> Option<TextError> {
    zone_prefix(text).or_else(|| of_eventbridge(text)).or_else(|| of_systemd(text))
}

/// `CRON_TZ=Europe/Berlin 30 2 * * *`, of Go's crons.
fn zone_prefix(text: Piece<'_>) -> Option<TextError> {
    let (word, rest) = text.first_word();
    let (_, zone) = word.split_once('=').filter(|(name, _)| matches!(name.text, "CRON_TZ" | "TZ"))?;
    let line = if rest.text.is_empty() { "30 1 * * *" } else { rest.text };
    Some(
        TextError::new("the zone stands in a key of its own")
            .at(word.span())
            .help(line_and_zone(line, Some(zone.text.trim_matches(['"', '\'', ':'])))),
    )
}

/// `cron(0 2 ? * MON-FRI *)` and `rate(5 minutes)`, of AWS.
fn of_eventbridge(text: Piece<'_>) -> Option<TextError> {
    let (name, inner) = text.text.strip_suffix(')')?.split_once('(')?;
    let line = match name {
        "cron" => quartz(inner),
        "rate" => rate(inner),
        "at" => None,
        _ => return None,
    };
    let error = TextError::new(format!("`{name}(…)` is how AWS writes a schedule")).at(text.span());
    Some(error.help(line.map_or_else(
        || "write minute, hour, day of the month, month, day of the week, for example `30 1 * * MON-FRI`".to_owned(),
        |line| line_and_zone(&line, None),
    )))
}

/// Minute to day of the week, where 1 is Sunday and `?` any day, and a year.
fn quartz(inner: &str) -> Option<String> {
    let words: Vec<&str> = inner.split_ascii_whitespace().collect();
    let ([minute, hour, day, month, weekday, "*"] | [minute, hour, day, month, weekday]) = words[..] else {
        return None;
    };
    let named = |day: &str| match day.as_bytes().first() {
        Some(digit @ b'1'..=b'7') => format!("{}{}", WEEKDAYS[usize::from(digit - b'1')], &day[1..]),
        _ => day.to_owned(),
    };
    let ranges = |item: &str| item.split('-').map(named).collect::<Vec<_>>().join("-");
    let weekdays: Vec<String> = weekday.split(',').map(ranges).collect();
    // `0/15` steps to the end of the field there.
    let stepped = |word: &str, last: u32| match word.split_once('/') {
        Some(("0", step)) if last == 59 || last == 23 => format!("*/{step}"),
        Some((from, step)) if from.parse::<u32>().is_ok() => format!("{from}-{last}/{step}"),
        _ => word.to_owned(),
    };
    let fields = [stepped(minute, 59), stepped(hour, 23), stepped(day, 31), stepped(month, 12), weekdays.join(",")];
    Some(fields.map(|field| field.replace('?', "*")).join(" "))
}

fn rate(inner: &str) -> Option<String> {
    let (count, unit) = inner.trim().split_once(' ')?;
    let count: u32 = count.parse().ok()?;
    let unit = ["minute", "hour", "day"].into_iter().find(|known| unit.trim().trim_end_matches('s') == *known)?;
    Some(format!("@every {count}{}", &unit[..1]))
}

/// `Mon..Fri *-*-* 02:30:00 Europe/Berlin`, of systemd's timers.
fn of_systemd(text: Piece<'_>) -> Option<TextError> {
    let inner = text.text.strip_prefix("OnCalendar=").unwrap_or(text.text);
    let mut words: Vec<&str> = inner.split_ascii_whitespace().take(5).collect();
    let is_time =
        |word: &&str| word.contains(':') && word.bytes().all(|byte| byte.is_ascii_digit() || b":*/.,".contains(&byte));
    let is_calendar = |word: &&str| is_time(word) || word.contains("..") || word.starts_with("*-*");
    if inner == text.text && !words.iter().any(is_calendar) {
        return None;
    }
    let error = TextError::new("this is how systemd writes a calendar").at(text.span());
    let zone = words.pop_if(|word| !is_time(&&**word) && (word.contains('/') || *word == "UTC"));
    Some(error.help(calendar(&words).map_or_else(
        || {
            "write minute, hour, day of the month, month, day of the week: `30 2 * * MON-FRI` is 02:30 on workdays"
                .to_owned()
        },
        |line| line_and_zone(&line, zone),
    )))
}

/// Days of the week, a date and a time, each of which may be missing.
fn calendar(words: &[&str]) -> Option<String> {
    if let [word] = words
        && let Some((_, line)) = CALENDARS.iter().find(|(name, _)| name == word)
    {
        return Some((*line).to_owned());
    }
    let (mut weekday, mut date, mut time) = ("*".to_owned(), ["*".to_owned(), "*".to_owned()], None);
    for word in words {
        if word.contains(':') {
            let parts: Vec<&str> = word.split(':').collect();
            let [hour, minute, second] = match parts[..] {
                [hour, minute] => [hour, minute, "0"],
                [hour, minute, second] => [hour, minute, second],
                _ => return None,
            };
            time = Some([number(second, 59)?, number(minute, 59)?, number(hour, 23)?]);
        } else if word.starts_with(|first: char| first.is_ascii_alphabetic()) {
            weekday = weekdays(word)?;
        } else {
            let parts: Vec<&str> = word.split('-').collect();
            let ([month, day] | ["*", month, day]) = parts[..] else { return None };
            date = [number(day, 31)?, number(month, 12)?];
        }
    }
    let [second, minute, hour] = time.unwrap_or_else(|| ["0", "0", "0"].map(str::to_owned));
    let [mut day, month] = date;
    if day != "*" && weekday != "*" {
        // There both must match.
        weekday = super::lint::counted(&day, &weekday)?;
        day = "*".to_owned();
    }
    let second = if second == "0" { String::new() } else { format!("{second} ") };
    Some(format!("{second}{minute} {hour} {day} {month} {weekday}"))
}

const CALENDARS: [(&str, &str); 8] = [
    ("minutely", "* * * * *"),
    ("hourly", "@hourly"),
    ("daily", "@daily"),
    ("weekly", "0 0 * * MON"),
    ("monthly", "@monthly"),
    ("quarterly", "0 0 1 1,4,7,10 *"),
    ("semiannually", "0 0 1 1,7 *"),
    ("yearly", "@yearly"),
];

/// `Mon..Fri`, `Monday,Wed`
fn weekdays(word: &str) -> Option<String> {
    let name = |day: &str| {
        let day = day.get(..3)?.to_ascii_uppercase();
        WEEKDAYS.contains(&&*day).then_some(day)
    };
    let item = |item: &str| match item.split_once("..") {
        Some((first, last)) => Some(format!("{}-{}", name(first)?, name(last)?)),
        None => name(item),
    };
    Some(word.split(',').map(item).collect::<Option<Vec<_>>>()?.join(","))
}

/// `02`, `*`, `1..7`, `0/15`
fn number(word: &str, last: u32) -> Option<String> {
    let one = |digits: &str| digits.parse::<u32>().ok().filter(|value| *value <= last);
    let item = |item: &str| {
        if item == "*" {
            return Some("*".to_owned());
        }
        if let Some((from, step)) = item.split_once('/') {
            let step = step.parse::<u32>().ok()?;
            return match from {
                "*" => Some(format!("*/{step}")),
                from => Some(format!("{}-{last}/{step}", one(from)?)),
            };
        }
        match item.split_once("..") {
            Some((from, to)) => Some(format!("{}-{}", one(from)?, one(to)?)),
            None => one(item).map(|value| value.to_string()),
        }
    };
    Some(word.split(',').map(item).collect::<Option<Vec<_>>>()?.join(","))
}

/// As it stands in a profile. A line that is no schedule either is left out.
fn line_and_zone(line: &str, zone: Option<&str>) -> String {
    let zone = zone.map(|zone| format!("`time_zone = \"{}\"`", Escaped(zone)));
    let line = Schedule::parse(line, Zone::utc()).ok().map(|schedule| format!("`schedule = \"{}\"`", schedule.text()));
    let keys: Vec<String> = line.into_iter().chain(zone).collect();
    match keys.is_empty() {
        true => "for example `schedule = \"30 1 * * MON-FRI\"`".to_owned(),
        false => format!("write {}", keys.join(" and ")),
    }
}
