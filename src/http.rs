//! What the daemon shows, and what it may be told, over HTTP: the page, the API and the metrics.
//!
//! Everything comes from the loop, by its [`Handle`]; nothing is kept here. A client can make this room neither wait nor
//! hold memory without a bound.

mod api;
mod audit;
mod auth;
mod body;
mod caller;
mod connection;
mod metrics;
mod page;
mod probe;
mod refusal;
mod route;
mod text;
mod tokens;
mod write_timeout;

use std::io;
use std::net::{SocketAddr, TcpListener as Socket};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub use auth::Auth;
pub use tokens::{TokenFiles, read as read_token};

use crate::daemon::handle::Handle;
use route::App;

/// Open requests must end within this time once the daemon stops.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// A port that is ours, and not yet served.
#[derive(Debug)]
pub struct Server {
    socket: Socket,
    local: SocketAddr,
    auth: Auth,
}

impl Server {
    /// Takes the port. Connections wait until they are served.
    ///
    /// # Errors
    /// The address is in use, or not this machine's.
    pub fn bind(listen: SocketAddr, tokens: TokenFiles) -> io::Result<Self> {
        let socket = Socket::bind(listen)?;
        socket.set_nonblocking(true)?;
        let local = socket.local_addr()?;
        Ok(Self { socket, local, auth: Auth::new(local, tokens) })
    }

    /// Where it listens, with the port that the system chose where it was told to.
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Changes who may change something, while it serves.
    pub fn auth(&self) -> Auth {
        self.auth.clone()
    }

    /// Serves until told to stop, and then lets what is open end, for a few seconds.
    ///
    /// # Errors
    /// The runtime cannot watch the port.
    pub async fn serve(self, handle: Handle, stop: CancellationToken) -> io::Result<()> {
        let listener = TcpListener::from_std(self.socket)?;
        let router = route::router(handle.clone(), self.auth.clone());
        let app = App { handle, auth: self.auth };
        tokio::select! {
            () = connection::accept(&listener, &router, &stop, DRAIN_TIMEOUT) => {}
            () = app.say_late_refusals() => {}
        }
        app.say_refusals().await;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
