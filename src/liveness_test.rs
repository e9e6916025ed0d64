//! A test of liveness at a running door: counts what the door decides about what is shown, and records the counts.
//!
//! A test consists of parts, one for each kind of attack and for the household's own visits by day and by night. Each part is counted
//! and recorded alone.

mod instructions;
mod lockout_pacing;
mod visit_counter;

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use jiff::Timestamp;
use ostiary_config::{Config, LivenessLevel};
use ostiary_core::ModelRole;
use ostiary_events::{
    AttackCount, Event, EventFilter, EventKind, EventStore, LivenessReport, StoreError, TestConditions,
    TestPart, User, VisitCount,
};
use ostiary_models::Bundle;
use serde_json::{Value, json};

use self::lockout_pacing::LockoutPacing;
use self::visit_counter::VisitCounter;
use crate::error_rate::ErrorRate;
use crate::liveness_conditions::test_conditions;
use crate::liveness_problem::LivenessProblem;
use crate::liveness_standing::{rates, sentences};

/// The most presentations of a part.
pub const MAX_PRESENTATIONS: u32 = 100_000;

/// What the owner does in a part.
pub fn part_instructions(part: TestPart, config: &Config) -> String {
    let between = instructions::between(part, &config.door, &config.lockout);
    format!("{} {between}", instructions::of_part(part))
}

/// Checks that a test can begin with this configuration. Returns its conditions.
///
/// # Errors
/// There is nothing to test, or faces do not open this door.
pub fn check(config: &Config) -> Result<TestConditions> {
    if config.liveness.level() == LivenessLevel::Off {
        bail!(
            "liveness.level is \"off\": the door does not tell people from pictures, and there is nothing to test; set it to \"active\" \
             or \"passive\""
        );
    }
    let models = Bundle::find(&config.models, config.engine.precision)?;
    let shipped = Bundle::shipped(config.engine.precision).ok();
    let has_network = [Some(&models), shipped.as_ref()]
        .iter()
        .flatten()
        .any(|bundle| bundle.entry(ModelRole::Liveness).is_ok());
    if let Some(problem) = LivenessProblem::find(config, has_network, config.has_prompt_output())
        && problem.keeps_everybody_out()
    {
        bail!("{problem}; {}", problem.fix());
    }
    Ok(test_conditions(config, &models)?)
}

/// A step of a test: an object whose `event` is `begin`, `notice`, `visit` or `report`, and the same in words.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    pub object: Value,
    pub text: String,
}

impl Step {
    /// What the owner should know.
    pub fn notice(text: String) -> Self {
        Self { object: json!({ "event": "notice", "text": text }), text }
    }
}

/// One part of a test that runs.
pub struct PartTest {
    part: TestPart,
    presentations: u32,
    conditions: TestConditions,
    counter: VisitCounter,
    pacing: LockoutPacing,
    store: EventStore,
    /// The events up to this id were seen.
    after: u64,
    /// How long nothing must be in view between two presentations.
    away: Duration,
    /// When the latest presentation was counted.
    latest: Option<Instant>,
    /// Whether nothing more will be shown.
    is_ending: bool,
    /// Whether the conditions changed, so that later decisions do not count.
    is_void: bool,
}

impl PartTest {
    /// Begins a part.
    ///
    /// # Errors
    /// There is nothing to test, or the record of the door cannot be read.
    pub fn begin(config: &Config, part: TestPart, presentations: u32) -> Result<(Self, Step)> {
        ensure!(
            (1..=MAX_PRESENTATIONS).contains(&presentations),
            "the number of presentations must be 1 to {MAX_PRESENTATIONS}"
        );
        let conditions = check(config)?;
        let store = EventStore::open_read_only(&config.events.path)?;
        let mut test = Self {
            part,
            presentations,
            counter: VisitCounter::new(part, &config.door, &conditions, Timestamp::now()),
            conditions,
            pacing: LockoutPacing::new(&config.lockout),
            after: store.last_id(),
            store,
            away: Duration::try_from_secs_f64(config.door.away_s).unwrap_or_default(),
            latest: None,
            is_ending: false,
            is_void: false,
        };
        test.follow_earlier_attempts()?;
        let object = json!({ "event": "begin", "part": part, "presentations": presentations });
        Ok((test, Step { object, text: "Counting begins.".to_owned() }))
    }

    /// Reads the attempts that still count for the lockout.
    fn follow_earlier_attempts(&mut self) -> Result<(), StoreError> {
        let since = Timestamp::now().checked_sub(self.pacing.within()).unwrap_or(Timestamp::MIN);
        let pacing = &mut self.pacing;
        let filter = EventFilter { since: Some(since), ..EventFilter::default() };
        self.store.find(&filter, None, |event| {
            // Said when it happens again.
            let _ = pacing.follow(&event);
            Ok(())
        })
    }

