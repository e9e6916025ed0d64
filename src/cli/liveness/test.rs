//! Guides the owner through a test of liveness, counts what the running door decides, and records the counts.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use jiff::Timestamp;
use ostiary_config::{Config, LivenessLevel};
use ostiary_core::ModelRole;
use ostiary_events::{
    AttackCount, Event, EventFilter, EventKind, EventStore, LivenessReport, StoreError, TestConditions,
    TestPart, VisitCount,
};
use ostiary_facebank::{DaemonLock, FacebankError};
use ostiary_models::Bundle;
use rustix::fs::{Access, access};
use serde_json::{Value, json};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

use super::keyboard::{Key, Keyboard};
use super::lockout_pacing::LockoutPacing;
use super::visit_counter::VisitCounter;
use super::{instructions, show};
use crate::cli::Globals;
use crate::cli::administration::user;
use crate::cli::output::{json_line, line};
use crate::error_rate::ErrorRate;
use crate::liveness_conditions::test_conditions;
use crate::liveness_problem::LivenessProblem;

/// The pause between two looks at the record.
const PAUSE: Duration = Duration::from_millis(250);
/// The number of presentations of each kind, by default.
const PRESENTATIONS: u32 = 20;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  sudo ostiary liveness test\n  \
                  sudo ostiary liveness test --kind large_print --presentations 59\n  \
                  sudo ostiary liveness test --kind night\n\n\
                  Enter begins a part and ends it, s and Enter leaves it out, Ctrl-C ends the test: what was counted is recorded.\n\n\
                  Exit code: 0 all was counted and is recorded, 1 the test ended early, 2 an error.")]
pub(super) struct Args {
    /// Only this kind of attack, or own visits by day or night; can be repeated. Without it: all, and Enter begins each.
    #[arg(long, value_name = "KIND", value_parser = part_parser())]
    kind: Vec<TestPart>,
    /// Number of presentations of each kind, and of own visits.
    #[arg(long, value_name = "N", default_value_t = PRESENTATIONS, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    presentations: u32,
}

/// All kinds, with the usual number of presentations.
impl Default for Args {
    fn default() -> Self {
        Self { kind: Vec::new(), presentations: PRESENTATIONS }
    }
}

/// Parses the stable name of a part.
fn part_parser() -> impl TypedValueParser<Value = TestPart> {
    PossibleValuesParser::new(TestPart::ALL.map(TestPart::name)).try_map(|name| {
        let part = TestPart::ALL.into_iter().find(|part| part.name() == name);
        part.ok_or_else(|| format!("{name} is no kind"))
    })
}

/// Why a test cannot begin.
#[derive(Debug, thiserror::Error)]
enum TestError {
    #[error(
        "liveness.level is \"off\": the door does not tell people from pictures, and there is nothing to test; set it to \"active\" \
         or \"passive\""
    )]
    Off,
    #[error(
        "no door runs with this configuration, and only a running one can be tested; start it with `sudo systemctl start ostiary`"
    )]
    NoDoor,
    #[error(
        "standard input is not a terminal, so that nobody can go on from kind to kind; name those to count with --kind, for example \
         --kind small_print"
    )]
    NoTerminal,
    #[error(
        "event store {path}: this user may not write to it, and the result could not be recorded: {why}; run this as the user of the \
         door, `sudo ostiary liveness test`"
    )]
    CannotRecord { path: String, why: std::io::Error },
}

