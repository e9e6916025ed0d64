//! Events as they are recorded: one connection to the door for all who look, open only while somebody does.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use ostiary_control::interface::{FollowEvents_Reply, ListEvents_Reply};
use ostiary_control::{CallError, Client};
use serde_json::{Value, json};
use tokio::sync::watch::{Receiver, Sender};

use crate::door::Door;

/// The most who look at one time.
const MAX_WATCHERS: usize = 8;
/// After this time without an event it is checked whether somebody still looks.
const EVENT_TIME: Duration = Duration::from_secs(20);
/// The time after which a door that is not there is asked again.
const RETRY_TIME: Duration = Duration::from_secs(2);

/// What is new in the record of the door.
pub struct NewEvents {
    door: Door,
    /// The id of the newest event that was seen; 0 for none.
    newest: Sender<u64>,
    /// Whether the thread runs.
    runs: Mutex<bool>,
}

impl NewEvents {
    /// What is new at this door.
    pub fn new(door: Door) -> Self {
        Self { door, newest: Sender::new(0), runs: Mutex::default() }
    }

    /// The ids of new events, while this is kept; `None` if too many look.
    pub fn watch(self: &Arc<Self>) -> Option<Receiver<u64>> {
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        if self.newest.receiver_count() >= MAX_WATCHERS {
            return None;
        }
        let watcher = self.newest.subscribe();
        if !*runs {
            let events = self.clone();
            let started = thread::Builder::new().name("events".to_owned()).spawn(move || events.run());
            if let Err(error) = started {
                log::error!(target: "ostiary::console", "no thread for new events: {error}");
                return None;
            }
            *runs = true;
        }
        Some(watcher)
    }

    /// Follows the door until nobody looks.
    fn run(&self) {
        let mut after = None;
        while self.is_watched() {
            match self.follow(&mut after) {
                // There was no event for some time.
                Ok(()) | Err(CallError::Disconnected { .. }) => {}
                Err(error) => {
                    log::debug!(target: "ostiary::console", "no new events: {error}");
                    thread::sleep(RETRY_TIME);
                }
            }
        }
    }

    /// Follows the door until there is no event for some time. `after` is the id of the last one.
    fn follow(&self, after: &mut Option<u64>) -> Result<(), CallError> {
        let Some(mut client) = Client::connect_within(self.door.socket(), EVENT_TIME)? else {
            thread::sleep(RETRY_TIME);
            return Ok(());
        };
        if after.is_none() {
            let newest = json!({ "filter": {}, "limit": 1 });
            let ListEvents_Reply { events } = client.call("ListEvents", newest, None)?;
            *after = events.last().map_or(Some(0), id);
        }
        let filter = json!({ "filter": { "after": after } });
        client.call_more("FollowEvents", filter, None, |reply: FollowEvents_Reply| {
            if let Some(id) = id(&reply.event) {
                *after = Some(id);
                self.newest.send_replace(id);
            }
            if self.newest.receiver_count() > 0 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })
    }

    /// Whether somebody looks; if not, the thread ends.
    fn is_watched(&self) -> bool {
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        *runs = self.newest.receiver_count() > 0;
        *runs
    }
}

fn id(event: &Value) -> Option<u64> {
    event.get("id")?.as_u64()
}
