//! Calls of the running door through its control API, each with the token of the person who asks.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ostiary_control::{CallError, Client, Closer};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The most calls at one time. The door gives a user 8 connections; one more is that of the live picture, and one that of new events.
const MAX_CALLS: usize = 4;
/// The most calls of scripts with many replies at one time, which may last for hours.
const MAX_STREAMS: usize = 2;
/// How long a call waits for its turn.
const TURN_TIME: Duration = Duration::from_secs(5);
/// How long the door may take for an answer, if a page does not need more.
const ANSWER_TIME: Duration = Duration::from_secs(5);

/// The running door.
#[derive(Clone)]
pub struct Door {
    socket: Arc<PathBuf>,
    turns: Arc<Semaphore>,
    streams: Arc<Semaphore>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum DoorError {
    /// No door listens on the socket.
    #[error("no door runs: nothing listens on {}", .0.display())]
    Absent(PathBuf),
    /// As many calls as are possible are being answered.
    #[error("the door is busy with other requests")]
    Busy,
    /// The call failed.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The thread of the call panicked.
    #[error("the call of the door ended: see the log")]
    Ended,
}

/// A connection to the door for the calls of one person.
pub struct DoorCalls {
    client: Client,
    token: Option<String>,
}

impl DoorCalls {
    /// One call. `parameters` is an object, or null for none; the types of replies are in `ostiary_control::interface`.
    ///
    /// # Errors
    /// The door refuses the call or does not answer.
    pub fn call<Reply: DeserializeOwned>(
        &mut self,
        method: &str,
        parameters: Value,
    ) -> Result<Reply, CallError> {
        self.client.call(method, parameters, self.token.as_deref())
    }

    /// One call with many replies, until the last one or until `reply` breaks, after which no other call is possible.
    ///
    /// # Errors
    /// The door refuses the call or does not answer.
    pub fn call_more<Reply: DeserializeOwned>(
        &mut self,
        method: &str,
        parameters: Value,
        reply: impl FnMut(Reply) -> std::ops::ControlFlow<()>,
    ) -> Result<(), CallError> {
        self.client.call_more(method, parameters, self.token.as_deref(), reply)
    }

    /// Sends a photo for the next `EnrollPhotos`; another call must have been answered before.
    ///
    /// # Errors
    /// The door refuses the photo or does not answer.
    pub fn send_photo(&mut self, name: &str, photo: &[u8]) -> Result<(), CallError> {
        self.client.send_photo(name, photo, self.token.as_deref())
    }

    /// What ends this connection from another thread.
    pub fn closer(&self) -> Closer {
        self.client.closer()
    }
}

impl Door {
    /// The door that listens on this socket.
    pub fn new(socket: PathBuf) -> Self {
        Self {
            socket: Arc::new(socket),
            turns: Arc::new(Semaphore::new(MAX_CALLS)),
            streams: Arc::new(Semaphore::new(MAX_STREAMS)),
        }
    }

    /// Where the door listens.
    pub fn socket(&self) -> &std::path::Path {
        &self.socket
    }

    /// Makes calls with a token, in a thread of their own: the door may take some time.
    ///
    /// # Errors
    /// The door does not run, does not answer in time, or refuses a call.
    pub async fn calls<T: Send + 'static>(
        &self,
        token: Option<String>,
        calls: impl FnOnce(&mut DoorCalls) -> Result<T, CallError> + Send + 'static,
    ) -> Result<T, DoorError> {
        self.long_calls(token, ANSWER_TIME, calls).await
    }

    /// As [`Door::calls`], with a time of its own for each answer.
    ///
    /// # Errors
    /// As [`Door::calls`].
    pub async fn long_calls<T: Send + 'static>(
        &self,
        token: Option<String>,
        answer_time: Duration,
        calls: impl FnOnce(&mut DoorCalls) -> Result<T, CallError> + Send + 'static,
    ) -> Result<T, DoorError> {
        let turn = tokio::time::timeout(TURN_TIME, self.turns.clone().acquire_owned()).await;
        let Ok(Ok(turn)) = turn else { return Err(DoorError::Busy) };
        self.call_in_thread(turn, token, answer_time, calls).await
    }

    /// As [`Door::long_calls`], for a call whose replies come as long as a script reads them.
    ///
    /// # Errors
    /// As [`Door::calls`]; [`DoorError::Busy`] at once.
    pub async fn stream<T: Send + 'static>(
        &self,
        token: Option<String>,
        answer_time: Duration,
        calls: impl FnOnce(&mut DoorCalls) -> Result<T, CallError> + Send + 'static,
    ) -> Result<T, DoorError> {
        let turn = self.streams.clone().try_acquire_owned().map_err(|_| DoorError::Busy)?;
        self.call_in_thread(turn, token, answer_time, calls).await
    }

    async fn call_in_thread<T: Send + 'static>(
        &self,
        turn: OwnedSemaphorePermit,
        token: Option<String>,
        answer_time: Duration,
        calls: impl FnOnce(&mut DoorCalls) -> Result<T, CallError> + Send + 'static,
    ) -> Result<T, DoorError> {
        let socket = self.socket.clone();
        let called = tokio::task::spawn_blocking(move || {
            // Given back when the thread ends, also if the person is gone.
            let _turn = turn;
            let client = Client::connect_within(&socket, answer_time)?;
            let client = client.ok_or_else(|| DoorError::Absent(socket.to_path_buf()))?;
            Ok(calls(&mut DoorCalls { client, token })?)
        });
        called.await.unwrap_or(Err(DoorError::Ended))
    }
}
