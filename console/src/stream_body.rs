//! The body of a response that is sent as it is made.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use hyper::body::Frame;
use tokio::sync::mpsc::Receiver;

use crate::page_error::PageError;

/// A body that begins with some bytes, and goes on with what is received. An error ends it without its end, so that the browser does not
/// take a part for all.
pub fn stream(first: Bytes, rest: Receiver<Result<Bytes, PageError>>) -> Body {
    Body::new(StreamBody { first: Some(first), rest })
}

struct StreamBody {
    first: Option<Bytes>,
    rest: Receiver<Result<Bytes, PageError>>,
}

impl hyper::body::Body for StreamBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        self.rest.poll_recv(context).map(|received| {
            received.map(|part| part.map(Frame::data).map_err(|error| io::Error::other(error.text())))
        })
    }
}
