//! Which models the configuration names.

use ostiary_config as config;
use ostiary_core::Precision;

use super::{Bundle, BundleError, ModelStore};

impl Bundle {
    /// Opens what the configuration names: `models.dir` where it is set; else the bundle that was activated, where
    /// `models.keys` trusts somebody; else the models that the program came with.
    pub fn find(models: &config::Models, precision: Precision) -> Result<Self, BundleError> {
        if let Some(folder) = &models.dir {
            return Self::open(folder, precision);
        }
        if !models.keys.is_empty() {
            let active = ModelStore::open(models).and_then(|model_store| model_store.active());
            let active = active.and_then(|kept| kept.map(|kept| kept.bundle(precision)).transpose());
            if let Some(bundle) = active.map_err(|error| BundleError::Active(Box::new(error)))? {
                return Ok(bundle);
            }
        }
        Self::shipped(precision)
    }
}
