//! The JSON of an event: one flat object, whose fields and their order are stable.
//!
//! It is the only place that knows which field of the JSON belongs to which kind. Fields of other kinds and unknown fields,
//! as a newer program may write them, are ignored.

use std::time::Duration;

use ostiary_access::{CommandName, DenialReason, ModeName, Reason};
use ostiary_core::{ModelId, Quality, Similarity, TrackId};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{
    Action, Administration, Denial, Event, EventKind, EventName, Evidence, Grant, LivenessReport, User, Via,
};

/// The detail of a denial to the exit button.
const EXIT_BUTTON: &str = "the exit button was pressed";

/// An event as its JSON has it. Absent fields are left out.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Record {
    pub id: u64,
    pub time: jiff::Timestamp,
    pub kind: EventName,
    pub door: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub track: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub similarity: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cosine: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub second: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quality: Option<QualityRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub faces_in_view: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frames: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<jiff::Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<Action>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sudo_uid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub via: Option<Via>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub liveness: Option<LivenessReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<ModeName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<CommandName>,
}

/// Measures of quality, as 64-bit numbers and in the order of their names. A measure that is not a finite number is null.
#[derive(Debug, Serialize, Deserialize)]
struct QualityRecord {
    exposure: Option<f64>,
    pitch: Option<f64>,
    roll: Option<f64>,
    sharpness: Option<f64>,
    size: Option<f64>,
    yaw: Option<f64>,
}

/// Why a JSON object is not an event of its kind.
#[derive(Debug, thiserror::Error)]
enum RecordError {
    #[error("the event {kind} has no {field}")]
    Missing { kind: EventName, field: &'static str },
    #[error("the event {kind} has the reason of another kind: {reason}")]
    Reason { kind: EventName, reason: Reason },
    #[error("latency_ms is {0}, which is not a length of time")]
    Latency(f64),
}

impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Record::from(self).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let record = Record::deserialize(deserializer)?;
        let (id, time, door) = (record.id, record.time, record.door.clone());
        Ok(Self { id, time, door, kind: record.kind().map_err(D::Error::custom)? })
    }
}

impl From<&Event> for Record {
    fn from(event: &Event) -> Self {
        let record = Self {
            id: event.id,
            time: event.time,
            kind: event.kind.name(),
            door: event.door.clone(),
            reason: None,
            person: None,
            track: None,
            similarity: None,
            cosine: None,
            second: None,
            threshold: None,
            quality: None,
            faces_in_view: None,
            frames: None,
            latency_ms: None,
            model: None,
            detail: None,
            count: None,
            until: None,
            action: None,
            uid: None,
            sudo_uid: None,
            token: None,
            via: None,
            liveness: None,
            mode: None,
            command: None,
        };
        match &event.kind {
            EventKind::Stopped
            | EventKind::RelayOn
            | EventKind::RelayOff
            | EventKind::CameraBack
            | EventKind::DoorForced
            | EventKind::InputsBack
            | EventKind::Erased => record,
            EventKind::Started { detail }
            | EventKind::CameraLost { detail }
            | EventKind::RolledBack { detail }
            | EventKind::Locked { detail }
            | EventKind::DoorHeld { detail }
            | EventKind::InputsLost { detail }
            | EventKind::StoreLost { detail }
            | EventKind::StoreBack { detail }
            | EventKind::TrailBroken { detail } => Self { detail: Some(detail.clone()), ..record },
            EventKind::DoorOpened { detail } | EventKind::DoorClosed { detail } => {
                Self { detail: detail.clone(), ..record }
            }
            EventKind::Reloaded { model, detail, user } => {
                let model = model.as_ref().map(ModelId::to_string);
                Self { model, detail: Some(detail.clone()), ..record.with_user(user.as_ref()) }
            }
            EventKind::ReloadRefused { detail, user } => {
                Self { detail: Some(detail.clone()), ..record.with_user(user.as_ref()) }
            }
            EventKind::Lockout { person, detail } => {
                Self { person: person.clone(), detail: Some(detail.clone()), ..record }
            }
            EventKind::LockoutEnded { person } => Self { person: person.clone(), ..record },
            EventKind::ModeChanged { mode, until, user } => {
                Self { mode: Some(*mode), until: *until, ..record.with_user(user.as_ref()) }
            }
            EventKind::CommandRefused { command, detail, user } => {
                Self { command: Some(*command), detail: Some(detail.clone()), ..record.with_user(Some(user)) }
            }
            EventKind::Administered(Administration { action, person, detail, user }) => Self {
                action: Some(*action),
                person: person.clone(),
                detail: detail.clone(),
                ..record.with_user(Some(user))
            },
            EventKind::LivenessTested { report, user } => {
                Self { liveness: Some(report.clone()), ..record.with_user(Some(user)) }
            }
            EventKind::Granted(grant) => record.with_grant(grant),
            EventKind::Denied(denial) => record.with_denial(denial),
        }
    }
}

