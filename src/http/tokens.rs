//! The files that hold bearer tokens.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use s3::in_home;
use tokio::fs::File;
use tokio::io::AsyncReadExt as _;
use tokio::time::timeout;

/// The largest token file, in bytes: more than any token.
const MAX_BYTES: u64 = 4096;
/// A token file must be read within this time: a mount that hangs must not hold a request.
const READ_TIMEOUT: Duration = Duration::from_secs(2);

/// Who may change something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenFiles {
    /// Holds the bearer token for everything.
    pub token_file: Option<PathBuf>,
    /// Holds a bearer token that may only start runs.
    pub run_token_file: Option<PathBuf>,
    /// Each holds one that may only start runs of the profiles of a team.
    pub team_token_files: Vec<(Arc<str>, PathBuf)>,
}

/// A secret. It has no `Debug`, so that it cannot be logged.
pub struct Token(String);

impl Token {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Reads a token as it is now.
///
/// # Errors
/// A sentence that names the `key` of the file, neither its path, where someone may have typed the token, nor anything that
/// stands in it.
pub async fn read(key: &str, path: &Path) -> Result<Token, String> {
    let text = match timeout(READ_TIMEOUT, text(&in_home(path))).await {
        Ok(read) => read.map_err(|error| format!("{key}: {error}"))?,
        Err(_) => return Err(format!("{key}: not read within {READ_TIMEOUT:?}")),
    };
    let token = text.trim();
    if token.is_empty() {
        return Err(format!("{key}: it is empty"));
    }
    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(format!("{key}: a token is one word of printable ASCII"));
    }
    Ok(Token(token.to_owned()))
}

async fn text(path: &Path) -> std::io::Result<String> {
    use std::io::{Error, ErrorKind};
    // Opening a pipe would wait for its writer.
    if !tokio::fs::metadata(path).await?.is_file() {
        return Err(Error::new(ErrorKind::InvalidInput, "not a file"));
    }
    let mut bytes = Vec::new();
    File::open(path).await?.take(MAX_BYTES + 1).read_to_end(&mut bytes).await?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(Error::new(ErrorKind::InvalidData, format!("larger than {MAX_BYTES} bytes")));
    }
    String::from_utf8(bytes).map_err(|_| Error::new(ErrorKind::InvalidData, "not UTF-8"))
}
