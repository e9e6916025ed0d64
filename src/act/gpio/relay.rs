//! The strike or lock.

use std::io::Write;

use super::{GpioError, LineSpec, OutputLine, Printed, open};
use crate::config;

/// The relay: at rest when it is made, and at rest again when it is dropped.
pub struct Relay {
    line: Box<dyn OutputLine>,
    on: bool,
}

impl Relay {
    /// Takes the configured line; `None` where there is none, and no door opens.
    pub fn open(config: &config::Relay) -> Result<Option<Self>, GpioError> {
        let Some(line) = config.line else { return Ok(None) };
        let config::Relay { backend, chip, active, .. } = config;
        let line = open(LineSpec { what: "relay", backend: *backend, chip, line, active: *active })?;
        Ok(Some(Self::new(line)))
    }

    /// A relay that is only printed.
    pub fn printed(writer: impl Write + Send + 'static) -> Self {
        Self::new(Box::new(Printed::new("relay", writer)))
    }

    /// A relay on a line that is off.
    pub fn new(line: Box<dyn OutputLine>) -> Self {
        Self { line, on: false }
    }

    /// Lets the door open. On an error the line is in doubt: call [`Self::off`].
    pub fn on(&mut self) -> Result<(), GpioError> {
        // Marked first: after a failure the line may be on, and must still be switched off.
        self.on = true;
        self.line.set(true)
    }

    /// Brings the relay to rest. Called when at rest it does so again, which does no harm.
    pub fn off(&mut self) -> Result<(), GpioError> {
        self.line.set(false)?;
        self.on = false;
        Ok(())
    }

    /// Whether the relay is on, or may be after an error.
    pub fn is_on(&self) -> bool {
        self.on
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        if self.on
            && let Err(error) = self.off()
        {
            log::error!("the relay may still be on: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::act::gpio::recorder::Recorder;

    #[test]
    fn a_dropped_relay_is_at_rest() {
        let line = Recorder::default();
        let mut relay = Relay::new(Box::new(line.clone()));
        relay.on().unwrap();
        assert!(relay.is_on());
        drop(relay);
        assert_eq!(line.seen(), [true, false]);
    }

    #[test]
    fn a_failed_off_is_tried_again() {
        struct Stuck(Recorder, u32);
        impl OutputLine for Stuck {
            fn set(&mut self, on: bool) -> Result<(), GpioError> {
                if !on && self.1 > 0 {
                    self.1 -= 1;
                    let source = std::io::Error::other("stuck");
                    return Err(GpioError::Print { what: "relay", source });
                }
                self.0.set(on)
            }
        }
        let line = Recorder::default();
        let mut relay = Relay::new(Box::new(Stuck(line.clone(), 1)));
        relay.on().unwrap();
        assert!(relay.off().is_err());
        assert!(relay.is_on());
        drop(relay);
        assert_eq!(line.seen(), [true, false]);
    }

    #[test]
    fn without_a_line_there_is_no_relay() {
        assert!(Relay::open(&config::Relay::default()).unwrap().is_none());
    }

    #[cfg(not(feature = "rpi"))]
    #[test]
    fn rppal_needs_its_feature() {
        let config =
            config::Relay { backend: config::GpioBackend::Rppal, line: Some(17), ..config::Relay::default() };
        let message = Relay::open(&config).err().unwrap().to_string();
        assert!(message.contains("feature `rpi`"), "{message}");
    }

    #[test]
    fn a_printed_relay_prints_what_it_does() {
        struct Shared(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);
        impl Write for Shared {
            fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
                self.0.lock().unwrap().write(bytes)
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let printed = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let mut relay = Relay::printed(Shared(printed.clone()));
        relay.on().unwrap();
        relay.off().unwrap();
        drop(relay);
        assert_eq!(printed.lock().unwrap().as_slice(), b"relay on\nrelay off\n");
    }
}
