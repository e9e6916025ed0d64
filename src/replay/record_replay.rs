//! Decides the decisions of a record again, and counts those that would be others.

use std::collections::BTreeMap;

use anyhow::Result;
use jiff::Timestamp;
use ostiary_config::{AlikePeople, Config, Hours};
use ostiary_core::ModelRole;
use ostiary_events::Event;
use ostiary_facebank::Facebank;
use ostiary_models::Bundle;
use ostiary_pipeline::Thresholds;
use ostiary_report::{ChangedDecisions, Difference, ReplaySummary, reason_in_words};

use super::{Changes, Present, Replay, Replayed};
use crate::wall_clock;

/// A replay of a record.
pub struct RecordReplay {
    replay: Replay,
    since: Option<Timestamp>,
    same: u64,
    others: u64,
    /// Number of decisions by recorded and replayed reason.
    changes: BTreeMap<(String, String), u64>,
    not_decided: BTreeMap<String, u64>,
    repeated: u64,
}

impl RecordReplay {
    /// A replay with these changes, of decisions at `since` or later. `config` says where people and models are.
    ///
    /// # Errors
    /// What the changes need of people and models cannot be read.
    pub fn new(config: &Config, changes: Changes, since: Option<Timestamp>) -> Result<Self> {
        let present = present(config, &changes)?;
        Ok(Self {
            replay: Replay::new(changes, present),
            since,
            same: 0,
            others: 0,
            changes: BTreeMap::new(),
            not_decided: BTreeMap::new(),
            repeated: 0,
        })
    }

    /// Decides the next event of the record again; `None` if the decision is the same, or none about a face. Earlier decisions than
    /// `since` must be given too: a cool-down follows from the grant before.
    pub fn next(&mut self, event: &Event) -> Option<Difference> {
        let replayed = self.replay.next(event)?;
        let (recorded, _) = event.kind.face()?;
        if self.since.is_some_and(|since| event.time < since) {
            return None;
        }
        self.repeated += u64::from(event.kind.further_denials());
        let replayed = match replayed {
            Replayed::NotDecided(why) => {
                *self.not_decided.entry(why.to_string()).or_default() += 1;
                return None;
            }
            Replayed::Decided(replayed) if replayed == Some(recorded) => {
                self.same += 1;
                return None;
            }
            Replayed::Decided(replayed) => replayed,
        };
        self.others += 1;
        *self.changes.entry((recorded.to_string(), reason_in_words(replayed))).or_default() += 1;
        let person = event.kind.person().map(str::to_owned);
        Some(Difference { id: event.id, person, recorded, replayed, time: event.time })
    }

    /// What was found.
    pub fn finish(self) -> ReplaySummary {
        let Self { same, others, changes, not_decided, repeated, .. } = self;
        let changes = changes.into_iter();
        let changes =
            changes.map(|((recorded, replayed), number)| ChangedDecisions { number, recorded, replayed });
        ReplaySummary { changes: changes.collect(), not_decided, others, repeated, same }
    }
}

/// What changed values are computed from. The recorded rules need neither models nor people.
fn present(config: &Config, changes: &Changes) -> Result<Present> {
    let mut present =
        Present { hours: Hours::parse(&config.hours)?, zone: wall_clock::zone().ok(), ..Present::default() };
    let are_alike_needed = changes.alike == Some(AlikePeople::Refuse);
    if changes.fpir.is_some() || are_alike_needed {
        let bundle = Bundle::find(&config.models, config.engine.precision)?;
        let entry = bundle.entry(ModelRole::Embedder)?;
        let thresholds = match changes.fpir {
            Some(fpir) => Thresholds::new(entry, Some(fpir))?,
            None => Thresholds::nearest(entry, config.door.fpir).0,
        };
        present.thresholds = Some((entry.id(), thresholds));
    }
    if config.facebank.path.exists() {
        let facebank = Facebank::open_read_only(&config.facebank.path)?;
        let people = facebank.people()?.into_iter();
        present.groups = people.map(|summary| (summary.person.id, summary.person.group)).collect();
        if let Some((model, thresholds)) = present.thresholds.as_ref().filter(|_| are_alike_needed) {
            let gallery = thresholds.load_gallery(&facebank, model)?;
            let alike = gallery.people().filter(|person| gallery.alike(person.id).is_some());
            present.alike = alike.map(|person| person.id).collect();
        }
    }
    Ok(present)
}
