//! The live picture: one connection to the door for all who watch, open only while somebody does.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use axum::body::Bytes;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ostiary_control::interface::{LiveFace, LivePicture, LivePrompt, WatchLive_Reply};
use ostiary_control::{CallError, Client};
use serde_json::json;
use tokio::sync::watch;

use crate::door::Door;

/// The most pictures in a second.
const MAX_PER_S: f64 = 5.0;
/// The most who watch at one time.
const MAX_WATCHERS: usize = 8;
/// After this time without a picture the connection is opened again: the camera gives none, or the door hangs.
const PICTURE_TIME: Duration = Duration::from_secs(10);
/// The time after which a door that is not there is asked again.
const RETRY_TIME: Duration = Duration::from_secs(2);

/// The newest picture.
#[derive(Debug, Clone, Default)]
pub enum Seen {
    /// None yet.
    #[default]
    Nothing,
    /// A picture.
    Picture(Arc<Picture>),
    /// There is none, and why.
    Failed(String),
}

/// A picture of the door's camera.
#[derive(Debug)]
pub struct Picture {
    /// The picture as JPEG.
    pub jpeg: Bytes,
    /// Pixels.
    pub width: i64,
    /// Pixels.
    pub height: i64,
    /// The faces in it.
    pub faces: Vec<LiveFace>,
    /// What the person before the door is asked to do.
    pub prompt: Option<LivePrompt>,
}

/// The live picture of the door.
pub struct Live {
    door: Door,
    newest: watch::Sender<Seen>,
    watchers: Mutex<Watchers>,
}

#[derive(Default)]
struct Watchers {
    count: usize,
    /// Whether the thread runs.
    runs: bool,
}

/// Somebody who watches, until it is dropped.
pub struct Watcher {
    live: Arc<Live>,
    newest: watch::Receiver<Seen>,
}

impl Live {
    /// The live picture of this door.
    pub fn new(door: Door) -> Self {
        Self { door, newest: watch::Sender::new(Seen::Nothing), watchers: Mutex::default() }
    }

    /// Begins to watch; `None` if too many do.
    pub fn watch(self: &Arc<Self>) -> Option<Watcher> {
        let mut watchers = self.watchers.lock().unwrap_or_else(PoisonError::into_inner);
        if watchers.count >= MAX_WATCHERS {
            return None;
        }
        if !watchers.runs {
            let live = self.clone();
            let started = thread::Builder::new().name("live".to_owned()).spawn(move || live.run());
            if let Err(error) = started {
                log::error!(target: "ostiary::console", "no thread for the live picture: {error}");
                return None;
            }
            watchers.runs = true;
            // A picture from the last time is old.
            self.newest.send_replace(Seen::Nothing);
        }
        watchers.count += 1;
        Some(Watcher { live: self.clone(), newest: self.newest.subscribe() })
    }

    /// Takes pictures until nobody watches.
    fn run(&self) {
        while self.is_watched() {
            match self.pictures() {
                Ok(()) => {}
                Err(why) => {
                    self.newest.send_replace(Seen::Failed(why));
                    thread::sleep(RETRY_TIME);
                }
            }
        }
    }

    fn pictures(&self) -> Result<(), String> {
        let client = Client::connect_within(self.door.socket(), PICTURE_TIME);
        let mut client = client
            .map_err(|error| error.to_string())?
            .ok_or_else(|| format!("no door runs: nothing listens on {}", self.door.socket().display()))?;
        let result = client.call_more("WatchLive", json!({ "max_per_s": MAX_PER_S }), None, |reply| {
            let WatchLive_Reply { picture } = reply;
            if let Ok(jpeg) = BASE64_STANDARD.decode(&picture.jpeg) {
                let LivePicture { width, height, faces, prompt, .. } = picture;
                let picture = Picture { jpeg: jpeg.into(), width, height, faces, prompt };
                self.newest.send_replace(Seen::Picture(Arc::new(picture)));
            }
            if self.is_watched_still() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        result.map_err(|error| match error {
            CallError::Disconnected { .. } => format!("the camera of the door gives no pictures, or {error}"),
            other => other.to_string(),
        })
    }

    /// Whether somebody watches; if not, the thread that asks ends.
    fn is_watched(&self) -> bool {
        let mut watchers = self.watchers.lock().unwrap_or_else(PoisonError::into_inner);
        watchers.runs = watchers.count > 0;
        watchers.runs
    }

    fn is_watched_still(&self) -> bool {
        self.watchers.lock().unwrap_or_else(PoisonError::into_inner).count > 0
    }
}

impl Watcher {
    /// Waits for what was not seen yet.
    pub async fn next(&mut self) -> Seen {
        loop {
            // The sender lives as long as this watcher.
            let _ = self.newest.changed().await;
            let seen = self.newest.borrow_and_update().clone();
            if !matches!(seen, Seen::Nothing) {
                return seen;
            }
        }
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.live.watchers.lock().unwrap_or_else(PoisonError::into_inner).count -= 1;
    }
}
