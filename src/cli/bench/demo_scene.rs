//! The pictures of the demo, for benchmarks that need a face.

use std::time::Duration;

use ostiary_capture::{FrameSource, Next};
use ostiary_core::Frame;
use ostiary_self_test::DEMO_VISITORS;

use crate::demo::{DemoVisit, Pace, SyntheticSource};

/// A hall of 640x480 pixels without and with the enrolled person of the demo, who stands at the door.
pub struct DemoScene {
    pub wall: Frame,
    pub face: Frame,
}

impl DemoScene {
    /// Draws the pictures.
    pub fn new() -> anyhow::Result<Self> {
        // In the demo the enrolled person stands at the door at this time.
        let standing_time = Duration::from_secs(3);
        let [_, known] = DEMO_VISITORS;
        let mut demo_source = SyntheticSource::new(&[DemoVisit::Person(known)], Pace::Unpaced)?;
        let mut wall = Frame::default();
        demo_source.next(&mut wall)?;
        let mut face = Frame::default();
        while demo_source.next(&mut face)? == Next::Frame && face.time < standing_time {}
        Ok(Self { wall, face })
    }
}
