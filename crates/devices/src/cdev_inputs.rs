//! Input lines of the kernel's GPIO character device. The kernel debounces them, detects their edges and gives each edge a
//! monotonic time stamp.

use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use gpiocdev::Request;
use gpiocdev::line::{self, EdgeDetection, EdgeKind, Value};
use gpiocdev::request::Builder;
use ostiary_config::{ActiveLevel, Bias};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::time::{ClockId, clock_gettime};

use super::cdev::{self, check_free, chip_with_line, refused};
use super::input_lines::InputSpec;
use super::{DoorInput, Edge, GpioError, InputLevels, InputLines, InputState};

/// The time in which a pull resistor charges the wires.
const BIAS_SETTLE_TIME: Duration = Duration::from_millis(10);

/// Requested input lines.
pub(super) struct CdevInputs(Vec<CdevInput>);

struct CdevInput {
    input: DoorInput,
    chip: PathBuf,
    line: u32,
    request: Request,
}

impl CdevInputs {
    /// Requests the lines as inputs.
    pub fn open(specs: &[InputSpec<'_>]) -> Result<Self, GpioError> {
        specs.iter().map(|spec| CdevInput::open(*spec)).collect::<Result<_, _>>().map(Self)
    }
}

impl CdevInput {
    fn open(spec: InputSpec<'_>) -> Result<Self, GpioError> {
        // The kernel compares the first edge with the level at the request. The level must be stable by then, so it is read
        // with the pull resistor on before.
        read_level(spec)?;
        let mut builder = builder(spec);
        builder.with_edge_detection(EdgeDetection::BothEdges).with_debounce_period(spec.debounce);
        let request = request(spec, &builder)?;
        Ok(Self { input: spec.input, chip: spec.line.chip.into(), line: spec.line.line, request })
    }

    fn is_active(&self) -> Result<bool, GpioError> {
        let value = self.request.lone_value().map_err(|error| self.unreadable(&error))?;
        Ok(value == Value::Active)
    }

    /// Reads the edge at the head of the kernel's buffer.
    fn read_edge(&self) -> Result<Edge, GpioError> {
        let edge = self.request.read_edge_event().map_err(|error| self.unreadable(&error))?;
        let now = Duration::try_from(clock_gettime(ClockId::Monotonic)).unwrap_or_default();
        Ok(Edge {
            input: self.input,
            active: edge.kind == EdgeKind::Rising,
            age: now.saturating_sub(Duration::from_nanos(edge.timestamp_ns)),
        })
    }

    fn unreadable(&self, reason: &impl ToString) -> GpioError {
        let what = self.input.what();
        GpioError::Read { what, chip: self.chip.clone(), line: self.line, reason: reason.to_string() }
    }
}

impl InputLines for CdevInputs {
    fn edge(&mut self, wait: Duration) -> Result<Option<Edge>, GpioError> {
        let mut fds: heapless::Vec<PollFd<'_>, 2> =
            self.0.iter().map(|line| PollFd::new(&line.request, PollFlags::IN)).collect();
        let failed = match poll(&mut fds, Timespec::try_from(wait).ok().as_ref()) {
            Ok(_) | Err(Errno::INTR) => None,
            Err(errno) => Some(errno),
        };
        let states = fds.iter().map(PollFd::revents).zip(&self.0);
        for (state, line) in states {
            if let Some(errno) = failed {
                return Err(line.unreadable(&errno));
            } else if state.contains(PollFlags::IN) {
                return line.read_edge().map(Some);
            } else if !state.is_empty() {
                return Err(line.unreadable(&"its chip is missing"));
            }
        }
        Ok(None)
    }

    fn levels(&mut self) -> Result<InputLevels, GpioError> {
        let mut levels = InputLevels::default();
        for line in &self.0 {
            levels.set(line.input, line.is_active()?);
        }
        Ok(levels)
    }
}

/// The state of the line, and its level if it is free.
pub(super) fn input_state(spec: InputSpec<'_>) -> Result<InputState, GpioError> {
    let line = cdev::line_state(spec.line)?;
    let active = if line.consumer.is_none() { Some(read_level(spec)?) } else { None };
    Ok(InputState { input: spec.input, line, active })
}

/// Requests the line, reads its level and releases it.
fn read_level(spec: InputSpec<'_>) -> Result<bool, GpioError> {
    let request = request(spec, &builder(spec))?;
    thread::sleep(BIAS_SETTLE_TIME);
    let value = request.lone_value().map_err(|error| refused(spec.line, &error))?;
    Ok(value == Value::Active)
}

fn builder(spec: InputSpec<'_>) -> Builder {
    let mut builder = Request::builder();
    let what = spec.line.what;
    builder
        .on_chip(spec.line.chip)
        .with_consumer(format!("ostiary {what}"))
        .with_line(spec.line.line)
        .as_input();
    match spec.line.active {
        ActiveLevel::High => builder.as_active_high(),
        ActiveLevel::Low => builder.as_active_low(),
    };
    builder.with_bias(match spec.bias {
        Bias::PullUp => line::Bias::PullUp,
        Bias::PullDown => line::Bias::PullDown,
        Bias::None => line::Bias::Disabled,
    });
    builder
}

fn request(spec: InputSpec<'_>, builder: &Builder) -> Result<Request, GpioError> {
    let chip = chip_with_line(spec.line)?;
    check_free(&chip, spec.line)?;
    // A program may have requested the line after the check.
    builder
        .clone()
        .request()
        .or_else(|error| check_free(&chip, spec.line).and(Err(refused(spec.line, &error))))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use ostiary_config::GpioBackend;

    use super::*;
    use crate::LineSpec;

    #[test]
    fn a_missing_or_wrong_chip_is_named_with_its_key() {
        for (chip, wrong) in
            [("/dev/gpiochip987", "no GPIO chip /dev/gpiochip987"), ("/dev/null", "is not a GPIO chip")]
        {
            let line = LineSpec {
                what: DoorInput::Exit.what(),
                backend: GpioBackend::Gpiocdev,
                chip: Path::new(chip),
                key: "inputs.chip",
                line: 23,
                active: ActiveLevel::Low,
            };
            let debounce = Duration::from_millis(30);
            let spec = InputSpec { input: DoorInput::Exit, line, bias: Bias::PullUp, debounce };
            for error in [CdevInputs::open(&[spec]).err().unwrap(), input_state(spec).unwrap_err()] {
                let message = error.to_string();
                assert!(
                    message.starts_with("exit button: ")
                        && message.contains(wrong)
                        && message.ends_with("set inputs.chip"),
                    "{message}"
                );
            }
        }
    }
}
