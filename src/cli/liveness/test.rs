//! Guides the owner through a test of liveness, which the running door counts and records.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::thread;
use std::time::Duration;

use anyhow::ensure;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use ostiary_config::Config;
use ostiary_control::interface::{LivenessPart, TestLiveness_Reply, VarlinkClientInterface};
use ostiary_control::{CallError, Client};
use ostiary_events::TestPart;
use serde_json::{Value, json};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

use super::keyboard::{Key, Keyboard};
use crate::cli::Globals;
use crate::cli::output::{json_line, line};
use crate::cli::running_door::required_door;
use crate::liveness_test::MAX_PRESENTATIONS;

/// The pause between two looks at what the door sends.
const PAUSE: Duration = Duration::from_millis(250);
/// The number of presentations of each kind, by default.
const PRESENTATIONS: u32 = 20;
/// The most steps that wait to be printed.
const MAX_STEPS: usize = 16;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  sudo ostiary liveness test\n  \
                  sudo ostiary liveness test --kind large_print --presentations 59\n  \
                  sudo ostiary liveness test --kind night\n\n\
                  Enter begins a part and ends it, s and Enter leaves it out, Ctrl-C ends the test: what was counted is recorded.\n\n\
                  Exit code: 0 all was counted and is recorded, 1 the test ended early or was refused, 2 an error.")]
pub(super) struct Args {
    /// Only this kind of attack, or own visits by day or night; can be repeated. Without it: all, and Enter begins each.
    #[arg(long, value_name = "KIND", value_parser = part_parser())]
    kind: Vec<TestPart>,
    /// Number of presentations of each kind, and of own visits.
    #[arg(long, value_name = "N", default_value_t = PRESENTATIONS,
          value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_PRESENTATIONS)))]
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

pub(super) fn run(globals: &Globals, args: &Args) -> anyhow::Result<ExitCode> {
    let config = globals.config()?;
    ensure!(
        !args.kind.is_empty() || Keyboard::is_terminal(),
        "standard input is not a terminal, so that nobody can go on from kind to kind; name those to count with --kind, for example \
         --kind small_print"
    );
    let mut door = required_door(&config)?;
    let parts = door.door().get_liveness_parts().call().map_err(CallError::from)?.parts;
    // A kind that is named twice is tested once, in the order of a full test.
    let is_chosen =
        |part: &LivenessPart| args.kind.is_empty() || args.kind.iter().any(|kind| kind.name() == part.name);
    let stop = Arc::new(AtomicBool::new(false));
    // SIGHUP: the terminal is gone, for example with its network connection.
    for signal in [SIGHUP, SIGINT, SIGTERM] {
        flag::register(signal, stop.clone())?;
    }
    let mut session =
        Session { config: &config, door, keyboard: Keyboard::open(), stop, is_json: globals.json };
    let mut is_complete = true;
    for part in parts.iter().filter(|part| is_chosen(part)) {
        match session.run_part(part, args.presentations)? {
            PartEnd::Complete => {}
            PartEnd::Early => is_complete = false,
            PartEnd::EndOfTest => return Ok(ExitCode::FAILURE),
        }
    }
    Ok(if is_complete { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// How a part ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PartEnd {
    /// All presentations were made.
    Complete,
    /// The owner goes on with fewer.
    Early,
    /// The owner, a signal or the door ends the test.
    EndOfTest,
}

/// A test that runs.
struct Session<'a> {
    config: &'a Config,
    /// The connection for all but the part that runs.
    door: Client,
    keyboard: Keyboard,
    stop: Arc<AtomicBool>,
    is_json: bool,
}

impl Session<'_> {
    /// Prints an object or its text.
    fn print(&self, object: &Value, text: &str) -> anyhow::Result<()> {
        if self.is_json { json_line(object) } else { line(text) }
    }

    fn run_part(&mut self, part: &LivenessPart, presentations: u32) -> anyhow::Result<PartEnd> {
        let LivenessPart { name, words, instructions } = part;
        let object = json!({
            "event": "part", "part": name, "presentations": presentations, "instructions": instructions
        });
        self.print(&object, &format!("\n{}: {presentations} times\n{instructions}", capitalized(words)))?;
        if self.keyboard.is_open() {
            let text = "Enter begins, s and Enter leaves this part out.";
            self.print(&json!({ "event": "notice", "text": text }), text)?;
            match self.wait_for_key() {
                Some(Key::Enter) => {}
                Some(Key::Skip) => return Ok(PartEnd::Early),
                Some(Key::End) | None => return Ok(PartEnd::EndOfTest),
            }
        }
        let steps = self.begin_part(name, presentations)?;
        if !self.is_json {
            line(match self.keyboard.is_open() {
                true => "Enter ends this part, Ctrl-C the test.",
                false => "Ctrl-C ends the test.",
            })?;
        }
        self.follow(&steps)
    }

    /// Starts the count of a part. The steps end with the part.
    fn begin_part(
        &self,
        part: &str,
        presentations: u32,
    ) -> anyhow::Result<Receiver<Result<TestLiveness_Reply, CallError>>> {
        let mut door = required_door(self.config)?;
        let (sender, steps) = sync_channel(MAX_STEPS);
        let part = part.to_owned();
        // It waits for the door, while this thread waits for the keyboard.
        thread::spawn(move || {
            let mut call = door.door().test_liveness(part, presentations.into());
            match call.more() {
                Err(error) => drop(sender.send(Err(error.into()))),
                Ok(replies) => {
                    for reply in replies {
                        if sender.send(reply.map_err(CallError::from)).is_err() {
                            return;
                        }
                    }
                }
            }
        });
        Ok(steps)
    }

    /// Prints the steps of a part until it ends.
    fn follow(&mut self, steps: &Receiver<Result<TestLiveness_Reply, CallError>>) -> anyhow::Result<PartEnd> {
        // How the owner has ended the part.
        let mut ended = None;
        let mut is_complete = None;
        loop {
            match steps.try_recv() {
                Ok(step) => {
                    let TestLiveness_Reply { text, step } = step?;
                    if step.get("event").and_then(Value::as_str) == Some("report") {
                        is_complete = step.pointer("/report/is_complete").and_then(Value::as_bool);
                    }
                    self.print(&step, &text)?;
                    continue;
                }
                Err(TryRecvError::Disconnected) => break,
                Err(TryRecvError::Empty) => {}
            }
            if ended == Some(PartEnd::EndOfTest) {
                thread::sleep(PAUSE);
                continue;
            }
            let key =
                self.keyboard.wait(PAUSE).or_else(|| self.stop.load(Ordering::Relaxed).then_some(Key::End));
            let Some(key) = key else { continue };
            if ended.is_none() {
                self.end_part()?;
            }
            ended = Some(if key == Key::End { PartEnd::EndOfTest } else { PartEnd::Early });
        }
        Ok(match (ended, is_complete) {
            (Some(PartEnd::EndOfTest), _) => PartEnd::EndOfTest,
            (_, Some(true)) => PartEnd::Complete,
            (Some(end), _) => end,
            // The door has ended the part, because its conditions changed.
            (None, _) => PartEnd::EndOfTest,
        })
    }

    /// Ends the part that runs.
    fn end_part(&mut self) -> Result<(), CallError> {
        match self.door.door().end_liveness_test().call().map_err(CallError::from) {
            // It has just ended.
            Err(CallError::Refused { .. }) => Ok(()),
            reply => reply.map(drop),
        }
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

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().collect::<String>() + letters.as_str())
}
