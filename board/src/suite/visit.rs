//! Somebody comes to the door.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use crate::board::Board;
use crate::broker::Heard;
use crate::camera::SLOWLY;
use crate::frames::{PixelFormat, Scene};
use crate::patience::LONG;

impl Board {
    /// The person comes and is let in; when that began, and the event.
    pub fn let_in(&self) -> anyhow::Result<(Instant, Heard)> {
        self.let_in_as(PixelFormat::Yuyv)
    }

    /// The same through another pixel format.
    pub fn let_in_as(&self, format: PixelFormat) -> anyhow::Result<(Instant, Heard)> {
        let since = Instant::now();
        self.play_as(Scene::KnownLater, format, SLOWLY)?;
        let heard = self.subscriber.wait("granted", since, LONG)?;
        Ok((since, heard))
    }

    /// Everybody leaves; what was seen of them ends.
    pub fn all_leave(&self) -> anyhow::Result<()> {
        self.all_leave_as(PixelFormat::Yuyv)
    }

    /// The same through another pixel format.
    pub fn all_leave_as(&self, format: PixelFormat) -> anyhow::Result<()> {
        self.play_as(Scene::Hall, format, SLOWLY)?;
        // A track ends after three frames without its face.
        std::thread::sleep(Duration::from_secs(3));
        Ok(())
    }

    /// Starts a long pulse: the relay is on, and the person has gone.
    pub fn begin_pulse(&self, length: Duration) -> anyhow::Result<()> {
        self.configure(&[("pulse_ms = 3000", &format!("pulse_ms = {}", length.as_millis()))])?;
        self.play(Scene::Hall)?;
        self.restart()?;
        self.play(Scene::KnownLater)?;
        self.watcher.wait(self.lines.relay, true, LONG).context("the person was not let in")?;
        self.play(Scene::Hall)
    }

    /// The door works: the person is let in and the relay goes back to rest.
    pub fn still_works(&self) -> anyhow::Result<()> {
        self.all_leave()?;
        self.watcher.wait(self.lines.relay, false, LONG)?;
        let (since, _) = self.let_in()?;
        let (_, length) = self.pulse(since, LONG)?;
        ensure!(length > Duration::from_secs(1), "a pulse of {length:?}");
        self.all_leave()
    }
}
