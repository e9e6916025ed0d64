//! Lamps and a buzzer that signal a grant or a denial, and what the person should do. The caller passes the time.

use std::time::Duration;

use ostiary_config as config;
use ostiary_core::Prompt;

use super::blinker::{Blinker, Pulses};
use super::prompt_pattern::PromptPattern;
use super::{GpioError, LineSpec, OUTPUTS_CHIP_KEY, OutputLine, open};

/// The length of one buzz, and of the pause between two.
const BUZZ_TIME: Duration = Duration::from_millis(150);
/// A prompt's pattern that nobody ends stops after this time. A challenge takes at most 8 s.
const LONGEST_PROMPT: Duration = Duration::from_secs(30);

/// The signals for the person at the door. An output without a configured line is absent.
#[derive(Default)]
pub struct Signals {
    granted: Option<Blinker>,
    denied: Option<Blinker>,
    buzzer: Option<Blinker>,
    lamp_time: Duration,
    /// The prompt whose pattern was started last; `None` if it was ended.
    prompt: Option<Prompt>,
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
        Self { granted, denied, buzzer, lamp_time, prompt: None }
    }

    /// Whether there is a lamp or a buzzer.
    pub fn has_output(&self) -> bool {
        self.granted.is_some() || self.denied.is_some() || self.buzzer.is_some()
    }

    /// Signals a grant: the yes lamp and one buzz. Ends the signal of a denial or a prompt.
    ///
    /// # Errors
    /// The first error of the outputs; all outputs are switched if they can be.
    pub fn granted(&mut self, now: Duration) -> Result<(), GpioError> {
        self.prompt = None;
        let lamp = lamp_pulse(self.lamp_time);
        let stopped = if_present(&mut self.denied, Blinker::stop);
        let lit = if_present(&mut self.granted, |blinker| blinker.start(now, lamp));
        let buzzed = if_present(&mut self.buzzer, |blinker| blinker.start(now, buzzes(1)));
        stopped.and(lit).and(buzzed)
    }

    /// Signals a denial: the no lamp and two buzzes. Ends the signal of a grant or a prompt.
    ///
    /// # Errors
    /// The first error of the outputs; all outputs are switched if they can be.
    pub fn denied(&mut self, now: Duration) -> Result<(), GpioError> {
        self.prompt = None;
        let lamp = lamp_pulse(self.lamp_time);
        let stopped = if_present(&mut self.granted, Blinker::stop);
        let lit = if_present(&mut self.denied, |blinker| blinker.start(now, lamp));
        let buzzed = if_present(&mut self.buzzer, |blinker| blinker.start(now, buzzes(2)));
        stopped.and(lit).and(buzzed)
    }

    /// Signals what the person should do, by a pattern on all outputs that is repeated until the next grant, denial or other
    /// prompt, at most for 30 seconds. `None` ends it. The prompt that is signaled already is not started again, and the
    /// signal of a grant or denial is not ended by `None`.
    ///
    /// # Errors
    /// The first error of the outputs; all outputs are switched if they can be.
    pub fn prompt(&mut self, now: Duration, prompt: Option<Prompt>) -> Result<(), GpioError> {
        if prompt == self.prompt {
            return Ok(());
        }
        self.prompt = prompt;
        let pattern = prompt.map(PromptPattern::from);
        self.each(|blinker| match pattern {
            Some(PromptPattern { pulses, pause }) => blinker.repeat(now, pulses, pause, now + LONGEST_PROMPT),
            None => blinker.stop(),
        })
    }

    /// Advances the time, and switches outputs whose time has come.
    ///
    /// # Errors
    /// The first error of the outputs; all outputs are switched if they can be.
    pub fn tick(&mut self, now: Duration) -> Result<(), GpioError> {
        self.each(|blinker| blinker.tick(now))
    }

    /// Does this with each output that is present, also after an error, and returns the first error.
    fn each(&mut self, action: impl Fn(&mut Blinker) -> Result<(), GpioError>) -> Result<(), GpioError> {
        let outputs = [&mut self.granted, &mut self.denied, &mut self.buzzer];
        outputs.map(|output| if_present(output, &action)).into_iter().collect()
    }
}

fn lamp_pulse(lamp_time: Duration) -> Pulses {
    Pulses { count: 1, on: lamp_time, off: Duration::ZERO }
}

