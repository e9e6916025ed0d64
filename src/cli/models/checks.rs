//! What a bundle has to stand before it is kept, and again before it is used.

use anyhow::Context;

use crate::bundle::{Bundle, Kept};
use crate::config::Config;
use crate::vision::{Recogniser, prove};

/// All files as they were signed, every network loading, thresholds for `door.far`, and the golden embedding on this
/// processor.
pub fn check(kept: &Kept, config: &Config) -> anyhow::Result<Recogniser> {
    let version = kept.signed.release.version;
    let checked = kept.check().map_err(anyhow::Error::from).and_then(|()| {
        let bundle: Bundle = kept.bundle(config.engine.precision)?;
        Ok(prove(&bundle, config)?)
    });
    checked.with_context(|| format!("bundle {version}"))
}
