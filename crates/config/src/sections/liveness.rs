//! `[liveness]`

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::rule::{integer, one_of};

section! {
    /// How a face must be shown to be a person's and not a picture of one (presentation attack detection).
    [liveness] Liveness {
        /// `"active"`: the person must also turn the head as the door asks. It needs an output that asks: a lamp, the buzzer or
        /// MQTT. `"passive"`: a network looks at the face and what surrounds it. A large print without a visible edge can open
        /// the door. `"off"`: a photo of an enrolled person opens the door. Not set: `"passive"`, with a warning at each start.
        level: Option<LivenessLevel> = None => one_of::<LivenessLevel>().example("\"active\"");
        /// How many times the person must turn the head.
        steps: u32 = 2 => integer(1, 3);
        /// The language of the texts for people at the door.
        language: Language = Language::English => one_of::<Language>().settable();
    }
}

/// How a face must be shown to be a person's, the least protection first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LivenessLevel {
    /// Not at all.
    Off,
    /// By what the camera sees, without asking the person for anything.
    Passive,
    /// The person must also turn the head as the door asks.
    Active,
}

/// As the configuration has it.
impl fmt::Display for LivenessLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// The language of texts for people at the door.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Language {
    /// English.
    #[serde(rename = "en")]
    English,
    /// German.
    #[serde(rename = "de")]
    German,
    /// French.
    #[serde(rename = "fr")]
    French,
    /// Spanish.
    #[serde(rename = "es")]
    Spanish,
    /// Vietnamese.
    #[serde(rename = "vi")]
    Vietnamese,
}

impl Liveness {
    /// The level in use.
    pub fn level(&self) -> LivenessLevel {
        self.level.unwrap_or(LivenessLevel::Passive)
    }
}
