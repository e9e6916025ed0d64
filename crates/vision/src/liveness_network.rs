//! Presentation attack detection: how live a face and its surroundings look.

use ostiary_core::{BBox, Frame, ModelRole};
use ostiary_engine::{Backend, Network, Onnx};
use ostiary_models::{Bundle, LivenessTest};

use super::context_crop::ContextCropper;
use super::{VisionError, load_network};

/// A network that tells a face before the camera from a picture of one, with its buffers. It sees the face with its
/// surroundings, and decides mostly by those.
pub struct LivenessNetwork {
    network: Box<dyn Network>,
    test: LivenessTest,
    cropper: ContextCropper,
    pixels: Vec<u8>,
    outputs: Vec<Vec<f32>>,
}

/// How live a face looks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LivenessScore {
    /// The softmax of the live class, 0 to 1. [`LivenessTest`] has the thresholds.
    pub live: f32,
    /// How many times the face's box was enlarged: [`LivenessTest::crop_scale`], or less if the frame has less room. The less
    /// of the surroundings are in view, the less the score says.
    pub scale: f32,
}

impl LivenessNetwork {
    /// Loads the network and checks its hash and its output. `None` if the bundle has no such network.
    ///
    /// # Errors
    /// The file is damaged, or the network does not give one number for each class.
    pub fn load(bundle: &Bundle, backend: &Backend) -> Result<Option<Self>, VisionError> {
        let Ok(entry) = bundle.entry(ModelRole::Liveness) else { return Ok(None) };
        let Some(test) = entry.liveness.clone() else { return Ok(None) };
        let onnx = load_network(bundle, ModelRole::Liveness, backend)?;
        let [_, _, side, _] = entry.input.shape;
        Self::new(&onnx, side, test).map(Some)
    }

    /// Prepares a network that takes squares with this side, pixels, and checks its output.
    ///
    /// # Errors
    /// The network cannot be used, or does not give one number for each class.
    pub fn new(onnx: &Onnx, side: usize, test: LivenessTest) -> Result<Self, VisionError> {
        let network = onnx.prepare(&[1, 3, side, side])?;
        let expected = [vec![1, test.classes]];
        if network.output_shapes() != expected {
            return Err(VisionError::Outputs {
                model: onnx.name().to_owned(),
                expected: format!("{expected:?}"),
                found: format!("{:?}", network.output_shapes()),
            });
        }
        Ok(Self {
            network,
            cropper: ContextCropper::new(side, test.crop_scale),
            pixels: vec![0; side * side * 3],
            outputs: vec![Vec::with_capacity(test.classes)],
            test,
        })
    }

    /// How the network is used, with its thresholds.
    pub fn test(&self) -> &LivenessTest {
        &self.test
    }

    /// Scores a face in a frame; `None` if its box is smaller than a pixel or not finite.
    ///
    /// # Errors
    /// The network fails, or gives a number that is not finite.
    pub fn score(&mut self, frame: &Frame, face: &BBox) -> Result<Option<LivenessScore>, VisionError> {
        let live_class = self.test.live_class;
        let Some((output, scale)) = self.run(frame, face)? else { return Ok(None) };
        let largest = output.iter().copied().fold(f32::MIN, f32::max);
        let exp = |value: &f32| (value - largest).exp();
        let sum: f32 = output.iter().map(exp).sum();
        let live = output.get(live_class).map_or(0.0, |value| exp(value) / sum);
        Ok(Some(LivenessScore { live, scale }))
    }

    /// The output of the network for a face in a frame: one number for each class, before the softmax. `None` as for
    /// [`LivenessNetwork::score`].
    ///
    /// # Errors
    /// As [`LivenessNetwork::score`].
    pub fn output(&mut self, frame: &Frame, face: &BBox) -> Result<Option<&[f32]>, VisionError> {
        Ok(self.run(frame, face)?.map(|(output, _)| output))
    }

    fn run(&mut self, frame: &Frame, face: &BBox) -> Result<Option<(&[f32], f32)>, VisionError> {
        let Some(scale) = self.cropper.crop(frame, face, &mut self.pixels) else { return Ok(None) };
        self.network.run(&self.pixels, &mut self.outputs)?;
        match self.outputs.first() {
            Some(output) if output.iter().all(|value| value.is_finite()) => Ok(Some((output, scale))),
            _ => Err(VisionError::NoScore),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use ostiary_core::Precision;
    use ostiary_models::Manifest;

    use super::*;

    /// The live class of the shipped network.
    const LIVE_CLASS: usize = 0;

    /// A folder with the shipped networks of this role, after a change of the manifest.
    fn folder(change: impl Fn(&mut Manifest)) -> tempfile::TempDir {
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models");
        let text = fs::read_to_string(shipped.join(Manifest::FILE)).unwrap();
        let mut manifest: Manifest = toml::from_str(&text).unwrap();
        manifest.models.retain(|key, _| key.starts_with("liveness"));
        change(&mut manifest);
        let folder = tempfile::tempdir().unwrap();
        for entry in manifest.models.values() {
            fs::copy(shipped.join(&entry.file), folder.path().join(&entry.file)).unwrap();
        }
        fs::write(folder.path().join(Manifest::FILE), toml::to_string(&manifest).unwrap()).unwrap();
        folder
    }

    fn load(
        folder: &tempfile::TempDir,
        precision: Precision,
    ) -> Result<Option<LivenessNetwork>, VisionError> {
        LivenessNetwork::load(&Bundle::open(folder.path(), precision).unwrap(), &Backend::tract(1))
    }

    #[test]
    fn a_bundle_need_not_have_the_network() {
        assert!(load(&folder(|manifest| manifest.models.clear()), Precision::Int8).unwrap().is_none());
    }

    #[test]
    fn another_number_of_classes_is_refused() {
        let folder = folder(|manifest| {
            for entry in manifest.models.values_mut() {
                let test = entry.liveness.as_mut().unwrap();
                test.classes = 2;
                test.golden.iter_mut().for_each(|golden| golden.output.truncate(2));
            }
        });
        for precision in [Precision::Fp32, Precision::Int8] {
            let error = load(&folder, precision).err().unwrap().to_string();
            assert!(error.contains("liveness") && error.contains("[[1, 2]]"), "{error}");
        }
    }

    #[test]
    fn a_score_is_the_softmax_of_the_live_class_and_tells_how_much_was_in_view() {
        let folder = folder(|_| ());
        let rgb = (0..200 * 150 * 3).map(|index| (index * 7919 / 64 % 256) as u8).collect();
        let frame = Frame::from_rgb(200, 150, rgb).unwrap();
        for precision in [Precision::Fp32, Precision::Int8] {
            let mut network = load(&folder, precision).unwrap().unwrap();
            for (face, scale) in [([80.0, 50.0, 40.0, 50.0], 2.7), ([40.0, 20.0, 90.0, 100.0], 1.49)] {
                let score = network.score(&frame, &face.into()).unwrap().unwrap();
                assert!((score.scale - scale).abs() < 1e-3, "{score:?}");
                let output = network.output(&frame, &face.into()).unwrap().unwrap();
                let sum: f32 = output.iter().map(|value| value.exp()).sum();
                let expected = output[LIVE_CLASS].exp() / sum;
                assert!((score.live - expected).abs() < 1e-4, "{score:?} is not {expected}");
            }
            assert_eq!(network.score(&frame, &[80.0, 50.0, 0.0, 50.0].into()).unwrap(), None);
        }
    }
}
