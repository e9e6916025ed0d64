//! Commands of people for the door thread, and its replies.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::time::Duration;

use ostiary_access::{CommandRefusal, DoorMode, ModeName};

/// The most commands that wait for the door thread at a time, so that they leave its queue to decisions.
const MAX_WAITING: usize = 4;
/// The longest wait for a reply. The door thread replies within milliseconds, the store thread once the disk has the new mode.
pub const REPLY_TIMEOUT: Duration = Duration::from_secs(5);

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
    /// The mode does not allow it, or a hold has a wrong length.
    #[error(transparent)]
    Refused(CommandRefusal),
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

/// Where the reply goes. Nobody needs to wait for it.
pub struct ReplySender {
    sender: SyncSender<DoorReply>,
    waiting: Arc<AtomicUsize>,
}

/// The reply to a command that has changed the mode, until the mode is saved.
pub struct ReplyAfterSave {
    /// Where the reply goes.
    pub reply: ReplySender,
    /// The mode after the command.
    pub mode: DoorMode,
}

impl WaitingCommands {
    /// A channel for the reply to one more command; `None` if too many wait.
    pub fn add(&self) -> Option<(ReplySender, Receiver<DoorReply>)> {
        let add = |waiting| (waiting < MAX_WAITING).then_some(waiting + 1);
        self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, add).ok()?;
        let (sender, receiver) = mpsc::sync_channel(1);
        Some((ReplySender { sender, waiting: self.0.clone() }, receiver))
    }
}

impl ReplySender {
    /// Sends the reply, without waiting.
    pub fn send(self, reply: DoorReply) {
        // There is room for one. The caller may have gone.
        let _ = self.sender.try_send(reply);
    }
}

impl ReplyAfterSave {
    /// Sends the reply, with what became of the file.
    pub fn send(self, saved: &io::Result<()>) {
        self.reply.send(match saved {
            Ok(()) => Ok(self.mode),
            Err(why) => Err(DoorRefusal::NotSaved { mode: self.mode.name(), why: why.to_string() }),
        });
    }
}

impl Drop for ReplySender {
    fn drop(&mut self) {
        self.waiting.fetch_sub(1, Ordering::AcqRel);
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
        drop(replies);
        assert!(waiting.add().is_some());
    }
}
