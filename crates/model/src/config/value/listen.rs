//! Where the page, the API and the metrics are served: an address with its port, or `"off"`.

use std::net::SocketAddr;

use super::{Kind, TextError};

/// `None` is `"off"`.
pub struct Listen;

impl Kind for Listen {
    type Value = Option<SocketAddr>;
    const EXAMPLE: &'static str = "127.0.0.1:9464";

    fn parse(text: &str) -> Result<Option<SocketAddr>, TextError> {
        if text == "off" {
            return Ok(None);
        }
        text.parse().map(Some).map_err(|_| {
            let error = TextError::new("is not an IP address with a port, nor `off`");
            match text.rsplit_once(':') {
                Some(("", port)) => error.help(format!(
                    "write `0.0.0.0:{port}` for all interfaces, `127.0.0.1:{port}` for this machine only"
                )),
                Some(("localhost", port)) => error.help(format!("write `127.0.0.1:{port}`")),
                _ => error,
            }
        })
    }

    fn show(address: &Option<SocketAddr>) -> Option<String> {
        Some(address.map_or_else(|| "off".to_owned(), |address| address.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{accepts, refuses};
    use super::*;

    #[test]
    fn an_address_has_a_port() {
        accepts::<Listen>(&[("127.0.0.1:9464", "127.0.0.1:9464"), ("[::]:9464", "[::]:9464"), ("off", "off")]);
        let message = "is not an IP address with a port, nor `off`";
        refuses::<Listen>(&[
            ("localhost:9464", "localhost:9464", message),
            (":9464", ":9464", message),
            ("127.0.0.1", "127.0.0.1", message),
            ("9464", "9464", message),
        ]);
    }
}
