//! Reads requests from a connection, with limits of their length and rate.

use std::io::{self, ErrorKind, Read};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// The longest request, bytes.
pub const MAX_REQUEST: usize = 64 * 1024;
/// The longest request of an admin, who sends photos, bytes.
pub const MAX_REQUEST_OF_ADMIN: usize = 16 * 1024 * 1024;
/// The requests of one connection that are handled at once, and then one for each [`REQUEST_INTERVAL`].
const MAX_BURST: u32 = 50;
/// The mean time between two requests of one connection, beyond the burst.
const REQUEST_INTERVAL: Duration = Duration::from_millis(20);
/// A connection without a request for this time is closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(600);
/// The time in which a request that has begun must continue.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// The interval at which a waiting connection checks whether the server ends.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// A connection whose requests end with a zero byte.
pub struct LimitedReader {
    stream: UnixStream,
    stop: Arc<AtomicBool>,
    /// The longest request, bytes. It can be raised between two requests.
    max_request: Arc<AtomicUsize>,
    /// Bytes of the request that has begun.
    length: usize,
    /// When bytes arrived last.
    since: Instant,
    /// When the next request would be handled at the mean rate. Up to [`MAX_BURST`] intervals in the future.
    due: Instant,
}

impl LimitedReader {
    /// Reads requests of at most `max_request` bytes from a connection until `stop` is set.
    ///
    /// # Errors
    /// The connection has ended.
    pub fn new(stream: UnixStream, max_request: Arc<AtomicUsize>, stop: Arc<AtomicBool>) -> io::Result<Self> {
        stream.set_read_timeout(Some(POLL_INTERVAL))?;
        let now = Instant::now();
        Ok(Self { stream, stop, max_request, length: 0, since: now, due: now })
    }

    /// Counts what was read, and waits if there are too many requests.
    fn count(&mut self, bytes: &[u8]) -> io::Result<()> {
        let requests = bytes.iter().filter(|byte| **byte == 0).count();
        let began = bytes.iter().rposition(|byte| *byte == 0).map(|end| bytes.len() - end - 1);
        let now = Instant::now();
        self.length = began.unwrap_or(self.length + bytes.len());
        self.since = now;
        if self.length > self.max_request.load(Ordering::Relaxed) {
            return Err(io::Error::new(ErrorKind::InvalidData, "the request is too long"));
        }
        self.due = self.due.max(now) + REQUEST_INTERVAL * u32::try_from(requests).unwrap_or(u32::MAX);
        let wait = self.due.saturating_duration_since(now).saturating_sub(REQUEST_INTERVAL * MAX_BURST);
        if !wait.is_zero() && !self.stop.load(Ordering::Relaxed) {
            thread::sleep(wait);
        }
        Ok(())
    }
}

impl Read for LimitedReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // Few requests at a time, so that the wait after them is short.
        let end = buffer.len().min(1024);
        let Some(buffer) = buffer.get_mut(..end) else { return Ok(0) };
        loop {
            match self.stream.read(buffer) {
                Ok(0) => return Ok(0),
                Ok(length) => {
                    self.count(buffer.get(..length).unwrap_or_default())?;
                    return Ok(length);
                }
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            let limit = if self.length > 0 { REQUEST_TIMEOUT } else { IDLE_TIMEOUT };
            if self.stop.load(Ordering::Relaxed) || self.since.elapsed() > limit {
                return Ok(0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn pair() -> (LimitedReader, UnixStream) {
        let (near, far) = UnixStream::pair().unwrap();
        (LimitedReader::new(near, Arc::new(AtomicUsize::new(MAX_REQUEST)), Arc::default()).unwrap(), far)
    }

    #[test]
    fn a_request_that_is_too_long_is_an_error() {
        let (mut reader, mut far) = pair();
        let writer = thread::spawn(move || {
            let _ = far.write_all(&vec![b' '; MAX_REQUEST + 1]);
        });
        let mut all = Vec::new();
        assert_eq!(reader.read_to_end(&mut all).unwrap_err().kind(), ErrorKind::InvalidData);
        drop(reader);
        writer.join().unwrap();
    }

    #[test]
    fn long_and_short_requests_are_read_as_they_are() {
        let (mut reader, mut far) = pair();
        let mut sent = vec![b'a'; MAX_REQUEST];
        sent.extend(b"\0b\0c");
        let text = sent.clone();
        let writer = thread::spawn(move || far.write_all(&text).unwrap());
        let mut all = Vec::new();
        reader.read_to_end(&mut all).unwrap();
        writer.join().unwrap();
        assert_eq!(all, sent);
    }

    #[test]
    fn requests_beyond_the_burst_are_delayed() {
        let (mut reader, mut far) = pair();
        far.write_all(&[0; MAX_BURST as usize + 10]).unwrap();
        drop(far);
        let start = Instant::now();
        let mut all = Vec::new();
        reader.read_to_end(&mut all).unwrap();
        let least = REQUEST_INTERVAL * 9;
        assert!(start.elapsed() >= least, "{:?} is not {least:?}", start.elapsed());
    }

    #[test]
    fn a_reader_ends_when_the_server_does() {
        let (mut reader, _far) = pair();
        reader.stop.store(true, Ordering::Relaxed);
        assert_eq!(reader.read(&mut [0; 8]).unwrap(), 0);
    }
}
