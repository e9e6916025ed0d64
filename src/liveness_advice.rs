//! Why a face was not shown to be a person's, and what to do, in words. Without scores: they would help an attacker.

use ostiary_access::{
    ChallengeState, LayerResult, LivenessEvidence, LivenessLayer, LivenessRules, NetworkRules, VisitRecord,
};
use ostiary_config::LivenessLevel;
use ostiary_core::ChallengeFailure;

/// Why the layers of liveness did not let a visit pass, and what to do; `None` if they did.
pub fn liveness_advice(record: &VisitRecord) -> Option<&'static str> {
    let (evidence, layers) = record.liveness();
    let layers: Vec<_> = layers.filter(|(_, result)| *result != LayerResult::Pass).collect();
    let spoof = layers.iter().find(|(_, result)| *result == LayerResult::Spoof);
    let (layer, result) = *spoof.or_else(|| layers.first())?;
    Some(match layer {
        LivenessLayer::View if result == LayerResult::Pending => {
            "the face was not in view for long enough: look at the camera until the door opens"
        }
        LivenessLayer::View => {
            "too little of what surrounds the face was in view: step back so that your shoulders are in the picture"
        }
        LivenessLayer::Network => network(result, &record.rules.liveness),
        LivenessLayer::Challenge => challenge(&evidence, &record.rules.liveness),
    })
}

fn network(result: LayerResult, rules: &LivenessRules) -> &'static str {
    match (rules.network, result) {
        (NetworkRules::Missing, _) => {
            "the models have no network for liveness: activate a bundle that has one, or install the package again"
        }
        (_, LayerResult::Spoof) => "what the camera saw looks like a picture",
        (_, LayerResult::Pending) => {
            "the face was not in view for long enough: look at the camera until the door opens"
        }
        (_, LayerResult::Abstain | LayerResult::Pass) => {
            "the camera did not see clearly whether it is a person: step back so that your shoulders are in the picture, in \
             even light"
        }
    }
}

fn challenge(evidence: &LivenessEvidence, rules: &LivenessRules) -> &'static str {
    match evidence.challenge {
        ChallengeState::NotAsked | ChallengeState::Running if rules.level != LivenessLevel::Active => {
            "a camera for near infrared needs liveness.level = \"active\""
        }
        ChallengeState::NotAsked | ChallengeState::Running if !rules.can_prompt => {
            "liveness.level is \"active\", and the door has no output that asks people to turn the head: configure lamps or the \
             buzzer ([signals]) or [mqtt]"
        }
        ChallengeState::NotAsked | ChallengeState::Passed => {
            "the head was not turned: one person at a time, who looks at the camera until the door asks"
        }
        ChallengeState::Running => "the turns of the head were not finished",
        ChallengeState::Failed(failure) => failed(failure),
    }
}

fn failed(failure: ChallengeFailure) -> &'static str {
    match failure {
        ChallengeFailure::TimedOut => {
            "the head was not turned as asked in time: turn it when the door asks, by a quarter of a right angle, and look back \
             at the camera"
        }
        ChallengeFailure::WrongTurn => {
            "the head was turned in another direction than the door asked: turn only as it asks"
        }
        ChallengeFailure::WrongTurnAgain => {
            "the head was turned in another direction than the door asked, twice in a row, as in a film"
        }
        ChallengeFailure::LostLandmarks => {
            "the face could not be followed while it turned: turn more slowly, in even light"
        }
        ChallengeFailure::SeveralFaces => "a second face was in view: one person at a time",
        ChallengeFailure::FaceLeft => "the face left the view before the turns were finished",
        ChallengeFailure::OtherTrack => "the face moved too fast, or was replaced by another one",
        ChallengeFailure::OtherPerson => "another face took the place of the first one",
        ChallengeFailure::OtherAspect => {
            "the face was wider or narrower than at enrollment: look straight at the camera; if that does not help, enroll again \
             with this camera"
        }
        ChallengeFailure::TooFewFrames => {
            "the camera gave fewer than five frames a second: turns of the head cannot be followed"
        }
        ChallengeFailure::TimeWentBack => "the times of the frames were not in order",
    }
}

#[cfg(test)]
mod tests {
    use ostiary_access::DecisionRules;
    use ostiary_config::Door;
    use ostiary_testkit::moment;

    use super::*;

    fn advice(rules: LivenessRules, liveness: LivenessEvidence) -> Option<&'static str> {
        let mut record = VisitRecord::new(DecisionRules::new(&Door::default(), rules));
        record.steps.extend([moment(liveness)]);
        liveness_advice(&record)
    }

    fn rules(level: LivenessLevel) -> LivenessRules {
        let network = NetworkRules::Scores { spoof_below: 0.1, pass_from: 0.5, min_room: 2.0 };
        LivenessRules { level, network, can_prompt: true }
    }

    fn seen(room: f32, score: f32, challenge: ChallengeState) -> LivenessEvidence {
        LivenessEvidence { room: Some(room), score: Some(score), challenge }
    }

    #[test]
    fn the_layer_that_decides_is_explained() {
        let passive = rules(LivenessLevel::Passive);
        let not_asked = ChallengeState::NotAsked;
        let near = advice(passive, seen(1.5, 0.9, not_asked)).unwrap();
        assert!(near.contains("step back so that your shoulders are in the picture"), "{near}");
        assert!(advice(passive, seen(2.5, 0.05, not_asked)).unwrap().contains("a picture"));
        assert!(
            advice(passive, seen(1.5, 0.05, not_asked)).unwrap().contains("a picture"),
            "an attack comes first"
        );
        assert!(advice(passive, seen(2.5, 0.3, not_asked)).unwrap().contains("clearly"));
        assert!(advice(passive, LivenessEvidence::default()).unwrap().contains("long enough"));
        assert_eq!(advice(passive, seen(2.5, 0.9, not_asked)), None);
        let missing = LivenessRules { network: NetworkRules::Missing, ..passive };
        assert!(advice(missing, seen(2.5, 0.9, not_asked)).unwrap().contains("no network"));
    }

    #[test]
    fn why_a_challenge_was_not_passed_is_explained() {
        let active = rules(LivenessLevel::Active);
        let with = |challenge| advice(active, seen(2.5, 0.9, challenge));
        assert_eq!(with(ChallengeState::Passed), None);
        let mut texts: Vec<_> =
            ChallengeFailure::ALL.map(|failure| with(ChallengeState::Failed(failure)).unwrap()).into();
        texts.sort_unstable();
        texts.dedup();
        assert_eq!(texts.len(), ChallengeFailure::ALL.len(), "each has its own text");
        let silent = LivenessRules { can_prompt: false, ..active };
        let text = advice(silent, seen(2.5, 0.9, ChallengeState::NotAsked)).unwrap();
        assert!(text.contains("[signals]") && text.contains("[mqtt]"), "{text}");
        let nir = LivenessRules { network: NetworkRules::NearInfrared, ..rules(LivenessLevel::Passive) };
        assert!(advice(nir, LivenessEvidence::default()).unwrap().contains("near infrared"));
    }
}
