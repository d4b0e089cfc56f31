//! Resolves `[credentials.NAME]` tables.

use std::sync::Arc;

use crate::config::context::Bad;
use crate::config::endpoint::{CredentialSource, Credentials};
use crate::config::raw;
use crate::config::reader::{Found, Reader};

pub(super) fn resolve(name: &Arc<str>, r: &mut Reader<'_, '_, raw::Credentials>) -> Result<Credentials, Bad> {
    let aws_profile = r.text("aws_profile", |c| c.aws_profile.as_ref());
    let access_key_id = r.text("access_key_id_file", |c| c.access_key_id_file.as_ref());
    let secret_access_key = r.text("secret_access_key_file", |c| c.secret_access_key_file.as_ref());
    let session_token = r.text("session_token_file", |c| c.session_token_file.as_ref());
    let buckets = r.texts("buckets", |c| c.buckets.as_ref());
    if let Ok(Some(list)) = &buckets
        && list.value.is_empty()
    {
        return Err(r.reject(list, "an empty list allows no bucket at all", "leave the key out to allow every bucket"));
    }
    let (aws_profile, session_token) = (aws_profile?, session_token?);
    let source = match (aws_profile, access_key_id?, secret_access_key?) {
        (Some(profile), None, None) => match session_token {
            None => CredentialSource::AwsProfile(profile.value),
            Some(token) => return Err(two_sources(r, &token)),
        },
        (Some(_), Some(file), _) | (Some(_), None, Some(file)) => return Err(two_sources(r, &file)),
        (None, Some(id), Some(secret)) => CredentialSource::Files {
            access_key_id: id.value,
            secret_access_key: secret.value,
            session_token: session_token.map(|token| token.value),
        },
        (None, id, secret) => {
            let helps = ["name the mounted file, or an AWS profile with `aws_profile` in place of key files"];
            match (id, secret, session_token) {
                (Some(_), None, _) => r.missing("secret_access_key_file", "an access key has a secret part", &helps),
                (None, Some(_), _) => {
                    r.missing("access_key_id_file", "a secret access key belongs to a key id", &helps);
                }
                (None, None, Some(_)) => {
                    r.missing("access_key_id_file", "a session token belongs to an access key", &helps);
                }
                _ if r.cx.is_broken(&r.path) => {}
                // An allow-list for the usual chain.
                _ => {
                    return Ok(Credentials {
                        name: Some(Arc::clone(name)),
                        source: CredentialSource::Chain,
                        buckets: globs(buckets?),
                    });
                }
            }
            return Err(Bad);
        }
    };
    Ok(Credentials { name: Some(Arc::clone(name)), source, buckets: globs(buckets?) })
}

type Globs = Option<Found<Vec<Found<crate::pattern::BucketGlob>>>>;

fn globs(buckets: Globs) -> Option<Vec<crate::pattern::BucketGlob>> {
    buckets.map(|list| list.value.into_iter().map(|glob| glob.value).collect())
}

fn two_sources<T>(r: &mut Reader<'_, '_, raw::Credentials>, file: &Found<T>) -> Bad {
    let message = "keys come from an AWS profile or from files, not from both";
    r.reject(file, message, "remove `aws_profile`, or the `*_file` keys")
}
