//! From a frame to tracked and identified faces.
//!
//! What comes in: frames, a bundle of models and a gallery. What goes out: the faces of a frame with quality, embedding and
//! candidate. [`RecognitionPipeline`] is for the frames of a camera or a video, [`Recogniser`] for single pictures; [`look`] and
//! [`Sitting`] are for enrollment; [`prove`] says whether a bundle gives its golden embedding.

mod enrolment;
mod proof;
mod recogniser;
mod recognition_pipeline;
mod sitting;

pub use enrolment::{Look, Refusal, aligned_crop, look, unlike};
pub use proof::{Agreement, ProofError, hold_to_golden, prove};
pub use recogniser::{Recognised, Recogniser};
pub use recognition_pipeline::{RecognitionPipeline, TrackedFace};
pub use sitting::{Advice, Sitting, Step};
