//! What the tests of liveness at a door prove now, as `ostiary liveness show` prints it.

use anyhow::Result;
use ostiary_config::Config;
use ostiary_events::{AttackKind, Event, EventStore};
use ostiary_models::Bundle;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::liveness_conditions::test_conditions;
use crate::liveness_standing::{LivenessStanding, rates, sentences};

/// What the tests prove now. The names of the fields are stable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LivenessSummary {
    /// The event of the latest test, of whatever conditions.
    pub latest: Option<Event>,
    /// Whether anything was counted under the present conditions.
    pub is_valid: bool,
    /// What changed since the latest test, if nothing was counted under the present conditions.
    pub changed_since: Option<Vec<String>>,
    /// The newest rates under the present conditions, with their intervals.
    pub rates: Vec<Value>,
    /// The kinds of attack of which no count is valid.
    pub not_run: Vec<AttackKind>,
    /// What the counts prove, in sentences.
    pub text: Vec<String>,
}

impl LivenessSummary {
    /// Reads what the tests prove from the record of a door with this configuration.
    ///
    /// # Errors
    /// The models or the record cannot be read.
    pub fn read(config: &Config) -> Result<Self> {
        let present = test_conditions(config, &Bundle::find(&config.models, config.engine.precision)?)?;
        let mut tests = EventStore::open_read_only(&config.events.path)?.liveness_tests()?;
        let standing = LivenessStanding::of(&tests, &present);
        let LivenessStanding { attacks, visits, void } = &standing;
        let words = |void: &&'static str| (*void).to_owned();
        Ok(Self {
            is_valid: !standing.is_empty(),
            changed_since: void.as_ref().map(|void| void.changes.iter().map(words).collect()),
            rates: rates(attacks, visits),
            not_run: standing.not_run(),
            text: sentences(attacks, visits),
            latest: (!tests.is_empty()).then(|| tests.swap_remove(0)),
        })
    }
}
