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

/// Bytes that a request's headers may have.
const HEADER_BYTES: usize = 64 * 1024;
/// Pause after the operating system refused a connection, e.g. because too many files are open.
const BREATH: Duration = Duration::from_millis(200);

/// Serves until `stop` resolves, then lets running requests finish.
///
/// A client that takes longer than `headers_within` for a request's headers, byte by byte, is cut off (O3).
pub async fn serve(listener: TcpListener, router: Router, headers_within: Duration, stop: impl Future<Output = ()>) {
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(headers_within).max_buf_size(HEADER_BYTES);
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
            let request: Request = request.map(axum::body::Body::new);
            let router = router.clone();
            async move { Ok::<_, Infallible>(router.oneshot(request).await.unwrap_or_else(|never| match never {})) }
        });
        let connection = running.watch(builder.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                debug!(%error, "a connection ended early"); // clients leave, or were too slow
            }
        });
    }
    drop(listener);
    running.shutdown().await;
}
