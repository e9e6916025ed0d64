//! Lines that the owner enters on the terminal.

use std::io::{BufRead, IsTerminal};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

/// What the owner entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    /// Enter: go on.
    Enter,
    /// `s` and Enter: leave this part out.
    Skip,
    /// The end of the input (Ctrl-D): end the test.
    End,
}

/// The keyboard; without a terminal nothing is ever entered.
pub(super) struct Keyboard {
    keys: Option<Receiver<Key>>,
}

impl Keyboard {
    /// Whether standard input is a terminal.
    pub fn is_terminal() -> bool {
        std::io::stdin().is_terminal()
    }

    /// Reads the terminal, if standard input is one.
    pub fn open() -> Self {
        if !Self::is_terminal() {
            return Self { keys: None };
        }
        let (sender, keys) = channel();
        // It ends with the process, because nothing can interrupt the wait for a line.
        thread::spawn(move || {
            for line in std::io::stdin().lock().lines().map_while(Result::ok) {
                let key = if line.trim() == "s" { Key::Skip } else { Key::Enter };
                if sender.send(key).is_err() {
                    return;
                }
            }
            let _ = sender.send(Key::End);
        });
        Self { keys: Some(keys) }
    }

    /// Whether somebody can enter something.
    pub fn is_open(&self) -> bool {
        self.keys.is_some()
    }

    /// What is entered within a time; `None` if nothing is.
    pub fn wait(&self, time: Duration) -> Option<Key> {
        let Some(keys) = &self.keys else {
            thread::sleep(time);
            return None;
        };
        match keys.recv_timeout(time) {
            Ok(key) => Some(key),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(Key::End),
        }
    }
}
