//! The test itself. It runs in the process that [`SelfTest`](super::SelfTest) starts.

use ostiary_core::{Crop, ModelRole};
use ostiary_engine::Backend;
use ostiary_models::Bundle;
use ostiary_pipeline::{BundleCheckError, check_bundle};
use ostiary_vision::{LivenessNetwork, VisionError, load_network};

use super::{SelfTestError, SelfTestRequest, check_golden_liveness, match_portraits};

/// The networks that every door runs, each with the side of a square input, pixels.
const NETWORKS: [(ModelRole, usize); 4] =
    [(ModelRole::PNet, 24), (ModelRole::RNet, 24), (ModelRole::ONet, 48), (ModelRole::Embedder, Crop::SIDE)];

/// Tests the models in this process. Calls `stage` with a description of each step before it starts.
///
/// # Errors
/// What is wrong with the models, or that a portrait of the program cannot be read.
pub fn perform(request: &SelfTestRequest, mut stage: impl FnMut(&str)) -> Result<(), SelfTestError> {
    let config = request.config();
    stage("the manifest");
    let bundle = Bundle::open(&request.folder, request.engine.precision).map_err(BundleCheckError::from)?;
    let backend = Backend::new(&config.engine, &config.ort).map_err(VisionError::from)?;
    for (role, side) in NETWORKS {
        let path = bundle.path(role).map_err(BundleCheckError::from)?;
        stage(&format!("the network {role} ({})", path.display()));
        run_once(&bundle, role, side, &backend)?;
    }
    stage("the golden embedding");
    let mut encoder = check_bundle(&bundle, &config)?;
    if let Ok(path) = bundle.path(ModelRole::Liveness) {
        stage(&format!("the network {} ({})", ModelRole::Liveness, path.display()));
        if let Some(mut network) = LivenessNetwork::load(&bundle, &backend)? {
            check_golden_liveness(&mut network)?;
        }
    }
    stage("the bundled portraits");
    match_portraits(&mut encoder, bundle.entry(ModelRole::Embedder).map_err(BundleCheckError::from)?)
}

/// Runs one network on a black picture.
fn run_once(bundle: &Bundle, role: ModelRole, side: usize, backend: &Backend) -> Result<(), VisionError> {
    let mut network = load_network(bundle, role, backend)?.prepare(&[1, 3, side, side])?;
    let mut outputs = vec![Vec::new(); network.output_shapes().len()];
    Ok(network.run(&vec![0; 3 * side * side], &mut outputs)?)
}
