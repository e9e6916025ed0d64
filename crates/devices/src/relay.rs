//! The relay of the lock.

use std::io::Write;
use std::time::Duration;

use ostiary_config as config;

use super::guard::{GuardClient, GuardFailure, Request};
use super::{GpioError, OutputLine, PrintedLine, open_relay};

/// The relay. It is at rest after creation, and is put to rest when dropped.
pub struct Relay {
    holder: LineHolder,
    on: bool,
}

/// The process that has the line.
enum LineHolder {
    /// This process.
    Direct(Box<dyn OutputLine>),
    /// The relay guard, which also limits every pulse.
    Guard { guard: GuardClient, config: config::Relay },
    /// The guard was lost. This process has the line, or requests it, only to put it to rest.
    GuardLost { line: Option<Box<dyn OutputLine>>, config: config::Relay, why: String },
}

impl Relay {
    /// Starts a guard that requests the configured line; `None` if no line is configured, so that no door opens.
    ///
    /// # Errors
    /// The guard cannot be started, or cannot request the line.
    pub fn open(config: &config::Relay) -> Result<Option<Self>, GpioError> {
        if config.line.is_none() {
            return Ok(None);
        }
        let guard = GuardClient::start(config)?;
        Ok(Some(Self { holder: LineHolder::Guard { guard, config: config.clone() }, on: false }))
    }

    /// A relay that only prints its commands.
    pub fn printed(writer: impl Write + Send + 'static) -> Self {
        Self::new(Box::new(PrintedLine::new("relay", writer)))
    }

    /// A relay on a line that is off, without a guard.
    pub fn new(line: Box<dyn OutputLine>) -> Self {
        Self { holder: LineHolder::Direct(line), on: false }
    }

    /// Switches the relay on. The guard switches it off `at_most` after the last call, if nothing else does.
    ///
    /// # Errors
    /// The guard refused or is lost, or the line could not be switched. The level of the line is then unknown: call
    /// [`Self::off`].
    pub fn on(&mut self, at_most: Duration) -> Result<(), GpioError> {
        // Set first: after a failure the line may be on, and must still be switched off.
        self.on = true;
        match &mut self.holder {
            LineHolder::Direct(line) => line.set(true),
            LineHolder::Guard { guard, .. } => match guard.send(Request::On { at_most }) {
                Ok(()) => Ok(()),
                Err(GuardFailure::Refused(reason)) => Err(GpioError::Guard(reason)),
                Err(GuardFailure::Lost(why)) => {
                    self.take_over(why.clone());
                    Err(GpioError::GuardLost(why))
                }
            },
            LineHolder::GuardLost { why, .. } => Err(GpioError::GuardLost(why.clone())),
        }
    }

    /// Puts the relay to rest, also if it is at rest already.
    ///
    /// # Errors
    /// The line could not be switched, or could not be requested after the guard was lost.
    pub fn off(&mut self) -> Result<(), GpioError> {
        match &mut self.holder {
            LineHolder::Direct(line) => line.set(false)?,
            LineHolder::Guard { guard, .. } => match guard.send(Request::Off) {
                Ok(()) => {}
                Err(GuardFailure::Refused(reason)) => return Err(GpioError::Guard(reason)),
                Err(GuardFailure::Lost(why)) => {
                    self.take_over(why);
                    return self.off();
                }
            },
            LineHolder::GuardLost { line: Some(line), .. } => line.set(false)?,
            // The request of the line puts it to rest.
            LineHolder::GuardLost { line, config, .. } => *line = Some(open_relay(config)?),
        }
        self.on = false;
        Ok(())
    }

    /// Checks that the guard runs, if there is one. The caller does this often: a lost guard is a fault, whether the relay is
    /// on or off.
    ///
    /// # Errors
    /// The guard is lost.
    pub fn check(&self) -> Result<(), GpioError> {
        match &self.holder {
            LineHolder::Guard { guard, .. } if !guard.is_running() => {
                Err(GpioError::GuardLost("it has ended".to_owned()))
            }
            LineHolder::GuardLost { why, .. } => Err(GpioError::GuardLost(why.clone())),
            LineHolder::Direct(_) | LineHolder::Guard { .. } => Ok(()),
        }
    }

    /// Whether the relay is on, or may be on after an error.
    pub fn is_on(&self) -> bool {
        self.on
    }

    /// Ends a lost guard, so that the next [`Self::off`] can request the line.
    fn take_over(&mut self, why: String) {
        if let LineHolder::Guard { guard, config } = &mut self.holder {
            // After this the process has ended and cannot hold the line.
            guard.terminate();
            self.holder = LineHolder::GuardLost { line: None, config: config.clone(), why };
        }
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
    use crate::recorded_line::RecordedLine;

    #[test]
    fn a_dropped_relay_is_at_rest() {
        let line = RecordedLine::default();
        let mut relay = Relay::new(Box::new(line.clone()));
        relay.on(Duration::from_secs(1)).unwrap();
        assert!(relay.is_on());
        drop(relay);
        assert_eq!(line.levels(), [true, false]);
    }

    #[test]
    fn after_a_failed_off_the_drop_tries_again() {
        struct Stuck(RecordedLine, u32);
        impl OutputLine for Stuck {
            fn set(&mut self, on: bool) -> Result<(), GpioError> {
                if !on && self.1 > 0 {
                    self.1 -= 1;
                    let why = std::io::Error::other("stuck");
                    return Err(GpioError::Print { what: "relay", why });
                }
                self.0.set(on)
            }
        }
        let line = RecordedLine::default();
        let mut relay = Relay::new(Box::new(Stuck(line.clone(), 1)));
        relay.on(Duration::from_secs(1)).unwrap();
        assert!(relay.off().is_err());
        assert!(relay.is_on());
        drop(relay);
        assert_eq!(line.levels(), [true, false]);
    }

    #[test]
    fn without_a_line_there_is_no_relay() {
        assert!(Relay::open(&config::Relay::default()).unwrap().is_none());
    }

    #[test]
    fn a_printed_relay_prints_its_commands() {
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
        relay.on(Duration::from_secs(1)).unwrap();
        relay.off().unwrap();
        drop(relay);
        assert_eq!(printed.lock().unwrap().as_slice(), b"relay on\nrelay off\n");
    }
}
