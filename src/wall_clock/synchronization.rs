//! Asks whether the system's clock is synchronized: once, or repeatedly in the background for the daemon.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use ostiary_access::Synchronization;
use ostiary_core::clock::is_synchronized;

use super::timedated;

/// The time from one question to the next. systemd-timedated ends 30 s after the latest question; a longer period would
/// start it for each question, with lines in the journal each time.
const PERIOD: Duration = Duration::from_secs(20);
/// How long an answer counts.
const VALID: Duration = Duration::from_secs(60);

/// Asks whether the clock is synchronized: systemd-timedated where systemd runs or the environment names a system bus,
/// else the kernel. Waits for the answer, with a time limit.
pub fn ask() -> Synchronization {
    let answer = match has_timedated() {
        true => timedated::is_synchronized().map_err(|error| error.to_string()),
        false => is_synchronized().map_err(|error| format!("the kernel does not say: {error}")),
    };
    match answer {
        Ok(true) => Synchronization::Yes,
        Ok(false) => Synchronization::No,
        Err(why) => Synchronization::Unknown(why),
    }
}

/// Whether systemd-timedated must be on the bus. In a container with the host's bus, the environment names the bus.
fn has_timedated() -> bool {
    std::env::var_os("DBUS_SYSTEM_BUS_ADDRESS").is_some() || sd_notify::booted().unwrap_or(true)
}

/// The latest answer, which a thread asks for again in the background. Readers never wait for the bus.
#[derive(Debug)]
pub struct Monitor {
    ask: fn() -> Synchronization,
    latest: Arc<Mutex<Option<Answer>>>,
    asking: Mutex<Option<JoinHandle<()>>>,
}

/// An answer and when it came.
#[derive(Debug, Clone)]
struct Answer {
    synchronization: Synchronization,
    at: Instant,
}

impl Answer {
    fn now(synchronization: Synchronization) -> Self {
        Self { synchronization, at: Instant::now() }
    }
}

impl Monitor {
    /// A monitor without an answer, which will ask by this function.
    pub fn new(ask: fn() -> Synchronization) -> Self {
        Self { ask, latest: Arc::default(), asking: Mutex::default() }
    }

    /// Asks in the background if the latest answer is older than the period and no question is under way. Returns whether
    /// there is an answer that counts.
    pub fn refresh(&self) -> bool {
        let answer = lock(&self.latest).clone();
        if answer.as_ref().is_none_or(|answer| answer.at.elapsed() >= PERIOD) {
            let mut asking = lock(&self.asking);
            if asking.as_ref().is_none_or(JoinHandle::is_finished) {
                match self.spawn() {
                    Ok(thread) => *asking = Some(thread),
                    Err(error) => {
                        let unknown = Synchronization::Unknown(format!("no thread can ask: {error}"));
                        *lock(&self.latest) = Some(Answer::now(unknown));
                    }
                }
            }
        }
        self.latest().is_some()
    }

    fn spawn(&self) -> io::Result<JoinHandle<()>> {
        let (ask, latest) = (self.ask, self.latest.clone());
        thread::Builder::new().name("clock".to_owned()).spawn(move || {
            let answer = Answer::now(ask());
            *lock(&latest) = Some(answer);
        })
    }

    /// The latest answer, if it still counts.
    pub fn latest(&self) -> Option<Synchronization> {
        let answer = lock(&self.latest).clone();
        answer.filter(|answer| answer.at.elapsed() < VALID).map(|answer| answer.synchronization)
    }
}

/// Held only while a value is copied.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_counts_for_a_minute_and_is_asked_for_again_in_the_background() {
        let monitor = Monitor::new(|| Synchronization::No);
        assert_eq!(monitor.latest(), None);
        let Some(old) = Instant::now().checked_sub(VALID) else {
            panic!("the machine runs for less than a minute")
        };
        *lock(&monitor.latest) = Some(Answer { synchronization: Synchronization::Yes, at: old });
        assert_eq!(monitor.latest(), None);
        monitor.refresh();
        lock(&monitor.asking).take().unwrap().join().unwrap();
        assert_eq!(monitor.latest(), Some(Synchronization::No));

        // A recent answer is not asked for again.
        *lock(&monitor.latest) = Some(Answer::now(Synchronization::Yes));
        assert!(monitor.refresh());
        assert!(lock(&monitor.asking).is_none());
    }
}
