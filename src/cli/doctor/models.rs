//! The models: whole, running, and with a threshold for the rate that the owner set.

use super::Door;
use super::finding::{Finding, Status};
use crate::bundle::Bundle;
use crate::capture::Frame;
use crate::config::Config;
use crate::engine::Backend;
use crate::vision::{Crop, Embedder, Recogniser, VisionError};

const INSTALL: &str = "install the models again";

pub fn check(door: &Door) -> Vec<Finding> {
    let config = door.config();
    let bundle = match Bundle::find(config.models.dir.as_deref(), config.engine.precision) {
        Ok(bundle) => bundle,
        Err(error) => return vec![Finding::of_error(Status::Fault, &error, INSTALL)],
    };
    let roles = bundle.manifest().models.keys();
    let mut findings: Vec<Finding> = roles
        .filter_map(|role| bundle.read(role).err())
        .map(|error| Finding::of_error(Status::Fault, &error, INSTALL))
        .collect();
    if findings.is_empty() {
        findings.push(match run_once(config) {
            Ok(backend) => Finding::ok(format!(
                "{} networks in {}, each as its manifest says, and running on {backend}",
                bundle.manifest().models.len(),
                bundle.folder().display()
            )),
            Err(error) => Finding::of_error(Status::Fault, &error, INSTALL),
        });
    }
    let far = config.door.far;
    findings.push(match bundle.entry(Embedder::ROLE).and_then(|entry| entry.threshold(far)) {
        Ok(threshold) => {
            Finding::ok(format!("door.far = {far} gives the threshold {:.3} (cosine)", threshold.0))
        }
        Err(error) => Finding::of_error(Status::Fault, &error, INSTALL),
    });
    findings
}

/// Runs every network, and gives what they ran on. Whatever is in a picture passes every stage, so that the last is reached as well.
fn run_once(config: &Config) -> Result<Backend, VisionError> {
    let mut config = config.clone();
    config.detector.thresholds = [0.0; 3];
    let mut recogniser = Recogniser::load(&config)?;
    let side = config.detector.min_face * 2;
    let pixels = (0..side * side * 3).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    if let Some(picture) = Frame::from_rgb(side, side, pixels) {
        recogniser.faces(&picture)?;
    }
    recogniser.embed(&Crop::default())?;
    Ok(Backend::new(&config.engine, &config.ort)?)
}
