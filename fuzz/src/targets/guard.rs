//! What daemon and relay guard say to each other: requests to a guard that keeps a line, and answers to the daemon.

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
    words: &[
        b"0\0\0\0\0",
        b"1\0\0\0\0",
        b"1\xff\xff\xff\xff",
        b"1\x01\0\0\0",
        b"+",
        b"-\x04\0gone",
        b"-\xff\xff",
    ],
    // What a socket takes without a reader.
    most: 4 << 10,
};

/// A line that keeps its level.
#[derive(Clone, Default)]
struct Line(Arc<Mutex<bool>>);

impl OutputLine for Line {
    fn set(&mut self, on: bool) -> Result<(), GpioError> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = on;
        Ok(())
    }
}

fn run(data: &[u8]) {
    if let Err(error) = keep_a_line(data) {
        panic!("a guard cannot be tried: {error}");
    }
    for said in data.as_chunks::<REQUEST_SIZE>().0 {
        if let Some(request) = Request::decode(*said) {
            assert_eq!(request.encode(), *said, "{request:?}");
        }
    }
    let mut said = data;
    while let Ok(heard) = read_answer(&mut said) {
        let Err(reason) = heard else { continue };
        let mut again = Vec::new();
        assert!(write_answer(&mut again, Err(&reason.0)).is_ok());
        let Ok(Err(told)) = read_answer(&mut again.as_slice()) else { panic!("an answer is no answer") };
        assert!(reason.0.starts_with(&told.0), "{told:?} was made of {reason:?}");
    }
}

/// Whatever a daemon says before it is gone, the line is then at rest.
fn keep_a_line(said: &[u8]) -> std::io::Result<()> {
    let (mut daemon, theirs) = UnixStream::pair()?;
    let (signals, _signal) = UnixStream::pair()?;
    daemon.set_write_timeout(Some(Duration::from_secs(1)))?;
    daemon.write_all(said)?;
    daemon.shutdown(std::net::Shutdown::Write)?;
    let line = Line::default();
    let kept = serve(Box::new(line.clone()), theirs, signals);
    assert!(kept.is_ok(), "{kept:?}");
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
