//! From a frame to tracked and identified faces.
//!
//! What comes in: frames, a bundle of models and a gallery. What goes out: the faces of a frame with quality, embedding and
//! candidate. [`RecognitionPipeline`] is for the frames of a camera or a video, [`Recognizer`] for single pictures; [`check_photo`] and
//! [`EnrollmentSession`] are for enrollment; [`check_bundle`] says whether a bundle gives its golden embedding.

mod bundle_check;
mod enrollment_session;
mod photo_check;
mod recognition_pipeline;
mod recognizer;

pub use bundle_check::{Agreement, BundleCheckError, check_bundle, check_golden};
pub use enrollment_session::{Advice, EnrollmentSession, Step};
pub use photo_check::{PhotoCheck, Refusal, aligned_crop, check_photo, unlike};
pub use recognition_pipeline::{RecognitionPipeline, TrackedFace};
pub use recognizer::{RecognizedFace, Recognizer};
