//! Commands for the door: JSON on its command topic, for example
//! `{"command": "open", "time": "2026-11-24T08:15:00Z", "nonce": "b61c"}`.
//!
//! Every client that may publish to this topic may give commands: the access rules of the broker decide who can open the door.
//! Commands are off by default. A message counts only if it is new: it is not retained, its time is at most [`MAX_AGE`] from the door's, and its nonce was not used
//! before. So a message that was recorded opens no door later, unless the door's clock goes back.

use std::collections::VecDeque;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use ostiary_access::{CommandName, DoorCommand};
use ostiary_config::MqttCommands;
use serde::Deserialize;

/// The most that the time of a message may differ from the door's, in both directions.
const MAX_AGE: SignedDuration = SignedDuration::from_secs(10);
/// The longest hold by a message. The control API allows longer ones.
const MAX_HOLD: Duration = Duration::from_secs(3600);
/// The longest nonce, bytes.
const MAX_NONCE: usize = 64;
/// The largest message that is read, bytes.
const MAX_BYTES: usize = 1024;
/// The nonces that are remembered. At the highest rate of messages these are the ones of more than a minute and a half, so that a
/// message is not new again if time synchronization sets the clock back by a minute.
const MAX_NONCES: usize = 64;
/// The most messages at once, and the time after which one more is read.
const BURST: u32 = 10;
const INTERVAL: Duration = Duration::from_secs(2);

/// What a message asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Something that the door does.
    Door(DoorCommand),
    /// Let a person in, or stop to.
    EnablePerson {
        /// The person.
        person: PersonRef,
        /// Whether the person is let in.
        enabled: bool,
    },
}

/// Which person a message means.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum PersonRef {
    /// By the number in the facebank.
    Id(i64),
    /// By the name.
    Name(String),
}

/// A message that asks for something.
#[derive(Debug, Clone, PartialEq)]
pub struct Received {
    /// What it asks for, as events name it.
    pub name: CommandName,
    /// What is to be done, or why it is refused.
    pub command: Result<Command, String>,
}

/// A message.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Message {
    command: Word,
    /// When it was given.
    time: Timestamp,
    /// Any text that no other message has.
    nonce: String,
    /// The length of a hold; nothing for other commands.
    seconds: Option<f64>,
    person: Option<PersonRef>,
}

/// A command in a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    Open,
    HoldOpen,
    Lock,
    LockDown,
    EndLockdown,
    EnablePerson,
    DisablePerson,
}

/// Reads messages and remembers which nonces were used.
pub(super) struct CommandReader {
    allowed: Vec<MqttCommands>,
    /// The nonces of the newest messages.
    used: VecDeque<String>,
    /// When the next message would be read at the mean rate, since the start; up to [`BURST`] intervals in the future.
    due: Duration,
    /// Whether the last message was one of too many.
    is_flooded: bool,
}

impl CommandReader {
    /// Reads the commands that are allowed.
    pub fn new(allowed: &[MqttCommands]) -> Self {
        Self { allowed: allowed.to_vec(), used: VecDeque::new(), due: Duration::ZERO, is_flooded: false }
    }

    /// Whether any command is allowed.
    pub fn reads_any(&self) -> bool {
        !self.allowed.is_empty()
    }

    /// Reads a message at a time, which is `uptime` after the start. `None` for one of too many, after the first.
    pub fn read(
        &mut self,
        payload: &[u8],
        is_retained: bool,
        now: Timestamp,
        uptime: Duration,
    ) -> Option<Result<Received, String>> {
        if self.is_one_too_many(uptime) {
            let is_first = !std::mem::replace(&mut self.is_flooded, true);
            return is_first.then(|| Err("there are too many, and the next ones are not read".to_owned()));
        }
        self.is_flooded = false;
        Some(self.read_one(payload, is_retained, now, uptime))
    }

    /// Reads a message.
    ///
    /// # Errors
    /// It is no command: why, for the log.
    fn read_one(
        &mut self,
        payload: &[u8],
        is_retained: bool,
        now: Timestamp,
        uptime: Duration,
    ) -> Result<Received, String> {
        if payload.len() > MAX_BYTES {
            return Err(format!("it has {} bytes, and a command at most {MAX_BYTES}", payload.len()));
        }
        let message: Message = serde_json::from_slice(payload).map_err(|error| error.to_string())?;
        let name = message.command.name();
        Ok(Received { name, command: self.command(message, is_retained, now, uptime) })
    }

    /// Counts a message, unless there are too many. Each leaves an event or a line in the log.
    fn is_one_too_many(&mut self, uptime: Duration) -> bool {
        let due = self.due.max(uptime);
        if due.saturating_sub(uptime) >= INTERVAL * BURST {
            return true;
        }
        self.due = due + INTERVAL;
        false
    }

