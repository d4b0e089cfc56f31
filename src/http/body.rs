//! The body of a request: none, or a small JSON object.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::refusal::Refusal;

/// The largest request body, in bytes.
pub(super) const MAX_BYTES: usize = 16 * 1024;
/// A body must arrive within this time.
const READ_TIMEOUT: Duration = Duration::from_secs(10);

/// Reads all of it. No body stands for an empty object; a field that `T` does not have is refused.
///
/// # Errors
/// Too large, too slow, or not such an object.
pub(super) async fn read<T: DeserializeOwned + Default>(body: Body) -> Result<T, Refusal> {
    let bytes = match timeout(READ_TIMEOUT, to_bytes(body, MAX_BYTES)).await {
        Err(_) => return Err(Refusal::too_slow("the body did not come in time")),
        Ok(Ok(bytes)) => bytes,
        Ok(Err(error)) if is_too_large(&error) => return Err(Refusal::too_large(MAX_BYTES)),
        Ok(Err(_)) => return Err(Refusal::bad("the body did not come whole")),
    };
    if bytes.trim_ascii().is_empty() {
        return Ok(T::default());
    }
    serde_json::from_slice(&bytes).map_err(|error| Refusal::bad(format!("the body: {error}")))
}

fn is_too_large(error: &axum::Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.is::<http_body_util::LengthLimitError>() {
            return true;
        }
        cause = error.source();
    }
    false
}
