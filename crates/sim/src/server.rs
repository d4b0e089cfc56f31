//! A listener: accepts connections, and stops and restarts when told to.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Outage;
use super::front::Front;
use super::wire::{Wire, WireStream};

/// A port of our own. The socket that holds it never listens: without a listener beside it connections are refused,
/// and nobody else can take the port meanwhile.
pub struct Port {
    _holder: TcpSocket,
    pub addr: SocketAddr,
}

impl Port {
    /// # Errors
    ///
    /// The address is in use or not ours.
    pub fn bind(addr: SocketAddr) -> io::Result<Self> {
        let holder = socket(addr)?;
        let addr = holder.local_addr()?;
        Ok(Self { _holder: holder, addr })
    }

    pub fn listen(&self) -> io::Result<TcpListener> {
        socket(self.addr)?.listen(4096)
    }
}

fn socket(addr: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if addr.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(addr)?;
    Ok(socket)
}

pub struct Server {
    pub port: Port,
    pub front: Arc<Front>,
    pub outage: watch::Receiver<Outage>,
    pub shutdown: CancellationToken,
    pub connections: TaskTracker,
}

impl Server {
    /// Serves until shut down.
    pub async fn run(mut self, mut listener: TcpListener) {
        loop {
            let up = self.shutdown.child_token();
            self.accept(&listener, &up).await;
            drop(listener);
            up.cancel();
            let Some(again) = self.come_back().await else { return };
            listener = again;
        }
    }

    /// Waits until connections are to be accepted again. `None` when shut down.
    async fn come_back(&mut self) -> Option<TcpListener> {
        loop {
            tokio::select! {
                () = self.shutdown.cancelled() => return None,
                known = becomes(&mut self.outage, |now| now != Outage::Refused) => known?,
            }
            match self.port.listen() {
                Ok(listener) => return Some(listener),
                Err(error) => tracing::warn!(%error, addr = %self.port.addr, "cannot listen again"),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Accepts until shut down or told to refuse connections.
    async fn accept(&mut self, listener: &TcpListener, up: &CancellationToken) {
        loop {
            tokio::select! {
                () = self.shutdown.cancelled() => return,
                _ = becomes(&mut self.outage, |now| now == Outage::Refused) => return,
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        let connection = serve(stream, self.front.clone());
                        let up = up.clone();
                        self.connections.spawn(async move { up.run_until_cancelled(connection).await });
                    }
                    // Out of files, or a client that left at once: neither is a reason to stop.
                    Err(error) => {
                        tracing::debug!(%error, "cannot accept");
                        tokio::time::sleep(Duration::from_millis(5)).await;
                    }
                },
            }
        }
    }
}

/// Waits for such a state. `None` when nobody can change it any more.
async fn becomes(outage: &mut watch::Receiver<Outage>, such: impl Fn(Outage) -> bool) -> Option<()> {
    outage.wait_for(|now| such(*now)).await.ok().map(drop)
}

async fn serve(stream: TcpStream, front: Arc<Front>) {
    front.world.ledger.connected(front.side);
    // Only a matter of speed.
    let _ = stream.set_nodelay(true);
    let wire = Arc::new(Wire::default());
    let io = TokioIo::new(WireStream::new(stream, wire.clone()));
    let service = service_fn(|request| {
        let (front, wire) = (front.clone(), wire.clone());
        async move { front.serve(request, &wire).await }
    });
    tokio::select! {
        // How a connection ended is the client's affair.
        _ = http1::Builder::new().timer(TokioTimer::new()).serve_connection(io, service) => {}
        () = wire.cut() => {}
    }
}
