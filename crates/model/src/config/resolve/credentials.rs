//! Resolves `[credentials.NAME]` tables.

use std::sync::Arc;

use crate::config::context::Bad;
use crate::config::endpoint::{CredentialSource, Credentials};
use crate::config::raw;
use crate::config::reader::{Reader, value, values};

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
    let half = |r: &mut Reader<'_, '_, raw::Credentials>, key: &str, message: &str| {
        r.missing(key, message, &["name the mounted file, or an AWS profile with `aws_profile` in place of key files"]);
        Err(Bad)
    };
    let source = match (aws_profile?, access_key_id?, secret_access_key?, session_token?) {
        (Some(profile), None, None, None) => CredentialSource::AwsProfile(profile.value),
        (Some(_), Some(file), _, _) | (Some(_), None, Some(file), _) | (Some(_), None, None, Some(file)) => {
            let message = "keys come from an AWS profile or from files, not from both";
            return Err(r.reject(&file, message, "remove `aws_profile`, or the `*_file` keys"));
        }
        (None, Some(id), Some(secret), token) => CredentialSource::Files {
            access_key_id: id.value,
            secret_access_key: secret.value,
            session_token: token.map(|token| token.value),
        },
        (None, Some(_), None, _) => return half(r, "secret_access_key_file", "an access key has a secret part"),
        (None, None, Some(_), _) => return half(r, "access_key_id_file", "a secret access key belongs to a key id"),
        (None, None, None, Some(_)) => {
            return half(r, "access_key_id_file", "a session token belongs to an access key");
        }
        (None, None, None, None) if r.cx.is_broken(&r.path) => return Err(Bad),
        // An allow-list for the usual chain.
        (None, None, None, None) => CredentialSource::Chain,
    };
    Ok(Credentials { name: Some(Arc::clone(name)), source, buckets: value(buckets)?.map(values) })
}
