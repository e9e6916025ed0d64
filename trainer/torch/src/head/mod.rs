//! What a network is taught by: a classifier of the people of the training set, whose classes must keep a margin.
//!
//! In: embeddings `[batch, embedding]` and the number of each one's person. Out: a loss, whose gradient reaches the network;
//! and one step of the classifier's own weights. The classifier is thrown away after training.

mod adaptive;
mod classifier;
mod margin;

pub use classifier::{Classifier, Settings, Step};
pub use margin::Margin;
