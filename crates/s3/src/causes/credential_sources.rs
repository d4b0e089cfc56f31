//! Explains in one line why no source of the AWS credential chain had keys.

use aws_config::meta::ProviderChainError;
use aws_credential_types::provider::error::CredentialsError;

use super::describe;

/// How the text about keys that were not found begins.
pub(crate) const NO_KEYS: &str = "no keys found";

/// What came of the sources of the chain that ended in `error`; `variable` reads the environment.
pub(super) fn looked_at(
    error: &ProviderChainError<CredentialsError>,
    variable: impl Fn(&str) -> Option<String>,
) -> String {
    // The outer layer of an error says only that the source did not provide any.
    let said = |error: &CredentialsError| std::error::Error::source(error).map_or_else(|| describe(error), describe);
    let places =
        error.attempts().iter().map(|attempt| source_text(attempt.name(), || said(attempt.error()), &variable));
    format!("{NO_KEYS}: {}", places.collect::<Vec<_>>().join("; "))
}

/// The same where the last source of the chain failed, for `why`: those before it are passed over in silence, as they have none.
pub(super) fn before_instance(why: &str, variable: impl Fn(&str) -> Option<String>) -> String {
    let before = ["Environment", "Profile", "WebIdentityToken", "EcsContainer"];
    let places = before.map(|source| source_text(source, || "no keys".to_owned(), &variable));
    format!("{NO_KEYS}: {}; instance metadata: {why}", places.join("; "))
}

/// Of a profile that the configuration names.
pub(crate) fn no_profile(name: &str, variable: impl Fn(&str) -> Option<String>) -> String {
    let (config, keys) = files(&variable);
    format!("`{name}` is the aws_profile, and neither {config} nor {keys} has keys of that name")
}

/// The shared files.
fn files(variable: &impl Fn(&str) -> Option<String>) -> (String, String) {
    let or =
        |name: &str, usual: &str| variable(name).filter(|path| !path.is_empty()).unwrap_or_else(|| usual.to_owned());
    (or("AWS_CONFIG_FILE", "~/.aws/config"), or("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials"))
}

fn source_text(source: &str, said: impl Fn() -> String, variable: &impl Fn(&str) -> Option<String>) -> String {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    match source {
        "Environment" => {
            let missing = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"].into_iter().filter(|name| set(name).is_none());
            match missing.collect::<Vec<_>>().as_slice() {
                [one] => format!("{one} is not set beside the other"),
                _ => "AWS_ACCESS_KEY_ID is not set".to_owned(),
            }
        }
        "Profile" => {
            let (config, keys) = files(variable);
            match set("AWS_PROFILE") {
                Some(name) => format!("AWS_PROFILE is `{name}`, and neither {config} nor {keys} has keys of that name"),
                None => format!("neither {config} nor {keys} has keys of `default`"),
            }
        }
        "WebIdentityToken" => match set("AWS_WEB_IDENTITY_TOKEN_FILE") {
            Some(_) => format!("web identity: {}", said()),
            None => "AWS_WEB_IDENTITY_TOKEN_FILE is not set".to_owned(),
        },
        "EcsContainer" => "AWS_CONTAINER_CREDENTIALS_FULL_URI is not set".to_owned(),
        "Ec2InstanceMetadata" => match set("AWS_EC2_METADATA_DISABLED") {
            Some(_) => "AWS_EC2_METADATA_DISABLED is set".to_owned(),
            None => "no instance metadata answers".to_owned(),
        },
        other => format!("{other}: {}", said()),
    }
}

#[cfg(test)]
mod tests {
    use aws_config::meta::credentials::CredentialsProviderChain;
    use aws_credential_types::provider::{ProvideCredentials, future};

    use super::*;

    #[derive(Debug)]
    struct None;

    impl ProvideCredentials for None {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            future::ProvideCredentials::ready(Err(CredentialsError::not_loaded("the file is not there")))
        }
    }

    /// What is said where these variables are set, and no source has keys.
    async fn said(variables: &[(&str, &str)]) -> String {
        let chain = CredentialsProviderChain::first_try("Environment", None)
            .or_else("Profile", None)
            .or_else("WebIdentityToken", None)
            .or_else("EcsContainer", None)
            .or_else("Ec2InstanceMetadata", None);
        let error = chain.provide_credentials().await.unwrap_err();
        let chain = std::error::Error::source(&error).and_then(|cause| cause.downcast_ref()).unwrap();
        looked_at(chain, |name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[tokio::test]
    async fn every_place_is_named_with_what_it_lacks() {
        assert_eq!(
            said(&[]).await,
            "no keys found: AWS_ACCESS_KEY_ID is not set; neither ~/.aws/config nor ~/.aws/credentials has keys of `default`; \
             AWS_WEB_IDENTITY_TOKEN_FILE is not set; AWS_CONTAINER_CREDENTIALS_FULL_URI is not set; no instance metadata \
             answers"
        );
        for (variables, part) in [
            (
                &[("AWS_PROFILE", "nope")][..],
                "AWS_PROFILE is `nope`, and neither ~/.aws/config nor ~/.aws/credentials has keys of that name",
            ),
            (
                &[("AWS_PROFILE", "cw"), ("AWS_CONFIG_FILE", "/etc/aws")],
                "AWS_PROFILE is `cw`, and neither /etc/aws nor ~/.aws/credentials has keys of that name",
            ),
            (&[("AWS_ACCESS_KEY_ID", "A")], ": AWS_SECRET_ACCESS_KEY is not set beside the other; "),
            (&[("AWS_WEB_IDENTITY_TOKEN_FILE", "/t")], "web identity: the file is not there; "),
            (&[("AWS_EC2_METADATA_DISABLED", "true")], "; AWS_EC2_METADATA_DISABLED is set"),
        ] {
            let said = said(variables).await;
            assert!(said.contains(part), "{part}: {said}");
        }
        let said = before_instance("request forbidden", |name| (name == "AWS_PROFILE").then(|| "nope".to_owned()));
        assert!(
            said.contains("AWS_PROFILE is `nope`") && said.ends_with("; instance metadata: request forbidden"),
            "{said}"
        );
    }
}
