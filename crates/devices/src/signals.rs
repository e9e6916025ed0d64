//! Lamps and a buzzer that signal a grant or a denial. The caller passes the time.

use std::time::Duration;

use ostiary_config as config;

use super::{GpioError, LineSpec, OUTPUTS_CHIP_KEY, OutputLine, open};

/// The length of one buzz, and of the pause between two.
const BUZZ_TIME: Duration = Duration::from_millis(150);

/// The signals for the person at the door. An output without a configured line is absent.
#[derive(Default)]
pub struct Signals {
    granted: Option<Blinker>,
    denied: Option<Blinker>,
    buzzer: Option<Blinker>,
    lamp_time: Duration,
}

impl Signals {
    /// Requests the configured lines, on the relay's chip and backend, as outputs that are off.
    ///
    /// # Errors
    /// A line cannot be requested.
    pub fn open(config: &config::Signals, relay: &config::Relay) -> Result<Self, GpioError> {
        let request = |what: &'static str, line: Option<u32>| {
            let config::Relay { backend, chip, .. } = relay;
            let (backend, active, key) = (*backend, config.active, OUTPUTS_CHIP_KEY);
            line.map(|line| open(LineSpec { what, backend, chip, key, line, active })).transpose()
        };
        let granted = request("yes lamp", config.yes_line)?;
        let denied = request("no lamp", config.no_line)?;
        let buzzer = request("buzzer", config.buzzer_line)?;
        Ok(Self::new(granted, denied, buzzer, Duration::from_millis(config.lamp_ms)))
    }

    /// Signals on lines that are off. A lamp is on for `lamp_time`.
    pub fn new(
        granted: Option<Box<dyn OutputLine>>,
        denied: Option<Box<dyn OutputLine>>,
        buzzer: Option<Box<dyn OutputLine>>,
        lamp_time: Duration,
    ) -> Self {
        let [granted, denied, buzzer] = [granted, denied, buzzer].map(|line| line.map(Blinker::new));
        Self { granted, denied, buzzer, lamp_time }
    }

    /// Signals a grant: the yes lamp and one buzz. Ends a denial's signal.
    ///
    /// # Errors
    /// The first error of the outputs; all outputs are switched if they can be.
    pub fn granted(&mut self, now: Duration) -> Result<(), GpioError> {
        let lamp_time = self.lamp_time;
        let stopped = if_present(&mut self.denied, Blinker::stop);
        let lit = if_present(&mut self.granted, |blinker| blinker.start(now, lamp_time, 1));
        let buzzed = if_present(&mut self.buzzer, |blinker| blinker.start(now, BUZZ_TIME, 1));
        stopped.and(lit).and(buzzed)
    }

    /// Signals a denial: the no lamp and two buzzes. Ends a grant's signal.
    ///
    /// # Errors
    /// The first error of the outputs; all outputs are switched if they can be.
    pub fn denied(&mut self, now: Duration) -> Result<(), GpioError> {
        let lamp_time = self.lamp_time;
        let stopped = if_present(&mut self.granted, Blinker::stop);
        let lit = if_present(&mut self.denied, |blinker| blinker.start(now, lamp_time, 1));
        let buzzed = if_present(&mut self.buzzer, |blinker| blinker.start(now, BUZZ_TIME, 2));
        stopped.and(lit).and(buzzed)
    }

    /// Advances the time, and switches outputs whose time has come.
    ///
    /// # Errors
    /// The first error of the outputs; all outputs are switched if they can be.
    pub fn tick(&mut self, now: Duration) -> Result<(), GpioError> {
        let outputs = [&mut self.granted, &mut self.denied, &mut self.buzzer];
        outputs.map(|output| if_present(output, |blinker| blinker.tick(now))).into_iter().collect()
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        for output in [&mut self.granted, &mut self.denied, &mut self.buzzer] {
            if let Err(error) = if_present(output, Blinker::stop) {
                log::warn!("{error}");
            }
        }
    }
}

fn if_present(
    output: &mut Option<Blinker>,
    action: impl FnOnce(&mut Blinker) -> Result<(), GpioError>,
) -> Result<(), GpioError> {
    output.as_mut().map_or(Ok(()), action)
}

