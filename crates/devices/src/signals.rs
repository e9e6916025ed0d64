//! Lamps and a buzzer that say yes or no, on time given from outside.

use std::time::Duration;

use ostiary_config as config;

use super::{GpioError, LineSpec, OUTPUTS_CHIP, OutputLine, open};

/// How long one buzz lasts, and the pause between two.
const BUZZ: Duration = Duration::from_millis(150);

/// What tells the person at the door. Each output is there only where it has a line.
#[derive(Default)]
pub struct Signals {
    yes: Option<Blinker>,
    no: Option<Blinker>,
    buzzer: Option<Blinker>,
    lamp: Duration,
}

impl Signals {
    /// Takes the configured lines, on the relay's chip and backend, all off.
    pub fn open(config: &config::Signals, relay: &config::Relay) -> Result<Self, GpioError> {
        let take = |what: &'static str, line: Option<u32>| {
            let config::Relay { backend, chip, .. } = relay;
            let (backend, active, key) = (*backend, config.active, OUTPUTS_CHIP);
            line.map(|line| open(LineSpec { what, backend, chip, key, line, active })).transpose()
        };
        let yes = take("yes lamp", config.yes_line)?;
        let no = take("no lamp", config.no_line)?;
        let buzzer = take("buzzer", config.buzzer_line)?;
        Ok(Self::new(yes, no, buzzer, Duration::from_millis(config.lamp_ms)))
    }

    /// Signals on lines that are off; a lamp burns for `lamp`.
    pub fn new(
        yes: Option<Box<dyn OutputLine>>,
        no: Option<Box<dyn OutputLine>>,
        buzzer: Option<Box<dyn OutputLine>>,
        lamp: Duration,
    ) -> Self {
        let [yes, no, buzzer] = [yes, no, buzzer].map(|line| line.map(Blinker::new));
        Self { yes, no, buzzer, lamp }
    }

    /// Says yes: its lamp, and one buzz.
    pub fn yes(&mut self, now: Duration) -> Result<(), GpioError> {
        let lamp = self.lamp;
        let others = each(&mut self.no, Blinker::stop);
        let lit = each(&mut self.yes, |blinker| blinker.start(now, lamp, 1));
        let buzzed = each(&mut self.buzzer, |blinker| blinker.start(now, BUZZ, 1));
        others.and(lit).and(buzzed)
    }

    /// Says no: its lamp, and two buzzes.
    pub fn no(&mut self, now: Duration) -> Result<(), GpioError> {
        let lamp = self.lamp;
        let others = each(&mut self.yes, Blinker::stop);
        let lit = each(&mut self.no, |blinker| blinker.start(now, lamp, 1));
        let buzzed = each(&mut self.buzzer, |blinker| blinker.start(now, BUZZ, 2));
        others.and(lit).and(buzzed)
    }

    /// Lets time pass: switches what is due. All are driven even where one fails; the first error is told.
    pub fn tick(&mut self, now: Duration) -> Result<(), GpioError> {
        let outputs = [&mut self.yes, &mut self.no, &mut self.buzzer];
        outputs.map(|output| each(output, |blinker| blinker.tick(now))).into_iter().collect()
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        for output in [&mut self.yes, &mut self.no, &mut self.buzzer] {
            if let Err(error) = each(output, Blinker::stop) {
                log::warn!("{error}");
            }
        }
    }
}

fn each(
    output: &mut Option<Blinker>,
    act: impl FnOnce(&mut Blinker) -> Result<(), GpioError>,
) -> Result<(), GpioError> {
    output.as_mut().map_or(Ok(()), act)
}

/// One output and the pulses it still owes.
struct Blinker {
    line: Box<dyn OutputLine>,
    /// Edges left, the one to off that ends the last pulse among them; odd while the line is on.
    edges: u32,
    next: Duration,
    length: Duration,
}

impl Blinker {
    fn new(line: Box<dyn OutputLine>) -> Self {
        Self { line, edges: 0, next: Duration::ZERO, length: Duration::ZERO }
    }

    /// Goes on now, for `pulses` pulses of this length with pauses of the same length.
    fn start(&mut self, now: Duration, length: Duration, pulses: u32) -> Result<(), GpioError> {
        self.edges = 2 * pulses - 1;
        self.length = length;
        self.next = now + length;
        self.line.set(true)
    }

    fn stop(&mut self) -> Result<(), GpioError> {
        if std::mem::take(&mut self.edges) > 0 { self.line.set(false) } else { Ok(()) }
    }

    /// One edge at most: after a long pause between ticks a pulse comes late rather than not at all.
    fn tick(&mut self, now: Duration) -> Result<(), GpioError> {
        if self.edges == 0 || now < self.next {
            return Ok(());
        }
        // The edge stays due where it fails, and is tried again at the next tick.
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
    use crate::recorder::Recorder;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn signals() -> (Signals, [Recorder; 3]) {
        let lines = [Recorder::default(), Recorder::default(), Recorder::default()];
        let [yes, no, buzzer] = lines.clone().map(|line| Some(Box::new(line) as Box<dyn OutputLine>));
        (Signals::new(yes, no, buzzer, ms(2000)), lines)
    }

    #[test]
    fn yes_lights_its_lamp_and_buzzes_once() {
        let (mut signals, [yes, no, buzzer]) = signals();
        signals.yes(ms(100)).unwrap();
        for now in (100..2100).step_by(10) {
            signals.tick(ms(now)).unwrap();
        }
        assert_eq!(yes.seen(), [true]);
        signals.tick(ms(2100)).unwrap();
        assert_eq!(yes.seen(), [true, false]);
        assert_eq!(buzzer.seen(), [true, false]);
        assert_eq!(no.seen(), [false; 0]);
    }

    #[test]
    fn no_lights_its_lamp_and_buzzes_twice() {
        let (mut signals, [yes, no, buzzer]) = signals();
        signals.no(ms(0)).unwrap();
        for now in (0..3000).step_by(10) {
            signals.tick(ms(now)).unwrap();
        }
        assert_eq!(no.seen(), [true, false]);
        assert_eq!(buzzer.seen(), [true, false, true, false]);
        assert_eq!(yes.seen(), [false; 0]);
    }

    #[test]
    fn a_yes_after_a_no_ends_the_no() {
        let (mut signals, [yes, no, buzzer]) = signals();
        signals.no(ms(0)).unwrap();
        signals.yes(ms(50)).unwrap();
        for now in (0..3000).step_by(10) {
            signals.tick(ms(now)).unwrap();
        }
        assert_eq!(no.seen(), [true, false]);
        assert_eq!(yes.seen(), [true, false]);
        assert_eq!(buzzer.seen(), [true, true, false]);
    }

    #[test]
    fn dropped_signals_are_off() {
        let (mut signals, [_, no, buzzer]) = signals();
        signals.no(ms(0)).unwrap();
        drop(signals);
        assert_eq!(no.seen(), [true, false]);
        assert_eq!(buzzer.seen(), [true, false]);
    }

    proptest! {
        #[test]
        fn whatever_is_said_all_goes_off_in_the_end(
            said in proptest::collection::vec((any::<bool>(), 0u64..3000), 0..20)
        ) {
            let (mut signals, lines) = signals();
            let mut now = 0;
            for (yes, wait) in said {
                if yes { signals.yes(ms(now)).unwrap() } else { signals.no(ms(now)).unwrap() }
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
                prop_assert!(!line.seen().ends_with(&[true]));
            }
        }
    }
}
