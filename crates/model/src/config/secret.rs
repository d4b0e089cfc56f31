//! Finds secrets in a configuration: under keys that people put them under, and by the shape of a value. A secret is refused,
//! and never shown, logged or kept in a message.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

/// Keys that people type secrets under, plain (see [`plain`]). None of them is a key of ours.
const KEYS: [&str; 14] = [
    "accesskeyid",
    "secretaccesskey",
    "sessiontoken",
    "awsaccesskeyid",
    "awssecretaccesskey",
    "awssessiontoken",
    "accesskey",
    "secretkey",
    "apikey",
    "secret",
    "token",
    "runtoken",
    "bearertoken",
    "password",
];

/// A plain key with one of these in it, or at its end, is shown without its value: it may be one of [`KEYS`], typed wrong.
const WORDS: [&str; 5] = ["secret", "token", "password", "passwd", "passphrase"];
const ENDS: [&str; 2] = ["key", "keyid"];

/// What a secret looks like that nobody writes by accident.
static SHAPES: LazyLock<Vec<(&'static str, Regex)>> = LazyLock::new(|| {
    [
        ("an access key id", r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
        ("a JSON Web Token", r"\beyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]{6,}(?:\.[A-Za-z0-9_-]*)?"),
        ("a bearer token", r#"(?i)\bbearer[ \t]+[^\s"']{8,}"#),
        ("a token", r"\b(?:gh[opsu]_|github_pat_|glpat-|xox[abp]-)[A-Za-z0-9_-]{16,}"),
        ("a user name and password in a URL", r#"://[^/?#\s@"']+@"#),
    ]
    .into_iter()
    .map(|(what, shape)| (what, Regex::new(shape).unwrap_or_else(|error| unreachable!("{what}: {error}"))))
    .collect()
});

/// Where a secret access key may stand: characters of base64.
static BASE64: LazyLock<Regex> =
    LazyLock::new(|| Regex::new("[A-Za-z0-9/+]{40,}").unwrap_or_else(|error| unreachable!("{error}")));

/// Length of a secret access key, in characters.
const SECRET_ACCESS_KEY_LEN: usize = 40;
/// Characters between two `/` from which on text is taken for random, not for a path.
const MIN_RANDOM: usize = 12;

/// Without what tells `secret_access_key`, `secret-access-key` and `secretAccessKey` apart.
fn plain(key: &str) -> String {
    key.chars().filter(|c| !matches!(c, '_' | '-')).map(|c| c.to_ascii_lowercase()).collect()
}

/// Whether people type a secret under this key.
pub(super) fn is_key(key: &str) -> bool {
    KEYS.contains(&plain(key).as_str())
}

/// Whether what stands under this key may be a secret: the file need not parse, nor the key be one of ours.
fn may_hold_one(key: &str, value: &str) -> bool {
    let key = plain(key);
    match key.strip_suffix("file") {
        // The path of a file that holds a secret: what is no path may be the secret itself.
        Some(stem) => !stem.is_empty() && !["/", "~/"].iter().any(|start| value.starts_with(start)),
        None => WORDS.iter().any(|word| key.contains(word)) || ENDS.iter().any(|end| key.ends_with(end)),
    }
}

/// What a value or a name looks like, where it looks like a secret.
pub(super) fn shape(value: &str) -> Option<&'static str> {
    let known = SHAPES.iter().find(|(_, shape)| shape.is_match(value)).map(|(what, _)| *what);
    known.or_else(|| is_secret_access_key(value.trim()).then_some("a secret access key"))
}

/// Forty random characters: not the digits of a hash, which are hexadecimal, and not a path.
fn is_secret_access_key(text: &str) -> bool {
    let has = |part: &str, of: fn(&u8) -> bool| part.bytes().any(|byte| of(&byte));
    let random =
        |part: &str| part.len() >= MIN_RANDOM && has(part, u8::is_ascii_uppercase) && has(part, u8::is_ascii_lowercase);
    let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'/' || byte == b'+';
    text.len() == SECRET_ACCESS_KEY_LEN
        && text.bytes().all(is_base64)
        && has(text, u8::is_ascii_digit)
        && text.split('/').any(random)
}

/// Where secrets stand in any text, as far as their shape tells.
fn spans(text: &str) -> Vec<Range<usize>> {
    let shaped = SHAPES.iter().flat_map(|(_, shape)| shape.find_iter(text));
    let keys = BASE64.find_iter(text).filter(|found| is_secret_access_key(found.as_str()));
    let secret = |found: regex::Match<'_>| match found.as_str() {
        // Of a URL what stands between `//` and `@`.
        url if url.starts_with("://") => found.start() + 3..found.end() - 1,
        _ => found.range(),
    };
    shaped.chain(keys).map(secret).collect()
}

/// The text with stars where it has the shape of a secret, as long as it was. For what is shown of something typed.
pub fn starred(text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for span in spans(text) {
        cover(&mut bytes, span);
    }
    // Only whole characters are covered, with ASCII: it stays UTF-8.
    String::from_utf8(bytes).unwrap_or_default()
}

