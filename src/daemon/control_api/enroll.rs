//! Enrollment by the running door: from photos that the client sends, or before the door's camera.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ostiary_control::Session;
use ostiary_control::interface::{self, Call_EnrollFromCamera};
use ostiary_core::PersonName;
use ostiary_events::{Action, Administration, EventKind, User};
use serde_json::Value;

use super::ControlApi;
use super::snapshots::event_id;
use crate::daemon::live_view::DoorCamera;
use crate::enrollment::{
    CameraEnrollment, EnrollOptions, Enroller, Enrollment, PhotoFile, photos_added, snapshot_added,
    snapshot_photo,
};

/// The most bytes of photos that wait to be enrolled, of all connections.
const MAX_BYTES: usize = 64_000_000;
/// The most bytes of one photo.
const MAX_PHOTO: usize = 12_000_000;
/// The longest enrollment before the camera.
const MAX_TIMEOUT: Duration = Duration::from_secs(600);

/// The photos that a connection has sent.
#[derive(Default)]
pub struct SentPhotos {
    photos: Vec<PhotoFile>,
    bytes: usize,
    /// The bytes of all connections.
    all: Arc<AtomicUsize>,
}

impl SentPhotos {
    /// No photos yet. `all` counts the bytes of all connections.
    pub fn new(all: Arc<AtomicUsize>) -> Self {
        Self { photos: Vec::new(), bytes: 0, all }
    }

    /// Adds a photo.
    pub fn add(&mut self, name: String, data: &str) -> Result<()> {
        ensure!(data.len() / 4 * 3 <= MAX_PHOTO, "{name}: the photo is larger than 12 MB; make it smaller");
        let bytes =
            BASE64_STANDARD.decode(data).with_context(|| format!("{name}: the data is not base64"))?;
        let length = bytes.len();
        let add = |all: usize| all.checked_add(length).filter(|all| *all <= MAX_BYTES);
        if self.all.fetch_update(Ordering::AcqRel, Ordering::Acquire, add).is_err() {
            bail!("{name}: the photos are larger than 64 MB together; enroll some of them first");
        }
        self.bytes += length;
        self.photos.push(PhotoFile { path: PathBuf::from(name), bytes: Some(bytes) });
        Ok(())
    }

    /// Takes all photos.
    pub fn take(&mut self) -> Vec<PhotoFile> {
        self.all.fetch_sub(std::mem::take(&mut self.bytes), Ordering::AcqRel);
        std::mem::take(&mut self.photos)
    }
}

impl Drop for SentPhotos {
    fn drop(&mut self) {
        self.take();
    }
}

impl ControlApi {
    /// Enrolls a person from photos. Returns the messages for the person who enrolls, and what became of it.
    pub(super) fn enroll_photos(
        &self,
        name: &str,
        photos: &[PhotoFile],
        options: &interface::EnrollOptions,
        user: User,
    ) -> Result<(Vec<String>, Value)> {
        PersonName::new(name)?;
        ensure!(!photos.is_empty(), "nothing to enroll {name} from: send photos first");
        let _work = self.begin_work()?;
        let mut messages = Vec::new();
        let mut say = |message: &str| messages.push(message.to_owned());
        let mut enroller = self.enroller(options, &mut say)?;
        let enrollment = enroller.enroll(name, photos, &mut say)?;
        self.record_enrollment(&enrollment, photos_added, user);
        Ok((messages, json(&enrollment)?))
    }

    /// Enrolls a person from the picture of a stranger, and deletes the picture then: it is no stranger's any longer.
    pub(super) fn enroll_snapshot(
        &self,
        name: &str,
        event: i64,
        options: &interface::EnrollOptions,
        user: User,
    ) -> Result<(Vec<String>, Value)> {
        let event = event_id(event)?;
        PersonName::new(name)?;
        ensure!(!options.aligned, "the picture of a stranger is no aligned crop");
        let _work = self.begin_work()?;
        let snapshots = self.snapshots();
        let photo = snapshot_photo(&snapshots, event)?;
        let mut messages = Vec::new();
        let mut say = |message: &str| messages.push(message.to_owned());
        let mut enroller = self.enroller(options, &mut say)?;
        let enrollment = enroller.enroll(name, &[photo], &mut say)?;
        self.record_enrollment(&enrollment, |_| snapshot_added(event), user);
        if matches!(enrollment, Enrollment::Enrolled(_))
            && let Err(error) = snapshots.delete(event)
        {
            say(&format!("warning: the picture of event {event} is enrolled, and stays for now: {error}"));
        }
        Ok((messages, json(&enrollment)?))
    }

