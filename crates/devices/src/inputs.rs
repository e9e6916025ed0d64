//! The button that asks to be let out, and the contact that tells whether the door is open.

use std::thread;
use std::time::Duration;

use ostiary_config as config;

use super::cdev_inputs::CdevInputs;
use super::input_lines::specs;
use super::{Edge, GpioError, Input, InputLines};

/// Takes the lines, and again after they were lost.
pub type Opener = Box<dyn FnMut() -> Result<Box<dyn InputLines>, GpioError> + Send>;

/// What the lines say.
#[derive(Debug)]
pub enum InputEvent {
    /// The button was pressed, so long ago. One that stays pressed says no more.
    Exit { age: Duration },
    /// The door is open or closed, for so long. The first word after the lines were taken says how it was found.
    Contact { open: bool, age: Duration },
    /// The lines cannot be read any more.
    Lost(GpioError),
    /// They are read again.
    Back,
}

/// Both inputs, as far as they are configured.
pub struct Inputs {
    open: Opener,
    /// `None` while they are lost.
    lines: Option<Box<dyn InputLines>>,
    /// Whether the contact's level was read since the lines were taken, and what was said of it last.
    looked: bool,
    contact: Option<bool>,
}

impl Inputs {
    /// Takes the configured lines by the character device, whatever drives the outputs; `None` where there is none.
    pub fn open(config: &config::Inputs, relay: &config::Relay) -> Result<Option<Self>, GpioError> {
        if config.is_empty() {
            return Ok(None);
        }
        let (config, relay) = (config.clone(), relay.clone());
        Self::new(Box::new(move || Ok(Box::new(CdevInputs::open(&specs(&config, &relay))?)))).map(Some)
    }

    /// Inputs on the lines that this takes.
    pub fn new(mut open: Opener) -> Result<Self, GpioError> {
        let lines = Some(open()?);
        Ok(Self { open, lines, looked: false, contact: None })
    }

