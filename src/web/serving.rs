//! From accepted connections to the router: axum's own loop with limits on time that it does not have.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tower::ServiceExt as _;
use tracing::{debug, warn};

use super::pace::{PacedBody, PacedConnection};
use crate::config::ServerConfig;

/// Bytes that a request's headers may have.
const HEADER_BYTES: usize = 64 * 1024;
/// Pause after the operating system refused a connection, e.g. because too many files are open.
const BREATH: Duration = Duration::from_millis(200);

/// How long a client may take.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For a request's headers.
    pub headers: Duration,
    /// For each part of its body.
    pub body: Duration,
    /// To take each part of its answer.
    pub answer: Duration,
}

impl Patience {
    /// As configured.
    #[must_use]
    pub fn of(config: &ServerConfig) -> Self {
        Self {
            headers: Duration::from_secs(config.header_timeout_s),
            body: Duration::from_secs(config.body_timeout_s),
            answer: Duration::from_secs(config.answer_timeout_s),
        }
    }
}

/// Serves until `stop` resolves, then lets running requests finish.
///
/// A client that sends a request or takes its answer byte by byte is cut off (O3).
pub async fn serve(listener: TcpListener, router: Router, patience: Patience, stop: impl Future<Output = ()>) {
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(patience.headers).max_buf_size(HEADER_BYTES);
    let running = GracefulShutdown::new();
    let mut stop = pin!(stop);
    loop {
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    warn!(%error, "a connection was not accepted");
                    tokio::time::sleep(BREATH).await;
                    continue;
                }
            },
            () = &mut stop => break,
        };
        if let Err(error) = stream.set_nodelay(true) {
            debug!(%error, "a connection stays as it is");
        }
        let router = router.clone();
        let service = hyper::service::service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
            request.extensions_mut().insert(ConnectInfo::<SocketAddr>(peer));
            let request: Request = request.map(|body| axum::body::Body::new(PacedBody::new(body, patience.body)));
            let router = router.clone();
            async move { Ok::<_, Infallible>(router.oneshot(request).await.unwrap_or_else(|never| match never {})) }
        });
        let stream = TokioIo::new(PacedConnection::new(stream, patience.answer));
        let connection = running.watch(builder.serve_connection(stream, service));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                debug!(%error, "a connection ended early"); // clients leave, or were too slow
            }
        });
    }
    drop(listener);
    running.shutdown().await;
}