    /// Enrolls a person before the door's camera, and sends the messages as they happen.
    pub(super) fn enroll_from_camera(
        &self,
        name: &str,
        enrollment: CameraEnrollment,
        options: &interface::EnrollOptions,
        (session, user): (&Session, User),
        call: &mut dyn Call_EnrollFromCamera,
    ) -> Result<varlink::Result<()>> {
        PersonName::new(name)?;
        ensure!(enrollment.timeout <= MAX_TIMEOUT, "timeout_s must be at most {}", MAX_TIMEOUT.as_secs());
        let _work = self.begin_work()?;
        call.set_continues(true);
        let mut is_sent = true;
        let mut say = |message: &str| {
            is_sent = is_sent && call.reply(Some(message.to_owned()), None).is_ok();
        };
        let mut enroller = self.enroller(options, &mut say)?;
        let mut camera = DoorCamera::new(&self.shared.live_view);
        let go_on = || session.is_open() && !self.shared.is_stopping();
        let enrolled = enrollment.run(&mut enroller, name, &mut camera, &go_on, &mut say)?;
        self.record_enrollment(&enrolled, photos_added, user);
        call.set_continues(false);
        Ok(call.reply(None, Some(json(&enrolled)?)))
    }

    fn enroller(&self, options: &interface::EnrollOptions, say: &mut dyn FnMut(&str)) -> Result<Enroller> {
        let config = self.config();
        let interface::EnrollOptions { aligned, force, allow_similar, allow_unlike } = *options;
        let options = EnrollOptions { aligned, force, allow_similar, allow_unlike };
        Enroller::open((*config).clone(), options, &config.facebank.path, say)
    }

    /// Records an enrollment; `detail` says what was added, of the number of photos.
    fn record_enrollment(&self, enrollment: &Enrollment, detail: impl FnOnce(usize) -> String, user: User) {
        let Enrollment::Enrolled(enrolled) = enrollment else { return };
        if enrolled.added > 0 {
            let (person, detail) = (Some(enrolled.person.clone()), Some(detail(enrolled.added)));
            let change = Administration { action: Action::Enrolled, person, detail, user };
            self.shared.emit(EventKind::Administered(change));
        }
    }
}

/// What became of an enrollment, as commands print it.
fn json(enrollment: &Enrollment) -> Result<Value> {
    // By text, so that a number has as many digits as the commands print.
    Ok(serde_json::from_str(&serde_json::to_string(enrollment)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn photos_are_limited_in_all_connections_together() {
        let all = Arc::new(AtomicUsize::new(0));
        let (mut one, mut other) = (SentPhotos::new(all.clone()), SentPhotos::new(all.clone()));
        let photo = BASE64_STANDARD.encode(vec![0; 11_000_000]);
        for _ in 0..5 {
            one.add("a.jpg".to_owned(), &photo).unwrap();
        }
        assert!(other.add("b.jpg".to_owned(), &photo).unwrap_err().to_string().contains("64 MB together"));
        assert!(other.add("b.jpg".to_owned(), "no base64!").unwrap_err().to_string().contains("b.jpg"));
        let large = BASE64_STANDARD.encode(vec![0; MAX_PHOTO + 3]);
        assert!(other.add("c.jpg".to_owned(), &large).unwrap_err().to_string().contains("12 MB"));
        assert_eq!(one.take().len(), 5);
        other.add("b.jpg".to_owned(), &photo).unwrap();
        drop(other);
        assert_eq!(all.load(Ordering::Acquire), 0, "a connection that ends makes room");
    }
}
