//! Why something failed, in one line. The errors of the client libraries name their own layers; the user needs the cause below
//! them.

mod credential_sources;

use std::error::Error;
use std::io::{self, ErrorKind};

use aws_config::meta::ProviderChainError;
use aws_credential_types::provider::error::CredentialsError;

pub(super) use credential_sources::{NO_KEYS, no_profile};

/// Layers of the client libraries that only say that there is a cause below them.
const LAYERS: [&str; 7] = [
    "dispatch failure",
    "io error",
    "other",
    "client error (Connect)",
    "the credential provider was not enabled",
    "an error occurred while loading credentials",
    "unexpected credentials error",
];

/// The chain of causes in one line: the outer error alone says only "an error occurred".
pub(super) fn describe(error: &(dyn Error + 'static)) -> String {
    let mut causes: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(cause) = next {
        if let Some(chain) = cause.downcast_ref::<ProviderChainError<CredentialsError>>() {
            return credential_sources::looked_at(chain, |name| std::env::var(name).ok());
        }
        let text = cause.to_string();
        next = cause.source();
        let says_something = next.is_none() || !LAYERS.contains(&text.as_str());
        if says_something && !causes.iter().any(|said| said.contains(&text)) {
            causes.push(text);
        }
    }
    let text = causes.join(": ");
    if text.contains("IMDS") {
        return credential_sources::before_instance(&text, |name| std::env::var(name).ok());
    }
    text
}

pub(super) fn has_cause<E: Error + 'static>(error: &(dyn Error + 'static)) -> bool {
    cause_of::<E>(error).is_some()
}

pub(super) fn cause_of<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    std::iter::successors(Some(error), |cause| (**cause).source()).find_map(<dyn Error>::downcast_ref)
}

/// Why a connection could not be opened, without the name of the host.
pub(super) fn reason(error: &(dyn Error + 'static)) -> String {
    let causes = || std::iter::successors(Some(error), |cause| (**cause).source());
    if let Some(tls) = causes().find_map(tls) {
        return tls;
    }
    let said = describe(error);
    if said.contains("failed to lookup address information") {
        return of_name(&said).to_owned();
    }
    let kind = causes().find_map(|cause| cause.downcast_ref::<io::Error>()).map(io::Error::kind);
    match kind {
        Some(ErrorKind::ConnectionRefused) => "connection refused: nobody listens there".to_owned(),
        Some(ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable) => "no route to it".to_owned(),
        _ => said,
    }
}

/// What the system's resolver says, by its texts: it gives no more than these.
fn of_name(said: &str) -> &'static str {
    match said {
        unsure if unsure.contains("Temporary failure") => "its name cannot be looked up: no name server answers",
        _ => "name not found",
    }
}

/// What rustls says stands within the errors of the streams above it, whose sources pass it over.
fn tls(cause: &(dyn Error + 'static)) -> Option<String> {
    let Some(error) = cause.downcast_ref::<rustls::Error>() else {
        return tls(cause.downcast_ref::<io::Error>()?.get_ref()?);
    };
    Some(match error {
        rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer) => {
            "TLS: the issuer of its certificate is not known to this machine".to_owned()
        }
        rustls::Error::InvalidMessage(_) => "TLS: it answers something else: is it plain HTTP?".to_owned(),
        other => format!("TLS: {other}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_said_in_a_few_words() {
        let io = |kind: ErrorKind| io::Error::new(kind, "(os error)");
        let of = |text: &str| io::Error::other(text.to_owned());
        let tls = |error| io::Error::new(ErrorKind::InvalidData, error);
        let issuer = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        let expired = rustls::Error::InvalidCertificate(rustls::CertificateError::Expired);
        let html = rustls::Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType);
        for (error, said) in [
            (of("failed to lookup address information: Name or service not known"), "name not found"),
            (of("failed to lookup address information: No address associated with hostname"), "name not found"),
            (
                of("failed to lookup address information: Temporary failure in name resolution"),
                "its name cannot be looked up: no name server answers",
            ),
            (io(ErrorKind::ConnectionRefused), "connection refused: nobody listens there"),
            (io(ErrorKind::NetworkUnreachable), "no route to it"),
            (io(ErrorKind::HostUnreachable), "no route to it"),
            (tls(issuer), "TLS: the issuer of its certificate is not known to this machine"),
            (tls(expired), "TLS: invalid peer certificate: Expired"),
            (tls(html.clone()), "TLS: it answers something else: is it plain HTTP?"),
            (io::Error::other(tls(html)), "TLS: it answers something else: is it plain HTTP?"),
            (of("something else"), "something else"),
        ] {
            assert_eq!(reason(&error), said);
        }
    }
}
