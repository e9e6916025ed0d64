//! Why models failed the test.

use std::io;
use std::time::Duration;

use ostiary_pictures::PictureError;
use ostiary_pipeline::BundleCheckError;
use ostiary_vision::VisionError;

/// Why models failed the test, or could not be tested.
#[derive(Debug, thiserror::Error)]
pub enum SelfTestError {
    #[error(transparent)]
    Proof(#[from] BundleCheckError),
    #[error("the program's own portrait cannot be read: {0}; install the program again")]
    Portrait(#[from] PictureError),
    #[error(
        "the detector finds {found} faces in the bundled portrait {file}, and not the one that is there; do not use \
         these models"
    )]
    NotFound { file: &'static str, found: usize },
    #[error(
        "the embedder does not tell the people of the bundled portraits apart: two photos of one person are \
         {same:.2} alike, and two people {strange:.2}; do not use these models"
    )]
    NotMatched { same: f32, strange: f32 },
    #[error(
        "the embedder takes two people of the bundled portraits for one: they are {strange:.2} alike, and the \
         threshold of the strictest rate is {threshold:.2}; do not use these models"
    )]
    Mistaken { strange: f32, threshold: f32 },
    #[error("{0}")]
    Failed(String),
    #[error("the test of the models ended at {stage}: {how}; do not use these models")]
    Died { stage: String, how: String },
    #[error(
        "the test of the models did not get beyond {stage} within {} s; do not use these models, or test them \
         when the machine is less busy",
        limit.as_secs_f64()
    )]
    Slow { stage: String, limit: Duration },
    #[error("the test of the models cannot be started: {0}; free some memory")]
    Start(io::Error),
    #[error("the test of the models cannot be limited: {0}; allow setrlimit, as the unit that ships does")]
    Limit(io::Error),
}

impl SelfTestError {
    /// Whether the models failed the test, rather than that they could not be tested.
    pub fn is_refusal(&self) -> bool {
        !matches!(self, Self::Portrait(_) | Self::Start(_) | Self::Limit(_))
    }
}

impl From<VisionError> for SelfTestError {
    fn from(error: VisionError) -> Self {
        Self::Proof(error.into())
    }
}