    fn command(
        &mut self,
        message: Message,
        is_retained: bool,
        now: Timestamp,
        uptime: Duration,
    ) -> Result<Command, String> {
        if is_retained {
            return Err(
                "the message is retained, so that it would be carried out again after each start: publish it without that"
                    .to_owned(),
            );
        }
        let needed = message.command.needed();
        if !self.allowed.contains(&needed) {
            return Err(format!("mqtt.commands does not have {:?}", needed.as_str()));
        }
        let age = now.duration_since(message.time);
        if age.abs() > MAX_AGE {
            return Err(format!(
                "its time is {:.0} s from the door's, and at most {} are allowed: check both clocks",
                age.abs().as_secs_f64(),
                MAX_AGE.as_secs()
            ));
        }
        // An earlier run may have carried it out. The time since the start does not go back with the clock.
        if SignedDuration::try_from(uptime).is_ok_and(|uptime| age > uptime) {
            return Err("it is from before the start of the door: give the command again".to_owned());
        }
        self.take_nonce(message.nonce)?;
        let person = message.person.ok_or("person is missing");
        Ok(match message.command {
            Word::Open => Command::Door(DoorCommand::Open),
            Word::HoldOpen => Command::Door(DoorCommand::HoldOpen(hold(message.seconds)?)),
            Word::Lock => Command::Door(DoorCommand::EndHold),
            Word::LockDown => Command::Door(DoorCommand::LockDown),
            Word::EndLockdown => Command::Door(DoorCommand::EndLockdown),
            Word::EnablePerson => Command::EnablePerson { person: person?, enabled: true },
            Word::DisablePerson => Command::EnablePerson { person: person?, enabled: false },
        })
    }

    /// Takes a nonce, which then cannot be used again.
    fn take_nonce(&mut self, nonce: String) -> Result<(), String> {
        if nonce.is_empty() || nonce.len() > MAX_NONCE {
            return Err(format!("nonce must have 1 to {MAX_NONCE} bytes, other ones in each message"));
        }
        if self.used.contains(&nonce) {
            return Err("its nonce was used before".to_owned());
        }
        if self.used.len() == MAX_NONCES {
            self.used.pop_front();
        }
        self.used.push_back(nonce);
        Ok(())
    }
}

impl Word {
    /// What must be allowed.
    fn needed(self) -> MqttCommands {
        match self {
            Self::Open | Self::HoldOpen | Self::Lock => MqttCommands::Open,
            Self::LockDown | Self::EndLockdown => MqttCommands::Lockdown,
            Self::EnablePerson | Self::DisablePerson => MqttCommands::People,
        }
    }

    /// The name in events.
    fn name(self) -> CommandName {
        match self {
            Self::Open => CommandName::Open,
            Self::HoldOpen => CommandName::HoldOpen,
            Self::Lock | Self::EndLockdown => CommandName::Normal,
            Self::LockDown => CommandName::LockDown,
            Self::EnablePerson => CommandName::EnablePerson,
            Self::DisablePerson => CommandName::DisablePerson,
        }
    }
}

