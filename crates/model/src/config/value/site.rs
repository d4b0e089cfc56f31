//! The address of a cache or a store: scheme, host and port, nothing else.

use url::{Host, Url};

use super::{Kind, TextError};

pub struct SiteUrl;

impl Kind for SiteUrl {
    type Value = Url;
    const EXAMPLE: &'static str = "http://cwlota.com";
    const PATTERN: Option<&'static str> = Some("^https?://[^/?#@]+/?$");

    fn parse(text: &str) -> Result<Url, TextError> {
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(TextError::new("a URL begins with `http://` or `https://`")
                .help(format!("write `http://{text}`, or https")));
        };
        if scheme != "http" && scheme != "https" {
            return Err(TextError::new(format!("`{scheme}` is neither `http` nor `https`")).at(0..scheme.len()));
        }
        let start = scheme.len() + 3;
        let authority_len = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
        if let Some(at) = rest[..authority_len].rfind('@') {
            return Err(TextError::new("a URL holds no user name and no password")
                .at(start..start + at)
                .help("credentials have a table of their own: `[credentials.NAME]`"));
        }
        if !matches!(&rest[authority_len..], "" | "/") {
            return Err(TextError::new("only scheme, host and port stand in this URL")
                .at(start + authority_len..text.len())
                .help("buckets and keys stand in the patterns of a profile"));
        }
        let url = Url::parse(text).map_err(|cause| TextError::new(format!("is not a URL: {cause}")))?;
        match url.host() {
            Some(Host::Domain(host)) if host.contains('*') => Err(TextError::new("a host has no wildcard")),
            Some(_) => Ok(url),
            None => Err(TextError::new("a URL names a host")),
        }
    }

    fn show(url: &Url) -> Option<String> {
        Some(show(url))
    }
}

pub fn show(url: &Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}

/// Whether `url` is at `domain` or below it.
pub fn is_at(url: &Url, domain: &str) -> bool {
    let host = url.host_str().unwrap_or_default().trim_end_matches('.').to_ascii_lowercase();
    host == domain || host.strip_suffix(domain).is_some_and(|sub| sub.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{accepts, refuses};
    use super::*;

    #[test]
    fn a_site_is_scheme_host_and_port() {
        accepts::<SiteUrl>(&[
            ("http://cwlota.com", "http://cwlota.com"),
            ("https://CWobject.com/", "https://cwobject.com"),
            ("http://127.0.0.1:9000", "http://127.0.0.1:9000"),
            ("http://cwlota.com:80", "http://cwlota.com"),
            ("http://[::1]:9000/", "http://[::1]:9000"),
        ]);
        refuses::<SiteUrl>(&[
            ("cwlota.com", "cwlota.com", "a URL begins with `http://` or `https://`"),
            ("s3://bucket", "s3", "`s3` is neither `http` nor `https`"),
            ("http://cwlota.com/bucket", "/bucket", "only scheme, host and port stand in this URL"),
            ("http://cwlota.com?x=1", "?x=1", "only scheme, host and port stand in this URL"),
            ("http://user:pw@cwlota.com", "user:pw", "a URL holds no user name and no password"),
            ("http://", "http://", "is not a URL: empty host"),
            ("http://a b", "http://a b", "is not a URL: invalid international domain name"),
            ("http://h:99999", "http://h:99999", "is not a URL: invalid port number"),
        ]);
    }

    #[test]
    fn a_host_is_at_a_domain_or_below_it() {
        for (url, is) in [
            ("https://cwobject.com", true),
            ("https://bucket.cwobject.com", true),
            ("https://CWOBJECT.com.", true),
            ("https://notcwobject.com", false),
            ("https://cwobject.com.evil.org", false),
        ] {
            assert_eq!(is_at(&SiteUrl::parse(url).unwrap(), "cwobject.com"), is, "{url}");
        }
    }
}