/// One output and its remaining pulses.
struct Blinker {
    line: Box<dyn OutputLine>,
    /// Number of remaining edges, including the last one to off; odd while the line is on.
    edges: u32,
    /// When the next edge is due.
    next: Duration,
    /// Length of a pulse and of a pause.
    length: Duration,
}

impl Blinker {
    fn new(line: Box<dyn OutputLine>) -> Self {
        Self { line, edges: 0, next: Duration::ZERO, length: Duration::ZERO }
    }

    /// Switches on now, for `pulses` pulses of this length with pauses of the same length.
    fn start(&mut self, now: Duration, length: Duration, pulses: u32) -> Result<(), GpioError> {
        self.edges = 2 * pulses - 1;
        self.length = length;
        self.next = now + length;
        self.line.set(true)
    }

    fn stop(&mut self) -> Result<(), GpioError> {
        if std::mem::take(&mut self.edges) > 0 { self.line.set(false) } else { Ok(()) }
    }

    /// Makes at most one edge: after a long time between ticks a pulse is late instead of missing.
    fn tick(&mut self, now: Duration) -> Result<(), GpioError> {
        if self.edges == 0 || now < self.next {
            return Ok(());
        }
        // If the edge fails it stays due, and the next tick tries again.
        self.line.set(self.edges.is_multiple_of(2))?;
        self.edges -= 1;
        self.next = now + self.length;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::recorded_line::RecordedLine;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn signals() -> (Signals, [RecordedLine; 3]) {
        let lines = [RecordedLine::default(), RecordedLine::default(), RecordedLine::default()];
        let [granted, denied, buzzer] = lines.clone().map(|line| Some(Box::new(line) as Box<dyn OutputLine>));
        (Signals::new(granted, denied, buzzer, ms(2000)), lines)
    }

    #[test]
    fn yes_switches_its_lamp_on_and_buzzes_once() {
        let (mut signals, [granted, denied, buzzer]) = signals();
        signals.granted(ms(100)).unwrap();
        for now in (100..2100).step_by(10) {
            signals.tick(ms(now)).unwrap();
        }
        assert_eq!(granted.levels(), [true]);
        signals.tick(ms(2100)).unwrap();
        assert_eq!(granted.levels(), [true, false]);
        assert_eq!(buzzer.levels(), [true, false]);
        assert_eq!(denied.levels(), [false; 0]);
    }

    #[test]
    fn no_switches_its_lamp_on_and_buzzes_twice() {
        let (mut signals, [granted, denied, buzzer]) = signals();
        signals.denied(ms(0)).unwrap();
        for now in (0..3000).step_by(10) {
            signals.tick(ms(now)).unwrap();
        }
        assert_eq!(denied.levels(), [true, false]);
        assert_eq!(buzzer.levels(), [true, false, true, false]);
        assert_eq!(granted.levels(), [false; 0]);
    }

    #[test]
    fn a_yes_ends_the_signal_of_a_no() {
        let (mut signals, [granted, denied, buzzer]) = signals();
        signals.denied(ms(0)).unwrap();
        signals.granted(ms(50)).unwrap();
        for now in (0..3000).step_by(10) {
            signals.tick(ms(now)).unwrap();
        }
        assert_eq!(denied.levels(), [true, false]);
        assert_eq!(granted.levels(), [true, false]);
        assert_eq!(buzzer.levels(), [true, true, false]);
    }

    #[test]
    fn dropped_signals_are_off() {
        let (mut signals, [_, denied, buzzer]) = signals();
        signals.denied(ms(0)).unwrap();
        drop(signals);
        assert_eq!(denied.levels(), [true, false]);
        assert_eq!(buzzer.levels(), [true, false]);
    }

    proptest! {
        #[test]
        fn after_any_signals_all_outputs_go_off(
            signaled in proptest::collection::vec((any::<bool>(), 0u64..3000), 0..20)
        ) {
            let (mut signals, lines) = signals();
            let mut now = 0;
            for (yes, wait) in signaled {
                if yes { signals.granted(ms(now)).unwrap() } else { signals.denied(ms(now)).unwrap() }
                let end = now + wait;
                while now < end {
                    now += 37;
                    signals.tick(ms(now)).unwrap();
                }
            }
            for _ in 0..100 {
                now += 50;
                signals.tick(ms(now)).unwrap();
            }
            for line in lines {
                prop_assert!(!line.levels().ends_with(&[true]));
            }
        }
    }
}
