//! The models: whole, computing on this processor what they computed where they were made, and with a threshold for
//! the rate that the owner set.

use jiff::Timestamp;
use ostiary_config as config;
use ostiary_config::Config;
use ostiary_engine::Backend;
use ostiary_models::{Bundle, ModelStore};
use ostiary_pipeline::{Agreement, BundleCheckError, Recognizer, check_golden};
use ostiary_vision::{Embedder, VisionError};

use super::Door;
use super::finding::{Finding, Status};
use crate::demo;

const INSTALL: &str = "install the models again";
/// The least share that the face found must have in common with where it is.
const OVERLAP: f32 = 0.7;

pub fn check(door: &Door) -> Vec<Finding> {
    let config = door.config();
    let bundle = match Bundle::find(&config.models, config.engine.precision) {
        Ok(bundle) => bundle,
        Err(error) => return vec![Finding::of_error(Status::Fault, &error, INSTALL)],
    };
    let roles = bundle.manifest().models.keys();
    let mut findings: Vec<Finding> = roles
        .filter_map(|role| bundle.read(role).err())
        .map(|error| Finding::of_error(Status::Fault, &error, INSTALL))
        .collect();
    if findings.is_empty() {
        findings = match try_out(config, &bundle) {
            Ok(findings) => findings,
            Err(error) => vec![Finding::of_error(Status::Fault, &error, INSTALL)],
        };
    }
    findings.extend(pulled(config));
    let far = config.door.far;
    findings.push(match bundle.entry(Embedder::ROLE).and_then(|entry| entry.threshold(far)) {
        Ok(threshold) => {
            Finding::ok(format!("door.far = {far} gives the threshold {:.3} (cosine)", threshold.0))
        }
        Err(error) => Finding::of_error(Status::Fault, &error, INSTALL),
    });
    findings
}

/// Which bundle is in use, where one was pulled; that there is none, or that it is not whole, has been told.
fn pulled(config: &Config) -> Option<Finding> {
    if config.models.dir.is_some() {
        return None;
    }
    let release = ModelStore::open(&config.models).ok()?.active().ok()??.signed.release;
    let found = format!(
        "the models are bundle {}, made on {}",
        release.version,
        release.created.strftime("%Y-%m-%d")
    );
    Some(match release.expires <= Timestamp::now() {
        false => Finding::ok(found),
        true => Finding::warning(
            format!("{found}, which expired on {}", release.expires.strftime("%Y-%m-%d")),
            "see whether a newer one can be had: `ostiary models pull`",
        ),
    })
}

/// Runs every network on what is known beforehand.
fn try_out(config: &Config, bundle: &Bundle) -> Result<Vec<Finding>, VisionError> {
    let backend = Backend::new(&config.engine, &config.ort)?;
    let mut findings = vec![Finding::ok(format!(
        "{} networks in {}, each as its manifest says, and running on {backend}",
        bundle.manifest().models.len(),
        bundle.folder().display()
    ))];
    findings.push(find_the_portrait(config)?);
    findings.push(golden(check_golden(bundle, config, &backend))?);
    Ok(findings)
}

/// The detector finds the face of a portrait that comes with the program, where it is.
fn find_the_portrait(config: &Config) -> Result<Finding, VisionError> {
    // The door may be set to look for other faces than the portrait's.
    let config = Config { detector: config::Detector::default(), ..config.clone() };
    let [portrait, _] = demo::DEMO_VISITORS;
    let Ok(picture) = portrait.picture() else {
        return Ok(Finding::fault("the program's own portrait cannot be read", "install the program again"));
    };
    let faces = Recognizer::load(&config)?.faces(&picture)?;
    Ok(match faces.as_slice() {
        [face] if face.detection.bbox.iou(&portrait.face) > OVERLAP => {
            Finding::ok("the detector finds the face of the bundled portrait")
        }
        faces => Finding::fault(
            format!(
                "the detector finds {} faces in the bundled portrait, and not the one that is there",
                faces.len()
            ),
            "install the models again, made for this program; if it stays so, the processor or memory is at fault",
        ),
    })
}

/// Whether the embedder gives what the manifest expects of it.
fn golden(held: Result<Agreement, BundleCheckError>) -> Result<Finding, VisionError> {
    Ok(match held {
        Ok(Agreement::Exact) => Finding::ok("this processor gives the golden embedding, to the last bit"),
        Ok(Agreement::Cosine(cosine)) => {
            Finding::ok(format!("this processor gives the golden embedding (cosine {cosine:.6})"))
        }
        Err(BundleCheckError::Vision(error)) => return Err(error),
        Err(BundleCheckError::NoGolden) => Finding::warning(
            "the manifest has no golden embedding: whether this processor computes right is not known",
            "install the models that belong to this program",
        ),
        Err(BundleCheckError::NotGolden { cosine }) => Finding::fault(
            format!("this processor does not give the golden embedding (cosine {cosine:.6})"),
            "do not use the door: update the program, and tell its authors with `ostiary doctor --bundle FILE`; if \
             the message comes and goes, the memory or the supply is at fault",
        ),
    })
}
