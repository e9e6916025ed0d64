//! Errors of GPIO lines and of the relay guard.

use std::path::PathBuf;

/// Why a line could not be requested, read or switched. Each message says how to fix it.
///
/// In all variants `what` is the device on the line as in [`LineState::what`](crate::LineState), `chip` the path of the GPIO
/// chip, `line` the number of the line on it, `key` the configuration key that names the chip, and `reason` or `why` the error
/// of the system or the library.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the comment of the enum describes the fields, which recur in its variants")]
pub enum GpioError {
    /// The path of the chip does not exist.
    #[error("{what}: there is no GPIO chip {}; `ls /dev/gpiochip*` shows the existing chips: set {key}", chip.display())]
    ChipMissing { what: &'static str, chip: PathBuf, key: &'static str },
    /// The path is another kind of file.
    #[error("{what}: {} is not a GPIO chip; `ls /dev/gpiochip*` shows the existing chips: set {key}", chip.display())]
    NotAChip { what: &'static str, chip: PathBuf, key: &'static str },
    /// The user may not open the chip.
    #[error("{what}: no permission for the GPIO chip {}; add the user to the group of the chip, usually with `usermod --append --groups gpio USER`", chip.display())]
    PermissionDenied { what: &'static str, chip: PathBuf },
    /// The chip has fewer lines; `last` is its highest line.
    #[error("{what}: {} has the lines 0 to {last}, not {line}; set the line to one of them", chip.display())]
    LineOutOfRange { what: &'static str, chip: PathBuf, line: u32, last: u32 },
    /// A program has the line; `consumer` is the name that it gave to the kernel.
    #[error("{what}: line {line} of {} is in use by {consumer}; stop that program or set another line", chip.display())]
    LineBusy { what: &'static str, chip: PathBuf, line: u32, consumer: String },
    /// Another door of this board has the line; `other` is its folder.
    #[error(
        "relay: line {line} of {} is the relay of another door that runs, of {} (relay.json); set relay.line to another line",
        chip.display(), other.display()
    )]
    OtherDoor { chip: PathBuf, line: u32, other: PathBuf },
    /// The request of the line failed.
    #[error("{what}: line {line} of {} could not be requested: {reason}; run `ostiary doctor` for details", chip.display())]
    Refused { what: &'static str, chip: PathBuf, line: u32, reason: String },
    /// The level of an output could not be set.
    #[error("{what}: line {line} of {} could not be switched {}: {reason}; check that the chip still exists", chip.display(), if *on { "on" } else { "off" })]
    Switch { what: &'static str, chip: PathBuf, line: u32, on: bool, reason: String },
    /// The level or the edges of an input could not be read.
    #[error("{what}: line {line} of {} cannot be read: {reason}; check that the chip still exists", chip.display())]
    Read { what: &'static str, chip: PathBuf, line: u32, reason: String },
    /// The program was built without rppal.
    #[error(
        "relay.backend = \"rppal\" needs a build with the feature `rpi`; set relay.backend = \"gpiocdev\""
    )]
    NoRppal,
    /// A [`PrintedLine`](crate::PrintedLine) could not write.
    #[error(
        "{what}: the line cannot be printed: {why}; check that the program that reads the output still runs"
    )]
    Print { what: &'static str, why: std::io::Error },
    /// `relay.line` is missing.
    #[error("relay: no line is set; set relay.line")]
    NoLine,
    /// The process of the relay guard did not start.
    #[error("relay: the relay guard cannot be started: {0}; free some memory, or install ostiary again")]
    GuardStart(std::io::Error),
    /// The relay guard ended or does not answer.
    #[error(
        "relay: the relay guard was lost ({0}), and the daemon ended it to take the line; restart the daemon"
    )]
    GuardLost(String),
    /// The relay guard got a signal to end.
    #[error(
        "relay: the relay guard was asked to end and does not switch the line on any more; restart the daemon"
    )]
    GuardDismissed,
    /// The state file cannot be written or removed.
    #[error("relay: {} cannot be written: {why}; free some space", path.display())]
    StateFile { path: PathBuf, why: std::io::Error },
    /// An error that the relay guard reported; its text is the whole message.
    #[error("{0}")]
    Guard(String),
}