    /// What is heard next; `None` where nothing was for so long. Lines that are lost are taken again by and by.
    pub fn next_event(&mut self, wait: Duration) -> Option<InputEvent> {
        let Some(lines) = &mut self.lines else {
            thread::sleep(wait);
            self.lines = (self.open)().ok();
            return self.lines.is_some().then_some(InputEvent::Back);
        };
        let looked = std::mem::replace(&mut self.looked, true);
        let edge = if looked { lines.edge(wait) } else { Ok(None) };
        let heard = edge.and_then(|edge| match edge {
            Some(Edge { input: Input::Exit, active, age }) => Ok(active.then_some(InputEvent::Exit { age })),
            Some(Edge { input: Input::Contact, active: open, age }) => {
                Ok(Some(InputEvent::Contact { open, age }))
            }
            // Nothing came. What the kernel could not keep for us is made up for, and a chip that is gone found.
            None => {
                let contact = lines.contact()?;
                Ok(contact.map(|open| InputEvent::Contact { open, age: Duration::ZERO }))
            }
        });
        match heard {
            Ok(Some(InputEvent::Contact { open, .. })) if self.contact.replace(open) == Some(open) => None,
            Ok(heard) => heard,
            Err(error) => {
                (self.lines, self.looked, self.contact) = (None, false, None);
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

    /// What hands do to the lines.
    #[derive(Default)]
    struct Hands {
        edges: VecDeque<Edge>,
        open: Option<bool>,
        /// The chip is unplugged.
        gone: bool,
    }

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Hands>>);

    impl Lines {
        fn unless_gone(&self) -> Result<std::sync::MutexGuard<'_, Hands>, GpioError> {
            let hands = self.0.lock().unwrap();
            let (what, chip, reason) = ("door contact", "/dev/gpiochip0".into(), "no such device".into());
            if hands.gone { Err(GpioError::Read { what, chip, line: 27, reason }) } else { Ok(hands) }
        }

        fn inputs(&self) -> Inputs {
            let lines = self.clone();
            Inputs::new(Box::new(move || {
                drop(lines.unless_gone()?);
                Ok(Box::new(lines.clone()))
            }))
            .unwrap()
        }

        /// The level changes, and is debounced.
        fn becomes(&self, input: Input, active: bool) {
            let mut hands = self.0.lock().unwrap();
            if input == Input::Contact {
                hands.open = Some(active);
            }
            hands.edges.push_back(Edge { input, active, age: Duration::from_millis(3) });
        }
    }

    impl InputLines for Lines {
        fn edge(&mut self, _: Duration) -> Result<Option<Edge>, GpioError> {
            Ok(self.unless_gone()?.edges.pop_front())
        }
        fn contact(&mut self) -> Result<Option<bool>, GpioError> {
            Ok(self.unless_gone()?.open)
        }
    }

    fn hear(inputs: &mut Inputs) -> String {
        match inputs.next_event(Duration::ZERO) {
            None => "nothing".into(),
            Some(InputEvent::Exit { age }) => format!("pressed {} ms ago", age.as_millis()),
            Some(InputEvent::Contact { open, age }) => {
                format!("{} {} ms ago", if open { "opened" } else { "closed" }, age.as_millis())
            }
            Some(InputEvent::Lost(error)) => format!("lost: {error}"),
            Some(InputEvent::Back) => "back".into(),
        }
    }

    #[test]
    fn a_press_is_heard_once_however_long_it_lasts() {
        let lines = Lines::default();
        let mut inputs = lines.inputs();
        assert_eq!(hear(&mut inputs), "nothing");
        lines.becomes(Input::Exit, true);
        assert_eq!(hear(&mut inputs), "pressed 3 ms ago");
        for _ in 0..3 {
            assert_eq!(hear(&mut inputs), "nothing");
        }
        lines.becomes(Input::Exit, false);
        assert_eq!(hear(&mut inputs), "nothing");
        lines.becomes(Input::Exit, true);
        assert_eq!(hear(&mut inputs), "pressed 3 ms ago");
    }

    #[test]
    fn the_contact_is_read_first_and_then_followed() {
        let lines = Lines::default();
        lines.becomes(Input::Contact, false);
        let mut inputs = lines.inputs();
        assert_eq!(hear(&mut inputs), "closed 0 ms ago", "without an edge");
        assert_eq!(hear(&mut inputs), "nothing", "the edge is no news");
        lines.becomes(Input::Contact, true);
        assert_eq!(hear(&mut inputs), "opened 3 ms ago");
        assert_eq!(hear(&mut inputs), "nothing");
        lines.becomes(Input::Contact, false);
        assert_eq!(hear(&mut inputs), "closed 3 ms ago");
    }

    #[test]
    fn an_edge_that_the_kernel_lost_is_made_up_for() {
        let lines = Lines::default();
        lines.becomes(Input::Contact, false);
        let mut inputs = lines.inputs();
        hear(&mut inputs);
        lines.becomes(Input::Contact, true);
        lines.0.lock().unwrap().edges.clear();
        assert_eq!(hear(&mut inputs), "opened 0 ms ago");
        assert_eq!(hear(&mut inputs), "nothing");
    }

    #[test]
    fn lines_that_are_lost_are_told_once_and_taken_again_with_the_level_that_they_have_then() {
        let lines = Lines::default();
        lines.becomes(Input::Contact, false);
        let mut inputs = lines.inputs();
        hear(&mut inputs);
        lines.0.lock().unwrap().gone = true;
        let lost = "lost: door contact: line 27 of /dev/gpiochip0 cannot be read: no such device; check that the chip is \
                    still there";
        assert_eq!(hear(&mut inputs), lost);
        for _ in 0..3 {
            assert_eq!(hear(&mut inputs), "nothing");
        }
        *lines.0.lock().unwrap() = Hands { open: Some(false), ..Hands::default() };
        assert_eq!(hear(&mut inputs), "back");
        assert_eq!(hear(&mut inputs), "closed 0 ms ago");
        assert_eq!(hear(&mut inputs), "nothing");
    }

    #[test]
    fn without_a_line_there_is_no_input_and_a_missing_chip_is_named() {
        let relay = config::Relay { chip: "/dev/gpiochip987".into(), ..config::Relay::default() };
        assert!(Inputs::open(&config::Inputs::default(), &relay).unwrap().is_none());
        let button = config::Inputs { exit_line: Some(23), ..config::Inputs::default() };
        let said = |inputs: &config::Inputs| Inputs::open(inputs, &relay).err().unwrap().to_string();
        assert!(
            said(&button).contains("exit button: there is no GPIO chip /dev/gpiochip987"),
            "{}",
            said(&button)
        );
        assert!(said(&button).ends_with("set relay.chip"));
        let elsewhere = config::Inputs { chip: Some("/dev/gpiochip986".into()), ..button };
        assert!(
            said(&elsewhere).contains("/dev/gpiochip986") && said(&elsewhere).ends_with("set inputs.chip")
        );
    }
}
