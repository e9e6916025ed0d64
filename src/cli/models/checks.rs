//! What a bundle has to pass before it is kept, and again before it is used.

use anyhow::Context;
use ostiary_config::Config;
use ostiary_engine::Backend;
use ostiary_models::{Bundle, StoredBundle};
use ostiary_pipeline::Recognizer;
use ostiary_self_test::SelfTest;

/// All files as they were signed, and the test of the models.
pub fn check(kept: &StoredBundle, config: &Config) -> anyhow::Result<Recognizer> {
    let version = kept.signed.release.version;
    let checked = kept.check().map_err(anyhow::Error::from).and_then(|()| {
        let bundle: Bundle = kept.bundle(config.engine.precision)?;
        test(&bundle, config)
    });
    checked.with_context(|| format!("bundle {version}"))
}

/// Tests models in a process of their own, and loads them only then.
pub fn test(bundle: &Bundle, config: &Config) -> anyhow::Result<Recognizer> {
    SelfTest::new(bundle, config).run(|| {})?;
    Ok(Recognizer::from_bundle(bundle, config, &Backend::new(&config.engine, &config.ort)?)?)
}