/// What follows a line that a secret begins in.
enum Open {
    /// Its value: nothing stands behind the `=`.
    Value,
    /// The rest of a text in three quotes, up to these.
    Text(&'static str),
}

/// Stars for values of secret keys, for what is no path where one is wanted, and for what has the shape of a secret. Works on
/// text, since a file that does not parse is shown too.
pub(super) fn mask(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut open: Option<Open> = None;
    for line in text.split_inclusive('\n') {
        let from = if open.is_some() { Some(0) } else { secret_from(line) };
        let Some(from) = from else {
            masked.push_str(line);
            continue;
        };
        let mut bytes = line.as_bytes().to_vec();
        cover(&mut bytes, from..line.trim_end().len());
        masked.push_str(&String::from_utf8(bytes).unwrap_or_default());
        open = match open {
            Some(Open::Text(quotes)) if !line.contains(quotes) => Some(Open::Text(quotes)),
            Some(Open::Text(_)) => None,
            Some(Open::Value) | None if line[from..].trim().is_empty() => Some(Open::Value),
            // A text in three quotes goes on until the next three.
            Some(Open::Value) | None => {
                ["\"\"\"", "'''"].into_iter().find(|quotes| line.matches(quotes).count() == 1).map(Open::Text)
            }
        };
    }
    starred(&masked)
}

/// Where the value of the line's first secret key begins; `:` stands for `=` where another language is typed.
fn secret_from(line: &str) -> Option<usize> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '"' | '\'' | ' ' | '\t');
    line.match_indices(['=', ':'])
        .map(|(at, _)| at)
        .find(|at| {
            let before = &line[..*at];
            let start = before
                .rfind(|c| !is_part(c))
                .map_or(0, |end| end + before[end..].chars().next().map_or(1, char::len_utf8));
            let value = line[at + 1..].trim_start().trim_start_matches(['"', '\'']);
            before[start..].split('.').any(|key| may_hold_one(key.trim().trim_matches(['"', '\'']), value))
        })
        .map(|at| at + 1)
}

/// Covers all but blanks and quotes, so that the line still reads as TOML.
fn cover(bytes: &mut [u8], span: Range<usize>) {
    for byte in bytes.get_mut(span).unwrap_or_default() {
        if !matches!(byte, b' ' | b'\t' | b'"' | b'\'') {
            *byte = b'*';
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_told_from_what_looks_like_them() {
        for (value, what) in [
            ("AKIAIOSFODNN7EXAMPLE", Some("an access key id")),
            ("ASIAIOSFODNN7EXAMPLE:rest", Some("an access key id")),
            ("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", Some("a secret access key")),
            ("/JalrXUtnFEMI7K7MDENG/bPxRfiCYEXAMPLEKEY", Some("a secret access key")),
            ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", Some("a JSON Web Token")),
            ("Bearer abcdefgh", Some("a bearer token")),
            ("glpat-abcdefghijklmnopqrst", Some("a token")),
            ("https://user:pw@host", Some("a user name and password in a URL")),
            ("s3://b/da39a3ee5e6b4b0d3255bfef95601890afd80709/**", None),
            ("da39a3ee5e6b4b0d3255bfef95601890afd80709", None),
            ("/run/secrets/hotset/teams/vision/keyfile", None),
            ("s3://b/a@b/c", None),
            ("AKIAEXAMPLE", None),
            ("bearer", None),
            ("the bearer of it", None),
        ] {
            assert_eq!(shape(value), what, "{value}");
            assert_eq!(starred(value) == value, what.is_none(), "{value}");
            assert_eq!(starred(value).len(), value.len());
        }
    }

    #[test]
    fn secrets_are_covered_byte_for_byte() {
        for (line, shown) in [
            ("secret_access_key = \"abc/é+=\"\n", "secret_access_key = \"********\"\n"),
            ("x = { token = 'abc', a = 1 }", "x = { token = '***'* * * * *"),
            ("\"session_token\"=\"abc\"", "\"session_token\"=\"***\""),
            ("token = \"\"\"\nab\ncd\"\"\"\nx = 1\n", "token = \"\"\"\n**\n**\"\"\"\nx = 1\n"),
            ("token_file = \"/run/token\"", "token_file = \"/run/token\""),
            ("secretAccessKey = \"abc\"", "secretAccessKey = \"***\""),
            ("secret_access_key_fil = \"abc\"", "secret_access_key_fil = \"***\""),
            ("api-key = 'abc'", "api-key = '***'"),
            ("key = 'abc'", "key = '***'"),
            ("secret_access_key_file.path = \"abc\"", "secret_access_key_file.path = \"***\""),
            ("credentials.c.token = \"abc\"", "credentials.c.token = \"***\""),
            ("secret_access_key: \"abc\"", "secret_access_key: \"***\""),
            ("secret_access_key_file =\n  \"abc\"\nx = 1\n", "secret_access_key_file =\n  \"***\"\nx = 1\n"),
            ("token =\n\n\"\"\"a\nb\"\"\"\nx = 1\n", "token =\n\n\"\"\"*\n*\"\"\"\nx = 1\n"),
            ("max_keys = 5", "max_keys = 5"),
            ("cache_url = \"http://me:pw@host/x\"", "cache_url = \"http://*****@host/x\""),
            ("objects = [\"s3://b/a@b\"]", "objects = [\"s3://b/a@b\"]"),
        ] {
            assert_eq!(mask(line), shown);
            assert_eq!(mask(line).len(), line.len());
        }
    }
}
