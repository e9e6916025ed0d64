//! What all requests share.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ostiary_config::Config;
use tokio::sync::Semaphore;

use crate::camera_enrollment::CameraEnrollments;
use crate::door::Door;
use crate::live::Live;
use crate::new_events::NewEvents;
use crate::page_error::PageError;
use crate::rate_limit::RateLimit;
use crate::sealing::{Key, SALT};
use crate::store::{Store, StoreError};
use crate::texts::AllTexts;
use crate::work::Slot;
use crate::work::liveness::LivenessWork;
use crate::work::models::ModelsWork;

/// The derivations that may wait while one runs. Each takes a fraction of a second.
const WAITING_DERIVATIONS: usize = 4;

/// What all requests share.
pub struct App {
    /// Accounts, sessions and codes.
    pub store: Arc<Store>,
    /// The running door.
    pub door: Door,
    /// Its picture.
    pub live: Arc<Live>,
    /// The check or the change of its models.
    pub models: Slot<ModelsWork>,
    /// The part of a test of liveness.
    pub liveness: Slot<LivenessWork>,
    /// What is new in its record.
    pub new_events: Arc<NewEvents>,
    /// One person at a time gets the record as a file, which is one long call of the door.
    pub export: Arc<Semaphore>,
    /// Enrollments with the door's camera.
    pub camera_enrollments: CameraEnrollments,
    /// One upload of photos runs at a time, because a photo takes much memory.
    pub uploads: Arc<Semaphore>,
    /// The texts of the pages.
    pub texts: AllTexts,
    /// The name of the door, for titles.
    pub door_name: String,
    /// Reverse proxies whose headers are believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// Tries of passwords and codes, by address and by name.
    pub tries: Tries,
    /// Requests by address.
    pub requests: RateLimit,
    /// One derivation of a key runs at a time, because each takes much memory.
    derivation: Semaphore,
    waiting: Semaphore,
}

/// How often people may try a password or a code.
pub struct Tries {
    /// By address.
    pub of_address: RateLimit,
    /// By the name that was given, whether there is an account or not.
    pub of_name: RateLimit,
}

impl App {
    /// The console of this configuration.
    pub fn new(config: &Config, store: Store) -> Self {
        let door = Door::new(config.control_socket());
        Self {
            store: Arc::new(store),
            live: Arc::new(Live::new(door.clone())),
            models: Slot::default(),
            liveness: Slot::default(),
            new_events: Arc::new(NewEvents::new(door.clone())),
            export: Arc::new(Semaphore::new(1)),
            door,
            camera_enrollments: CameraEnrollments::default(),
            uploads: Arc::new(Semaphore::new(1)),
            texts: AllTexts::new(),
            door_name: config.door.name.clone(),
            trusted_proxies: config.console.trusted_proxies.iter().map(IpAddr::to_canonical).collect(),
            tries: Tries {
                of_address: RateLimit::new(10, Duration::from_secs(20)),
                of_name: RateLimit::new(10, Duration::from_secs(60)),
            },
            requests: RateLimit::new(200, Duration::from_millis(20)),
            derivation: Semaphore::new(1),
            waiting: Semaphore::new(WAITING_DERIVATIONS),
        }
    }

    /// Derives the key of a password or a code, in a thread of its own.
    ///
    /// # Errors
    /// Too many wait for theirs.
    pub async fn derive(&self, password: String, salt: [u8; SALT]) -> Result<Key, PageError> {
        let Ok(_waiting) = self.waiting.try_acquire() else { return Err(PageError::Busy) };
        let _turn = self.derivation.acquire().await.map_err(PageError::internal)?;
        let derived = tokio::task::spawn_blocking(move || Key::of_password(&password, &salt)).await;
        derived.map_err(PageError::internal)?.map_err(PageError::internal)
    }

    /// Uses the store, in a thread of its own: a card may take long to write.
    ///
    /// # Errors
    /// The store cannot be used.
    pub async fn stored<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, PageError> {
        let store = self.store.clone();
        let done = tokio::task::spawn_blocking(move || act(&store)).await;
        done.map_err(PageError::internal)?.map_err(PageError::internal)
    }
}
