//! The conditions on which the counts of a test of liveness depend, as the configuration and the models have them now.

use ostiary_access::NetworkRules;
use ostiary_config::{CameraKind, Config, LivenessLevel};
use ostiary_core::{ModelRole, redact_address};
use ostiary_events::{TestCamera, TestConditions};
use ostiary_models::{Bundle, BundleError, LivenessTest, ModelEntry};

/// The conditions of a configuration with these models.
///
/// # Errors
/// If the models lack the embedder, or a network that finds faces.
pub fn test_conditions(config: &Config, models: &Bundle) -> Result<TestConditions, BundleError> {
    let level = config.liveness.level();
    let camera = &config.camera;
    let entry = liveness_entry(config, models);
    let network = network_rules(entry.as_ref().and_then(|entry| entry.liveness.as_ref()), camera.kind);
    let detector = [ModelRole::PNet, ModelRole::RNet, ModelRole::ONet];
    let [pnet, rnet, onet] = detector.map(|role| models.id(role).map(|id| id.to_string()));
    Ok(TestConditions {
        level,
        steps: (level == LivenessLevel::Active).then_some(config.liveness.steps),
        network,
        liveness_model: entry.map(|entry| entry.id().to_string()),
        embedder: models.id(ModelRole::Embedder)?.to_string(),
        detector: [pnet?, rnet?, onet?],
        camera: TestCamera {
            source: redact_address(&camera.source),
            kind: camera.kind,
            width: camera.width,
            height: camera.height,
            rotate: camera.rotate,
            mirror: camera.mirror,
            region: camera.region,
        },
    })
}

/// The network that the door uses: that of the models in use, or the installed one.
fn liveness_entry(config: &Config, models: &Bundle) -> Option<ModelEntry> {
    if config.camera.kind == CameraKind::Nir {
        return None;
    }
    models.with_liveness()?.entry(ModelRole::Liveness).ok().cloned()
}

/// What a network for liveness, if there is one, can say at a door with this camera.
pub fn network_rules(test: Option<&LivenessTest>, camera: CameraKind) -> NetworkRules {
    match test {
        Some(test) => NetworkRules::Scores {
            spoof_below: test.spoof_below,
            pass_from: test.pass_from,
            min_room: LivenessTest::MIN_ROOM,
        },
        None if camera == CameraKind::Nir => NetworkRules::NearInfrared,
        None => NetworkRules::Missing,
    }
}
