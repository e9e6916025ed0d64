//! Explains a recorded decision about a face in a few sentences: what it rests on, and what would have had to be different.

use std::collections::HashMap;

use ostiary_access::{
    ChallengeState, DecisionRules, DenialReason, ExcessReason, LayerResult, LivenessEvidence, LivenessLayer,
    NetworkRules, Reason, RecordedTurn, Step,
};
use ostiary_config::LivenessLevel;
use ostiary_core::{PersonId, Score};
use ostiary_events::{Event, Evidence, Visit, sentence};

use crate::liveness_advice::liveness_advice;
use anyhow::Result;
use ostiary_config::Config;
use ostiary_events::EventStore;
use ostiary_facebank::Facebank;
use serde_json::{Value, json};

/// There is nothing to explain.
#[derive(Debug, thiserror::Error)]
pub enum NoDecision {
    /// No such decision.
    #[error("the record has no decision about a face with the id {0}; `ostiary events` lists the ids")]
    WithId(u64),
    /// None at all.
    #[error("the record has no decision about a face yet")]
    Yet,
}

/// A decision about a face, and what explains it.
pub struct ExplainedDecision {
    /// The decision.
    pub event: Event,
    /// The sentences.
    pub sentences: Vec<String>,
}

impl ExplainedDecision {
    /// Explains the decision with this id in the record of a door, by default the newest one.
    ///
    /// # Errors
    /// There is none, or the files cannot be read.
    pub fn find(config: &Config, id: Option<u64>) -> Result<Self> {
        let store = EventStore::open_read_only(&config.events.path)?;
        let event = match id {
            Some(id) => store.decision(id)?.ok_or(NoDecision::WithId(id))?,
            None => store.newest_decision()?.ok_or(NoDecision::Yet)?,
        };
        let sentences = explain(&event, &names(config)?);
        Ok(Self { event, sentences })
    }

    /// The JSON: the event, the moments that it rests on, and the sentences.
    ///
    /// # Errors
    /// Never for what is read from a record.
    pub fn json(&self) -> Result<Value> {
        let Self { event, sentences } = self;
        let visit = event.kind.face().and_then(|(_, evidence)| evidence.visit.as_deref());
        let (event, visit) = (serde_json::to_value(event)?, serde_json::to_value(visit)?);
        Ok(json!({ "event": event, "visit": visit, "explanation": sentences }))
    }
}

/// The names of the enrolled people; none without a facebank.
fn names(config: &Config) -> Result<HashMap<PersonId, String>> {
    if !config.facebank.path.exists() {
        return Ok(HashMap::new());
    }
    let people = Facebank::open_read_only(&config.facebank.path)?.people()?;
    Ok(people.into_iter().map(|summary| (summary.person.id, summary.person.name)).collect())
}

/// The sentences about an event; empty if it is no decision about a face. `names` are those of the enrolled people.
pub fn explain(event: &Event, names: &HashMap<PersonId, String>) -> Vec<String> {
    let Some((reason, evidence)) = event.kind.face() else { return Vec::new() };
    let mut sentences = vec![sentence(event)];
    match &evidence.visit {
        None => sentences.push("The moments that it rests on were not recorded.".to_owned()),
        Some(visit) => {
            let explanation = Explanation { evidence, visit, names };
            sentences.push(explanation.moments());
            sentences.extend(explanation.scores());
            sentences.extend(explanation.threshold());
            sentences.extend(explanation.evidence_rule());
            sentences.extend(explanation.liveness());
            sentences.push(explanation.remedy(reason, event.kind.person()));
        }
    }
    sentences
}

struct Explanation<'a> {
    evidence: &'a Evidence,
    visit: &'a Visit,
    names: &'a HashMap<PersonId, String>,
}

