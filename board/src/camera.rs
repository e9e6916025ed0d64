//! Plays frames to the camera, and sets the controls of the virtual camera's driver.

use anyhow::{Context, ensure};

use crate::board::Board;
use crate::frames::{HEIGHT, PixelFormat, Scene, WIDTH};
use crate::timeouts::TIMEOUT;

/// Options of `v4l2-ctl`: play four frames a second.
pub const FOUR_FPS: &str = "--stream-sleep count=1,sleep=250";
/// Options of `v4l2-ctl`: play as many frames a second as the board can.
pub const FULL_SPEED: &str = "";

impl Board {
    /// Plays a scene to the camera in YUYV at four frames a second. Repeats it until another scene is played.
    pub fn play(&self, scene: Scene) -> anyhow::Result<()> {
        self.play_with(scene, PixelFormat::Yuyv, FOUR_FPS)
    }

    /// As [`Board::play`], in the given pixel format and at the given rate ([`FOUR_FPS`] or [`FULL_SPEED`]).
    pub fn play_with(&self, scene: Scene, format: PixelFormat, rate: &str) -> anyhow::Result<()> {
        let player = self.camera.player.as_deref().context("no frames can be played to this camera")?;
        let file = format!("/var/tmp/{}.{}", scene.name(), format.code());
        if self.sh(&format!("test -s {file} || echo missing"))?.contains("missing") {
            self.write(&file, &scene.raw(format)?)?;
        }
        self.sh(&format!(
            "systemctl stop board-scene 2>/dev/null; systemctl reset-failed board-scene 2>/dev/null; \
             v4l2-ctl -d {player} -x width={WIDTH},height={HEIGHT},pixelformat={} && \
             systemd-run --quiet --unit=board-scene -p StandardError=null -p StandardOutput=null v4l2-ctl -d {player} --stream-out-mmap --stream-from={file} \
             --stream-loop {rate}",
            format.code()
        ))?;
        Ok(())
    }

    /// Sets a control of the camera's driver, in the form `NAME=VALUE`. vivid also injects faults through controls.
    pub fn set_camera_control(&self, control: &str) -> anyhow::Result<()> {
        let output = self.run(&format!("v4l2-ctl -d {} -c {control}", self.camera.node), b"", TIMEOUT)?;
        ensure!(output.is_success(), "v4l2-ctl -c {control}: {}", output.text());
        Ok(())
    }
}