pub(super) fn run(globals: &Globals, args: &Args) -> anyhow::Result<ExitCode> {
    let config = globals.config()?;
    let conditions = check(&config, args)?;
    let store = EventStore::open_read_only(&config.events.path)?;
    check_writable(&config.events.path)?;
    let stop = Arc::new(AtomicBool::new(false));
    // SIGHUP: the terminal is gone, for example with its network connection.
    for signal in [SIGHUP, SIGINT, SIGTERM] {
        flag::register(signal, stop.clone())?;
    }
    let output = Output { is_json: globals.json };
    let pacing = LockoutPacing::new(&config.lockout);
    let mut session = Session {
        globals,
        config: &config,
        report: LivenessReport { conditions, attacks: Vec::new(), visits: Vec::new(), is_complete: false },
        after: store.last_id(),
        store,
        pacing,
        keyboard: Keyboard::open(),
        stop,
        output,
    };
    let result = session.run(&args.kind, args.presentations);
    let report = session.report;
    let is_complete = report.is_complete;
    // What was counted is recorded, also if an error ended the test.
    record(&config, output, report)?;
    result?;
    Ok(if is_complete { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Checks that a test can begin. Returns its conditions.
fn check(config: &Config, args: &Args) -> anyhow::Result<TestConditions> {
    if config.liveness.level() == LivenessLevel::Off {
        return Err(TestError::Off.into());
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
    match DaemonLock::check(&config.facebank.path) {
        Err(FacebankError::DaemonRunning { .. }) => {}
        Err(error) => return Err(error.into()),
        Ok(()) => return Err(TestError::NoDoor.into()),
    }
    if args.kind.is_empty() && !Keyboard::is_terminal() {
        return Err(TestError::NoTerminal.into());
    }
    Ok(test_conditions(config, &models)?)
}

/// Checks that the report can be recorded at the end: SQLite also writes files beside the store.
fn check_writable(path: &Path) -> Result<(), TestError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    for path in [path, folder] {
        access(path, Access::READ_OK | Access::WRITE_OK)
            .map_err(|why| TestError::CannotRecord { path: path.display().to_string(), why: why.into() })?;
    }
    Ok(())
}

/// Prints text, or one JSON object a line.
#[derive(Debug, Clone, Copy)]
struct Output {
    is_json: bool,
}

impl Output {
    /// Prints what the owner should know.
    fn say(self, text: &str) -> anyhow::Result<()> {
        match self.is_json {
            true => json_line(&json!({ "event": "notice", "text": text })),
            false => line(text),
        }
    }

    fn object(self, object: &Value, text: &str) -> anyhow::Result<()> {
        if self.is_json { json_line(object) } else { line(text) }
    }
}

/// How a part ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PartEnd {
    /// All presentations were made.
    Complete,
    /// The owner goes on with fewer.
    Early,
    /// The owner, a signal or a change of the door ends the test.
    EndOfTest,
}

/// A test that runs.
struct Session<'a> {
    globals: &'a Globals,
    config: &'a Config,
    /// What was counted until now.
    report: LivenessReport,
    store: EventStore,
    /// The events up to this id were seen.
    after: u64,
    pacing: LockoutPacing,
    keyboard: Keyboard,
    stop: Arc<AtomicBool>,
    output: Output,
}

impl Session<'_> {
    /// Goes through the parts, all if none is named.
    fn run(&mut self, kinds: &[TestPart], presentations: u32) -> anyhow::Result<()> {
        self.follow_earlier_attempts()?;
        let parts = if kinds.is_empty() { &TestPart::ALL } else { kinds };
        let mut is_complete = true;
        for (place, part) in parts.iter().enumerate() {
            // A kind that is named twice is tested once.
            if parts.iter().take(place).any(|earlier| earlier == part) {
                continue;
            }
            match self.run_part(*part, presentations)? {
                PartEnd::Complete => {}
                PartEnd::Early => is_complete = false,
                PartEnd::EndOfTest => return Ok(()),
            }
        }
        self.report.is_complete = is_complete;
        Ok(())
    }

    /// Puts the count of a part into the report.
    fn set_count(&mut self, part: TestPart, count: ErrorRate) {
        let ErrorRate { errors, trials } = count;
        match part {
            _ if trials == 0 => {}
            TestPart::Attack(kind) => {
                self.report.attacks.retain(|count| count.kind != kind);
                self.report.attacks.push(AttackCount { kind, presentations: trials, let_in: errors });
            }
            TestPart::Visits(time) => {
                self.report.visits.retain(|count| count.time != time);
                self.report.visits.push(VisitCount { time, visits: trials, refused: errors });
            }
        }
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

    fn run_part(&mut self, part: TestPart, presentations: u32) -> anyhow::Result<PartEnd> {
        let between = instructions::between(part, &self.config.door, &self.config.lockout);
        let what = instructions::of_part(part);
        let started = json!({
            "event": "part", "part": part, "presentations": presentations, "instructions": format!("{what} {between}")
        });
        self.output.object(
            &started,
            &format!("\n{}: {presentations} times\n{what}\n{between}", capitalized(part.words())),
        )?;
        if self.keyboard.is_open() {
            self.output.say("Enter begins, s and Enter leaves this part out.")?;
            match self.wait_for_key() {
                Some(Key::Enter) => {}
                Some(Key::Skip) => return Ok(PartEnd::Early),
                Some(Key::End) | None => return Ok(PartEnd::EndOfTest),
            }
        }
        for event in self.new_events()? {
            if !self.follow(&event)? {
                return Ok(PartEnd::EndOfTest);
            }
        }
        let (config, conditions) = (self.config, self.report.conditions.clone());
        let mut counter = VisitCounter::new(part, &config.door, &conditions, Timestamp::now());
        self.output.object(
            &json!({ "event": "begin", "part": part }),
            match self.keyboard.is_open() {
                true => "Counting begins. Enter ends this part, Ctrl-C the test.",
                false => "Counting begins. Ctrl-C ends the test.",
            },
        )?;
        let end = self.count(part, presentations, &mut counter)?;
        let count = counter.count();
        if end != PartEnd::Complete && count.trials > 0 {
            self.output.say(&format!(
                "{}: {} of {presentations} were made. {} of {} prove only that the share is at most {}.",
                capitalized(part.words()),
                count.trials,
                count.errors,
                count.trials,
                count.at_most()
            ))?;
        }
        Ok(end)
    }

    /// Shows and counts visits until a part ends. After the last presentation it waits until that is over, because a later decision
    /// about it may be worse for the door.
    fn count(
        &mut self,
        part: TestPart,
        presentations: u32,
        counter: &mut VisitCounter<'_>,
    ) -> anyhow::Result<PartEnd> {
        let away = Duration::try_from_secs_f64(self.config.door.away_s).unwrap_or_default();
        let mut latest: Option<Instant> = None;
        let mut end = None;
        loop {
            let key = self.keyboard.wait(PAUSE);
            // What was decided before the key was pressed is counted.
            for event in self.new_events()? {
                if let Some(visit) = counter.add(&event) {
                    latest = Some(Instant::now());
                    self.set_count(part, counter.count());
                    let ErrorRate { errors, trials } = counter.count();
                    let object = json!({
                        "event": "visit", "part": part, "visit": visit, "presentations": trials, "errors": errors
                    });
                    let person =
                        visit.person.as_deref().map(|person| format!("{person}: ")).unwrap_or_default();
                    self.output.object(&object, &format!("{trials:>4}  {person}{}", visit.text))?;
                }
                if matches!(event.kind, EventKind::Started { .. }) {
                    counter.door_restarted();
                }
                if !self.follow(&event)? {
                    return Ok(PartEnd::EndOfTest);
                }
            }
            if let Some(text) = self.pacing.tick(Timestamp::now()) {
                self.output.say(&text)?;
            }
            match key {
                _ if self.stop.load(Ordering::Relaxed) => return Ok(PartEnd::EndOfTest),
                Some(Key::End) => return Ok(PartEnd::EndOfTest),
                Some(Key::Enter | Key::Skip) => end = Some(PartEnd::Early),
                None => {}
            }
            if counter.count().trials >= presentations {
                end = Some(PartEnd::Complete);
            }
            if let Some(end) = end
                && latest.is_none_or(|latest| latest.elapsed() > away)
            {
                return Ok(end);
            }
        }
    }

    /// Follows an event that is no visit. Returns whether the test can go on.
    fn follow(&mut self, event: &Event) -> anyhow::Result<bool> {
        if let Some(text) = self.pacing.follow(event) {
            self.output.say(&text)?;
        }
        match &event.kind {
            EventKind::Stopped => self.output.say("The door has stopped. Start it again to go on.")?,
            EventKind::Locked { detail } => {
                self.output.say(&format!("A fault has locked the door: {detail}. See `ostiary doctor`."))?;
            }
            EventKind::Started { .. } | EventKind::Reloaded { .. } | EventKind::RolledBack { .. } => {
                let present = present_conditions(self.globals);
                let changes = present.map(|present| present.differences(&self.report.conditions));
                match changes {
                    Ok(changes) if changes.is_empty() => {}
                    Ok(changes) => {
                        self.output.say(&format!(
                            "The test ends: {} changed. What was counted holds for the conditions before.",
                            changes.join(", ")
                        ))?;
                        return Ok(false);
                    }
                    Err(error) => {
                        self.output.say(&format!("The test ends: {error:#}"))?;
                        return Ok(false);
                    }
                }
            }
            _ => {}
        }
        Ok(true)
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

    /// Waits for the keyboard; `None` if a signal ends the test.
    fn wait_for_key(&self) -> Option<Key> {
        while !self.stop.load(Ordering::Relaxed) {
            if let Some(key) = self.keyboard.wait(PAUSE) {
                return Some(key);
            }
        }
        None
    }
}

/// The conditions by the configuration and the models as they are now.
fn present_conditions(globals: &Globals) -> anyhow::Result<TestConditions> {
    let config = globals.config()?;
    Ok(test_conditions(&config, &Bundle::find(&config.models, config.engine.precision)?)?)
}

/// Records a report and prints it. It is printed also if it cannot be recorded.
fn record(config: &Config, output: Output, report: LivenessReport) -> anyhow::Result<()> {
    if report.attacks.is_empty() && report.visits.is_empty() {
        return output.say("Nothing was counted, and nothing is recorded.");
    }
    let kind = EventKind::LivenessTested { report: report.clone(), user: user() };
    let mut event = Event::new(kind, Timestamp::now(), &config.door.name);
    let recorded = EventStore::append_once(&config.events, config.mqtt.enabled, &mut event);
    let rates = show::rates(&report.attacks, &report.visits);
    let sentences = show::sentences(&report.attacks, &report.visits);
    let id = (event.id > 0).then_some(event.id);
    let object = json!({ "event": "report", "id": id, "report": report, "rates": rates, "text": sentences });
    output.object(&object, &format!("\n{}", sentences.join("\n")))?;
    recorded.context("the report is not recorded")?;
    ensure!(
        event.id > 0,
        "the report is not recorded: {} does not exist any longer",
        config.events.path.display()
    );
    if !output.is_json {
        line(&format!("Recorded as event {}; `ostiary liveness show` shows it again.", event.id))?;
    }
    Ok(())
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().collect::<String>() + letters.as_str())
}
