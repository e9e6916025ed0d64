//! From a frame to tracked and identified faces. [`Eye`] is for the frames of a camera or a video, [`Recogniser`] for single
//! pictures; [`look`] and [`Sitting`] are for enrollment.

mod enrolment;
mod eye;
mod proof;
mod recogniser;
mod sitting;

pub use enrolment::{Look, Refusal, aligned_crop, look, unlike};
pub use eye::{Eye, Seen};
pub use proof::{Agreement, ProofError, hold_to_golden, prove};
pub use recogniser::{Recognised, Recogniser};
pub use sitting::{Advice, Sitting, Step};
