//! The keys that a replay can change: those that act on recorded values.

use ostiary_access::{DecisionRules, LivenessRules};
use ostiary_config::{AlikePeople, Config, Hours, HoursError, LivenessLevel, Lockout};

/// The keys of `[door]` and `[liveness]` that act on recorded values.
const KEYS: [&str; 7] = [
    "door.fpir",
    "door.alike",
    "door.margin",
    "door.frames",
    "door.unknown_after",
    "door.cooldown_s",
    "liveness.level",
];
/// Keys that say where the record, the people and the models are.
const PLACES: [&str; 5] = ["events.path", "facebank.path", "models.dir", "models.store", "engine.precision"];

/// What a replay changes. Rules that are not changed are the recorded ones.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    /// Another `door.fpir`.
    pub fpir: Option<f64>,
    /// Other opening hours.
    pub hours: Option<Hours>,
    /// Another `door.alike`.
    pub alike: Option<AlikePeople>,
    /// Another `[lockout]`.
    pub lockout: Option<Lockout>,
    level: Option<LivenessLevel>,
    margin: Option<f32>,
    moments: Option<u32>,
    unknown_after: Option<u32>,
    cooldown: Option<std::time::Duration>,
}

/// A key cannot be changed in a replay.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// It acts on values that are not recorded.
    #[error(
        "{key} cannot be changed in a replay: it acts on frames or devices, which are not recorded; a replay can change {}, \
         hours.GROUP and the keys of [lockout]",
        KEYS.join(", ")
    )]
    NotRecorded {
        /// The key.
        key: String,
    },
    /// The hours are not valid.
    #[error(transparent)]
    Hours(#[from] HoursError),
}

/// Whether a key says where the record, the people and the models are.
pub fn is_place(key: &str) -> bool {
    PLACES.contains(&key)
}

/// Whether a replay can change a key.
pub fn is_changeable(key: &str) -> bool {
    KEYS.contains(&key) || key.starts_with("lockout.") || key.starts_with("hours.")
}

/// The key of an assignment as `--set` has it: `section.key=value`.
pub fn key_of(assignment: &str) -> &str {
    assignment.split_once('=').map_or(assignment, |(key, _)| key.trim())
}

impl Changes {
    /// The changes of these keys, with their values in the configuration.
    ///
    /// # Errors
    /// A key acts on values that are not recorded.
    pub fn new<'a>(names: impl IntoIterator<Item = &'a str>, config: &Config) -> Result<Self, ChangeError> {
        let door = &config.door;
        let rules = DecisionRules::new(door, LivenessRules::OFF);
        let mut changes = Self::default();
        for name in names {
            match name {
                "door.fpir" => changes.fpir = door.fpir,
                "door.alike" => changes.alike = Some(door.alike),
                "door.margin" => changes.margin = Some(door.margin),
                "door.frames" => changes.moments = Some(rules.moments),
                "door.unknown_after" => changes.unknown_after = Some(rules.unknown_after),
                "door.cooldown_s" => changes.cooldown = Some(rules.cooldown),
                "liveness.level" => changes.level = Some(config.liveness.level()),
                name if name.starts_with("lockout.") => changes.lockout = Some(config.lockout.clone()),
                name if name.starts_with("hours.") => changes.hours = Some(Hours::parse(&config.hours)?),
                name if is_place(name) => {}
                name => return Err(ChangeError::NotRecorded { key: name.to_owned() }),
            }
        }
        Ok(changes)
    }

    /// Another `door.fpir` alone.
    pub fn of_fpir(fpir: f64) -> Self {
        Self { fpir: Some(fpir), ..Self::default() }
    }

    /// Another `liveness.level`.
    pub(super) fn level(&self) -> Option<LivenessLevel> {
        self.level
    }

    /// Whether nothing is changed.
    pub fn is_empty(&self) -> bool {
        let Self { fpir, hours, alike, lockout, level, margin, moments, unknown_after, cooldown } = self;
        fpir.is_none()
            && alike.is_none()
            && lockout.is_none()
            && level.is_none()
            && hours.is_none()
            && margin.is_none()
            && moments.is_none()
            && unknown_after.is_none()
            && cooldown.is_none()
    }

    /// The recorded rules with the changes.
    pub(super) fn rules(&self, recorded: &DecisionRules) -> DecisionRules {
        let mut rules = *recorded;
        rules.liveness.level = self.level.unwrap_or(rules.liveness.level);
        rules.matching.margin = self.margin.unwrap_or(rules.matching.margin);
        rules.moments = self.moments.unwrap_or(rules.moments);
        rules.unknown_after = self.unknown_after.unwrap_or(rules.unknown_after);
        rules.cooldown = self.cooldown.unwrap_or(rules.cooldown);
        rules
    }
}
