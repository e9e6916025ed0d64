//! Output lines of a Raspberry Pi through `/dev/gpiomem`. A line has its BCM number.

use std::path::PathBuf;

use ostiary_config::ActiveLevel;
use rppal::gpio::{Error, Gpio, OutputPin};

use super::{GpioError, LineSpec, LineState, OutputLine};

/// The last BCM line on the 40-pin header, which has the lines 0 to 27.
const LAST_HEADER_LINE: u8 = 27;

/// An output line. It becomes an input when dropped.
pub(super) struct RpiLine {
    pin: OutputPin,
    active: ActiveLevel,
}

impl RpiLine {
    /// Sets the line up as an output that is off: first the level, then the direction.
    pub fn open(spec: LineSpec<'_>) -> Result<Self, GpioError> {
        let (gpio, number) = gpio_with_line(spec)?;
        let pin = gpio.get(number).map_err(|error| failed(spec, error))?;
        let pin = match spec.active {
            ActiveLevel::High => pin.into_output_low(),
            ActiveLevel::Low => pin.into_output_high(),
        };
        Ok(Self { pin, active: spec.active })
    }
}

/// The state of the line. Its user is not known.
pub(super) fn line_state(spec: LineSpec<'_>) -> Result<LineState, GpioError> {
    let LineSpec { what, line, .. } = spec;
    let (_, number) = gpio_with_line(spec)?;
    Ok(LineState { what, chip: chip(), line, name: format!("BCM {number}"), consumer: None })
}

fn gpio_with_line(spec: LineSpec<'_>) -> Result<(Gpio, u8), GpioError> {
    let LineSpec { what, line, .. } = spec;
    let gpio = Gpio::new().map_err(|error| failed(spec, error))?;
    let number = u8::try_from(line).ok().filter(|number| *number <= LAST_HEADER_LINE);
    let number = number.ok_or(GpioError::LineOutOfRange {
        what,
        chip: chip(),
        line,
        last: LAST_HEADER_LINE.into(),
    })?;
    Ok((gpio, number))
}

fn failed(spec: LineSpec<'_>, error: Error) -> GpioError {
    let LineSpec { what, line, .. } = spec;
    match error {
        Error::PermissionDenied(path) => GpioError::PermissionDenied { what, chip: path.into() },
        Error::PinUsed(_) => {
            GpioError::LineBusy { what, chip: chip(), line, consumer: "another output of ostiary".to_owned() }
        }
        other => GpioError::Refused { what, chip: chip(), line, reason: other.to_string() },
    }
}

impl OutputLine for RpiLine {
    fn set(&mut self, on: bool) -> Result<(), GpioError> {
        if on == (self.active == ActiveLevel::High) {
            self.pin.set_high();
        } else {
            self.pin.set_low();
        }
        Ok(())
    }
}

fn chip() -> PathBuf {
    "/dev/gpiomem".into()
}
