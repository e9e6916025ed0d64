//! An event: one thing that happened at the door, with the fields that its kind has.

use ostiary_access::{Decision, DenialReason, Outcome, Reason};
use ostiary_core::ModelId;

use super::{EventName, Evidence};

/// One thing that happened at the door. Holds no face and no embedding.
///
/// Its JSON is one flat object. A JSON object without the fields that its kind must have is not an event.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Counts up by one from 1 over the life of the event store; 0 if the event could not be stored.
    pub id: u64,
    /// Wall clock; in JSON RFC 3339 in UTC.
    pub time: jiff::Timestamp,
    /// The door's name.
    pub door: String,
    /// What happened.
    pub kind: EventKind,
}

/// What happened. A `detail` is one sentence or a part of one, for people.
#[derive(Debug, Clone, PartialEq)]
pub enum EventKind {
    /// The daemon is ready.
    Started {
        /// The number of people, the model and the threshold in use.
        detail: String,
    },
    /// The daemon stops, the relay at rest.
    Stopped,
    /// Somebody was let in or out.
    Granted(Grant),
    /// Somebody was not let in or out.
    Denied(Denial),
    /// The relay went on.
    RelayOn,
    /// The relay went back to rest.
    RelayOff,
    /// No frames come from the camera.
    CameraLost {
        /// The camera's error.
        detail: String,
    },
    /// Frames come again.
    CameraBack,
    /// A new configuration is in force.
    Reloaded {
        /// The embedding model in use; `None` in events of version 0.1.0.
        model: Option<ModelId>,
        /// The number of people, the model and the threshold in use.
        detail: String,
    },
    /// A configuration was refused; the old one stays in force.
    ReloadRefused {
        /// What is wrong with the configuration.
        detail: String,
    },
    /// New models were given up at the start, and the models before them are in use.
    RolledBack {
        /// The bundle that was given up, and why.
        detail: String,
    },
    /// A fault locked the door.
    Locked {
        /// The fault.
        detail: String,
    },
    /// The door is open.
    DoorOpened {
        /// How this is known, if the contact did not report it as a change.
        detail: Option<String>,
    },
    /// The door is closed.
    DoorClosed {
        /// How this is known, if the contact did not report it as a change.
        detail: Option<String>,
    },
    /// The door opened, and nobody had been let in or out.
    DoorForced,
    /// The door has been open for too long.
    DoorHeld {
        /// For how long.
        detail: String,
    },
    /// The exit button and the door contact cannot be read.
    InputsLost {
        /// The input's error.
        detail: String,
    },
    /// The exit button and the door contact can be read again.
    InputsBack,
}

/// Why the door opened.
#[derive(Debug, Clone, PartialEq)]
pub enum Grant {
    /// An enrolled person was recognized.
    Face {
        /// The person's name; `None` if the person was removed in the meantime.
        person: Option<String>,
        /// What the decision rests on.
        evidence: Evidence,
    },
    /// The exit button was pressed.
    ExitButton,
}

/// Why the door did not open.
#[derive(Debug, Clone, PartialEq)]
pub enum Denial {
    /// A face was refused.
    Face {
        /// Why it was refused.
        reason: DenialReason,
        /// The person's name; `None` for a stranger.
        person: Option<String>,
        /// What the decision rests on.
        evidence: Evidence,
        /// What else is known about the reason.
        detail: Option<String>,
    },
    /// The exit button was pressed while the door was locked by a fault.
    ExitButton,
}

impl Event {
    /// An event that is not stored yet.
    pub fn new(kind: EventKind, time: jiff::Timestamp, door: &str) -> Self {
        Self { id: 0, time, door: door.to_owned(), kind }
    }
}

impl EventKind {
    /// The event of a decision. `person` is the name of the person in the decision, `model` the embedding model.
    pub fn decided(
        decision: &Decision,
        person: Option<String>,
        detail: Option<String>,
        model: ModelId,
    ) -> Self {
        let evidence = Evidence::new(decision, model);
        match decision.outcome {
            Outcome::Granted => Self::Granted(Grant::Face { person, evidence }),
            Outcome::Denied(reason) => Self::Denied(Denial::Face { reason, person, evidence, detail }),
        }
    }

    /// The kind's stable name.
    pub fn name(&self) -> EventName {
        match self {
            Self::Started { .. } => EventName::Started,
            Self::Stopped => EventName::Stopped,
            Self::Granted(_) => EventName::Granted,
            Self::Denied(_) => EventName::Denied,
            Self::RelayOn => EventName::RelayOn,
            Self::RelayOff => EventName::RelayOff,
            Self::CameraLost { .. } => EventName::CameraLost,
            Self::CameraBack => EventName::CameraBack,
            Self::Reloaded { .. } => EventName::Reloaded,
            Self::ReloadRefused { .. } => EventName::ReloadRefused,
            Self::RolledBack { .. } => EventName::RolledBack,
            Self::Locked { .. } => EventName::Locked,
            Self::DoorOpened { .. } => EventName::DoorOpened,
            Self::DoorClosed { .. } => EventName::DoorClosed,
            Self::DoorForced => EventName::DoorForced,
            Self::DoorHeld { .. } => EventName::DoorHeld,
            Self::InputsLost { .. } => EventName::InputsLost,
            Self::InputsBack => EventName::InputsBack,
        }
    }

    /// The name of the person that was let in or refused; `None` for a stranger and for all other kinds.
    pub fn person(&self) -> Option<&str> {
        match self {
            Self::Granted(grant) => grant.person(),
            Self::Denied(denial) => denial.person(),
            Self::Started { .. }
            | Self::Stopped
            | Self::RelayOn
            | Self::RelayOff
            | Self::CameraLost { .. }
            | Self::CameraBack
            | Self::Reloaded { .. }
            | Self::ReloadRefused { .. }
            | Self::RolledBack { .. }
            | Self::Locked { .. }
            | Self::DoorOpened { .. }
            | Self::DoorClosed { .. }
            | Self::DoorForced
            | Self::DoorHeld { .. }
            | Self::InputsLost { .. }
            | Self::InputsBack => None,
        }
    }
}

impl Grant {
    /// The stable name of the reason.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Face { .. } => Reason::Granted,
            Self::ExitButton => Reason::RequestToExit,
        }
    }

    /// The name of the person that was let in, if it is known.
    pub fn person(&self) -> Option<&str> {
        match self {
            Self::Face { person, .. } => person.as_deref(),
            Self::ExitButton => None,
        }
    }
}

impl Denial {
    /// The stable name of the reason.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Face { reason, .. } => Reason::Denied(*reason),
            Self::ExitButton => Reason::Denied(DenialReason::Locked),
        }
    }

    /// The name of the person that was refused, if it is known.
    pub fn person(&self) -> Option<&str> {
        match self {
            Self::Face { person, .. } => person.as_deref(),
            Self::ExitButton => None,
        }
    }
}
