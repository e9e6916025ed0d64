//! Ends a connection so that the client sees the answer.
//!
//! An upload that a role does not allow is answered before it was read. A connection that is closed while bytes wait in it is reset, and a
//! browser then shows that instead of the answer. So this side first ends what it sends, and reads on until the client ends too,
//! sends nothing for a while, or has sent as much as any request may have.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// How long the client may send nothing.
const PAUSE: Duration = Duration::from_secs(2);
/// How long all of it may take.
const TIME: Duration = Duration::from_secs(60);
/// The most bytes that are read: the largest request.
const MAX_BYTES: usize = 128 * 1024 * 1024;

/// A stream that is closed in this way.
pub struct LingeringClose<S> {
    stream: S,
    /// Set once this side has ended.
    end: Option<End>,
}

/// The end of a connection.
struct End {
    pause: Pin<Box<Sleep>>,
    last: Instant,
    bytes: usize,
}

impl<S> LingeringClose<S> {
    /// Over this stream.
    pub fn new(stream: S) -> Self {
        Self { stream, end: None }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for LingeringClose<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { stream, end } = self.get_mut();
        if end.is_none() {
            ready!(Pin::new(&mut *stream).poll_shutdown(context))?;
        }
        let end = end.get_or_insert_with(|| End {
            pause: Box::pin(sleep(PAUSE)),
            last: Instant::now() + TIME,
            bytes: 0,
        });
        let mut space = [0; 8 * 1024];
        loop {
            let mut buffer = ReadBuf::new(&mut space);
            match Pin::new(&mut *stream).poll_read(context, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() && end.bytes < MAX_BYTES => {
                    end.bytes += buffer.filled().len();
                    end.pause.as_mut().reset((Instant::now() + PAUSE).min(end.last));
                }
                // The client has ended too, or sends more than any request has.
                Poll::Ready(_) => return Poll::Ready(Ok(())),
                Poll::Pending => return end.pause.as_mut().poll(context).map(Ok),
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for LingeringClose<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    fn block_on<T>(test: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(test)
    }

    #[test]
    fn what_the_client_still_sends_is_read_until_it_ends() {
        block_on(async {
            let (mut client, server) = duplex(1024);
            let mut server = LingeringClose::new(server);
            let sends = async {
                let mut answer = Vec::new();
                client.write_all(&[1; 100_000]).await.unwrap();
                client.read_to_end(&mut answer).await.unwrap();
                drop(client);
                answer
            };
            let closes = async {
                server.write_all(b"refused").await.unwrap();
                server.shutdown().await.unwrap();
            };
            let (answer, ()) = tokio::join!(sends, closes);
            assert_eq!(answer, b"refused");
        });
    }

    #[test]
    fn a_client_that_does_not_end_is_not_waited_for() {
        block_on(async {
            let (_client, server) = duplex(1024);
            let started = Instant::now();
            LingeringClose::new(server).shutdown().await.unwrap();
            assert!(started.elapsed() >= PAUSE && started.elapsed() < TIME / 2);
        });
    }
}
