//! Commands of people for the door thread, and its replies.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::time::Duration;

use ostiary_access::{CommandRefusal, DoorMode, ModeName};

/// The most commands that wait for the door thread at a time, so that they leave its queue to decisions.
pub const MAX_WAITING: usize = 4;
/// The longest wait for a reply. The door thread replies within milliseconds, the store thread once the disk has the new mode.
pub const REPLY_TIMEOUT: Duration = Duration::from_secs(5);

/// An older command opens nothing and ends no lockdown: the person who sent it has gone, or tries again.
pub const MAX_COMMAND_AGE: Duration = Duration::from_secs(2);

/// The reply to a command: the mode after it, which is on the disk, or what failed.
pub type DoorReply = Result<DoorMode, DoorRefusal>;

/// Why the door does not do what a command asks for, or not for sure.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DoorRefusal {
    /// A fault has locked the door.
    #[error("the door is locked by a fault: {0}")]
    Locked(String),
    /// There is no relay that could open the door.
    #[error("no relay is configured: set relay.line")]
    NoRelay,
    /// The relay would be tested at a door that is open, or might be.
    #[error(
        "the relay is tested only while the door is closed, and the contact says that it is open or cannot be read: close the \
             door"
    )]
    NotClosed,
    /// The mode does not allow it, or a hold has a wrong length.
    #[error(transparent)]
    Refused(CommandRefusal),
    /// The door thread could not carry it out in time, and it would let somebody in.
    #[error("the door was too busy for {:.1} s, and the command is too old to open the door; try again", .0.as_secs_f64())]
    TooOld(Duration),
    /// Too many commands wait.
    #[error("other commands are being carried out; try again")]
    Busy,
    /// The door has the new mode, and the file that keeps it over a restart cannot be written.
    #[error(
        "the mode of the door is {mode} now, but it could not be saved: {why}; until the file can be written, which is tried \
         again, a restart or a power cut brings back the mode before"
    )]
    NotSaved {
        /// The mode that the door has.
        mode: ModeName,
        /// What failed.
        why: String,
    },
    /// The door has not replied in time. It may still do what the command asks for.
    #[error("the door has not replied within {} s; it may still do this", REPLY_TIMEOUT.as_secs())]
    NoReply,
}

/// The commands that wait for the door thread.
#[derive(Default)]
pub struct WaitingCommands(Arc<AtomicUsize>);

/// Where the reply to a command goes that waits for the door thread. Nobody needs to wait for the reply.
pub struct ReplySender {
    sender: SyncSender<DoorReply>,
    _place: Place,
}

/// The reply to a command that has changed the mode, until the mode is saved. It waits for the door thread no longer, so that a slow
/// disk does not keep it from other commands.
pub struct ReplyAfterSave {
    sender: SyncSender<DoorReply>,
    mode: DoorMode,
}

/// A command that waits, until this is dropped.
struct Place(Arc<AtomicUsize>);

impl WaitingCommands {
    /// A channel for the reply to one more command; `None` if too many wait.
    pub fn add(&self) -> Option<(ReplySender, Receiver<DoorReply>)> {
        let add = |waiting| (waiting < MAX_WAITING).then_some(waiting + 1);
        self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, add).ok()?;
        let (sender, receiver) = mpsc::sync_channel(1);
        Some((ReplySender { sender, _place: Place(self.0.clone()) }, receiver))
    }
}

impl ReplySender {
    /// Sends the reply, without waiting.
    pub fn send(self, reply: DoorReply) {
        send(&self.sender, reply);
    }

    /// The reply that follows when this mode, which the door has now, is saved.
    pub fn after_save(self, mode: DoorMode) -> ReplyAfterSave {
        ReplyAfterSave { sender: self.sender, mode }
    }
}

impl ReplyAfterSave {
    /// Sends the reply, with what became of the file.
    pub fn send(self, saved: &io::Result<()>) {
        let reply = match saved {
            Ok(()) => Ok(self.mode),
            Err(why) => Err(DoorRefusal::NotSaved { mode: self.mode.name(), why: why.to_string() }),
        };
        send(&self.sender, reply);
    }
}

fn send(sender: &SyncSender<DoorReply>, reply: DoorReply) {
    // There is room for one. The caller may have gone.
    let _ = sender.try_send(reply);
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_that_nobody_waits_for_makes_room_for_the_next_command() {
        let waiting = WaitingCommands::default();
        let mut replies: Vec<_> = (0..MAX_WAITING).map(|_| waiting.add().unwrap()).collect();
        assert!(waiting.add().is_none());
        let (sender, receiver) = replies.pop().unwrap();
        drop(receiver);
        sender.send(Ok(DoorMode::Normal));
        let (sender, receiver) = waiting.add().unwrap();
        assert!(waiting.add().is_none());
        sender.send(Err(DoorRefusal::NoRelay));
        assert_eq!(receiver.recv(), Ok(Err(DoorRefusal::NoRelay)));
        replies.extend(std::iter::from_fn(|| waiting.add()));
        assert!(waiting.add().is_none());
        let after_save = replies.pop().unwrap().0.after_save(DoorMode::LockedDown);
        assert!(waiting.add().is_some(), "a command that waits for the disk makes room too");
        after_save.send(&Ok(()));
        drop(replies);
        assert!(waiting.add().is_some());
    }
}
