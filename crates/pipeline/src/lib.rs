//! Detects, tracks, embeds and matches the faces of a frame.
//!
//! What comes in: frames, a bundle of models and a gallery. What goes out: the faces of a frame with quality, embedding and
//! candidate. [`RecognitionPipeline`] processes the frames of a camera or a video, [`FaceEncoder`] single pictures.
//! [`TrackTemplate`] is the mean of the frames of one visit, [`Thresholds`] are what it must reach.
//! [`check_photo`], [`outliers`], [`EnrollmentSession`] and [`EnrollmentPoses`] select pictures for enrollment; [`AspectMeter`]
//! measures the frontal aspect of the person in them.
//! [`check_bundle`] checks that a bundle works on this host.

mod bundle_check;
mod enrollment_poses;
mod enrollment_session;
mod face_encoder;
mod face_fault;
mod frontal_aspect;
mod liveness_scores;
mod photo_check;
mod recognition_pipeline;
mod thresholds;
mod track_template;

pub use bundle_check::{Agreement, BundleCheckError, check_bundle, check_golden};
pub use enrollment_poses::{EnrollmentPoses, Pose, PoseFault};
pub use enrollment_session::{Advice, EnrollmentSession, Step};
pub use face_encoder::{EncodedFace, FaceEncoder, MeasuredFace};
pub use face_fault::face_fault;
pub use frontal_aspect::{AspectMeter, frontal_aspect};
pub use liveness_scores::TrackLiveness;
pub use photo_check::{FaceCountError, PhotoCheck, aligned_crop, check_photo, outliers};
pub use recognition_pipeline::{RecognitionPipeline, TrackedFace};
pub use thresholds::{Comparison, Thresholds};
pub use track_template::{MOMENT_INTERVAL, TrackTemplate};
