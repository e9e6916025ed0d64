//! An event: one thing that happened at the door, with the fields that its kind has.

use ostiary_access::{CommandName, Decision, DenialReason, ModeName, Outcome, Reason};
use ostiary_core::ModelId;

use super::{Administration, DecisionDetails, EventName, Evidence, LivenessReport, User, Visit};

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
        /// Who asked for it; `None` if it is not known.
        user: Option<User>,
    },
    /// A configuration was refused; the old one stays in force.
    ReloadRefused {
        /// What is wrong with the configuration.
        detail: String,
        /// Who asked for it; `None` if it is not known.
        user: Option<User>,
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
    /// After too many attempts a person's way in by face pauses, or everybody must be a clear match.
    Lockout {
        /// The person whose way in pauses; `None` if the door as a whole asks for clear matches.
        person: Option<String>,
        /// What led to it, and what follows.
        detail: String,
    },
    /// The pause of a person is over, or the usual matches suffice again.
    LockoutEnded {
        /// The person; `None` if it is about the door as a whole.
        person: Option<String>,
    },
    /// The door has another mode, or a command asked for the mode that it had.
    ModeChanged {
        /// The mode from now on.
        mode: ModeName,
        /// The end of a hold; `None` for the other modes.
        until: Option<jiff::Timestamp>,
        /// Who asked for it; `None` if a hold has ended by itself.
        user: Option<User>,
    },
    /// The door did not do what a command asked for.
    CommandRefused {
        /// The command.
        command: CommandName,
        /// Why it was refused.
        detail: String,
        /// Who asked for it.
        user: User,
    },
    /// A command changed people or models.
    Administered(Administration),
    /// The door's liveness was tested by `ostiary liveness test`.
    LivenessTested {
        /// What was counted.
        report: LivenessReport,
        /// Who ran the test.
        user: User,
    },
    /// Events are not recorded: the event store cannot be opened or written.
    StoreLost {
        /// The store's error.
        detail: String,
    },
    /// Events are recorded again.
    StoreBack {
        /// How many events were not recorded.
        detail: String,
    },
    /// The event store does not fit its trail: events were changed, added or removed.
    TrailBroken {
        /// The first event that does not fit, or what else does not.
        detail: String,
    },
    /// What an earlier event said was erased by a command, because it was about a person. Only its number, time and door are left.
    Erased,
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
    /// A person opened the door by a command.
    Command {
        /// Who it was.
        user: User,
    },
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
    /// Strangers were refused repeatedly for one reason, in a short time.
    Repeated {
        /// Why they were refused.
        reason: DenialReason,
        /// What the decision about the most similar face rests on.
        evidence: Evidence,
        /// How many times, at least 2. The time of the event is that of the first.
        count: u32,
        /// The time of the last.
        until: jiff::Timestamp,
    },
    /// The exit button was pressed while the door was locked by a fault.
    ExitButton,
}

impl Event {
    /// An event that is not stored yet.
    pub fn new(kind: EventKind, time: jiff::Timestamp, door: &str) -> Self {
        Self { id: 0, time, door: door.to_owned(), kind }
    }

    /// The event without similarities and threshold, which help a person who tries to come closer to a match.
    pub fn without_scores(&self) -> Self {
        let mut event = self.clone();
        if let Some(evidence) = event.kind.evidence_mut() {
            evidence.remove_scores();
        }
        event
    }
}

impl EventKind {
    /// The event of a decision.
    pub fn decided(decision: Decision, details: DecisionDetails) -> Self {
        let outcome = decision.outcome;
        let evidence = Evidence::new(decision, &details);
        let DecisionDetails { person, detail, .. } = details;
        match outcome {
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
            Self::Lockout { .. } => EventName::Lockout,
            Self::LockoutEnded { .. } => EventName::LockoutEnded,
            Self::ModeChanged { .. } => EventName::ModeChanged,
            Self::CommandRefused { .. } => EventName::CommandRefused,
            Self::Administered(_) => EventName::Administered,
            Self::LivenessTested { .. } => EventName::LivenessTested,
            Self::StoreLost { .. } => EventName::StoreLost,
            Self::StoreBack { .. } => EventName::StoreBack,
            Self::TrailBroken { .. } => EventName::TrailBroken,
            Self::Erased => EventName::Erased,
        }
    }

    /// The decision about a face: its reason, and what it rests on; `None` for all other kinds. Of repeated denials it is the
    /// one about the most similar face.
    pub fn face(&self) -> Option<(Reason, &Evidence)> {
        match self {
            Self::Granted(grant @ Grant::Face { evidence, .. }) => Some((grant.reason(), evidence)),
            Self::Denied(denial @ (Denial::Face { evidence, .. } | Denial::Repeated { evidence, .. })) => {
                Some((denial.reason(), evidence))
            }
            _ => None,
        }
    }

    /// What the decision about a face rests on, to change it.
    pub(super) fn evidence_mut(&mut self) -> Option<&mut Evidence> {
        match self {
            Self::Granted(Grant::Face { evidence, .. })
            | Self::Denied(Denial::Face { evidence, .. } | Denial::Repeated { evidence, .. }) => {
                Some(evidence)
            }
            _ => None,
        }
    }

    /// The number of denials beyond the one that [`Self::face`] tells of: above 0 for repeated denials only.
    pub fn further_denials(&self) -> u32 {
        match self {
            Self::Denied(Denial::Repeated { count, .. }) => count.saturating_sub(1),
            _ => 0,
        }
    }

    /// What the decision about a face rests on, if it is known.
    pub fn visit(&self) -> Option<&Visit> {
        self.face().and_then(|(_, evidence)| evidence.visit.as_deref())
    }

    /// The name of the person that was let in, refused, or changed by a command, or whose way in by face pauses; `None` for a
    /// stranger and for all other kinds.
    pub fn person(&self) -> Option<&str> {
        match self {
            Self::Granted(grant) => grant.person(),
            Self::Denied(denial) => denial.person(),
            Self::Lockout { person, .. } | Self::LockoutEnded { person } => person.as_deref(),
            Self::Administered(change) => change.person.as_deref(),
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
            | Self::InputsBack
            | Self::ModeChanged { .. }
            | Self::CommandRefused { .. }
            | Self::LivenessTested { .. }
            | Self::StoreLost { .. }
            | Self::StoreBack { .. }
            | Self::TrailBroken { .. }
            | Self::Erased => None,
        }
    }
}

impl Grant {
    /// The stable name of the reason.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Face { .. } => Reason::Granted,
            Self::ExitButton => Reason::RequestToExit,
            Self::Command { .. } => Reason::Command,
        }
    }

    /// The name of the person that was let in, if it is known.
    pub fn person(&self) -> Option<&str> {
        match self {
            Self::Face { person, .. } => person.as_deref(),
            Self::ExitButton | Self::Command { .. } => None,
        }
    }
}

impl Denial {
    /// The stable name of the reason.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Face { reason, .. } | Self::Repeated { reason, .. } => Reason::Denied(*reason),
            Self::ExitButton => Reason::Denied(DenialReason::Locked),
        }
    }

    /// The name of the person that was refused, if it is known.
    pub fn person(&self) -> Option<&str> {
        match self {
            Self::Face { person, .. } => person.as_deref(),
            Self::Repeated { .. } | Self::ExitButton => None,
        }
    }
}