fn buzzes(count: u32) -> Pulses {
    Pulses { count, on: BUZZ_TIME, off: BUZZ_TIME }
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use ostiary_core::Direction;

    use super::*;
    use crate::recorded_line::RecordedLine;

    /// The interval at which the door thread calls `tick`, at the longest, milliseconds.
    const TICK: u64 = 20;

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

    /// The lengths of the alternating times on and off of a line, from now on for this time, milliseconds. The line is on at
    /// the beginning. The last one, which may be longer, is missing.
    fn lengths(signals: &mut Signals, line: &RecordedLine, from: u64, time: u64) -> Vec<u64> {
        let (mut lengths, mut on, mut since) = (Vec::new(), true, from);
        assert_eq!(line.levels().last(), Some(&true));
        for now in (from..from + time).step_by(TICK as usize) {
            signals.tick(ms(now)).unwrap();
            if line.levels().last() != Some(&on) {
                lengths.push(now - since);
                (on, since) = (!on, now);
            }
        }
        lengths
    }

    #[test]
    fn a_person_tells_prompts_apart_within_about_a_second() {
        let in_first_second = |prompt| {
            let (mut signals, [granted, denied, buzzer]) = signals();
            signals.prompt(ms(0), Some(prompt)).unwrap();
            let lengths = lengths(&mut signals, &granted, 0, 1500);
            assert_eq!(denied.levels(), granted.levels());
            assert_eq!(buzzer.levels(), granted.levels());
            lengths
        };
        let (short, gap, pause) = (60, 200, 700);
        assert_eq!(in_first_second(Prompt::LookAtCamera), [400, 400, 400]);
        assert_eq!(in_first_second(Prompt::StepBack), [800, 200]);
        assert_eq!(in_first_second(Prompt::Turn(Direction::Left))[..2], [short, pause]);
        assert_eq!(in_first_second(Prompt::Turn(Direction::Right))[..4], [short, gap, short, pause]);
        let up = in_first_second(Prompt::Turn(Direction::Up));
        assert_eq!(up[..6], [short, gap, short, gap, short, pause]);
        let down = in_first_second(Prompt::Turn(Direction::Down));
        assert_eq!(down[..7], [short, gap, short, gap, short, gap, short]);
        assert_eq!(down.len(), 7, "a pause after the fourth pulse");
    }

    #[test]
    fn a_prompt_looks_and_sounds_like_no_grant_and_no_denial() {
        for prompt in Prompt::ALL {
            let (mut signals, [granted, ..]) = signals();
            signals.prompt(ms(0), Some(prompt)).unwrap();
            // A lamp is on for 2000 ms, a buzz is 150 ms long.
            for on in lengths(&mut signals, &granted, 0, 10_000).iter().step_by(2) {
                assert!(*on < 1000 && on.abs_diff(150) > 50, "{prompt:?}: on for {on} ms");
            }
        }
    }

    #[test]
    fn a_grant_or_a_denial_ends_a_prompt_at_once() {
        for prompt in Prompt::ALL {
            let (mut signals, [granted, denied, buzzer]) = signals();
            signals.prompt(ms(0), Some(prompt)).unwrap();
            signals.granted(ms(20)).unwrap();
            assert_eq!(denied.levels(), [true, false], "{prompt:?}");
            assert_eq!(lengths(&mut signals, &granted, 20, 5000), [2000]);
            assert_eq!(buzzer.levels(), [true, true, false]);
            // Nothing is asked any more, which does not end the signal of the denial.
            signals.prompt(ms(6000), Some(prompt)).unwrap();
            signals.denied(ms(6020)).unwrap();
            signals.prompt(ms(6040), None).unwrap();
            assert_eq!(granted.levels().last(), Some(&false));
            assert_eq!(lengths(&mut signals, &denied, 6020, 5000), [2000]);
        }
    }

    #[test]
    fn the_next_prompt_replaces_one_and_none_ends_it() {
        let (mut signals, [granted, _, buzzer]) = signals();
        signals.prompt(ms(0), Some(Prompt::StepBack)).unwrap();
        signals.prompt(ms(100), Some(Prompt::LookAtCamera)).unwrap();
        assert_eq!(lengths(&mut signals, &granted, 100, 1400), [400, 400, 400]);
        // It is off from 1300 to 1700. The same prompt does not disturb the pattern.
        signals.prompt(ms(1500), Some(Prompt::LookAtCamera)).unwrap();
        assert_eq!(granted.levels().last(), Some(&false));
        signals.tick(ms(1700)).unwrap();
        assert_eq!(granted.levels().last(), Some(&true));
        signals.prompt(ms(1720), None).unwrap();
        assert_eq!(granted.levels().last(), Some(&false));
        let before = buzzer.levels().len();
        for now in (1740..40_000).step_by(20) {
            signals.tick(ms(now)).unwrap();
        }
        assert_eq!(buzzer.levels().len(), before);
        // The same prompt after its end is signaled.
        signals.prompt(ms(40_000), Some(Prompt::LookAtCamera)).unwrap();
        assert_eq!(granted.levels().last(), Some(&true));
    }

    #[test]
    fn each_line_is_an_output() {
        let line = || Some(Box::new(RecordedLine::default()) as Box<dyn OutputLine>);
        assert!(!Signals::default().has_output());
        assert!(Signals::new(line(), None, None, ms(1)).has_output());
        assert!(Signals::new(None, line(), None, ms(1)).has_output());
        assert!(Signals::new(None, None, line(), ms(1)).has_output());
    }

    #[derive(Debug, Clone, Copy)]
    enum Signal {
        Granted,
        Denied,
        Prompt(Option<Prompt>),
    }

    fn any_signal() -> impl Strategy<Value = Signal> {
        let prompt = prop::option::of(prop::sample::select(Prompt::ALL.to_vec()));
        prop_oneof![Just(Signal::Granted), Just(Signal::Denied), prompt.prop_map(Signal::Prompt)]
    }

    proptest! {
        #[test]
        fn after_any_signals_all_outputs_go_off(
            signaled in proptest::collection::vec((any_signal(), 0u64..3000), 0..20)
        ) {
            let (mut signals, lines) = signals();
            let mut now = 0;
            for (signal, wait) in signaled {
                match signal {
                    Signal::Granted => signals.granted(ms(now)).unwrap(),
                    Signal::Denied => signals.denied(ms(now)).unwrap(),
                    Signal::Prompt(prompt) => signals.prompt(ms(now), prompt).unwrap(),
                }
                let end = now + wait;
                while now < end {
                    now += 37;
                    signals.tick(ms(now)).unwrap();
                }
            }
            // A prompt that nobody ends takes 30 seconds.
            let mut changes = 0;
            for waited in (0..40_000).step_by(50) {
                now += 50;
                signals.tick(ms(now)).unwrap();
                if waited == 35_000 {
                    changes = lines.iter().map(|line| line.levels().len()).sum();
                }
            }
            prop_assert_eq!(lines.iter().map(|line| line.levels().len()).sum::<usize>(), changes);
            for line in lines {
                prop_assert!(!line.levels().ends_with(&[true]));
            }
        }
    }
}
