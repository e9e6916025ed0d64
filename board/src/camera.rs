//! The camera, from the other end of its cable, and the faults of a virtual one.

use anyhow::{Context, ensure};

use crate::board::Board;
use crate::frames::{HEIGHT, PixelFormat, Scene, WIDTH};
use crate::patience::LONG;

/// Four frames a second.
pub const SLOWLY: &str = "--stream-sleep count=1,sleep=250";
/// As fast as the board can.
pub const FAST: &str = "";

impl Board {
    /// Plays a scene to the camera over and over, four frames a second, until another one is played.
    pub fn play(&self, scene: Scene) -> anyhow::Result<()> {
        self.play_as(scene, PixelFormat::Yuyv, SLOWLY)
    }

    /// The same in another pixel format or at another pace.
    pub fn play_as(&self, scene: Scene, format: PixelFormat, pace: &str) -> anyhow::Result<()> {
        let player = self.camera.player.as_deref().context("no frames can be played to this camera")?;
        let file = format!("/var/tmp/{}.{}", scene.name(), format.code());
        if self.sh(&format!("test -s {file} || echo missing"))?.contains("missing") {
            self.write(&file, &scene.raw(format)?)?;
        }
        self.sh(&format!(
            "systemctl stop board-scene 2>/dev/null; systemctl reset-failed board-scene 2>/dev/null; \
             v4l2-ctl -d {player} -x width={WIDTH},height={HEIGHT},pixelformat={} && \
             systemd-run --quiet --unit=board-scene -p StandardError=null -p StandardOutput=null v4l2-ctl -d {player} --stream-out-mmap --stream-from={file} \
             --stream-loop {pace}",
            format.code()
        ))?;
        Ok(())
    }

    /// Sets one of the camera driver's controls; its faults are controls too.
    pub fn set_camera(&self, control: &str) -> anyhow::Result<()> {
        let ended = self.run(&format!("v4l2-ctl -d {} -c {control}", self.camera.node), b"", LONG)?;
        ensure!(ended.is_success(), "v4l2-ctl -c {control}: {}", ended.said());
        Ok(())
    }
}
