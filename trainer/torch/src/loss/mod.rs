//! The loss of training: a classifier of the people in the training set, whose classes are separated by a margin.
//!
//! Input is embeddings `[batch, embedding]` and the number of each embedding's person. Output is a loss, whose gradient reaches the
//! network, and one step of the classifier's own weights. The classifier is not used after training.

mod classifier;
mod length_statistics;
mod margin;

pub use classifier::{Classifier, Settings, SgdStep};
pub use margin::Margin;
