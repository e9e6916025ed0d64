//! The conditions on which the counts of a test of liveness depend, as the configuration and the models have them now.

use ostiary_access::NetworkRules;
use ostiary_config::{CameraKind, Config, LivenessLevel};
use ostiary_core::{ModelRole, redact};
use ostiary_events::{TestCamera, TestConditions};
use ostiary_models::{Bundle, BundleError, LivenessTest, ModelEntry};

/// The conditions of a configuration with these models.
///
/// # Errors
/// If the models have no embedder.
pub fn test_conditions(config: &Config, models: &Bundle) -> Result<TestConditions, BundleError> {
    let level = config.liveness.level();
    let camera = &config.camera;
    let entry = liveness_entry(config, models);
    let network = match entry.as_ref().and_then(|entry| entry.liveness.as_ref()) {
        Some(test) => NetworkRules::Scores {
            spoof_below: test.spoof_below,
            pass_from: test.pass_from,
            min_room: LivenessTest::MIN_ROOM,
        },
        None if camera.kind == CameraKind::Nir => NetworkRules::NearInfrared,
        None => NetworkRules::Missing,
    };
    Ok(TestConditions {
        level,
        steps: (level == LivenessLevel::Active).then_some(config.liveness.steps),
        network,
        liveness_model: entry.map(|entry| entry.id().to_string()),
        embedder: models.id(ModelRole::Embedder)?.to_string(),
        camera: TestCamera {
            source: redact(&camera.source),
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
    let own = models.entry(ModelRole::Liveness).ok().cloned();
    own.or_else(|| {
        let shipped = Bundle::shipped(config.engine.precision).ok()?;
        shipped.entry(ModelRole::Liveness).ok().cloned()
    })
}
