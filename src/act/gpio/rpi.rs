//! A line of a Raspberry Pi through `/dev/gpiomem`, by its BCM number.

use std::path::PathBuf;

use rppal::gpio::{Error, Gpio, OutputPin};

use super::{GpioError, LineSpec, OutputLine};
use crate::config::ActiveLevel;

/// A line that this process holds. Dropped, it becomes an input again.
pub(super) struct RpiLine {
    pin: OutputPin,
    active: ActiveLevel,
}

impl RpiLine {
    /// Takes the line as an output that is off: the level is set before the direction.
    pub fn open(spec: LineSpec<'_>) -> Result<Self, GpioError> {
        let LineSpec { what, line, active, .. } = spec;
        let failed = |error: Error| match error {
            Error::PermissionDenied(path) => GpioError::PermissionDenied { what, chip: path.into() },
            Error::PinUsed(_) => GpioError::LineBusy {
                what,
                chip: chip(),
                line,
                consumer: "another output of ostiary".to_owned(),
            },
            other => GpioError::Refused { what, chip: chip(), line, reason: other.to_string() },
        };
        let gpio = Gpio::new().map_err(failed)?;
        // The header brings out the BCM lines 0 to 27.
        let number = u8::try_from(line).ok().filter(|number| *number <= 27);
        let number = number.ok_or(GpioError::LineOutOfRange { what, chip: chip(), line, last: 27 })?;
        let pin = gpio.get(number).map_err(failed)?;
        let pin = match active {
            ActiveLevel::High => pin.into_output_low(),
            ActiveLevel::Low => pin.into_output_high(),
        };
        Ok(Self { pin, active })
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
