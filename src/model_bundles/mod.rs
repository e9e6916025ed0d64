//! The bundles of models that a door stores: lists them, checks them, and changes from one to another. Commands use this on the
//! files of a door that does not run, and the control API in a running one.

mod change;
mod check;
mod list;
mod refusal;

pub use change::{ActivationError, ChangeHost, ChangedModels, ModelChange, change_models};
pub use check::{CheckedBundle, check_and_load, check_bundles};
pub use list::{ListedBundle, ModelList};
pub use refusal::{ChangeResult, is_refusal};
