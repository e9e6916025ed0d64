//! Tests of liveness at this door.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use ostiary_control::Session;
use ostiary_control::interface::{Call_TestLiveness, LivenessPart};
use ostiary_events::{TestPart, User};
use serde_json::Value;

use super::ControlApi;
use crate::liveness_summary::LivenessSummary;
use crate::liveness_test::{PartTest, Step, check, part_instructions};

/// The pause between two looks at the record.
const PAUSE: Duration = Duration::from_millis(250);
/// How long the door waits at its end for the counts of a part to be recorded.
const END_TIMEOUT: Duration = Duration::from_secs(1);

/// The part of a test that runs, if any: whether it is to end.
#[derive(Debug, Default)]
pub struct LivenessTestSlot(Mutex<Option<Arc<AtomicBool>>>);

/// A part of a test that runs, until it is dropped.
struct RunningPart<'a> {
    slot: &'a LivenessTestSlot,
    is_to_end: Arc<AtomicBool>,
}

impl LivenessTestSlot {
    /// Begins a part, unless one runs.
    fn begin(&self) -> Option<RunningPart<'_>> {
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if running.is_some() {
            return None;
        }
        let is_to_end = Arc::new(AtomicBool::new(false));
        *running = Some(is_to_end.clone());
        Some(RunningPart { slot: self, is_to_end })
    }

    /// Ends the part that runs. Returns whether one does.
    pub fn end(&self) -> bool {
        let running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        running.as_ref().inspect(|is_to_end| is_to_end.store(true, Ordering::Relaxed)).is_some()
    }

    /// Waits until no part runs, because the door stops: what was counted is recorded.
    pub fn wait_for_end(&self) {
        let deadline = Instant::now() + END_TIMEOUT;
        while self.0.lock().unwrap_or_else(PoisonError::into_inner).is_some() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for RunningPart<'_> {
    fn drop(&mut self) {
        *self.slot.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl ControlApi {
    /// What the tests of liveness at this door prove now.
    pub(super) fn liveness(&self) -> Result<Value> {
        let _call = self.heavy_calls.begin();
        // By text, so that a number has as many digits as the commands print.
        Ok(serde_json::from_str(&serde_json::to_string(&LivenessSummary::read(&self.config())?)?)?)
    }

    /// The parts of a test at this door.
    pub(super) fn liveness_parts(&self) -> Result<Vec<LivenessPart>> {
        let config = self.config();
        check(&config)?;
        let part = |part: TestPart| LivenessPart {
            name: part.name().to_owned(),
            words: part.words().to_owned(),
            instructions: part_instructions(part, &config),
        };
        Ok(TestPart::ALL.into_iter().map(part).collect())
    }

    /// Counts a part of a test, sends each step, and records the counts.
    pub(super) fn test_liveness(
        &self,
        part: &str,
        presentations: i64,
        (session, user): (&Session, User),
        call: &mut dyn Call_TestLiveness,
    ) -> Result<varlink::Result<()>> {
        let named = TestPart::ALL.into_iter().find(|known| known.name() == part);
        let part = named.with_context(|| format!("{part:?} is no part of a test of liveness"))?;
        let presentations = u32::try_from(presentations).unwrap_or(0);
        let Some(running) = self.liveness_test.begin() else {
            bail!("a test of liveness runs already: end that first");
        };
        let (mut test, begin) = PartTest::begin(&self.config(), part, presentations)?;
        call.set_continues(true);
        let mut is_gone = call.reply(begin.text, begin.object).is_err();
        let mut unreadable = None;
        while !test.is_over() {
            thread::sleep(PAUSE);
            // Before the record is read: what was decided until then is counted.
            let is_to_end = running.is_to_end.load(Ordering::Relaxed);
            is_gone |= !session.is_open();
            match test.follow(&self.config()) {
                Ok(steps) => {
                    for step in steps {
                        is_gone |= call.reply(step.text, step.object).is_err();
                    }
                }
                Err(error) => {
                    unreadable = Some(error);
                    break;
                }
            }
            if is_to_end {
                test.end();
            }
            if self.shared.is_stopping() {
                let step = Step::notice("The test ends: the door stops.".to_owned());
                // The client may have gone too.
                let _ = call.reply(step.text, step.object);
                break;
            }
            if is_gone {
                break;
            }
        }
        // What was counted is recorded, also if an error ended the part.
        let report = test.finish(&self.config(), user)?;
        if let Some(error) = unreadable {
            return Err(error.context(format!("the test ended early: {}", report.text)));
        }
        call.set_continues(false);
        Ok(call.reply(report.text, report.object))
    }
}
