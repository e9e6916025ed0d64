//! The inputs: the exit button and the door contact.

use std::thread;
use std::time::Duration;

use ostiary_config as config;

use super::cdev_inputs::CdevInputs;
use super::input_lines::specs;
use super::{DoorInput, Edge, GpioError, InputLevels, InputLines};

/// Requests the lines, at start and again after they were lost.
pub type Opener = Box<dyn FnMut() -> Result<Box<dyn InputLines>, GpioError> + Send>;

/// An event of the input lines.
#[derive(Debug)]
pub enum InputEvent {
    /// The exit button was pressed. A button that stays pressed gives one event.
    ExitPressed {
        /// Time since the press.
        age: Duration,
    },
    /// The door contact has a new level. The first event after the lines were requested has the current level.
    Contact {
        /// Whether the door is open.
        open: bool,
        /// Time since the change; zero if the change was not seen.
        age: Duration,
    },
    /// The lines cannot be read.
    Lost(GpioError),
    /// The lines can be read again.
    Recovered,
}

/// The configured inputs.
pub struct Inputs {
    open: Opener,
    /// `None` while the lines are lost.
    lines: Option<Box<dyn InputLines>>,
    /// Whether the levels were read since the lines were requested.
    has_read_levels: bool,
    /// The contact's level in the last event.
    contact: Option<bool>,
    levels: InputLevels,
}

impl Inputs {
    /// Requests the configured lines from the character device, also if the outputs have another backend; `None` if no
    /// input is configured.
    ///
    /// # Errors
    /// A line cannot be requested.
    pub fn open(config: &config::Inputs, relay: &config::Relay) -> Result<Option<Self>, GpioError> {
        if config.is_empty() {
            return Ok(None);
        }
        let (config, relay) = (config.clone(), relay.clone());
        Self::new(Box::new(move || Ok(Box::new(CdevInputs::open(&specs(&config, &relay))?)))).map(Some)
    }

    /// Inputs on the lines of this opener.
    ///
    /// # Errors
    /// Those of the opener.
    pub fn new(mut open: Opener) -> Result<Self, GpioError> {
        let lines = Some(open()?);
        let levels = InputLevels::default();
        Ok(Self { open, lines, has_read_levels: false, contact: None, levels })
    }

    /// The levels as they were last read.
    pub fn levels(&self) -> InputLevels {
        self.levels
    }

