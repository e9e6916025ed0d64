//! Errors of the test of models.

use std::io;
use std::time::Duration;

use ostiary_pictures::PictureError;
use ostiary_pipeline::BundleCheckError;
use ostiary_vision::VisionError;

/// Why models failed the test, or could not be tested.
#[derive(Debug, thiserror::Error)]
pub enum SelfTestError {
    /// The bundle cannot be loaded, or does not reproduce its golden embedding.
    #[error(transparent)]
    Bundle(#[from] BundleCheckError),
    /// A portrait of the program itself is damaged.
    #[error("the program's own portrait cannot be read: {0}; install the program again")]
    Portrait(#[from] PictureError),
    /// The detector does not find exactly the one face of a portrait.
    #[error(
        "the detector finds {found} faces in the bundled portrait {file}, and not the one that is there; do not use \
         these models"
    )]
    FaceNotFound {
        /// File name of the portrait.
        file: &'static str,
        /// Number of faces that were found.
        found: usize,
    },
    /// Two photos of one person do not match.
    #[error(
        "the embedder does not distinguish the people of the bundled portraits: the similarity of two photos of one \
         person is {same:.2}, and that of two people {different:.2}; do not use these models"
    )]
    FalseNonMatch {
        /// Normalized similarity of the two photos of one person.
        same: f32,
        /// Normalized similarity of two people.
        different: f32,
    },
    /// Two people match.
    #[error(
        "the embedder matches two people of the bundled portraits: their similarity is {different:.2}, and the \
         strictest threshold is {threshold:.2}; do not use these models"
    )]
    FalseMatch {
        /// Normalized similarity of two people.
        different: f32,
        /// The strictest threshold.
        threshold: f32,
    },
    /// The golden output is that of a portrait that is not in this program.
    #[error(
        "the manifest has a golden output of presentation attack detection for {file}, which is none of the portraits of \
         this program; do not use these models with this version"
    )]
    UnknownPortrait {
        /// File name in the manifest.
        file: String,
    },
    /// Presentation attack detection does not give a golden output.
    #[error(
        "presentation attack detection does not give the golden output for the bundled portrait {file} (a difference of \
         {difference:.3}); do not use these models on this processor"
    )]
    NotGoldenLiveness {
        /// File name of the portrait.
        file: &'static str,
        /// Largest difference of a number of the output.
        difference: f32,
    },
    /// The test reported what is wrong with the models.
    #[error("{0}")]
    Failed(String),
    /// The process of the test reported why it could not test the models.
    #[error("{0}")]
    NotTested(String),
    /// The process of the test ended without a result.
    #[error("the test of the models ended at {stage}: {how}; do not use these models")]
    Died {
        /// What was tested.
        stage: String,
        /// How the process ended.
        how: String,
    },
    /// The test took too long.
    #[error(
        "the test of the models did not get beyond {stage} within {} s; do not use these models, or test them \
         when the host is less busy",
        limit.as_secs_f64()
    )]
    TimedOut {
        /// What was tested.
        stage: String,
        /// The time limit.
        limit: Duration,
    },
    /// The process cannot be started or watched.
    #[error("the test of the models cannot be started: {0}; free some memory")]
    Start(io::Error),
    /// The resource limits cannot be set.
    #[error(
        "the test of the models cannot be limited: {0}; allow setrlimit, as the installed systemd unit does"
    )]
    Limit(io::Error),
}

impl SelfTestError {
    /// Whether the models failed the test; `false` if they could not be tested.
    pub fn is_refusal(&self) -> bool {
        !matches!(self, Self::Portrait(_) | Self::NotTested(_) | Self::Start(_) | Self::Limit(_))
    }
}

impl From<VisionError> for SelfTestError {
    fn from(error: VisionError) -> Self {
        Self::Bundle(error.into())
    }
}
