//! Tests whether presentation attack detection gives the outputs in the manifest for faces of the bundled portraits.

use ostiary_vision::LivenessNetwork;

use super::{PORTRAITS, SelfTestError};

/// Largest difference of an output to the golden one. Sums of floats, and the decoders of pictures, round in other ways on
/// other processors; another crop or another order of the channels changes the outputs of a face by more.
const MAX_DIFFERENCE: f32 = 0.25;

/// Compares the outputs of a network with the golden ones of the manifest.
///
/// # Errors
/// Names the portrait that is not in this program or whose output differs; or the network fails.
pub fn check_golden_liveness(network: &mut LivenessNetwork) -> Result<(), SelfTestError> {
    for golden in network.test().golden.clone() {
        let portrait = PORTRAITS.iter().find(|portrait| portrait.file == golden.portrait);
        let Some(portrait) = portrait else {
            return Err(SelfTestError::UnknownPortrait { file: golden.portrait });
        };
        let output = network.output(&portrait.picture()?, &golden.face)?.unwrap_or_default();
        let differences = output.iter().zip(&golden.output).map(|(a, b)| (a - b).abs());
        let difference = differences.fold(0.0, f32::max);
        if output.len() != golden.output.len() || difference > MAX_DIFFERENCE {
            return Err(SelfTestError::NotGoldenLiveness { file: portrait.file, difference });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use ostiary_core::{ChannelOrder, Precision};
    use ostiary_engine::Backend;
    use ostiary_models::{Bundle, Manifest, ModelEntry};

    use super::*;

    /// The check of the shipped networks after a change of their entries.
    fn check(change: impl Fn(&mut ModelEntry)) -> Vec<Result<(), SelfTestError>> {
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models");
        let text = fs::read_to_string(shipped.join(Manifest::FILE)).unwrap();
        let mut manifest: Manifest = toml::from_str(&text).unwrap();
        manifest.models.retain(|key, _| key.starts_with("liveness"));
        let folder = tempfile::tempdir().unwrap();
        for entry in manifest.models.values_mut() {
            change(entry);
            fs::copy(shipped.join(&entry.file), folder.path().join(&entry.file)).unwrap();
        }
        fs::write(folder.path().join(Manifest::FILE), toml::to_string(&manifest).unwrap()).unwrap();
        let check = |precision| {
            let bundle = Bundle::open(folder.path(), precision).unwrap();
            let mut network = LivenessNetwork::load(&bundle, &Backend::tract(1)).unwrap().unwrap();
            check_golden_liveness(&mut network)
        };
        [Precision::Fp32, Precision::Int8].map(check).into()
    }

    #[test]
    fn the_shipped_networks_give_their_golden_outputs_only_as_they_are_used() {
        assert!(check(|_| ()).iter().all(Result::is_ok));
        let differs = |change: &dyn Fn(&mut ModelEntry)| {
            for result in check(change) {
                assert!(matches!(result, Err(SelfTestError::NotGoldenLiveness { .. })), "{result:?}");
            }
        };
        differs(&|entry| entry.input.channels = ChannelOrder::Rgb);
        differs(&|entry| entry.liveness.as_mut().unwrap().crop_scale = 2.0);
        differs(&|entry| entry.liveness.as_mut().unwrap().golden[0].output[0] += 1.0);
        for result in check(|entry| entry.liveness.as_mut().unwrap().golden[0].portrait = "other.jpg".into())
        {
            assert!(matches!(result, Err(SelfTestError::UnknownPortrait { file }) if file == "other.jpg"));
        }
    }
}
