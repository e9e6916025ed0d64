//! The models: whole, computing on this processor what they computed where they were made, and with a threshold for
//! the rate that the owner set.

use super::Door;
use super::finding::{Finding, Status};
use crate::bundle::{Bundle, Precision};
use crate::config::{self, Config};
use crate::demo;
use crate::engine::Backend;
use crate::vision::{Crop, Embedder, Embedding, Recogniser, VisionError};

const INSTALL: &str = "install the models again";
/// The least share that the face found must have in common with where it is.
const OVERLAP: f32 = 0.7;

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
        findings = match try_out(config, &bundle) {
            Ok(findings) => findings,
            Err(error) => vec![Finding::of_error(Status::Fault, &error, INSTALL)],
        };
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

/// Runs every network on what is known beforehand.
fn try_out(config: &Config, bundle: &Bundle) -> Result<Vec<Finding>, VisionError> {
    let backend = Backend::new(&config.engine, &config.ort)?;
    let mut findings = vec![Finding::ok(format!(
        "{} networks in {}, each as its manifest says, and running on {backend}",
        bundle.manifest().models.len(),
        bundle.folder().display()
    ))];
    findings.push(find_the_portrait(config)?);
    let mut embedder = Embedder::load(bundle, &config::Embedder::default(), &backend)?;
    let made = embedder.embed(&Crop::pattern())?;
    let least = match (config.engine.backend, config.engine.precision) {
        (config::Backend::Tract, Precision::Int8) => Agreement::Exact,
        (config::Backend::Tract, Precision::Fp32) => Agreement::Cosine(0.9999),
        // It rounds in its own way, TensorRT to 16 bits.
        (config::Backend::Ort, _) => Agreement::Cosine(0.99),
    };
    findings.push(golden(&made, &bundle.entry(Embedder::ROLE)?.golden, least));
    Ok(findings)
}

/// The detector finds the face of a portrait that comes with the program, where it is.
fn find_the_portrait(config: &Config) -> Result<Finding, VisionError> {
    // The door may be set to look for other faces than the portrait's.
    let config = Config { detector: config::Detector::default(), ..config.clone() };
    let [portrait, _] = demo::SCRIPT;
    let Ok(picture) = portrait.picture() else {
        return Ok(Finding::fault("the program's own portrait cannot be read", "install the program again"));
    };
    let faces = Recogniser::load(&config)?.faces(&picture)?;
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

/// How alike two embeddings of one picture must be.
#[derive(Clone, Copy)]
enum Agreement {
    /// Bytes compute the same everywhere.
    Exact,
    /// Floats are summed in another order on another processor.
    Cosine(f32),
}

/// Whether the embedding is what the manifest expects of the model.
fn golden(made: &Embedding, expected: &[f32], least: Agreement) -> Finding {
    let Some(unit) = Embedding::normalised(expected) else {
        return Finding::warning(
            "the manifest has no golden embedding: whether this processor computes right is not known",
            "install the models that belong to this program",
        );
    };
    let cosine = made.similarity(&unit).0;
    match least {
        Agreement::Exact if made.values() == expected => {
            Finding::ok("this processor gives the golden embedding, to the last bit")
        }
        Agreement::Cosine(least) if cosine >= least => {
            Finding::ok(format!("this processor gives the golden embedding (cosine {cosine:.6})"))
        }
        _ => Finding::fault(
            format!("this processor does not give the golden embedding (cosine {cosine:.6})"),
            "do not use the door: update the program, and tell its authors with `ostiary doctor --bundle FILE`; if \
             the message comes and goes, the memory or the supply is at fault",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_embedding_is_held_to_the_expected_one() {
        let expected = Embedding::normalised(&[3.0, 4.0, 0.0]).unwrap();
        let near = Embedding::normalised(&[3.0, 4.0, 0.01]).unwrap();
        let far = Embedding::normalised(&[4.0, 3.0, 0.0]).unwrap();
        let status = |made, least| golden(made, expected.values(), least).status;
        assert_eq!(status(&expected, Agreement::Exact), Status::Ok);
        assert_eq!(status(&near, Agreement::Exact), Status::Fault);
        assert_eq!(status(&near, Agreement::Cosine(0.9999)), Status::Ok);
        assert_eq!(status(&far, Agreement::Cosine(0.9999)), Status::Fault);
        assert_eq!(golden(&near, &[], Agreement::Exact).status, Status::Warning);
    }
}
