//! Steps that several tests share: a person comes, is let in, and leaves.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use crate::board::Board;
use crate::camera::FOUR_FPS;
use crate::frames::{PixelFormat, Scene};
use crate::subscriber::ReceivedEvent;
use crate::timeouts::TIMEOUT;

impl Board {
    /// Plays the enrolled person and waits for the grant; returns the start of the scene and the event.
    pub fn admit_person(&self) -> anyhow::Result<(Instant, ReceivedEvent)> {
        self.admit_person_with(PixelFormat::Yuyv)
    }

    /// As [`Board::admit_person`], in the given pixel format.
    pub fn admit_person_with(&self, format: PixelFormat) -> anyhow::Result<(Instant, ReceivedEvent)> {
        let since = Instant::now();
        self.play_with(Scene::EnrolledOtherPhoto, format, FOUR_FPS)?;
        let received = self.subscriber.wait_for("granted", since, TIMEOUT)?;
        Ok((since, received))
    }

    /// Plays an empty scene and waits until all tracks have ended.
    pub fn empty_scene(&self) -> anyhow::Result<()> {
        self.empty_scene_with(PixelFormat::Yuyv)
    }

    /// As [`Board::empty_scene`], in the given pixel format.
    pub fn empty_scene_with(&self, format: PixelFormat) -> anyhow::Result<()> {
        self.play_with(Scene::Empty, format, FOUR_FPS)?;
        // A track ends after three frames without its face.
        std::thread::sleep(Duration::from_secs(3));
        Ok(())
    }

    /// Starts a pulse of this length: the person is let in, the relay is on, and the person has left.
    pub fn start_pulse(&self, length: Duration) -> anyhow::Result<()> {
        self.configure(&[("pulse_ms = 3000", &format!("pulse_ms = {}", length.as_millis()))])?;
        self.play(Scene::Empty)?;
        self.restart()?;
        self.play(Scene::EnrolledOtherPhoto)?;
        self.monitor.wait_for_level(self.lines.relay, true, TIMEOUT).context("the person was not let in")?;
        self.play(Scene::Empty)
    }

    /// Checks that the door works: the person is let in, and the relay is at rest after the pulse.
    pub fn check_door_opens(&self) -> anyhow::Result<()> {
        self.empty_scene()?;
        self.monitor.wait_for_level(self.lines.relay, false, TIMEOUT)?;
        let (since, _) = self.admit_person()?;
        let (_, length) = self.pulse(since, TIMEOUT)?;
        ensure!(length > Duration::from_secs(1), "a pulse of {length:?}");
        self.empty_scene()
    }
}
