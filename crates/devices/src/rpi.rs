//! A line of a Raspberry Pi through `/dev/gpiomem`, by its BCM number.

use std::path::PathBuf;

use ostiary_config::ActiveLevel;
use rppal::gpio::{Error, Gpio, OutputPin};

use super::{GpioError, LineSpec, LineState, OutputLine};

/// A line that this process holds. Dropped, it becomes an input again.
pub(super) struct RpiLine {
    pin: OutputPin,
    active: ActiveLevel,
}

impl RpiLine {
    /// Takes the line as an output that is off: the level is set before the direction.
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

/// Whether the line is there; who has it cannot be told.
pub(super) fn look(spec: LineSpec<'_>) -> Result<LineState, GpioError> {
    let LineSpec { what, line, .. } = spec;
    let (_, number) = gpio_with_line(spec)?;
    Ok(LineState { what, chip: chip(), line, name: format!("BCM {number}"), consumer: None })
}

fn gpio_with_line(spec: LineSpec<'_>) -> Result<(Gpio, u8), GpioError> {
    let LineSpec { what, line, .. } = spec;
    let gpio = Gpio::new().map_err(|error| failed(spec, error))?;
    // The header brings out the BCM lines 0 to 27.
    let number = u8::try_from(line).ok().filter(|number| *number <= 27);
    let number = number.ok_or(GpioError::LineOutOfRange { what, chip: chip(), line, last: 27 })?;
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
