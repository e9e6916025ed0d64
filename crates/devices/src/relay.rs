//! The strike or lock.

use std::io::Write;
use std::time::Duration;

use ostiary_config as config;

use super::guard::{GuardClient, GuardFailure, Request};
use super::{GpioError, OutputLine, Printed, open_relay};

/// The relay: at rest when it is made, and at rest again when it is dropped.
pub struct Relay {
    holder: Holder,
    on: bool,
}

/// Who holds the line.
enum Holder {
    /// This process.
    Line(Box<dyn OutputLine>),
    /// A process of its own, which also bounds every pulse.
    Guard { guard: GuardClient, config: config::Relay },
    /// That process was lost, and this one has the line, or tries to get it: only to put it to rest.
    Nobody { line: Option<Box<dyn OutputLine>>, config: config::Relay, why: String },
}

impl Relay {
    /// Has a guard take the configured line; `None` where there is none, and no door opens.
    pub fn open(config: &config::Relay) -> Result<Option<Self>, GpioError> {
        if config.line.is_none() {
            return Ok(None);
        }
        let guard = GuardClient::start(config)?;
        Ok(Some(Self { holder: Holder::Guard { guard, config: config.clone() }, on: false }))
    }

    /// A relay that is only printed.
    pub fn printed(writer: impl Write + Send + 'static) -> Self {
        Self::new(Box::new(Printed::new("relay", writer)))
    }

    /// A relay on a line that is off, and that nobody guards.
    pub fn new(line: Box<dyn OutputLine>) -> Self {
        Self { holder: Holder::Line(line), on: false }
    }

    /// Lets the door open; called again, for so long from now. On an error the line is in doubt: call
    /// [`Self::off`].
    pub fn on(&mut self, at_most: Duration) -> Result<(), GpioError> {
        // Marked first: after a failure the line may be on, and must still be switched off.
        self.on = true;
        match &mut self.holder {
            Holder::Line(line) => line.set(true),
            Holder::Guard { guard, .. } => match guard.ask(Request::On { at_most }) {
                Ok(()) => Ok(()),
                Err(GuardFailure::Refused(reason)) => Err(GpioError::Told(reason)),
                Err(GuardFailure::Lost(why)) => {
                    self.take_over(why.clone());
                    Err(GpioError::GuardLost(why))
                }
            },
            Holder::Nobody { why, .. } => Err(GpioError::GuardLost(why.clone())),
        }
    }

    /// Brings the relay to rest. Called when at rest it does so again, which does no harm.
    pub fn off(&mut self) -> Result<(), GpioError> {
        match &mut self.holder {
            Holder::Line(line) => line.set(false)?,
            Holder::Guard { guard, .. } => match guard.ask(Request::Off) {
                Ok(()) => {}
                Err(GuardFailure::Refused(reason)) => return Err(GpioError::Told(reason)),
                Err(GuardFailure::Lost(why)) => {
                    self.take_over(why);
                    return self.off();
                }
            },
            Holder::Nobody { line: Some(line), .. } => line.set(false)?,
            // A line that is taken is at rest.
            Holder::Nobody { line, config, .. } => *line = Some(open_relay(config)?),
        }
        self.on = false;
        Ok(())
    }

    /// Whether the line is guarded, where it has to be: to be asked often, since a guard that is gone is a fault
    /// whatever the door does.
    pub fn check(&self) -> Result<(), GpioError> {
        match &self.holder {
            Holder::Guard { guard, .. } if !guard.is_there() => {
                Err(GpioError::GuardLost("it has ended".to_owned()))
            }
            Holder::Nobody { why, .. } => Err(GpioError::GuardLost(why.clone())),
            Holder::Line(_) | Holder::Guard { .. } => Ok(()),
        }
    }

    /// Whether the relay is on, or may be after an error.
    pub fn is_on(&self) -> bool {
        self.on
    }

    /// Takes the line from a guard that is lost; it is at rest with the next [`Self::off`].
    fn take_over(&mut self, why: String) {
        if let Holder::Guard { guard, config } = &mut self.holder {
            // Killed and gone, it cannot hold the line.
            guard.give_up();
            self.holder = Holder::Nobody { line: None, config: config.clone(), why };
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
    use crate::recorder::Recorder;

    #[test]
    fn a_dropped_relay_is_at_rest() {
        let line = Recorder::default();
        let mut relay = Relay::new(Box::new(line.clone()));
        relay.on(Duration::from_secs(1)).unwrap();
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
                    let why = std::io::Error::other("stuck");
                    return Err(GpioError::Print { what: "relay", why });
                }
                self.0.set(on)
            }
        }
        let line = Recorder::default();
        let mut relay = Relay::new(Box::new(Stuck(line.clone(), 1)));
        relay.on(Duration::from_secs(1)).unwrap();
        assert!(relay.off().is_err());
        assert!(relay.is_on());
        drop(relay);
        assert_eq!(line.seen(), [true, false]);
    }

    #[test]
    fn without_a_line_there_is_no_relay() {
        assert!(Relay::open(&config::Relay::default()).unwrap().is_none());
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
        relay.on(Duration::from_secs(1)).unwrap();
        relay.off().unwrap();
        drop(relay);
        assert_eq!(printed.lock().unwrap().as_slice(), b"relay on\nrelay off\n");
    }
}