/// The length of a hold.
fn hold(seconds: Option<f64>) -> Result<Duration, String> {
    let seconds = seconds.ok_or("seconds is missing: the length of the hold")?;
    let hold = Duration::try_from_secs_f64(seconds).ok().filter(|hold| *hold <= MAX_HOLD);
    hold.ok_or_else(|| format!("seconds must be 1 to {}, and not {seconds}", MAX_HOLD.as_secs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: i64 = 1_000_000;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(START + second).unwrap()
    }

    fn reader() -> CommandReader {
        use MqttCommands::{Lockdown, Open, People};
        CommandReader::new(&[Open, Lockdown, People])
    }

    /// Reads a message at a second after the start.
    fn read(
        reader: &mut CommandReader,
        message: &[u8],
        is_retained: bool,
        second: i64,
    ) -> Result<Received, String> {
        reader.read(message, is_retained, at(second), Duration::from_secs(second as u64)).unwrap()
    }

    fn message(fields: &str, second: i64, nonce: &str) -> Vec<u8> {
        format!("{{{fields},\"time\":\"{}\",\"nonce\":\"{nonce}\"}}", at(second)).into_bytes()
    }

    fn refused(received: Result<Received, String>) -> String {
        received.unwrap().command.unwrap_err()
    }

    #[test]
    fn each_command_is_read() {
        let hour = Duration::from_secs(3600);
        let ann = |enabled| Command::EnablePerson { person: PersonRef::Name("Ann".to_owned()), enabled };
        let seventh = Command::EnablePerson { person: PersonRef::Id(7), enabled: true };
        for (number, (fields, command)) in [
            (r#""command":"open""#, Command::Door(DoorCommand::Open)),
            (r#""command":"hold_open","seconds":3600"#, Command::Door(DoorCommand::HoldOpen(hour))),
            (r#""command":"lock""#, Command::Door(DoorCommand::EndHold)),
            (r#""command":"lock_down""#, Command::Door(DoorCommand::LockDown)),
            (r#""command":"end_lockdown""#, Command::Door(DoorCommand::EndLockdown)),
            (r#""command":"enable_person","person":"Ann""#, ann(true)),
            (r#""command":"disable_person","person":"Ann""#, ann(false)),
            (r#""command":"enable_person","person":7"#, seventh),
        ]
        .into_iter()
        .enumerate()
        {
            let received = read(&mut reader(), &message(fields, 5, &number.to_string()), false, 5);
            assert_eq!(received.unwrap().command, Ok(command));
        }
    }

    #[test]
    fn only_new_messages_count() {
        let mut reader = reader();
        let open = |second, nonce| message(r#""command":"open""#, second, nonce);
        assert!(read(&mut reader, &open(5, "a"), false, 15).unwrap().command.is_ok());
        assert!(refused(read(&mut reader, &open(5, "a"), false, 15)).contains("used before"));
        assert!(refused(read(&mut reader, &open(5, "b"), false, 16)).contains("11 s from the door's"));
        assert!(refused(read(&mut reader, &open(27, "c"), false, 16)).contains("check both clocks"));
        assert!(refused(read(&mut reader, &open(16, "d"), true, 16)).contains("retained"));
        assert!(refused(read(&mut self::reader(), &open(-1, "e"), false, 1)).contains("before the start"));
        assert!(refused(read(&mut reader, &open(16, ""), false, 16)).contains("nonce"));
        // What was refused has not used its nonce up.
        assert!(read(&mut reader, &open(16, "d"), false, 16).unwrap().command.is_ok());
    }

    #[test]
    fn what_is_not_allowed_is_refused_by_name() {
        let mut reader = CommandReader::new(&[MqttCommands::Lockdown]);
        let received = read(&mut reader, &message(r#""command":"open""#, 1, "a"), false, 1).unwrap();
        assert_eq!(received.name, CommandName::Open);
        assert_eq!(received.command, Err("mqtt.commands does not have \"open\"".to_owned()));
        assert!(!CommandReader::new(&[]).reads_any());
    }

    #[test]
    fn what_is_no_command_is_an_error() {
        let long = message(&format!(r#""command":"open","person":"{}""#, "x".repeat(2000)), 1, "a");
        let messages: [&[u8]; 8] = [
            b"",
            b"{",
            b"open",
            b"[]",
            br#"{"command":"open"}"#,
            br#"{"command":"explode","time":"1970-01-12T13:46:41Z","nonce":"a"}"#,
            br#"{"command":"open","time":"1970-01-12T13:46:41Z","nonce":"a","force":true}"#,
            &long,
        ];
        for message in messages {
            assert!(read(&mut reader(), message, false, 1).is_err(), "{}", String::from_utf8_lossy(message));
        }
        for fields in [
            r#""command":"hold_open""#,
            r#""command":"hold_open","seconds":-1"#,
            r#""command":"hold_open","seconds":3601"#,
            r#""command":"enable_person""#,
        ] {
            refused(read(&mut reader(), &message(fields, 1, "a"), false, 1));
        }
    }

    #[test]
    fn of_many_messages_few_are_read_and_one_is_told() {
        let mut reader = reader();
        let mut at_second = |second: u64, nonce: &str| {
            let message = message(r#""command":"open""#, 1, nonce);
            reader.read(&message, false, at(1), Duration::from_secs(second))
        };
        let results: Vec<_> = (0..100).map(|number| at_second(1, &number.to_string())).collect();
        assert_eq!(results.iter().filter(|read| matches!(read, Some(Ok(_)))).count(), BURST as usize);
        assert_eq!(
            results.iter().filter(|read| matches!(read, Some(Err(_)))).count(),
            1,
            "one line in the log"
        );
        assert!(matches!(at_second(2, "one more"), Some(Ok(_))));
        assert!(matches!(at_second(3, "too soon"), Some(Err(_))));
        assert!(at_second(3, "too soon again").is_none());
        assert!(matches!(at_second(4, "later"), Some(Ok(_))));
    }

    #[test]
    fn a_clock_that_goes_back_keeps_no_command_out_and_lets_no_old_one_in() {
        let mut reader = reader();
        let open = |second, nonce| message(r#""command":"open""#, second, nonce);
        let mut read = |message: &[u8], now, uptime| {
            reader.read(message, false, at(now), Duration::from_secs(uptime)).unwrap().unwrap().command
        };
        assert!(read(&open(3600, "a"), 3600, 60).is_ok());
        // Time synchronization sets the clock back by an hour.
        assert!(read(&open(0, "b"), 0, 61).is_ok());
        // By a minute: the message of before would be new again.
        assert!(read(&open(60, "c"), 60, 121).is_ok());
        assert!(read(&open(60, "c"), 55, 180).unwrap_err().contains("used before"));
    }
}