    /// The next event; `None` if there is none within `wait`. If the lines are lost, sleeps for `wait` and requests them
    /// again.
    pub fn next_event(&mut self, wait: Duration) -> Option<InputEvent> {
        let Some(lines) = &mut self.lines else {
            thread::sleep(wait);
            self.lines = (self.open)().ok();
            return self.lines.is_some().then_some(InputEvent::Recovered);
        };
        let has_read_levels = std::mem::replace(&mut self.has_read_levels, true);
        let edge = if has_read_levels { lines.edge(wait) } else { Ok(None) };
        let event = edge.and_then(|edge| match edge {
            Some(Edge { input, active, age }) => {
                self.levels.set(input, active);
                Ok(match input {
                    DoorInput::Exit => active.then_some(InputEvent::ExitPressed { age }),
                    DoorInput::Contact => Some(InputEvent::Contact { open: active, age }),
                })
            }
            // Without an edge, the levels are read: the kernel's buffer of edges may have overflowed, and a read fails if
            // the chip was unplugged.
            None => {
                self.levels = lines.levels()?;
                let open = self.levels.contact;
                Ok(open.map(|open| InputEvent::Contact { open, age: Duration::ZERO }))
            }
        });
        match event {
            Ok(Some(InputEvent::Contact { open, .. })) if self.contact.replace(open) == Some(open) => None,
            Ok(event) => event,
            Err(error) => {
                (self.lines, self.has_read_levels, self.contact) = (None, false, None);
                self.levels = InputLevels::default();
                Some(InputEvent::Lost(error))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::{Arc, Mutex};

    use super::*;

    /// The levels and the edges that the test sets.
    #[derive(Default)]
    struct LineLevels {
        edges: VecDeque<Edge>,
        levels: InputLevels,
        /// Whether the chip is unplugged.
        is_unplugged: bool,
    }

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<LineLevels>>);

    impl Lines {
        fn state(&self) -> Result<std::sync::MutexGuard<'_, LineLevels>, GpioError> {
            let levels = self.0.lock().unwrap();
            let (what, chip, reason) = ("door contact", "/dev/gpiochip0".into(), "no such device".into());
            if levels.is_unplugged {
                Err(GpioError::Read { what, chip, line: 27, reason })
            } else {
                Ok(levels)
            }
        }

        fn inputs(&self) -> Inputs {
            let lines = self.clone();
            Inputs::new(Box::new(move || {
                drop(lines.state()?);
                Ok(Box::new(lines.clone()))
            }))
            .unwrap()
        }

        /// Changes a level, which gives a debounced edge.
        fn set_level(&self, input: DoorInput, active: bool) {
            let mut levels = self.0.lock().unwrap();
            levels.levels.set(input, active);
            levels.edges.push_back(Edge { input, active, age: Duration::from_millis(3) });
        }
    }

    impl InputLines for Lines {
        fn edge(&mut self, _: Duration) -> Result<Option<Edge>, GpioError> {
            Ok(self.state()?.edges.pop_front())
        }
        fn levels(&mut self) -> Result<InputLevels, GpioError> {
            Ok(self.state()?.levels)
        }
    }

    fn next(inputs: &mut Inputs) -> String {
        match inputs.next_event(Duration::ZERO) {
            None => "nothing".into(),
            Some(InputEvent::ExitPressed { age }) => format!("pressed {} ms ago", age.as_millis()),
            Some(InputEvent::Contact { open, age }) => {
                format!("{} {} ms ago", if open { "opened" } else { "closed" }, age.as_millis())
            }
            Some(InputEvent::Lost(error)) => format!("lost: {error}"),
            Some(InputEvent::Recovered) => "recovered".into(),
        }
    }

    #[test]
    fn a_press_of_any_length_is_one_event() {
        let lines = Lines::default();
        let mut inputs = lines.inputs();
        assert_eq!(next(&mut inputs), "nothing");
        lines.set_level(DoorInput::Exit, true);
        assert_eq!(next(&mut inputs), "pressed 3 ms ago");
        for _ in 0..3 {
            assert_eq!(next(&mut inputs), "nothing");
        }
        lines.set_level(DoorInput::Exit, false);
        assert_eq!(next(&mut inputs), "nothing");
        lines.set_level(DoorInput::Exit, true);
        assert_eq!(next(&mut inputs), "pressed 3 ms ago");
    }

    #[test]
    fn the_levels_follow_reads_and_edges() {
        let lines = Lines::default();
        let mut inputs = lines.inputs();
        lines.set_level(DoorInput::Exit, true);
        assert_eq!(inputs.levels(), InputLevels::default(), "nothing was read yet");
        next(&mut inputs);
        assert_eq!(inputs.levels(), InputLevels { exit: Some(true), contact: None }, "a pressed button");
        next(&mut inputs);
        lines.set_level(DoorInput::Exit, false);
        lines.set_level(DoorInput::Contact, true);
        next(&mut inputs);
        assert_eq!(inputs.levels(), InputLevels { exit: Some(false), contact: None });
        next(&mut inputs);
        assert_eq!(inputs.levels(), InputLevels { exit: Some(false), contact: Some(true) });
    }

    #[test]
    fn the_first_event_of_the_contact_is_its_level_then_its_edges_follow() {
        let lines = Lines::default();
        lines.set_level(DoorInput::Contact, false);
        let mut inputs = lines.inputs();
        assert_eq!(next(&mut inputs), "closed 0 ms ago", "without an edge");
        assert_eq!(next(&mut inputs), "nothing", "the edge does not change the level");
        lines.set_level(DoorInput::Contact, true);
        assert_eq!(next(&mut inputs), "opened 3 ms ago");
        assert_eq!(next(&mut inputs), "nothing");
        lines.set_level(DoorInput::Contact, false);
        assert_eq!(next(&mut inputs), "closed 3 ms ago");
    }

    #[test]
    fn a_level_is_read_if_the_kernel_lost_the_edge() {
        let lines = Lines::default();
        lines.set_level(DoorInput::Contact, false);
        let mut inputs = lines.inputs();
        next(&mut inputs);
        lines.set_level(DoorInput::Contact, true);
        lines.0.lock().unwrap().edges.clear();
        assert_eq!(next(&mut inputs), "opened 0 ms ago");
        assert_eq!(next(&mut inputs), "nothing");
    }

    #[test]
    fn lost_lines_are_reported_once_and_have_their_current_level_when_recovered() {
        let lines = Lines::default();
        lines.set_level(DoorInput::Contact, false);
        let mut inputs = lines.inputs();
        next(&mut inputs);
        lines.0.lock().unwrap().is_unplugged = true;
        let lost = "lost: door contact: line 27 of /dev/gpiochip0 cannot be read: no such device; check that the chip \
                    still exists";
        assert_eq!(next(&mut inputs), lost);
        for _ in 0..3 {
            assert_eq!(next(&mut inputs), "nothing");
        }
        assert_eq!(inputs.levels(), InputLevels::default(), "not known");
        let levels = InputLevels { exit: None, contact: Some(false) };
        *lines.0.lock().unwrap() = LineLevels { levels, ..LineLevels::default() };
        assert_eq!(next(&mut inputs), "recovered");
        assert_eq!(next(&mut inputs), "closed 0 ms ago");
        assert_eq!(next(&mut inputs), "nothing");
    }

    #[test]
    fn without_a_line_there_is_no_input_and_a_missing_chip_is_named() {
        let relay = config::Relay { chip: "/dev/gpiochip987".into(), ..config::Relay::default() };
        assert!(Inputs::open(&config::Inputs::default(), &relay).unwrap().is_none());
        let button = config::Inputs { exit_line: Some(23), ..config::Inputs::default() };
        let message = |inputs: &config::Inputs| Inputs::open(inputs, &relay).err().unwrap().to_string();
        assert!(
            message(&button).contains("exit button: there is no GPIO chip /dev/gpiochip987"),
            "{}",
            message(&button)
        );
        assert!(message(&button).ends_with("set relay.chip"));
        let elsewhere = config::Inputs { chip: Some("/dev/gpiochip986".into()), ..button };
        assert!(
            message(&elsewhere).contains("/dev/gpiochip986")
                && message(&elsewhere).ends_with("set inputs.chip")
        );
    }
}
