//! Checks the models: their files, their results on this processor, and the thresholds for `door.fpir`.

use jiff::Timestamp;
use ostiary_config as config;
use ostiary_config::Config;
use ostiary_core::ModelRole;
use ostiary_engine::Backend;
use ostiary_facebank::Facebank;
use ostiary_models::{Bundle, ModelEntry, ModelStore};
use ostiary_pipeline::{Agreement, BundleCheckError, FaceEncoder, Thresholds, check_golden};
use ostiary_self_test::check_golden_liveness;
use ostiary_vision::{LivenessNetwork, VisionError};

use super::CheckContext;
use super::finding::{Finding, Status};

/// How to fix models that cannot be used.
const INSTALL_FIX: &str = "install the models again";
/// The least intersection over union of the detected face and the known box of the portrait.
const MIN_IOU: f32 = 0.7;

pub fn check(context: &CheckContext) -> Vec<Finding> {
    let config = context.config();
    let bundle = match Bundle::find(&config.models, config.engine.precision) {
        Ok(bundle) => bundle,
        Err(error) => return vec![Finding::from_error(Status::Fault, &error, INSTALL_FIX)],
    };
    let entries = bundle.manifest().models.values();
    let mut findings: Vec<Finding> = entries
        .filter_map(|entry| bundle.read_entry(entry).err())
        .map(|error| Finding::from_error(Status::Fault, &error, INSTALL_FIX))
        .collect();
    if findings.is_empty() {
        findings = match check_networks(config, &bundle) {
            Ok(findings) => findings,
            Err(error) => vec![Finding::from_error(Status::Fault, &error, INSTALL_FIX)],
        };
    }
    findings.extend(active_bundle(config));
    findings.push(match bundle.entry(ModelRole::Embedder) {
        Ok(embedder) => check_thresholds(config, embedder),
        Err(error) => Finding::from_error(Status::Fault, &error, INSTALL_FIX),
    });
    findings
}

/// The thresholds that the people of the door have.
fn check_thresholds(config: &Config, embedder: &ModelEntry) -> Finding {
    let thresholds = match Thresholds::new(embedder, config.door.fpir) {
        Ok(thresholds) => thresholds,
        Err(error) => return Finding::from_error(Status::Fault, &error, "set door.fpir to a higher value"),
    };
    // A facebank that cannot be read is reported elsewhere.
    let gallery = Facebank::open_read_only(&config.facebank.path)
        .and_then(|facebank| thresholds.load_gallery(&facebank, &embedder.id()))
        .unwrap_or_default();
    let found = thresholds.describe(&gallery).to_string();
    match thresholds.fpir() {
        None => Finding::warning(found, "activate a newer bundle of models, which has a calibration"),
        Some(_) => Finding::ok(found),
    }
}

/// The bundle in use, and whether it has expired. `None` without a bundle; a damaged one is reported elsewhere.
fn active_bundle(config: &Config) -> Option<Finding> {
    if config.models.dir.is_some() {
        return None;
    }
    let release = ModelStore::open(&config.models).ok()?.active().ok()??.signed.release;
    let found = format!(
        "the models are bundle {}, created on {}",
        release.version,
        release.created.strftime("%Y-%m-%d")
    );
    Some(match release.expires <= Timestamp::now() {
        false => Finding::ok(found),
        true => Finding::warning(
            format!("{found}, which expired on {}", release.expires.strftime("%Y-%m-%d")),
            "check for a newer bundle with `ostiary models pull`",
        ),
    })
}

/// Runs all networks on inputs with known results.
fn check_networks(config: &Config, bundle: &Bundle) -> Result<Vec<Finding>, VisionError> {
    let backend = Backend::new(&config.engine, &config.ort)?;
    let mut findings = vec![Finding::ok(format!(
        "{} networks in {}, all as in the manifest, running on {backend}",
        bundle.manifest().models.len(),
        bundle.folder().display()
    ))];
    findings.push(check_portrait(config)?);
    findings.push(golden_finding(check_golden(bundle, config, &backend))?);
    findings.push(check_liveness(bundle, &backend)?);
    Ok(findings)
}

/// Checks that the detector finds the face of a bundled portrait at its known place.
fn check_portrait(config: &Config) -> Result<Finding, VisionError> {
    // The configured detector may be set to faces of another size than that of the portrait.
    let config = Config { detector: config::Detector::default(), ..config.clone() };
    let [portrait, _] = ostiary_self_test::DEMO_VISITORS;
    let Ok(picture) = portrait.picture() else {
        return Ok(Finding::fault("the bundled portrait cannot be read", "install the program again"));
    };
    let faces = FaceEncoder::load(&config)?.faces(&picture)?;
    Ok(match faces.as_slice() {
        [face] if face.face.detection.bbox.iou(&portrait.face) > MIN_IOU => {
            Finding::ok("the detector finds the face of the bundled portrait")
        }
        faces => Finding::fault(
            format!(
                "the detector finds {} faces in the bundled portrait, but not the one at the known place",
                faces.len()
            ),
            "install the models of this program version again; if the fault remains, the processor or the memory is faulty",
        ),
    })
}

/// The finding for the golden embedding: whether the embedder computes what the manifest expects.
fn golden_finding(result: Result<Agreement, BundleCheckError>) -> Result<Finding, VisionError> {
    Ok(match result {
        Ok(Agreement::Exact) => Finding::ok("this processor gives the golden embedding bit for bit"),
        Ok(Agreement::Cosine(cosine)) => Finding::ok(format!(
            "this processor gives the golden embedding (cosine {cosine:.6}; equal bits are expected only of the 8-bit kernels that made it)"
        )),
        Err(BundleCheckError::Vision(error)) => return Err(error),
        Err(BundleCheckError::NoGolden) => Finding::warning(
            "the manifest has no golden embedding, so the results of this processor cannot be checked",
            "install the models of this program version",
        ),
        Err(BundleCheckError::NotGolden { cosine }) => Finding::fault(
            format!("this processor does not give the golden embedding (cosine {cosine:.6})"),
            "do not use the door: update the program, and report this to its authors with `ostiary doctor --bundle FILE`; \
             if the fault is intermittent, the memory or the power supply is faulty",
        ),
    })
}

/// Checks that presentation attack detection gives its golden outputs: that it gets the right crop in the right order of color
/// channels, and computes what the manifest expects.
fn check_liveness(bundle: &Bundle, backend: &Backend) -> Result<Finding, VisionError> {
    let Some(mut network) = LivenessNetwork::load(bundle, backend)? else {
        return Ok(Finding::warning(
            "the models have no network for presentation attack detection",
            "activate a newer bundle of models, which has one",
        ));
    };
    Ok(match check_golden_liveness(&mut network) {
        Ok(()) => Finding::ok("this processor gives the golden outputs of presentation attack detection"),
        Err(error) => Finding::from_error(Status::Fault, &error, INSTALL_FIX),
    })
}
