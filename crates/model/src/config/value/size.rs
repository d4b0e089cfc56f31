//! Sizes: `"8 TiB"`, `"500 GB"`, `"1.5 GiB"`. Always with a unit, so that nobody has to guess one.

use bytesize::{ByteSize, EB, EIB, GB, GIB, KB, KIB, MB, MIB, PB, PIB, TB, TIB};

use super::{Kind, TextError};
use crate::select::Cap;

/// Largest first: the first that divides a size without a long fraction spells it.
const UNITS: [(&str, u64); 13] = [
    ("EiB", EIB),
    ("EB", EB),
    ("PiB", PIB),
    ("PB", PB),
    ("TiB", TIB),
    ("TB", TB),
    ("GiB", GIB),
    ("GB", GB),
    ("MiB", MIB),
    ("MB", MB),
    ("KiB", KIB),
    ("kB", KB),
    ("B", 1),
];

/// Bytes. With `ZERO` nothing is a size too.
pub struct Size<const ZERO: bool>;

impl<const ZERO: bool> Kind for Size<ZERO> {
    type Value = u64;
    const EXAMPLE: &'static str = "64 GiB";
    const PATTERN: Option<&'static str> = Some(r"^\s*[0-9]+(\.[0-9]+)?\s*([KMGTPE]i|[kKMGTPE])?B\s*$");

    fn parse(text: &str) -> Result<u64, TextError> {
        match parse(text)? {
            0 if !ZERO => Err(TextError::new("must be more than 0 B")),
            bytes => Ok(bytes),
        }
    }

    fn show(bytes: &u64) -> Option<String> {
        Some(show(*bytes))
    }
}

/// A byte cap: a size, or `"unlimited"`.
pub struct ByteCap;

impl Kind for ByteCap {
    type Value = Cap;
    const EXAMPLE: &'static str = "8 TiB";
    const PATTERN: Option<&'static str> = Some(r"^\s*[0-9]+(\.[0-9]+)?\s*([KMGTPE]i|[kKMGTPE])?B\s*$|^unlimited$");

    fn parse(text: &str) -> Result<Cap, TextError> {
        if text.trim() == "unlimited" {
            return Ok(Cap::Unlimited);
        }
        if text.trim().eq_ignore_ascii_case("unlimited") || strsim::damerau_levenshtein(text.trim(), "unlimited") <= 2 {
            return Err(TextError::new("is neither a size nor `unlimited`").help("write `unlimited`, if that is meant"));
        }
        Size::<false>::parse(text).map(Cap::Bytes)
    }

    fn show(cap: &Cap) -> Option<String> {
        Some(cap.bytes().map_or_else(|| "unlimited".to_owned(), show))
    }
}

/// Exact decimal arithmetic; what is left of a byte at the end is dropped, so that a cap is never exceeded.
pub(super) fn parse(text: &str) -> Result<u64, TextError> {
    let start = text.len() - text.trim_start().len();
    let body = text.trim();
    let number_len = body.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(body.len());
    let (number, rest) = body.split_at(number_len);
    let unit = rest.trim_start();
    let unit_start = start + body.len() - unit.len();
    if body.starts_with(['-', '+']) {
        return Err(TextError::new("a size has no sign").at(start..start + 1));
    }
    if number.is_empty() {
        return Err(TextError::new("a size begins with a number").at(start..start + body.len()));
    }
    let factor = factor(unit).map_err(|error| match unit.is_empty() {
        true => error.at(start..start + body.len()),
        false => error.at(unit_start..unit_start + unit.len()),
    })?;
    let number_span = start..start + number.len();
    let too_large = || TextError::new("is more than 16 EiB, the largest size").at(start..start + body.len());
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    if whole.is_empty() || fraction.is_empty() || fraction.contains('.') {
        return Err(TextError::new(format!("`{number}` is not a number")).at(number_span));
    }
    // Eighteen digits of a fraction tell bytes apart in every unit; more cannot change the result.
    let fraction = fraction.get(..18).unwrap_or(fraction);
    let scale = 10_u128.pow(u32::try_from(fraction.len()).unwrap_or(18));
    let whole: u128 = whole.parse().map_err(|_| too_large())?;
    let fraction: u128 = fraction.parse().map_err(|_| too_large())?;
    let bytes = whole
        .checked_mul(factor)
        .and_then(|bytes| bytes.checked_add(fraction.checked_mul(factor)? / scale))
        .ok_or_else(too_large)?;
    u64::try_from(bytes).map_err(|_| too_large())
}