    /// Counts what was decided since the last call. `config` is the configuration in use now.
    ///
    /// # Errors
    /// The record of the door cannot be read.
    pub fn follow(&mut self, config: &Config) -> Result<Vec<Step>> {
        let mut steps = Vec::new();
        for event in self.new_events()? {
            if self.is_void {
                break;
            }
            if let Some(visit) = self.counter.add(&event) {
                self.latest = Some(Instant::now());
                let ErrorRate { errors, trials } = self.counter.count();
                let object = json!({
                    "event": "visit", "part": self.part, "visit": visit, "presentations": trials, "errors": errors
                });
                let person = visit.person.as_deref().map(|person| format!("{person}: ")).unwrap_or_default();
                steps.push(Step { object, text: format!("{trials:>4}  {person}{}", visit.text) });
            }
            steps.extend(self.pacing.follow(&event).map(Step::notice));
            steps.extend(self.follow_door(&event, config).map(Step::notice));
        }
        steps.extend(self.pacing.tick(Timestamp::now()).map(Step::notice));
        self.is_ending |= self.counter.count().trials >= self.presentations;
        Ok(steps)
    }

    /// Follows an event of the door itself. Returns what the owner should know.
    fn follow_door(&mut self, event: &Event, config: &Config) -> Option<String> {
        match &event.kind {
            EventKind::Locked { detail } => {
                Some(format!("A fault has locked the door: {detail}. See `ostiary doctor`."))
            }
            EventKind::Reloaded { .. } | EventKind::RolledBack { .. } => {
                let models = Bundle::find(&config.models, config.engine.precision);
                let present = models.and_then(|models| test_conditions(config, &models));
                let why = match present.map(|present| present.differences(&self.conditions)) {
                    Ok(changes) if changes.is_empty() => return None,
                    Ok(changes) => format!(
                        "{} changed. What was counted holds for the conditions before.",
                        changes.join(", ")
                    ),
                    Err(error) => error.to_string(),
                };
                self.is_void = true;
                Some(format!("The test ends: {why}"))
            }
            _ => None,
        }
    }

    /// The events since the last call, decisions with the record of their visits.
    fn new_events(&mut self) -> Result<Vec<Event>, StoreError> {
        self.store.refresh()?;
        let mut events = Vec::new();
        let filter = EventFilter { after: self.after, ..EventFilter::default() };
        self.store.find(&filter, None, |event| {
            events.push(event);
            Ok::<_, StoreError>(())
        })?;
        for event in &mut events {
            self.after = self.after.max(event.id);
            if event.kind.face().is_some()
                && let Some(decision) = self.store.decision(event.id)?
            {
                *event = decision;
            }
        }
        Ok(events)
    }

    /// To be called when nothing more will be shown.
    pub fn end(&mut self) {
        self.is_ending = true;
    }

    /// Whether the part is over. After the last presentation it is not before that is out of view, because a later decision about it may be
    /// worse for the door.
    pub fn is_over(&self) -> bool {
        self.is_void || (self.is_ending && self.latest.is_none_or(|latest| latest.elapsed() > self.away))
    }

    /// Records the counts, if anything was counted.
    ///
    /// # Errors
    /// They cannot be recorded: the error has them.
    pub fn finish(self, config: &Config, user: User) -> Result<Step> {
        let ErrorRate { errors, trials } = self.counter.count();
        if trials == 0 {
            return Ok(Step::notice("Nothing was counted, and nothing is recorded.".to_owned()));
        }
        let is_complete = trials >= self.presentations;
        let mut report = LivenessReport {
            conditions: self.conditions,
            attacks: Vec::new(),
            visits: Vec::new(),
            is_complete,
        };
        match self.part {
            TestPart::Attack(kind) => {
                report.attacks.push(AttackCount { kind, presentations: trials, let_in: errors });
            }
            TestPart::Visits(time) => {
                report.visits.push(VisitCount { time, visits: trials, refused: errors })
            }
        }
        let words = sentences(&report.attacks, &report.visits);
        let mut text = words.join("\n");
        if !is_complete {
            text = format!(
                "{trials} of {} were made. {errors} of {trials} prove only that the share is at most {}.\n{text}",
                self.presentations,
                self.counter.count().at_most()
            );
        }
        let kind = EventKind::LivenessTested { report: report.clone(), user };
        let mut event = Event::new(kind, Timestamp::now(), &config.door.name);
        EventStore::append_once(&config.events, config.mqtt.enabled, &mut event)
            .with_context(|| format!("the counts are not recorded:\n{text}"))?;
        ensure!(
            event.id > 0,
            "the counts are not recorded: {} does not exist any longer:\n{text}",
            config.events.path.display()
        );
        let rates = rates(&report.attacks, &report.visits);
        let object =
            json!({ "event": "report", "id": event.id, "report": report, "rates": rates, "text": words });
        Ok(Step {
            object,
            text: format!("{text}\nRecorded as event {}; `ostiary liveness show` shows it again.", event.id),
        })
    }
}
