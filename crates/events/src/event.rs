//! One thing that happened at the door, as it is stored, printed and sent.

use ostiary_access::Reason;
use serde::{Deserialize, Serialize};

/// An event. Holds no face and no embedding. Absent fields are left out of the JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Counts up by one from 1 over the life of the event store; 0 where the event could not be stored.
    pub id: u64,
    /// Wall clock, RFC 3339 in UTC.
    pub time: jiff::Timestamp,
    pub kind: EventKind,
    /// The door's name.
    pub door: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// The person's name; absent for a stranger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub track: Option<u64>,
    /// Cosine to the person's templates, to the second best person's, and the threshold in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub similarity: Option<f32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second: Option<f32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f32>,
    /// The face's size in pixels and the other measures of quality, as `detect` prints them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<serde_json::Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub faces_in_view: Option<u32>,
    /// Good frames that the decision rests on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frames: Option<u32>,
    /// From the face's first frame to the decision, milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<f64>,
    /// The embedding model's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// What went wrong or what was done, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// What kind of event it is. The names are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// The daemon is ready.
    Started,
    /// The daemon stops, the relay at rest.
    Stopped,
    /// Somebody was let in.
    Granted,
    /// Somebody was not let in.
    Denied,
    /// The relay went on.
    RelayOn,
    /// The relay went back to rest.
    RelayOff,
    /// No frames come from the camera.
    CameraLost,
    /// Frames come again.
    CameraBack,
    /// A new configuration is in force.
    Reloaded,
    /// A configuration was refused; the old one stays in force.
    ReloadRefused,
    /// New models were given up at the start, and those before are in use.
    RolledBack,
    /// A fault locked the door.
    Locked,
    /// The door's leaf is open.
    DoorOpened,
    /// The door's leaf is closed.
    DoorClosed,
    /// It was opened, and nobody had been let in or out.
    DoorForced,
    /// It has been open for too long.
    DoorHeld,
    /// The button and the contact cannot be read.
    InputsLost,
    /// They are read again.
    InputsBack,
}

impl EventKind {
    /// Every kind there is.
    pub const ALL: [Self; 18] = [
        Self::Started,
        Self::Stopped,
        Self::Granted,
        Self::Denied,
        Self::RelayOn,
        Self::RelayOff,
        Self::CameraLost,
        Self::CameraBack,
        Self::Reloaded,
        Self::ReloadRefused,
        Self::RolledBack,
        Self::Locked,
        Self::DoorOpened,
        Self::DoorClosed,
        Self::DoorForced,
        Self::DoorHeld,
        Self::InputsLost,
        Self::InputsBack,
    ];
}

impl Event {
    /// An event of this kind with nothing known but when and where.
    pub fn new(kind: EventKind, time: jiff::Timestamp, door: &str) -> Self {
        Self {
            id: 0,
            time,
            kind,
            door: door.to_owned(),
            reason: None,
            person: None,
            track: None,
            similarity: None,
            second: None,
            threshold: None,
            quality: None,
            faces_in_view: None,
            frames: None,
            latency_ms: None,
            model: None,
            detail: None,
        }
    }
}