fn factor(unit: &str) -> Result<u128, TextError> {
    if unit.is_empty() {
        return Err(TextError::new("a size needs a unit")
            .help("write GiB (1024^3 bytes) or GB (1000^3 bytes) after the number"));
    }
    if unit == "KB" {
        return Ok(u128::from(KB));
    }
    if let Some((_, factor)) = UNITS.iter().find(|(name, _)| *name == unit) {
        return Ok(u128::from(*factor));
    }
    let letter = unit.chars().next().map(|c| c.to_ascii_uppercase()).filter(|c| "KMGTPE".contains(*c));
    let error = TextError::new(format!("unknown unit `{unit}`"));
    Err(match letter {
        Some(letter) => error.help(format!("write `{letter}iB` for powers of 1024, `{letter}B` for powers of 1000")),
        None => {
            error.help("units are B, KiB, MiB, GiB, TiB, PiB (powers of 1024) and kB, MB, GB, TB, PB (powers of 1000)")
        }
    })
}

/// The shortest exact spelling with at most three decimals; powers of 1024 where both are as short.
pub fn show(bytes: u64) -> String {
    if bytes == 0 {
        return "0 B".to_owned();
    }
    let spelled = UNITS.iter().filter_map(|(unit, factor)| {
        let thousandths = u128::from(bytes) * 1000;
        let factor = u128::from(*factor);
        if !thousandths.is_multiple_of(factor) || thousandths / factor < 1000 {
            return None;
        }
        let (whole, part) = (thousandths / factor / 1000, thousandths / factor % 1000);
        let number =
            if part == 0 { whole.to_string() } else { format!("{whole}.{part:03}").trim_end_matches('0').to_owned() };
        Some((number.len(), usize::from(!unit.contains('i')), format!("{number} {unit}")))
    });
    spelled.min().map_or_else(|| format!("{bytes} B"), |(_, _, text)| text)
}

/// For people: exact where that is short, else rounded to a tenth of a power of 1024.
pub fn brief(bytes: u64) -> String {
    let exact = show(bytes);
    if exact.len() <= 8 { exact } else { ByteSize(bytes).display().iec().to_string() }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{accepts, refuses};
    use super::*;

    #[test]
    fn sizes_are_exact() {
        accepts::<Size<true>>(&[
            ("8 TiB", "8 TiB"),
            ("8TiB", "8 TiB"),
            ("1024 GiB", "1 TiB"),
            ("500GB", "500 GB"),
            ("1.5 GiB", "1.5 GiB"),
            ("0.5 TiB", "512 GiB"),
            ("100 kB", "100 kB"),
            ("100 KB", "100 kB"),
            (" 7 MiB ", "7 MiB"),
            ("4194304 B", "4 MiB"),
            ("0 B", "0 B"),
            ("9007199254740993 B", "9007199254740993 B"),
            ("15.5 EiB", "15.5 EiB"),
            ("1.1 TiB", "1209462790553 B"),
            ("0.0000000000000000000001 EiB", "0 B"),
        ]);
    }

    #[test]
    fn what_is_no_size_is_refused_where_it_goes_wrong() {
        refuses::<Size<false>>(&[
            ("64", "64", "a size needs a unit"),
            ("8 TBB", "TBB", "unknown unit `TBB`"),
            ("8 t", "t", "unknown unit `t`"),
            ("8 Gi", "Gi", "unknown unit `Gi`"),
            ("8 GiB/s", "GiB/s", "unknown unit `GiB/s`"),
            ("TiB", "TiB", "a size begins with a number"),
            ("", "", "a size begins with a number"),
            ("-1 GiB", "-", "a size has no sign"),
            ("1.2.3 GiB", "1.2.3", "`1.2.3` is not a number"),
            ("1. GiB", "1.", "`1.` is not a number"),
            ("16 EiB", "16 EiB", "is more than 16 EiB, the largest size"),
            (
                "99999999999999999999999999999999999999999 B",
                "99999999999999999999999999999999999999999 B",
                "is more than 16 EiB, the largest size",
            ),
            ("0 GiB", "0 GiB", "must be more than 0 B"),
        ]);
    }

    #[test]
    fn no_cap_has_to_be_typed() {
        accepts::<ByteCap>(&[("unlimited", "unlimited"), ("2 TiB", "2 TiB")]);
        refuses::<ByteCap>(&[
            ("Unlimited", "Unlimited", "is neither a size nor `unlimited`"),
            ("unlimitd", "unlimitd", "is neither a size nor `unlimited`"),
            ("0 B", "0 B", "must be more than 0 B"),
        ]);
    }

    #[test]
    fn people_are_told_what_they_can_read() {
        for (bytes, text) in
            [(8 << 40, "8 TiB"), (500_000_000_000, "500 GB"), (13_694_139_533_312, "12.5 TiB"), (0, "0 B")]
        {
            assert_eq!(brief(bytes), text);
        }
    }

    proptest::proptest! {
        #[test]
        fn every_size_reads_back_as_it_is_shown(bytes: u64) {
            proptest::prop_assert_eq!(parse(&show(bytes)), Ok(bytes));
        }

        #[test]
        fn no_text_is_too_odd(text: String) {
            let _ = parse(&text);
        }
    }
}
