//! Whether a face is a person's or a picture of one: the layers of presentation attack detection, which can only deny.
//!
//! Each layer passes, says nothing (abstains) or finds an attack, by a number that is recorded. What is required depends on
//! `liveness.level`; nobody is let in while a required layer abstains.

use ostiary_config::LivenessLevel;
use ostiary_core::ChallengeFailure;
use serde::{Deserialize, Serialize};

/// What a moment of a track shows about whether the face is a person's.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct LivenessEvidence {
    /// How many times the face's box fits into the frame, up to the number that the network asks for; `None` if the network
    /// did not run on this face.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<f32>,
    /// The median of the network's last five scores of the live class, 0 to 1; `None` if there are fewer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<f32>,
    /// The challenge to turn the head.
    #[serde(default, skip_serializing_if = "ChallengeState::is_not_asked")]
    pub challenge: ChallengeState,
}

/// Where the challenge of a track is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChallengeState {
    /// There was none.
    #[default]
    NotAsked,
    /// It runs.
    Running,
    /// The person turned the head as asked.
    Passed,
    /// It ended otherwise.
    Failed(ChallengeFailure),
}

/// What the layers require.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LivenessRules {
    /// Which layers are required.
    pub level: LivenessLevel,
    /// What the network can say.
    pub network: NetworkRules,
    /// Whether the door can tell a person what to do.
    pub can_prompt: bool,
}

/// What the network for presentation attack detection can say at this door.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NetworkRules {
    /// It runs.
    Scores {
        /// A score below this is an attack.
        spoof_below: f32,
        /// A score from this on passes.
        pass_from: f32,
        /// How many times the box of a face must fit into the frame.
        min_room: f32,
    },
    /// The camera sees near infrared, which the network does not know: it says nothing, and is not required.
    NearInfrared,
    /// The models have no such network. Faces do not open the door.
    Missing,
}

/// The layers, in the order in which they are judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LivenessLayer {
    /// Enough of what surrounds the face is in view.
    View,
    /// The network.
    Network,
    /// The challenge to turn the head.
    Challenge,
}

/// What a layer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LayerResult {
    /// It finds a person.
    Pass,
    /// It says nothing yet, and will.
    Pending,
    /// It says nothing, for a reason that the person or the owner can change.
    Abstain,
    /// It finds an attack.
    Spoof,
}

/// What the layers say together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LivenessVerdict {
    /// All required layers pass.
    Live,
    /// Wait for further frames.
    Pending,
    /// The person must be asked to turn the head.
    TurnsRequired,
    /// This layer says nothing.
    Abstain(LivenessLayer),
    /// A layer finds an attack.
    Spoof,
}

impl LivenessRules {
    /// The rules of a door that does not test anything. They are those of records that were made before there was a test.
    pub const OFF: Self =
        Self { level: LivenessLevel::Off, network: NetworkRules::Missing, can_prompt: false };

    /// What each required layer says, in the order in which they are judged.
    pub fn layers(
        &self,
        evidence: &LivenessEvidence,
    ) -> impl Iterator<Item = (LivenessLayer, LayerResult)> + use<> {
        let is_tested = self.level != LivenessLevel::Off;
        // Near infrared has no network, and so no need for its surroundings.
        let has_network = is_tested && self.network != NetworkRules::NearInfrared;
        let view = has_network.then(|| (LivenessLayer::View, self.view(evidence)));
        let network = has_network.then(|| (LivenessLayer::Network, self.network(evidence)));
        // Near infrared at the level passive has no layer that could pass: the challenge, which is not asked for, abstains.
        let has_challenge = self.level == LivenessLevel::Active || (is_tested && !has_network);
        let challenge = has_challenge.then(|| (LivenessLayer::Challenge, self.challenge(evidence)));
        [view, network, challenge].into_iter().flatten()
    }

    /// Whether the surroundings are in view.
    fn view(&self, evidence: &LivenessEvidence) -> LayerResult {
        match (self.network, finite(evidence.room)) {
            // The network, which is judged next, says why.
            (NetworkRules::Missing | NetworkRules::NearInfrared, _) => LayerResult::Pass,
            (NetworkRules::Scores { .. }, None) => LayerResult::Pending,
            (NetworkRules::Scores { min_room, .. }, Some(room)) if room >= min_room => LayerResult::Pass,
            (NetworkRules::Scores { .. }, Some(_)) => LayerResult::Abstain,
        }
    }

    fn network(&self, evidence: &LivenessEvidence) -> LayerResult {
        match (self.network, finite(evidence.score)) {
            (NetworkRules::Scores { .. }, None) => LayerResult::Pending,
            (NetworkRules::Scores { pass_from, .. }, Some(score)) if score >= pass_from => LayerResult::Pass,
            (NetworkRules::Scores { spoof_below, .. }, Some(score)) if score < spoof_below => {
                LayerResult::Spoof
            }
            (NetworkRules::Scores { .. } | NetworkRules::NearInfrared | NetworkRules::Missing, _) => {
                LayerResult::Abstain
            }
        }
    }

    fn challenge(&self, evidence: &LivenessEvidence) -> LayerResult {
        match evidence.challenge {
            ChallengeState::Passed if self.level == LivenessLevel::Active => LayerResult::Pass,
            ChallengeState::Failed(ChallengeFailure::WrongTurnAgain) => LayerResult::Spoof,
            ChallengeState::NotAsked | ChallengeState::Running if self.can_ask() => LayerResult::Pending,
            ChallengeState::NotAsked
            | ChallengeState::Running
            | ChallengeState::Passed
            | ChallengeState::Failed(_) => LayerResult::Abstain,
        }
    }

    /// Whether a challenge can begin at this door.
    fn can_ask(&self) -> bool {
        self.level == LivenessLevel::Active && self.can_prompt
    }

    /// What the layers say together. The first layer that does not pass decides, but an attack that any layer finds decides before
    /// all.
    pub(super) fn verdict(&self, evidence: &LivenessEvidence) -> LivenessVerdict {
        if self.layers(evidence).any(|(_, result)| result == LayerResult::Spoof) {
            return LivenessVerdict::Spoof;
        }
        match self.layers(evidence).find(|(_, result)| *result != LayerResult::Pass) {
            None => LivenessVerdict::Live,
            Some((LivenessLayer::Challenge, LayerResult::Pending))
                if evidence.challenge == ChallengeState::NotAsked =>
            {
                LivenessVerdict::TurnsRequired
            }
            Some((_, LayerResult::Pending)) => LivenessVerdict::Pending,
            Some((layer, _)) => LivenessVerdict::Abstain(layer),
        }
    }
}

/// A number; `None` if it is none. A record has no others.
fn finite(number: Option<f32>) -> Option<f32> {
    number.filter(|number| number.is_finite())
}

impl Default for LivenessRules {
    fn default() -> Self {
        Self::OFF
    }
}

impl ChallengeState {
    fn is_not_asked(&self) -> bool {
        *self == Self::NotAsked
    }
}

impl LivenessEvidence {
    /// Whether nothing is known.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
