//! Enrollment with the door's camera: one at a time, for the account that began it. It ends without a result when nobody looks at its
//! page any longer, because then somebody else may stand before the camera.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ostiary_control::Closer;
use tokio::sync::watch;

use crate::enrollment::{EnrollOptions, Enrollment};
use crate::page_error::PageError;

/// A page that is not loaded again for this time has been left.
const LEAVE_TIME: Duration = Duration::from_secs(10);
/// A connection that ended is opened again within this time, if the page is only loaded again.
const RELOAD_TIME: Duration = Duration::from_secs(2);
/// The time that the door has to end one enrollment before it begins another.
const END_TIME: Duration = Duration::from_secs(2);
/// The messages that are kept. The door gives advice again and again.
const MAX_MESSAGES: usize = 100;

/// The enrollments with the door's camera: the newest one.
#[derive(Default)]
pub struct CameraEnrollments(Mutex<Option<Arc<CameraEnrollment>>>);

/// An enrollment with the door's camera.
pub struct CameraEnrollment {
    /// The name of who is enrolled.
    pub name: String,
    /// Whether the head need not be turned.
    pub any_pose: bool,
    /// What is accepted.
    pub options: EnrollOptions,
    account: i64,
    progress: watch::Sender<Progress>,
    presence: Mutex<Presence>,
}

/// How far an enrollment is.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    /// The number of messages that are not kept any longer.
    pub dropped: usize,
    /// The messages of the door.
    pub messages: Vec<String>,
    /// How it ended.
    pub end: Option<End>,
}

/// How an enrollment ended.
#[derive(Debug, Clone)]
pub enum End {
    /// The door said what became of it.
    Result(Enrollment),
    /// The page was left, or the person ended it.
    Left,
    /// It failed.
    Failed(PageError),
}

/// Whether somebody looks at the page.
struct Presence {
    /// Until when somebody does, as far as is known.
    until: Instant,
    is_left: bool,
    connection: Option<Closer>,
}

impl CameraEnrollments {
    /// Begins an enrollment of an account: the caller lets the door make it. One that the same account has begun before is ended.
    ///
    /// # Errors
    /// Another account enrolls somebody.
    pub async fn begin(
        &self,
        account: i64,
        name: String,
        any_pose: bool,
        options: EnrollOptions,
    ) -> Result<Arc<CameraEnrollment>, PageError> {
        let before = self.newest().clone();
        if let Some(before) = before.filter(|before| !before.has_ended()) {
            if before.account != account {
                return Err(PageError::BadRequest("enroll-camera-busy"));
            }
            before.leave();
            tokio::time::sleep(END_TIME).await;
        }
        let enrollment = Arc::new(CameraEnrollment {
            name,
            any_pose,
            options,
            account,
            progress: watch::Sender::default(),
            presence: Mutex::new(Presence {
                until: Instant::now() + LEAVE_TIME,
                is_left: false,
                connection: None,
            }),
        });
        let mut newest = self.newest();
        if newest.as_ref().is_some_and(|other| !other.has_ended()) {
            return Err(PageError::BadRequest("enroll-camera-busy"));
        }
        *newest = Some(enrollment.clone());
        Ok(enrollment)
    }

    /// The newest enrollment of an account.
    pub fn of(&self, account: i64) -> Option<Arc<CameraEnrollment>> {
        self.newest().clone().filter(|enrollment| enrollment.account == account)
    }

    fn newest(&self) -> MutexGuard<'_, Option<Arc<CameraEnrollment>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CameraEnrollment {
    /// How far it is, now and later.
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    /// Somebody looks at the page.
    pub fn stay(&self) {
        self.presence().until = Instant::now() + LEAVE_TIME;
    }

    /// The page is gone, or is loaded again.
    pub fn go(&self) {
        self.presence().until = Instant::now() + RELOAD_TIME;
    }

    /// Ends it without a result.
    pub fn leave(&self) {
        let mut presence = self.presence();
        presence.is_left = true;
        if let Some(connection) = &presence.connection {
            connection.close();
        }
    }

    /// Whether it has ended.
    pub fn has_ended(&self) -> bool {
        self.progress.borrow().end.is_some()
    }

    /// Whether nobody looks at the page any longer.
    pub fn is_left(&self) -> bool {
        Instant::now() > self.presence().until
    }

    fn presence(&self) -> MutexGuard<'_, Presence> {
        self.presence.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection on which the door enrolls. It is closed at once if the page was left already.
    pub fn connected(&self, connection: Closer) {
        let mut presence = self.presence();
        if presence.is_left {
            connection.close();
        }
        presence.connection = Some(connection);
    }

    /// The door says something.
    pub fn add(&self, message: String) {
        self.progress.send_modify(|progress| {
            if progress.messages.len() >= MAX_MESSAGES {
                progress.messages.remove(0);
                progress.dropped += 1;
            }
            progress.messages.push(message);
        });
    }

    /// It has ended, with what the door said became of it.
    pub fn end(&self, result: Result<Option<Enrollment>, PageError>) {
        let mut presence = self.presence();
        presence.connection = None;
        let end = match result {
            Ok(Some(enrollment)) => End::Result(enrollment),
            _ if presence.is_left => End::Left,
            Ok(None) => End::Failed(PageError::internal("the door ended an enrollment without a result")),
            Err(error) => End::Failed(error),
        };
        drop(presence);
        self.progress.send_modify(|progress| progress.end = Some(end));
    }
}
