//! Which door this is at the broker, and how it notices another door of the same prefix and name, which would publish on the same
//! topics.
//!
//! Each door announces itself on a retained topic when it connects, and hears what is announced there. Who hears another door
//! announces itself again, so that the other one hears it too.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, RandomState};
use std::path::{self, Path};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::{fs, process};

use ostiary_core::sha256;
use serde::{Deserialize, Serialize};

/// The most other doors that are answered over one connection.
const MAX_ANSWERED: usize = 16;

/// The identity of this daemon.
pub(super) struct Instance {
    announcement: Announcement,
    heard: Mutex<Heard>,
}

/// What a door announces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Announcement {
    /// The same after each start of this door, and another for each door.
    instance: String,
    /// Another after each start.
    run: String,
}

#[derive(Default)]
struct Heard {
    /// Whether the broker has what this run announced.
    is_announced: bool,
    /// Whether another door has the same `instance`, as after a copy of the whole disk.
    is_copied: bool,
    /// The runs of other doors that were answered over this connection.
    answered: BTreeSet<String>,
    /// Whether the owner was told of another door.
    is_told: bool,
}

/// What follows from a message on the topic.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Consequence {
    /// Nothing.
    None,
    /// There is another door: it has to be answered, the owner has to be told, or both.
    Clash { answer: bool, tell: bool },
    /// Another door had this name before, and has cleared its topics: what this door publishes has to be published again.
    Cleared,
}

impl Instance {
    /// A new run of the door that has this event store and publishes under this prefix and name.
    pub fn new(store: &Path, prefix: &str, door: &str) -> Self {
        Self::on(&machine(), store, prefix, door)
    }

    fn on(machine: &str, store: &Path, prefix: &str, door: &str) -> Self {
        let store = path::absolute(store).unwrap_or_else(|_| store.to_owned());
        // The id of the machine is not to be seen by others.
        let instance =
            sha256(format!("ostiary\0{machine}\0{}\0{prefix}\0{door}", store.display()).as_bytes());
        let instance = instance.chars().take(12).collect();
        Self { announcement: Announcement { instance, run: run_id() }, heard: Mutex::default() }
    }

    /// The client id at the broker: each client must have its own. It stays the same after a start, so that the broker ends the
    /// connection of the run before.
    pub fn client_id(&self, object_id: &str) -> String {
        let Announcement { instance, run } = &self.announcement;
        match self.heard().is_copied {
            false => format!("{object_id}_{instance}"),
            true => format!("{object_id}_{instance}_{run}"),
        }
    }

    /// The retained message.
    pub fn announcement(&self) -> String {
        serde_json::to_string(&self.announcement).unwrap_or_default()
    }

    /// Whether the message on the topic is of another door.
    pub fn is_of_another(&self, payload: &[u8]) -> bool {
        serde_json::from_slice::<Announcement>(payload)
            .is_ok_and(|other| other.instance != self.announcement.instance)
    }

    /// The connection has ended.
    pub fn disconnected(&self) {
        self.heard().answered.clear();
    }

    /// A message on the topic. A retained one was there before the subscription.
    pub fn receive(&self, payload: &[u8], is_retained: bool) -> Consequence {
        let own = &self.announcement;
        let mut heard = self.heard();
        if payload.is_empty() {
            return Consequence::Cleared;
        }
        let Ok(other) = serde_json::from_slice::<Announcement>(payload) else { return Consequence::None };
        if other.run == own.run {
            heard.is_announced = true;
            return Consequence::None;
        }
        // It may be of an earlier run or of the machine before. Unless this run announced itself before it.
        if is_retained && !heard.is_announced {
            return Consequence::None;
        }
        heard.is_copied |= other.instance == own.instance;
        let answer = !is_retained && heard.answered.len() < MAX_ANSWERED && heard.answered.insert(other.run);
        let tell = !std::mem::replace(&mut heard.is_told, true);
        if answer || tell { Consequence::Clash { answer, tell } } else { Consequence::None }
    }

