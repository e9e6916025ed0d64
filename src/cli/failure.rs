//! How a command ends that did not do what it was asked for: what it prints, and its exit code.
//!
//! The reason is on standard error in words. With `--json` it is also on standard output, as the last line: a program that
//! reads a command has results, refusals and errors in one stream, in which every line is an object. Standard error has what
//! only people read.

use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::process::ExitCode;

use ostiary_access::UnknownGroup;
use ostiary_config::{NamedDoor, SetError};
use ostiary_control::CallError;
use ostiary_core::NameError;
use ostiary_facebank::FacebankError;
use serde_json::{Value, json};

use super::globals::addressed;
use crate::backup::BadBackup;
use crate::enrollment::TooFewPictures;
use crate::explain::NoDecision;
use crate::model_bundles;
use crate::snapshot_store::SnapshotError;

/// The exit codes of all commands, with their meaning. What a command's answer is, its own help says.
pub const EXIT_CODES: [(u8, &str); 3] = [
    (DONE, "The command did what it was asked for, or the answer is yes."),
    (
        NO,
        "The answer is no, or the command is refused: no face, no match, nobody with this name, a check that failed, a rule \
         that forbids it.",
    ),
    (
        FAILED,
        "The command could not be carried out: wrong usage, a configuration with errors, a file, device or door that cannot \
         be used, or no permission.",
    ),
];
const DONE: u8 = 0;
const NO: u8 = 1;
const FAILED: u8 = 2;

/// The reason why a command is refused, if no crate has an error for it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(pub String);

/// Whether these arguments of the process ask for JSON. Also for arguments that clap refuses.
pub fn wants_json(arguments: &[OsString]) -> bool {
    arguments.iter().take_while(|argument| *argument != "--").any(|argument| argument == OsStr::new("--json"))
}

/// Prints why clap does not accept the arguments, or the help or the version that they ask for.
pub fn report_usage(error: &clap::Error, is_json: bool) -> ExitCode {
    // If standard error is closed, there is nowhere to report it.
    let _ = error.print();
    if !error.use_stderr() {
        return ExitCode::from(DONE);
    }
    if is_json {
        let text = error.render().to_string();
        // The message, without the usage and the pointer to the help.
        let message = text.split("\n\nUsage:").next().unwrap_or_default();
        print_object(&json!({ "error": message.trim_start_matches("error: ").trim_end(), "causes": [] }));
    }
    ExitCode::from(FAILED)
}

/// Prints why a command for a door is refused or could not be carried out.
pub fn report(error: &anyhow::Error, door: Option<&NamedDoor>, is_json: bool) -> ExitCode {
    let (word, code) = if is_refusal(error) { ("refused", NO) } else { ("error", FAILED) };
    let why = addressed(door, &format!("{error:#}"));
    let _ = writeln!(io::stderr(), "{word}: {why}");
    if is_json {
        print_object(&match code {
            NO => json!({ "refused": why }),
            _ => {
                let mut chain = error.chain().map(|cause| addressed(door, &cause.to_string()));
                json!({ "error": chain.next(), "causes": chain.collect::<Vec<_>>() })
            }
        });
    }
    ExitCode::from(code)
}

/// Prints an object. Without a reader it is lost, and the exit code is that of the failure.
fn print_object(object: &Value) {
    let _ = writeln!(io::stdout().lock(), "{object}");
}

/// Whether the program, the running door or a check says no, as opposed to an error. Who asks the running door and who
/// opens its files has the same exit code.
fn is_refusal(error: &anyhow::Error) -> bool {
    let is_refused = |cause: &(dyn std::error::Error + 'static)| {
        cause.is::<Refusal>()
            || cause.is::<BadBackup>()
            || cause.is::<TooFewPictures>()
            || cause.is::<NoDecision>()
            || cause.is::<UnknownGroup>()
            || cause.is::<NameError>()
            || cause.downcast_ref::<SetError>().is_some_and(SetError::is_refusal)
            || matches!(cause.downcast_ref(), Some(CallError::Refused { .. }))
            || cause.downcast_ref::<SnapshotError>().is_some_and(SnapshotError::is_refusal)
            || cause.downcast_ref::<FacebankError>().is_some_and(FacebankError::is_refusal)
    };
    model_bundles::is_refusal(error) || error.chain().any(is_refused)
}
