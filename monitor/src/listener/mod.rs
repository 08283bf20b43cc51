//! The two doors of the hub, and how a connection is served behind either: HTTP/1 with a limit on
//! the time for headers, on the number of connections, and a graceful end that nobody can hold up.

pub mod agent;
mod deadline;
pub mod doors;
pub mod human;
mod peers;
mod size;
pub mod streams;
mod unchanged;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::TcpUserTimeout;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use self::doors::Traffic;
use self::peers::Peers;

/// How long a client may take for a request's headers, and stay connected between two requests.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a client may leave what was sent to it unread, before the connection ends: somebody may
/// read a log in a pager.
const UNREAD_TIMEOUT: Duration = Duration::from_secs(10 * 60);
/// The most that a request's line and headers may take, in bytes.
const MAX_HEAD: usize = 32 << 10;
/// How long a request's body may pause.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// The largest JSON body: the longest text a ticket may have, escaped.
pub const MAX_BODY: usize = 2 << 20;
/// The largest JSON body that makes many tickets: a quarter of a million small ones.
pub const MAX_BATCH: usize = 64 << 20;
/// How many connections one door holds open at once.
const MAX_CONNECTIONS: usize = 4096;
/// How many of them an agent's container may have. A runner and its agent need a handful.
pub const EACH_CONTAINER: usize = 32;
/// How many of them may come from one address that stands for many: loopback, or the engine's proxy.
pub const EACH_HOST: usize = 2048;
/// How long requests may go on after the hub was told to end.
const GRACE: Duration = Duration::from_secs(2);
/// A pause after a failed accept, such as too many open files, so that it does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What one listener puts up with.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How many connections it holds open; further ones wait to be taken.
    pub connections: usize,
    /// How many of them one peer may have; further ones are closed at once.
    pub per_peer: usize,
    /// How long a request's headers may take, and the rest between two requests.
    pub headers: Duration,
    /// How long what was sent may stay unread.
    pub unread: Duration,
}

impl Limits {
    /// The usual ones.
    pub fn with(per_peer: usize) -> Limits {
        Limits {
            connections: MAX_CONNECTIONS,
            per_peer,
            headers: HEADER_TIMEOUT,
            unread: UNREAD_TIMEOUT,
        }
    }
}

/// Serves `router` on `listener` within `limits` until `closing`, and says in `traffic` how it goes;
/// returns when the last connection is done with, at most [`GRACE`] later.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    traffic: Traffic,
    closing: CancellationToken,
) {
    let serving = traffic.begin();
    let free = Arc::new(Semaphore::new(limits.connections));
    let peers = Peers::each_at_most(limits.per_peer);
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let accepted = tokio::select! {
            () = closing.cancelled() => break,
            accepted = accept(&listener, &free) => accepted,
        };
        let (stream, peer, permit) = accepted;
        let Some(place) = peers.admit(peer.ip()) else {
            continue;
        };
        let (router, closing) = (router.clone(), closing.clone());
        let connected = traffic.connected();
        connections.spawn(async move {
            connection(stream, router, limits, closing).await;
            drop((place, permit, connected));
        });
    }
    drop((listener, serving));
    let all_done = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(GRACE, all_done).await.is_err() {
        tracing::info!("requests were still open at the end");
    }
    connections.abort_all();
}

async fn accept(
    listener: &TcpListener,
    free: &Arc<Semaphore>,
) -> (TcpStream, SocketAddr, Option<OwnedSemaphorePermit>) {
    let permit = free.clone().acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => return (stream, peer, permit),
            Err(error) => {
                tracing::warn!("a connection could not be accepted: {error}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, router: Router, limits: Limits, closing: CancellationToken) {
    if stream.set_nodelay(true).is_err() || end_when_unread(&stream, limits.unread).is_err() {
        return;
    }
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.headers)
        .max_header_size(MAX_HEAD)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut served = std::pin::pin!(served);
    let result = tokio::select! {
        result = served.as_mut() => result,
        () = closing.cancelled() => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(error) = result {
        tracing::debug!("a connection ended: {error}");
    }
}

/// The kernel ends the connection when its peer takes nothing for so long: one that is gone without a
/// word, or one that does not read.
fn end_when_unread(stream: &TcpStream, patience: Duration) -> nix::Result<()> {
    let milliseconds = u32::try_from(patience.as_millis()).unwrap_or(u32::MAX);
    setsockopt(stream, TcpUserTimeout, &milliseconds)
}
