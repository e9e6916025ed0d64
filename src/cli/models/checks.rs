//! The checks of a bundle before it is stored, and again before it is activated.

use anyhow::Context;
use ostiary_config::Config;
use ostiary_engine::Backend;
use ostiary_models::{Bundle, StoredBundle};
use ostiary_pipeline::FaceEncoder;
use ostiary_self_test::SelfTest;

/// Checks the signature and all files of a bundle, then tests and loads its models.
pub fn check_and_load(stored: &StoredBundle, config: &Config) -> anyhow::Result<FaceEncoder> {
    let version = stored.signed.release.version;
    let checked = stored.check().map_err(anyhow::Error::from).and_then(|()| {
        let bundle: Bundle = stored.bundle(config.engine.precision)?;
        test_and_load(&bundle, config)
    });
    checked.with_context(|| format!("bundle {version}"))
}

/// Tests models in a separate process, and loads them if they pass.
pub fn test_and_load(bundle: &Bundle, config: &Config) -> anyhow::Result<FaceEncoder> {
    SelfTest::new(bundle, config).run(|| {})?;
    Ok(FaceEncoder::from_bundle(bundle, config, &Backend::new(&config.engine, &config.ort)?)?)
}
