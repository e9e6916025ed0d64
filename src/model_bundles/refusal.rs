//! Tells refusals by a check from failures.

use ostiary_facebank::FacebankError;
use ostiary_models::ModelStoreError;
use ostiary_self_test::SelfTestError;
use serde::{Deserialize, Serialize};

use super::{ActivationError, ChangedModels};

/// What became of a change of models, as it is printed as JSON.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ChangeResult {
    /// The models are in use.
    Changed(ChangedModels),
    /// A check has refused them, and nothing has changed.
    Refused {
        /// Why.
        refused: String,
    },
}

impl ChangeResult {
    /// The result of a change.
    ///
    /// # Errors
    /// The error of a change that failed, and was not refused.
    pub fn new(result: anyhow::Result<ChangedModels>) -> anyhow::Result<Self> {
        match result {
            Ok(changed) => Ok(Self::Changed(changed)),
            Err(error) if is_refusal(&error) => Ok(Self::Refused { refused: format!("{error:#}") }),
            Err(error) => Err(error),
        }
    }
}

/// Whether the error is a refusal by a check (exit code 1), and not a failure (exit code 2).
pub fn is_refusal(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.downcast_ref::<ModelStoreError>().is_some_and(ModelStoreError::is_refusal)
            || cause.downcast_ref::<SelfTestError>().is_some_and(SelfTestError::is_refusal)
            || cause.is::<ActivationError>()
            || matches!(cause.downcast_ref(), Some(FacebankError::NoCrops { .. }))
    })
}