    /// Locks also after a panic of another thread that held the lock.
    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Eight random hexadecimal digits.
pub(super) fn run_id() -> String {
    let random = RandomState::new().hash_one(process::id());
    format!("{random:016x}").chars().take(8).collect()
}

/// The machine's id, or its name, if it has no id, as in some containers.
fn machine() -> String {
    let read = |path| fs::read_to_string(path).map(|text| text.trim().to_owned()).unwrap_or_default();
    let id = read("/etc/machine-id");
    match id.as_str() {
        "" | "uninitialized" => read("/proc/sys/kernel/hostname"),
        _ => id,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLASH: Consequence = Consequence::Clash { answer: true, tell: true };

    fn door(machine: &str, store: &str) -> Instance {
        Instance::on(machine, Path::new(store), "ostiary", "door")
    }

    #[test]
    fn each_door_has_its_own_client_id_which_a_restart_does_not_change() {
        let id = |machine: &str, store: &str, prefix: &str, name: &str| {
            Instance::on(machine, Path::new(store), prefix, name).client_id("ostiary_door")
        };
        let one = id("a", "/var/lib/ostiary/events.sqlite", "ostiary", "door");
        assert_eq!(one, id("a", "/var/lib/ostiary/events.sqlite", "ostiary", "door"));
        assert!(one.starts_with("ostiary_door_") && one.len() == 25, "{one}");
        let others = [
            id("b", "/var/lib/ostiary/events.sqlite", "ostiary", "door"),
            id("a", "/var/lib/other/events.sqlite", "ostiary", "door"),
            id("a", "/var/lib/ostiary/events.sqlite", "house", "door"),
            id("a", "/var/lib/ostiary/events.sqlite", "ostiary", "back"),
        ];
        assert!(!others.contains(&one));
        assert_eq!(others.iter().collect::<BTreeSet<_>>().len(), others.len());
    }

    #[test]
    fn two_doors_that_are_connected_tell_each_other_once() {
        let (one, two) = (door("a", "/1"), door("b", "/1"));
        // The second connects. The first hears it and answers, and so does the second.
        assert_eq!(one.receive(one.announcement().as_bytes(), false), Consequence::None);
        assert_eq!(one.receive(two.announcement().as_bytes(), false), CLASH);
        assert_eq!(two.receive(one.announcement().as_bytes(), true), Consequence::None);
        assert_eq!(two.receive(one.announcement().as_bytes(), false), CLASH);
        assert_eq!(one.receive(two.announcement().as_bytes(), false), Consequence::None);
        // At the next connection it is answered, and the owner is not told again.
        one.disconnected();
        let again = one.receive(two.announcement().as_bytes(), false);
        assert_eq!(again, Consequence::Clash { answer: true, tell: false });
        assert_eq!(one.client_id("x").len(), 14, "ids of their own suffice");
    }

    #[test]
    fn what_an_earlier_run_or_machine_has_left_is_no_other_door() {
        let now = door("a", "/1");
        for before in [door("a", "/1"), door("b", "/1")] {
            assert_eq!(now.receive(before.announcement().as_bytes(), true), Consequence::None);
        }
        for garbage in [&b"no JSON"[..], b"{}", b"\xff"] {
            assert_eq!(now.receive(garbage, false), Consequence::None);
        }
        assert_eq!(now.receive(b"", false), Consequence::Cleared);
    }

    #[test]
    fn a_copy_of_the_disk_in_another_machine_gets_another_client_id() {
        let (one, copy) = (door("a", "/1"), door("a", "/1"));
        assert_eq!(one.client_id("x"), copy.client_id("x"));
        // The broker disconnects one for the other: at its next connection each finds what the other has announced.
        assert_eq!(one.receive(one.announcement().as_bytes(), false), Consequence::None);
        let found = one.receive(copy.announcement().as_bytes(), true);
        assert_eq!(found, Consequence::Clash { answer: false, tell: true });
        assert_ne!(one.client_id("x"), copy.client_id("x"));
    }
}
