//! How long a client may dawdle over what it sends and over what it takes. Waiting costs a place that others need.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// Bytes that a client must send or take in each stretch of time in which the server waits for it, or all that is left: a
/// byte now and then is no progress.
const ENOUGH: usize = 32 * 1024;

/// Waits for a client, and not for ever.
struct Pace {
    within: Duration,
    moved: usize,
    waiting: Option<Pin<Box<Sleep>>>,
}

impl Pace {
    fn new(within: Duration) -> Self {
        Self { within, moved: 0, waiting: None }
    }

    /// So much was sent or taken, and there is more.
    fn moved(&mut self, bytes: usize) {
        self.moved += bytes;
        if self.moved >= ENOUGH {
            self.rest();
        }
    }

    /// Nothing is waited for any more.
    fn rest(&mut self) {
        self.moved = 0;
        self.waiting = None;
    }

    /// Ready when the client takes too long.
    fn poll_late(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        let within = self.within;
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(tokio::time::sleep(within)));
        ready!(waiting.as_mut().poll(context));
        Poll::Ready(io::Error::new(io::ErrorKind::TimedOut, "the client was too slow"))
    }
}

/// A connection that breaks when its client does not take what is written.
pub(super) struct PacedConnection<S> {
    stream: S,
    pace: Pace,
}

impl<S> PacedConnection<S> {
    pub(super) fn new(stream: S, within: Duration) -> Self {
        Self { stream, pace: Pace::new(within) }
    }

    fn paced(
        &mut self,
        context: &mut Context<'_>,
        wanted: usize,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match written {
            Poll::Ready(Ok(bytes)) if bytes < wanted => self.pace.moved(bytes),
            Poll::Ready(_) => self.pace.rest(),
            Poll::Pending => return self.pace.poll_late(context).map(Err),
        }
        written
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for PacedConnection<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for PacedConnection<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, buffer);
        self.paced(context, buffer.len(), written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, buffers);
        self.paced(context, buffers.iter().map(|buffer| buffer.len()).sum(), written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// A request's body that fails when its client does not send it.
pub(super) struct PacedBody<B> {
    body: B,
    pace: Pace,
}

impl<B> PacedBody<B> {
    pub(super) fn new(body: B, within: Duration) -> Self {
        Self { body, pace: Pace::new(within) }
    }
}

impl<B> HttpBody for PacedBody<B>
where
    B: HttpBody<Data = Bytes> + Unpin,
    B::Error: Into<axum::BoxError>,
{
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::BoxError>>> {
        match Pin::new(&mut self.body).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => {
                self.pace.moved(frame.data_ref().map_or(0, Bytes::len));
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(other) => {
                self.pace.rest();
                Poll::Ready(other.map(|frame| frame.map_err(Into::into)))
            }
            Poll::Pending => self.pace.poll_late(context).map(|late| Some(Err(late.into()))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_late(pace: &mut Pace) -> bool {
        let mut context = Context::from_waker(std::task::Waker::noop());
        pace.poll_late(&mut context).is_ready()
    }

    /// Time that is over at once stands for any; a pace that rested begins a new one.
    #[tokio::test]
    async fn only_who_moves_enough_gets_more_time() {
        let mut pace = Pace::new(Duration::from_secs(3600));
        assert!(!is_late(&mut pace));
        let first = pace.waiting.as_ref().map(|waiting| waiting.deadline());
        for _ in 0..100 {
            pace.moved(1);
            assert!(!is_late(&mut pace));
            assert_eq!(pace.waiting.as_ref().map(|waiting| waiting.deadline()), first, "a byte buys no time");
        }
        pace.moved(ENOUGH - 100);
        assert!(pace.waiting.is_none() && pace.moved == 0);
        assert!(!is_late(&mut pace));
        assert!(pace.waiting.as_ref().map(|waiting| waiting.deadline()) > first);

        let mut over = Pace::new(Duration::ZERO);
        while !is_late(&mut over) {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_body_that_comes_is_whole() {
        let body = PacedBody::new(axum::body::Body::from("fields=1"), Duration::from_secs(3600));
        let read = axum::body::to_bytes(axum::body::Body::new(body), 100).await.unwrap();
        assert_eq!(read, "fields=1");
    }
}
