//! Finds the bundle that the configuration names.

use ostiary_config as config;
use ostiary_core::Precision;

use super::{Bundle, BundleError, ModelStore};

impl Bundle {
    /// Opens the bundle that the configuration names: `models.dir` if it is set, otherwise the activated bundle if
    /// `models.keys` is set and a bundle was activated, otherwise the models that were installed with the program.
    ///
    /// # Errors
    /// The bundle is missing, unreadable or not signed by a trusted key.
    pub fn find(models: &config::Models, precision: Precision) -> Result<Self, BundleError> {
        if let Some(folder) = &models.dir {
            return Self::open(folder, precision);
        }
        if !models.keys.is_empty() {
            let active = ModelStore::open(models).and_then(|model_store| model_store.active());
            let active = active.and_then(|stored| stored.map(|stored| stored.bundle(precision)).transpose());
            if let Some(bundle) = active.map_err(|error| BundleError::Active(Box::new(error)))? {
                return Ok(bundle);
            }
        }
        Self::shipped(precision)
    }
}