impl Record {
    fn with_user(self, user: Option<&User>) -> Self {
        let (uid, sudo_uid) = (user.and_then(User::uid), user.and_then(User::sudo_uid));
        let token = user.and_then(User::token).map(str::to_owned);
        Self { uid, sudo_uid, token, via: user.and_then(User::via), ..self }
    }

    fn with_grant(self, grant: &Grant) -> Self {
        let record = Self { reason: Some(grant.reason()), ..self };
        match grant {
            Grant::Face { person, evidence } => {
                Self { person: person.clone(), ..record.with_evidence(evidence) }
            }
            Grant::ExitButton => record,
            Grant::Command { user } => record.with_user(Some(user)),
        }
    }

    fn with_denial(self, denial: &Denial) -> Self {
        let record = Self { reason: Some(denial.reason()), ..self };
        match denial {
            Denial::Face { reason: _, person, evidence, detail } => {
                let (person, detail) = (person.clone(), detail.clone());
                Self { person, detail, ..record.with_evidence(evidence) }
            }
            Denial::Repeated { reason: _, evidence, count, until } => {
                Self { count: Some(*count), until: Some(*until), ..record.with_evidence(evidence) }
            }
            Denial::ExitButton => Self { detail: Some(EXIT_BUTTON.to_owned()), ..record },
        }
    }

    fn with_evidence(self, evidence: &Evidence) -> Self {
        Self {
            track: Some(evidence.track.0),
            similarity: evidence.similarity.map(|similarity| similarity.0),
            cosine: evidence.cosine.map(|similarity| similarity.0),
            second: evidence.second.map(|similarity| similarity.0),
            threshold: evidence.threshold.map(|similarity| similarity.0),
            quality: Some(QualityRecord::from(evidence.quality)),
            faces_in_view: Some(evidence.faces_in_view),
            frames: Some(evidence.frames),
            latency_ms: Some(evidence.latency.as_secs_f64() * 1000.0),
            model: Some(evidence.model.to_string()),
            ..self
        }
    }

    fn kind(self) -> Result<EventKind, RecordError> {
        Ok(match self.kind {
            EventName::Started => EventKind::Started { detail: self.detail()? },
            EventName::Stopped => EventKind::Stopped,
            EventName::Granted => EventKind::Granted(self.grant()?),
            EventName::Denied => EventKind::Denied(self.denial()?),
            EventName::RelayOn => EventKind::RelayOn,
            EventName::RelayOff => EventKind::RelayOff,
            EventName::CameraLost => EventKind::CameraLost { detail: self.detail()? },
            EventName::CameraBack => EventKind::CameraBack,
            EventName::Reloaded => {
                let (detail, user) = (self.detail()?, self.known_user());
                EventKind::Reloaded { detail, user, model: self.model.map(ModelId) }
            }
            EventName::ReloadRefused => {
                EventKind::ReloadRefused { detail: self.detail()?, user: self.known_user() }
            }
            EventName::RolledBack => EventKind::RolledBack { detail: self.detail()? },
            EventName::Locked => EventKind::Locked { detail: self.detail()? },
            EventName::DoorOpened => EventKind::DoorOpened { detail: self.detail },
            EventName::DoorClosed => EventKind::DoorClosed { detail: self.detail },
            EventName::DoorForced => EventKind::DoorForced,
            EventName::DoorHeld => EventKind::DoorHeld { detail: self.detail()? },
            EventName::InputsLost => EventKind::InputsLost { detail: self.detail()? },
            EventName::InputsBack => EventKind::InputsBack,
            EventName::Lockout => EventKind::Lockout { detail: self.detail()?, person: self.person },
            EventName::LockoutEnded => EventKind::LockoutEnded { person: self.person },
            EventName::ModeChanged => {
                let mode = self.required("mode", self.mode)?;
                let until = match mode {
                    ModeName::HeldOpen => Some(self.required("until", self.until)?),
                    ModeName::Normal | ModeName::LockedDown => None,
                };
                EventKind::ModeChanged { mode, until, user: self.known_user() }
            }
            EventName::CommandRefused => EventKind::CommandRefused {
                command: self.required("command", self.command)?,
                detail: self.detail()?,
                user: self.user()?,
            },
            EventName::Administered => {
                let action = self.required("action", self.action)?;
                let user = self.user()?;
                let (person, detail) = (self.person, self.detail);
                EventKind::Administered(Administration { action, person, detail, user })
            }
            EventName::LivenessTested => {
                let user = self.user()?;
                EventKind::LivenessTested { report: self.required("liveness", self.liveness.clone())?, user }
            }
            EventName::StoreLost => EventKind::StoreLost { detail: self.detail()? },
            EventName::StoreBack => EventKind::StoreBack { detail: self.detail()? },
            EventName::TrailBroken => EventKind::TrailBroken { detail: self.detail()? },
            EventName::Erased => EventKind::Erased,
        })
    }