impl Explanation<'_> {
    fn rules(&self) -> &DecisionRules {
        &self.visit.record.rules
    }

    fn last(&self) -> Option<&Step> {
        self.visit.record.last()
    }

    fn best(&self) -> Option<Score> {
        self.last()?.scores.first().copied().flatten()
    }

    fn name(&self, person: PersonId) -> String {
        let name = self.names.get(&person).cloned();
        name.unwrap_or_else(|| format!("somebody who was removed (number {})", person.0))
    }

    fn moments(&self) -> String {
        let seconds = self.evidence.latency.as_secs_f64();
        let moments = self.last().map_or(0, |step| step.moments);
        let quality = self.last().map_or(0.0, |step| step.weight);
        match self.visit.record.ended {
            Some(frames) => format!(
                "The face was in view for {seconds:.1} s: {} of its {} frames were not good enough, {} were compared.",
                frames.faulty, frames.seen, frames.good
            ),
            None => format!(
                "The face was in view for {seconds:.1} s, and good frames of {moments} different moments agreed; the last one \
                 has the quality {quality:.2} of 1."
            ),
        }
    }

    fn scores(&self) -> Option<String> {
        let mut scores = self.last()?.scores.iter().flatten();
        let best = scores.next()?;
        let mut text = format!(
            "The mean of these frames is most similar to {}: {:.3} (cosine {:.3}), and {:.3} is needed",
            self.name(best.person),
            best.similarity.0,
            best.cosine.0,
            best.threshold.0
        );
        let others: Vec<_> =
            scores.map(|score| format!("{} {:.3}", self.name(score.person), score.similarity.0)).collect();
        if !others.is_empty() {
            text = format!("{text}; then {}", others.join(" and "));
        }
        Some(format!("{text}."))
    }

    fn threshold(&self) -> Option<String> {
        let best = self.best()?;
        let model = &self.evidence.model;
        let Visit { people, fpir, .. } = self.visit;
        let counts = format!(
            "{} enrolled and {} of this person",
            count(*people, "person", "people"),
            photos(best.photos)
        );
        Some(match fpir {
            Some(fpir) => {
                format!(
                    "The threshold follows from door.fpir = {fpir}, with {counts}, by the calibration of the model {model}."
                )
            }
            None => format!(
                "No rate was promised, because the model {model} has no calibration or one that does not support door.fpir: a strict \
                 threshold was used, with {counts}."
            ),
        })
    }

    /// By how much the similarity had to exceed the threshold, 0 or more.
    fn excess(&self) -> f32 {
        self.visit.record.required_excess().map_or(0.0, |(excess, _)| excess)
    }

    fn evidence_rule(&self) -> Option<String> {
        self.best()?;
        let (excess, why) = self.visit.record.required_excess()?;
        let why = match why {
            ExcessReason::AfterUnknown => "an unknown face was in view before".to_owned(),
            ExcessReason::Attempts => "there were too many attempts at the door ([lockout])".to_owned(),
            ExcessReason::FewMoments { next } => format!("there were fewer than {next} moments"),
        };
        Some(format!("It had to exceed the threshold by {excess}, since {why}."))
    }

    /// What each layer of liveness says; `None` if the decision did not come to that.
    fn liveness(&self) -> Option<String> {
        let rules = &self.rules().liveness;
        let (evidence, layers) = self.visit.record.liveness();
        if rules.level == LivenessLevel::Off
            || (evidence == LivenessEvidence::default() && self.visit.record.challenge.is_none())
        {
            return None;
        }
        let layers: Vec<String> = layers
            .map(|(layer, result)| format!("{}: {}", self.layer(layer, &evidence), result_word(result)))
            .collect();
        let level = match rules.level {
            LivenessLevel::Active => "active",
            LivenessLevel::Passive | LivenessLevel::Off => "passive",
        };
        Some(format!("Liveness ({level}): {}.", layers.join("; ")))
    }

    /// A layer with its number.
    fn layer(&self, layer: LivenessLayer, evidence: &LivenessEvidence) -> String {
        let network = self.rules().liveness.network;
        match (layer, network) {
            (LivenessLayer::View, NetworkRules::Scores { min_room, .. }) => match evidence.room {
                Some(room) => {
                    format!("the face's box fits {room:.1} times into the picture ({min_room:.1} needed)")
                }
                None => "the surroundings of the face".to_owned(),
            },
            (LivenessLayer::View, _) => "the surroundings of the face".to_owned(),
            (LivenessLayer::Network, NetworkRules::Scores { spoof_below, pass_from, .. }) => {
                match evidence.score {
                    Some(score) => format!(
                        "the median score of 5 frames is {score:.3} ({pass_from} needed, a picture below {spoof_below})"
                    ),
                    None => "fewer than 5 frames have a score".to_owned(),
                }
            }
            (LivenessLayer::Network, _) => "there is no network for liveness".to_owned(),
            (LivenessLayer::Challenge, _) => self.challenge(evidence.challenge),
        }
    }

    fn challenge(&self, state: ChallengeState) -> String {
        let Some(challenge) = &self.visit.record.challenge else {
            return "nobody was asked to turn the head".to_owned();
        };
        let turns: Vec<String> = challenge.turns.iter().map(turn).collect();
        let turns = if turns.is_empty() {
            "the person was not seen looking at the camera".to_owned()
        } else {
            turns.join(", ")
        };
        let aspect = challenge
            .relative_aspect
            .map_or(String::new(), |aspect| format!(", the face {aspect:.2} times as wide as at enrollment"));
        let state = match state {
            ChallengeState::NotAsked | ChallengeState::Running => "not finished",
            ChallengeState::Passed => "all were made",
            ChallengeState::Failed(_) => "not all were made",
        };
        format!("turns of the head that were asked for: {turns}{aspect}; {state}")
    }

    /// What would have had to be different.
    fn remedy(&self, reason: Reason, person: Option<&str>) -> String {
        let person = person.unwrap_or("this person");
        let reason = match reason {
            Reason::Denied(reason) => reason,
            Reason::Granted | Reason::RequestToExit | Reason::Command => return self.grant_remedy(),
        };
        match reason {
            DenialReason::Unknown => self.unknown_remedy(),
            DenialReason::Ambiguous => format!(
                "One person would have to be ahead of the next by {} (door.margin); more photos of both, taken at this door, \
                 tell them apart better.",
                self.rules().matching.margin
            ),
            DenialReason::LowQuality => {
                "A face counts if it is large, sharp, evenly lit and looks at the camera; `ostiary \
                                         doctor` shows what the camera sees, and [quality] has the limits."
                    .to_owned()
            }
            DenialReason::TooFar => format!(
                "The face was {:.0} pixels wide or high: come closer, or lower quality.min_size.",
                self.evidence.quality.size
            ),
            DenialReason::SeveralFaces => "Only one face may be in view (door.second_face).".to_owned(),
            DenialReason::CoolDown => {
                let since = self.last().and_then(|step| step.since_grant_ms);
                let since = since.map_or(String::new(), |since| {
                    format!("{person} was let in {:.1} s before. ", f64::from(since) / 1000.0)
                });
                let cooldown = self.rules().cooldown.as_secs_f64();
                format!("{since}The same person is let in again after {cooldown} s (door.cooldown_s).")
            }
            DenialReason::SameVisit => format!(
                "{person} was let in, and stayed in view since. A new visit begins after {} s out of view (door.away_s).",
                self.rules().away.as_secs_f64()
            ),
            DenialReason::StaticFace => {
                "The face did not move for as long as only a picture does (door.static_s). Take the \
                                         picture away, or keep it out of camera.region."
                    .to_owned()
            }
            DenialReason::Spoof | DenialReason::NotLive => {
                let advice = liveness_advice(&self.visit.record).unwrap_or("the record does not say why");
                format!("{}.", capitalized(advice))
            }
            DenialReason::Paused => format!(
                "Too many attempts to be taken for {person} came before ([lockout]): the pause ends by itself, and the exit \
                 button works meanwhile."
            ),
            DenialReason::Alike => format!(
                "The model cannot tell {person} apart from another enrolled person at this rate. Enroll more photos of both, or \
                 set door.alike = \"allow\"."
            ),
            DenialReason::DisabledPerson => {
                format!("`ostiary people enable {person:?}` lets them in again.")
            }
            DenialReason::OutsideHours => {
                format!("The [hours] of the group of {person} do not include this time.")
            }
            DenialReason::NoHours => {
                format!("Give the group of {person} hours in [hours], or take {person} out of it.")
            }
            DenialReason::ClockImplausible => {
                "Set the clock; `ostiary clock accept` accepts it if the record is wrong.".to_owned()
            }
            DenialReason::Locked => {
                "A fault had locked the door; the event before this one names it.".to_owned()
            }
            DenialReason::LockedDown => {
                "A command had locked the door down; the last event `mode_changed` before this one has the user."
                    .to_owned()
            }
        }
    }

    fn grant_remedy(&self) -> String {
        let Some(best) = self.best() else { return "The record has no similarity.".to_owned() };
        let needed = best.threshold.0 + self.excess();
        let less = best.similarity.0 - needed;
        match self.visit.record.required_excess() {
            Some((_, ExcessReason::FewMoments { .. })) => format!(
                "With a similarity below {needed:.3}, which is {less:.3} less, further moments would have decided."
            ),
            _ => format!(
                "It would have been refused with a similarity below {needed:.3}, which is {less:.3} less."
            ),
        }
    }

    fn unknown_remedy(&self) -> String {
        let Some(best) = self.best() else {
            return "Nobody is enrolled whom the face could be compared with.".to_owned();
        };
        let missing = best.threshold.0 + self.excess() - best.similarity.0;
        let name = self.name(best.person);
        if missing > 0.0 {
            format!(
                "The similarity to {name} was too low by {missing:.3}. If it was {name}: add photos that were taken at this door, \
                 with this light."
            )
        } else {
            format!(
                "The similarity to {name} was high enough at the last moment, but not at the moments before."
            )
        }
    }
}

/// One turn of a challenge.
fn turn(turn: &RecordedTurn) -> String {
    let direction = turn.direction;
    let shift =
        turn.shift.map_or(String::new(), |shift| format!(" by {shift:.2} of the distance between the eyes"));
    match turn.seen_ms {
        Some(seen) => {
            let seconds = f64::from(seen.saturating_sub(turn.asked_ms)) / 1000.0;
            format!("{direction}{shift} after {seconds:.1} s")
        }
        None => format!("{direction}, not made{shift}"),
    }
}

fn result_word(result: LayerResult) -> &'static str {
    match result {
        LayerResult::Pass => "passes",
        LayerResult::Pending => "nothing yet",
        LayerResult::Abstain => "says nothing",
        LayerResult::Spoof => "an attack",
    }
}

/// A sentence's text with a capital letter at its start.
fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn count(number: u32, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

fn photos(number: u32) -> String {
    count(number, "photo", "photos")
}
