//! The retained topics that earlier runs of the door have left at the broker, in a file beside the event store:
//! `events.sqlite.mqtt.json`. After a change of `door.name`, or with discovery turned off, they are cleared, so that Home Assistant does
//! not show a device that is gone.

use std::io;
use std::path::{Path, PathBuf};

use ostiary_core::{RegularFileError, durable, read_regular_file};
use serde::{Deserialize, Serialize};

use super::known_person::MAX_SWITCHES;
use super::topics::is_topic;

/// What the name of the file has after that of the event store.
const SUFFIX: &str = ".mqtt.json";
/// The version of the format.
const FORMAT: u32 = 1;
/// The largest file that is read.
const MAX_BYTES: u64 = 1 << 14;
/// The most topics of earlier runs that are cleared; of more, the oldest stay.
const MAX_LEFT: usize = 24;

/// The retained topics of this run and of earlier ones.
pub(super) struct RetainedTopics {
    path: PathBuf,
    current: Vec<String>,
    left: Vec<String>,
    /// The people whose switches were announced, by number.
    people: Vec<i64>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    format: u32,
    topics: Vec<String>,
    #[serde(default)]
    people: Vec<i64>,
}

impl RetainedTopics {
    /// Reads which topics earlier runs have left, and adds those of this run to the file, before the first of them is published.
    pub fn load(store: &Path, current: Vec<String>) -> Self {
        let path = durable::with_suffix(store, SUFFIX);
        let saved = read(&path).unwrap_or_else(|error| {
            log::warn!(
                "{} cannot be used: {error}; what an earlier name has left at the broker stays",
                path.display()
            );
            Saved::default()
        });
        let is_left = |topic: &String| is_topic(topic) && !current.contains(topic);
        let mut left: Vec<String> = saved.topics.into_iter().filter(is_left).collect();
        left.drain(..left.len().saturating_sub(MAX_LEFT));
        let mut people = saved.people;
        people.truncate(MAX_SWITCHES);
        let topics = Self { path, current, left, people };
        topics.save();
        topics
    }

    /// The topics to clear, in this order.
    pub fn left(&self) -> &[String] {
        &self.left
    }

    /// They are cleared.
    pub fn cleared(&mut self) {
        self.left.clear();
        self.save();
    }

    /// The people whose switches were announced last.
    pub fn people(&self) -> &[i64] {
        &self.people
    }

    /// The people whose switches are announced next.
    pub fn set_people(&mut self, people: Vec<i64>) {
        if people != self.people {
            self.people = people;
            self.save();
        }
    }

    fn save(&self) {
        let topics = self.left.iter().chain(&self.current).cloned().collect();
        let saved = Saved { format: FORMAT, topics, people: self.people.clone() };
        let saved = serde_json::to_vec(&saved).map_err(io::Error::from);
        if let Err(error) = saved.and_then(|bytes| durable::write(&self.path, &bytes, 0o600)) {
            let path = self.path.display();
            log::warn!(
                "{path} cannot be written: {error}; after a change of door.name the old name stays at the broker"
            );
        }
    }
}

fn read(path: &Path) -> io::Result<Saved> {
    let bytes = match read_regular_file(path, MAX_BYTES) {
        Ok(bytes) => bytes,
        Err(RegularFileError::Io(error)) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(Saved::default());
        }
        Err(RegularFileError::Io(error)) => return Err(error),
        Err(other) => return Err(io::Error::other(other)),
    };
    let saved: Saved = serde_json::from_slice(&bytes)?;
    match saved.format {
        FORMAT => Ok(saved),
        format => Err(io::Error::other(format!("its format is {format}, and this program knows {FORMAT}"))),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn topics(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn what_an_earlier_name_has_left_is_known_until_it_is_cleared() {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("events.sqlite");
        let load = |names| RetainedTopics::load(&store, topics(names));
        assert!(load(&["a/state", "a/instance"]).left().is_empty());
        // Not cleared in the first run with another name.
        assert_eq!(load(&["b/state"]).left(), ["a/state", "a/instance"]);
        let mut third = load(&["c/state"]);
        assert_eq!(third.left(), ["a/state", "a/instance", "b/state"]);
        third.cleared();
        assert!(third.left().is_empty() && third.people().is_empty());
        third.set_people(vec![7, 9]);
        assert_eq!(load(&["c/state"]).people(), [7, 9]);
        assert!(load(&["c/state"]).left().is_empty());
        assert_eq!(load(&["b/state"]).left(), ["c/state"]);
    }

    #[test]
    fn a_damaged_file_clears_nothing_and_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("events.sqlite");
        let path = folder.path().join("events.sqlite.mqtt.json");
        for damaged in ["{", r#"{"format":9,"topics":["a"]}"#, r#"{"format":1,"topics":["", "a/#"]}"#] {
            fs::write(&path, damaged).unwrap();
            assert!(RetainedTopics::load(&store, topics(&["b"])).left().is_empty(), "{damaged}");
            assert_eq!(read(&path).unwrap().topics, ["b"]);
        }
        let many: Vec<String> = (0..200).map(|number| format!("t/{number}")).collect();
        fs::write(&path, serde_json::to_vec(&Saved { format: 1, topics: many, people: Vec::new() }).unwrap())
            .unwrap();
        let loaded = RetainedTopics::load(&store, topics(&["b"]));
        assert_eq!((loaded.left().len(), loaded.left().last().unwrap().as_str()), (MAX_LEFT, "t/199"));
    }
}
