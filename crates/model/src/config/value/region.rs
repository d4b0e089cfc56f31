//! Detects regions that look like typing errors. Not every server checks the region of a signature; those that do answer 400
//! or 403.

/// Of AWS; other servers use these names, too.
const REGIONS: [&str; 37] = [
    "af-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-south-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-7",
    "ca-central-1",
    "ca-west-1",
    "cn-north-1",
    "cn-northwest-1",
    "eu-central-1",
    "eu-central-2",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "mx-central-1",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-gov-east-1",
    "us-gov-west-1",
    "us-west-1",
    "us-west-2",
];

/// What is odd about a region, and what to write. Servers of one's own call theirs whatever they like, so elsewhere than at
/// CoreWeave (`at_coreweave`) only a name that differs in case or punctuation from a well-known one is odd.
pub fn oddness(region: &str, at_coreweave: bool) -> Option<(&'static str, String)> {
    if region == "auto" || is_known(region) || is_zone(region) {
        return None;
    }
    if let Some(zone) = meant_zone(region) {
        return Some(("is not how CoreWeave writes its regions", format!("did you mean `{zone}`?")));
    }
    let bare = squeezed(region);
    if let Some(known) = REGIONS.into_iter().find(|known| squeezed(known) == bare) {
        return Some(("is no region that is known", format!("did you mean `{known}`?")));
    }
    let without_letter = region.strip_suffix(|c: char| c.is_ascii_lowercase());
    if let Some(known) = without_letter.filter(|region| is_known(region)) {
        return Some(("is an availability zone", format!("its region is `{known}`")));
    }
    at_coreweave.then(|| {
        (
            "is no region of CoreWeave",
            "its regions are written as `US-EAST-04A`; `us-east-1` and `auto` are taken, too".to_owned(),
        )
    })
}

fn is_known(region: &str) -> bool {
    REGIONS.contains(&region)
}

/// As CoreWeave names its own: `US-EAST-04A`.
fn is_zone(region: &str) -> bool {
    let parts: Vec<&[u8]> = region.split('-').map(str::as_bytes).collect();
    let [country @ .., [digits @ .., letter]] = parts.as_slice() else { return false };
    let capitals = |part: &&[u8]| part.len() > 1 && part.iter().all(u8::is_ascii_uppercase);
    country.len() > 1
        && country.iter().all(capitals)
        && digits.len() == 2
        && digits.iter().all(u8::is_ascii_digit)
        && letter.is_ascii_uppercase()
}

/// The zone that was meant by a name in small letters, with `_`, or with one digit.
fn meant_zone(region: &str) -> Option<String> {
    let upper = region.to_ascii_uppercase().replace(['_', '.'], "-");
    let (country, last) = upper.rsplit_once('-')?;
    let padded = format!("{country}-{last:0>3}");
    // `us-east-1a` is a zone of AWS.
    let of_aws = region.strip_suffix(|c: char| c.is_ascii_lowercase()).is_some_and(is_known);
    (!of_aws && is_zone(&padded)).then_some(padded)
}

/// Without case and punctuation.
fn squeezed(region: &str) -> String {
    region.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_odd_where_it_looks_like_a_slip() {
        for (region, help) in [
            ("us-east-1", None),
            ("auto", None),
            ("US-EAST-04A", None),
            ("EU-NORTH-05A", None),
            ("US-WEST-GOV-01A", None),
            ("sim", None),
            ("garage", None),
            ("default", None),
            ("us-east1", Some("did you mean `us-east-1`?")),
            ("useast1", Some("did you mean `us-east-1`?")),
            ("us_west_2", Some("did you mean `us-west-2`?")),
            ("US-EAST-1", Some("did you mean `us-east-1`?")),
            ("eu-central-1b", Some("its region is `eu-central-1`")),
            ("us-east-04a", Some("did you mean `US-EAST-04A`?")),
            ("US-EAST-4A", Some("did you mean `US-EAST-04A`?")),
            ("US_EAST_04A", Some("did you mean `US-EAST-04A`?")),
        ] {
            for at_coreweave in [false, true] {
                let said = oddness(region, at_coreweave).map(|(_, help)| help);
                let own = ["sim", "garage", "default"].contains(&region);
                match said.as_deref() {
                    Some(general) if own && at_coreweave => {
                        assert!(general.contains("US-EAST-04A"), "{region}: {general}");
                    }
                    said => assert_eq!(said, help, "{region}"),
                }
            }
        }
    }
}
