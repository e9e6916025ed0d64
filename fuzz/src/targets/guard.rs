//! The protocol between daemon and relay guard: requests to a guard that controls a line, and answers to the daemon.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ostiary_devices::guard::{REQUEST_SIZE, Request, read_answer, serve, write_answer};
use ostiary_devices::{GpioError, OutputLine};

use super::Target;

pub const TARGET: Target = Target {
    name: "guard",
    about: "requests to the relay guard, and its answers",
    run,
    seeds,
    dictionary: &[
        b"0\0\0\0\0",
        b"1\0\0\0\0",
        b"1\xff\xff\xff\xff",
        b"1\x01\0\0\0",
        b"+",
        b"-\x04\0gone",
        b"-\xff\xff",
    ],
    // Fits into a socket's buffer without a reader.
    max_len: 4 << 10,
};

/// A fake output line that stores its level.
#[derive(Clone, Default)]
struct Line(Arc<Mutex<bool>>);

impl OutputLine for Line {
    fn set(&mut self, on: bool) -> Result<(), GpioError> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = on;
        Ok(())
    }
}

fn run(data: &[u8]) {
    if let Err(error) = check_line_at_rest(data) {
        panic!("cannot run a guard: {error}");
    }
    for bytes in data.as_chunks::<REQUEST_SIZE>().0 {
        if let Some(request) = Request::decode(*bytes) {
            assert_eq!(request.encode(), *bytes, "{request:?}");
        }
    }
    let mut stream = data;
    while let Ok(answer) = read_answer(&mut stream) {
        let Err(reason) = answer else { continue };
        let mut written = Vec::new();
        assert!(write_answer(&mut written, Err(&reason.0)).is_ok());
        let Ok(Err(read)) = read_answer(&mut written.as_slice()) else {
            panic!("a written answer cannot be read")
        };
        assert!(reason.0.starts_with(&read.0), "{reason:?} was read as {read:?}");
    }
}

/// Checks that the line is at rest after a daemon has sent these bytes and closed the connection.
fn check_line_at_rest(requests: &[u8]) -> std::io::Result<()> {
    let (mut daemon, guard) = UnixStream::pair()?;
    let (signals, _signal) = UnixStream::pair()?;
    daemon.set_write_timeout(Some(Duration::from_secs(1)))?;
    daemon.write_all(requests)?;
    daemon.shutdown(std::net::Shutdown::Write)?;
    let line = Line::default();
    let result = serve(Box::new(line.clone()), guard, signals);
    assert!(result.is_ok(), "{result:?}");
    assert!(!*line.0.lock().unwrap_or_else(PoisonError::into_inner), "the line is not at rest");
    Ok(())
}

fn seeds() -> anyhow::Result<Vec<Vec<u8>>> {
    let on = |millis| Request::On { at_most: Duration::from_millis(millis) }.encode();
    let requests = [on(5000), Request::Off.encode(), on(0), on(u64::from(u32::MAX))].concat();
    let mut answers = Vec::new();
    write_answer(&mut answers, Ok(()))?;
    write_answer(&mut answers, Err("the line is in use"))?;
    Ok(vec![requests, answers])
}
