//! `[door]`

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::rule::{integer, name, number, one_of};

/// The highest value of `door.frames` that has an effect. Higher ones were allowed before and count as this one.
const MAX_MOMENTS: u32 = 8;
/// Time from one moment to the next with a slow camera. `door.within_s` is raised if it has no room for the moments.
const MOMENT: Duration = Duration::from_millis(200);

section! {
    /// When the door opens.
    [door] Door {
        /// The door's name in messages and topics.
        name: String = "door".into() => name().restart();
        /// The share of strangers' visits in which the stranger may be let in, as anybody of all enrolled people. 0.01 is
        /// one visit of a hundred. Not set: the smallest share that the model's calibration supports, at most 0.01.
        fpir: Option<f64> = None => number(1e-6, 0.1).example("0.003").settable();
        /// By how much the similarity of the best person must exceed that of the second best.
        margin: f32 = 0.05 => number(0.0, 1.0).settable();
        /// Let a person in after good frames from this number of moments, at least 150 ms apart. A similarity near the
        /// threshold takes twice as many; one far above it takes one less, but two at least. More than 8 count as 8.
        frames: u32 = 3 => integer(1, 32);
        /// The mean of the good frames of this number of seconds is compared with the people. At most the last 16 moments
        /// count: with a fast camera, more than 2.4 seconds make no difference.
        within_s: f64 = 2.0 => number(0.1, 60.0);
        /// Do not let the same person in again for this number of seconds.
        cooldown_s: f64 = 10.0 => number(0.0, 3600.0).settable();
        /// Nor while the person stays in view: a new visit begins after the person was out of view for this number of
        /// seconds.
        away_s: f64 = 3.0 => number(0.5, 3600.0).settable();
        /// Report a face as unknown after this number of moments without a match.
        unknown_after: u32 = 8 => integer(1, 10_000).settable();
        /// A face that has not moved for this number of seconds is a picture: it is not let in, and not a face in view.
        static_s: f64 = 120.0 => number(30.0, 86_400.0);
        /// With a second face in view: `"ignore"` it, `"refuse"` everybody, or refuse unless all faces are `"known"`.
        second_face: SecondFace = SecondFace::Ignore => one_of::<SecondFace>();
        /// Two enrolled people whom the model cannot tell apart: `"refuse"` both, or `"allow"` both, so that one can be taken
        /// for the other.
        alike: AlikePeople = AlikePeople::Refuse => one_of::<AlikePeople>();
    }
}

/// What a second face in view does to a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SecondFace {
    /// Each face is decided on its own.
    Ignore,
    /// Nobody is let in while more than one face is in view.
    Refuse,
    /// Nobody is let in while a face in view is not a known person's.
    Known,
}

/// What happens to enrolled people whom the model cannot tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AlikePeople {
    /// None of them is let in by the face.
    Refuse,
    /// They are let in like others, possibly as each other.
    Allow,
}

impl Door {
    /// The time without motion after which a face is a picture.
    pub fn static_after(&self) -> Duration {
        // A number that is not a time span, which a check of the configuration refuses, is the shortest time.
        Duration::try_from_secs_f64(self.static_s).unwrap_or(Duration::from_secs(30))
    }

    /// The number of moments of a match, 1 to 8.
    pub fn moments(&self) -> u32 {
        self.frames.clamp(1, MAX_MOMENTS)
    }

    /// How far back the mean of the frames of a visit reaches: `within_s`, but at least the time of twice the moments of a
    /// match.
    pub fn window(&self) -> Duration {
        let within = Duration::try_from_secs_f64(self.within_s).unwrap_or_default();
        within.max(MOMENT * 2 * self.moments())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_without_room_for_the_moments_is_raised() {
        let door = |frames, within_s| Door { frames, within_s, ..Door::default() };
        assert_eq!(Door::default().window(), Duration::from_secs(2));
        assert_eq!(door(8, 1.0).window(), Duration::from_millis(3200));
        assert_eq!(door(20, f64::NAN).window(), Duration::from_millis(3200));
        assert_eq!((door(20, 2.0).moments(), door(0, 2.0).moments()), (8, 1));
    }
}