    /// A field that events of this kind must have.
    fn required<T>(&self, field: &'static str, value: Option<T>) -> Result<T, RecordError> {
        value.ok_or(RecordError::Missing { kind: self.kind, field })
    }

    fn evidence(&self) -> Result<Evidence, RecordError> {
        let latency_ms = self.required("latency_ms", self.latency_ms)?;
        Ok(Evidence {
            track: TrackId(self.required("track", self.track)?),
            similarity: self.similarity.map(Similarity),
            cosine: self.cosine.map(Similarity),
            second: self.second.map(Similarity),
            threshold: self.threshold.map(Similarity),
            quality: Quality::from(self.required("quality", self.quality.as_ref())?),
            faces_in_view: self.required("faces_in_view", self.faces_in_view)?,
            frames: self.required("frames", self.frames)?,
            latency: Duration::try_from_secs_f64(latency_ms / 1000.0)
                .map_err(|_| RecordError::Latency(latency_ms))?,
            model: ModelId(self.required("model", self.model.clone())?),
            visit: None,
        })
    }

    /// Who gave the command; `None` if it is not known.
    fn known_user(&self) -> Option<User> {
        User::of(self.uid, self.sudo_uid, self.token.clone(), self.via)
    }

    fn user(&self) -> Result<User, RecordError> {
        self.required("uid", self.known_user())
    }

    fn detail(&self) -> Result<String, RecordError> {
        self.required("detail", self.detail.clone())
    }

    fn grant(self) -> Result<Grant, RecordError> {
        match self.required("reason", self.reason)? {
            Reason::Granted => Ok(Grant::Face { evidence: self.evidence()?, person: self.person }),
            Reason::RequestToExit => Ok(Grant::ExitButton),
            Reason::Command => Ok(Grant::Command { user: self.user()? }),
            reason => Err(RecordError::Reason { kind: self.kind, reason }),
        }
    }

    fn denial(self) -> Result<Denial, RecordError> {
        let reason = match self.required("reason", self.reason)? {
            Reason::Denied(reason) => reason,
            reason => return Err(RecordError::Reason { kind: self.kind, reason }),
        };
        if reason == DenialReason::Locked && self.track.is_none() {
            return Ok(Denial::ExitButton);
        }
        if let Some(count) = self.count {
            let until = self.required("until", self.until)?;
            return Ok(Denial::Repeated { reason, evidence: self.evidence()?, count, until });
        }
        Ok(Denial::Face { reason, evidence: self.evidence()?, person: self.person, detail: self.detail })
    }
}

impl From<Quality> for QualityRecord {
    fn from(Quality { size, sharpness, exposure, yaw, pitch, roll }: Quality) -> Self {
        let number = |measure: f32| Some(f64::from(measure));
        Self {
            exposure: number(exposure),
            pitch: number(pitch),
            roll: number(roll),
            sharpness: number(sharpness),
            size: number(size),
            yaw: number(yaw),
        }
    }
}

impl From<&QualityRecord> for Quality {
    fn from(record: &QualityRecord) -> Self {
        let measure = |number: Option<f64>| number.map_or(f32::NAN, |number| number as f32);
        Self {
            size: measure(record.size),
            sharpness: measure(record.sharpness),
            exposure: measure(record.exposure),
            yaw: measure(record.yaw),
            pitch: measure(record.pitch),
            roll: measure(record.roll),
        }
    }
}

#[cfg(test)]
mod tests;
