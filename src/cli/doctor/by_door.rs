//! Has the running door run the checks, for a user who cannot read its files and has the role.

use std::process::ExitCode;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use ostiary_config::Config;
use ostiary_control::CallError;
use ostiary_control::interface::VarlinkClientInterface;
use rustix::fs::{Access, access};
use rustix::process::geteuid;
use serde_json::Value;

use super::Printer;
use super::door_answer::DoorAnswer;
use crate::cli::Globals;
use crate::cli::running_door::running_door;

/// The longest wait for the next finding. The door itself ends its checks after two minutes.
const FINDING_TIMEOUT: Duration = Duration::from_secs(150);

/// What the door sends.
enum Message {
    Finding(Value),
    /// All findings were sent.
    End,
    Error(CallError),
}

/// Prints the findings of the running door, which gave this answer. `None` if the checks must run in this process: this user can read the
/// door's files, or may not ask the door, or the door does not answer; the last two are printed as a warning.
pub fn print_findings(
    globals: &Globals,
    config: &Config,
    door: &DoorAnswer,
    printer: &mut Printer,
) -> anyhow::Result<Option<ExitCode>> {
    // root sees more than the door.
    let sees_files = geteuid().is_root() || access(&config.facebank.path, Access::READ_OK).is_ok();
    if sees_files || !matches!(door, DoorAnswer::State(_)) {
        return Ok(None);
    }
    let messages = start(config.clone());
    let why = loop {
        match messages.recv_timeout(FINDING_TIMEOUT) {
            Ok(Message::Finding(finding)) => printer.print(finding)?,
            Ok(Message::End) => return Ok(Some(printer.exit_code())),
            Ok(Message::Error(error)) => break error.to_string(),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                break "the running door does not answer; see `systemctl status ostiary`".to_owned();
            }
        }
    };
    let why = globals.addressed(&why);
    eprintln!("warning: {why}; these are the checks of this user, who sees less than the door");
    Ok(None)
}

/// Asks the door in a thread, which ends with the program if the door hangs.
fn start(config: Config) -> Receiver<Message> {
    let (sender, messages) = sync_channel(1);
    thread::spawn(move || {
        let last = ask(&config, &sender).map_or_else(Message::Error, |()| Message::End);
        // Nobody waits any longer.
        let _ = sender.send(last);
    });
    messages
}

fn ask(config: &Config, sender: &SyncSender<Message>) -> Result<(), CallError> {
    let mut door = running_door(config, &config.facebank.path)?.ok_or_else(|| CallError::Disconnected {
        detail: "it is the door of other files, or has ended".to_owned(),
    })?;
    let mut call = door.door().doctor();
    for reply in call.more()? {
        if let Some(finding) = reply?.finding
            && sender.send(Message::Finding(finding)).is_err()
        {
            break;
        }
    }
    Ok(())
}
