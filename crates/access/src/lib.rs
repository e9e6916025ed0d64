//! Decides whether the door opens: the decision for each face, opening hours, and the state machine of the relay. Pure code:
//! no I/O, and the caller passes the time.
//!
//! Input: [`Observation`]s of tracked faces for the [`Decider`], grants, [`DoorCommand`]s of people and time for the [`RelayFsm`], the levels of the door
//! contact for the [`DoorMonitor`]. Output: [`Decision`]s, [`RelayCommand`]s, and [`DoorTransition`]s. A transition is
//! [`DoorTransition::Forced`] if the door opens without a grant. [`group_access()`] applies the opening hours
//! ([`Hours`](ostiary_config::Hours)). It uses a [`ClockReading`] only while the clock is plausible.

mod access;
mod clock_plausibility;
mod decide;
mod decision;
mod door_mode;
mod door_monitor;
mod group_access;
mod group_without_hours;
mod liveness;
mod lockout;
mod outcome;
mod outcomes;
mod reason;
mod recent_visits;
mod recorded_challenge;
mod relay_fsm;
mod rules;
mod static_face;
mod step;
mod thousandths;
mod track_evidence;
mod track_state;
mod visit_record;

pub use access::Access;
pub use clock_plausibility::{ClockFault, ClockReading, Synchronization, is_behind};
pub use decide::{Decider, Decisions, LivenessNeed};
pub use decision::{Decision, Observation};
pub use door_mode::{CommandName, CommandRefusal, DoorCommand, DoorMode, MAX_HOLD, MIN_HOLD, ModeName};
pub use door_monitor::{DoorMonitor, DoorTransition};
pub use group_access::group_access;
pub use group_without_hours::{GroupWithoutHours, UnknownGroup, check_group, groups_without_hours};
pub use liveness::{
    ChallengeState, LayerResult, LivenessEvidence, LivenessLayer, LivenessRules, NetworkRules,
};
pub use lockout::{Lockout, LockoutStep, LockoutSteps, SavedLockout};
pub use outcome::Outcome;
pub use outcomes::Outcomes;
pub use reason::{DenialReason, Reason};
pub use recent_visits::SavedVisits;
pub use recorded_challenge::{MAX_TURNS, RecordedChallenge, RecordedTurn};
pub use relay_fsm::{RelayCommand, RelayFsm, RelayState};
pub use rules::{CLAIM_RANGE, CLEAR_EXCESS, DecisionRules, EARLY_EXCESS};
pub use static_face::{FaceMotion, StaticFaces};
pub use step::{FrameCounts, Step};
pub use thousandths::thousandths;
pub use track_state::TrackState;
pub use visit_record::{ExcessReason, MAX_STEPS, VisitRecord};
