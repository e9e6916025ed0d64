//! The poses of an enrollment with the camera: which picture is next, and whether a face has its pose.

use std::fmt;
use std::time::Duration;

use ostiary_core::{Quality, QualityFault};

/// Greatest yaw of a head that looks straight at the camera, degrees.
const MAX_STRAIGHT_YAW: f32 = 12.0;
/// Greatest pitch of a head that looks straight at the camera, degrees: cameras are mounted above or below the eyes.
const MAX_STRAIGHT_PITCH: f32 = 20.0;
/// How far the head turns to a side, degrees from the straight picture. Straight heads vary by less.
const MIN_TURN: f32 = 10.0;
/// How far the head is raised or lowered, degrees from the straight picture.
const MIN_RAISE: f32 = 8.0;
/// How far the other angle may be from the straight picture, degrees.
const MAX_OTHER_ANGLE: f32 = 15.0;
/// The size of a face that came closer, as a multiple of the straight picture's.
const MIN_CLOSER: f32 = 1.25;
/// How long a pose that may be left out is asked for.
const OPTIONAL_TIME: Duration = Duration::from_secs(10);
/// How long a person has to change the look.
const CHANGE_TIME: Duration = Duration::from_secs(4);

/// A picture of an enrollment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pose {
    /// Straight at the camera.
    Straight,
    /// A little to the left. With a mirrored picture the person's right is the picture's left, so that either side is taken.
    Left,
    /// A little to the other side than [`Pose::Left`].
    Right,
    /// Raised a little.
    Up,
    /// Lowered a little.
    Down,
    /// Straight and closer; may be left out.
    Closer,
    /// With another look, such as without glasses; may be left out.
    OtherLook,
}

impl Pose {
    /// All poses, in the order in which they are asked for.
    pub const ALL: [Self; 7] =
        [Self::Straight, Self::Left, Self::Right, Self::Up, Self::Down, Self::Closer, Self::OtherLook];

    /// Whether the face looks straight at the camera with its usual look: only then its aspect is the person's. A smile widens
    /// the mouth.
    pub fn is_frontal(self) -> bool {
        matches!(self, Self::Straight | Self::Closer)
    }

    /// Whether the enrollment needs the picture.
    pub fn is_required(self) -> bool {
        !matches!(self, Self::Closer | Self::OtherLook)
    }

    /// The name in a list of missing pictures.
    pub fn name(self) -> &'static str {
        match self {
            Self::Straight => "straight",
            Self::Left => "to the left",
            Self::Right => "to the right",
            Self::Up => "up",
            Self::Down => "down",
            Self::Closer => "closer",
            Self::OtherLook => "another look",
        }
    }
}

/// The instruction to the person.
impl fmt::Display for Pose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Straight => "look straight at the camera",
            Self::Left => "turn the head a little to the left",
            Self::Right => "turn the head a little to the right",
            Self::Up => "raise the head a little",
            Self::Down => "lower the head a little",
            Self::Closer => "look straight at the camera and come closer (may be left out)",
            Self::OtherLook => "take glasses off or put them on, or smile (may be left out)",
        })
    }
}

/// How a face has to change to have the pose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PoseFault {
    /// The head has to move further in the direction of the pose.
    Further,
    /// The head is turned or raised so far that the face cannot be used.
    TooFar,
    /// The head is turned or raised besides the pose.
    OnlyThis,
    /// The head is not straight.
    NotStraight,
    /// The face is not closer.
    NotCloser,
    /// The person gets some time to change the look.
    NotYet,
}

impl fmt::Display for PoseFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Further => "a little further",
            Self::TooFar => "not so far",
            Self::OnlyThis => "only in this direction, please",
            Self::NotStraight => "look straight at the camera",
            Self::NotCloser => "come a little closer",
            Self::NotYet => "take your time",
        })
    }
}

/// The progress of an enrollment through its poses: a state machine without I/O.
#[derive(Debug, Default)]
pub struct EnrollmentPoses {
    /// The index in [`Pose::ALL`] of the pose that is asked for.
    next: usize,
    /// The quality of the straight picture.
    straight: Option<Quality>,
    /// The yaw of the picture of [`Pose::Left`], degrees from the straight one.
    first_turn: f32,
    /// When the present pose was first asked for.
    asked_at: Option<Duration>,
}

impl EnrollmentPoses {
    /// The pose that is asked for; `None` if all pictures are taken or left out.
    pub fn pose(&self) -> Option<Pose> {
        Pose::ALL.get(self.next).copied()
    }

    /// The required poses that have no picture yet.
    pub fn missing(&self) -> impl Iterator<Item = Pose> {
        Pose::ALL.into_iter().skip(self.next).filter(|pose| pose.is_required())
    }

    /// Leaves a pose out if it may be, and was asked for without success for some seconds. `time` is the time of the frame.
    pub fn advance(&mut self, time: Duration) {
        let asked_at = *self.asked_at.get_or_insert(time);
        let is_over = time.saturating_sub(asked_at) >= OPTIONAL_TIME;
        if is_over && self.pose().is_some_and(|pose| !pose.is_required()) {
            self.next += 1;
            self.asked_at = Some(time);
        }
    }

    /// Checks the face of a frame that was taken at `time` for the present pose.
    ///
    /// # Errors
    /// How the face has to change.
    pub fn check(&self, time: Duration, quality: &Quality) -> Result<(), PoseFault> {
        let Some(pose) = self.pose() else { return Ok(()) };
        let straight = self.straight.unwrap_or(*quality);
        let (turn, raise) = (quality.yaw - straight.yaw, quality.pitch - straight.pitch);
        let require = |is_met: bool, fault| if is_met { Ok(()) } else { Err(fault) };
        let is_near_straight = turn.abs() <= MAX_OTHER_ANGLE && raise.abs() <= MAX_OTHER_ANGLE;
        match pose {
            Pose::Straight => require(is_straight(quality), PoseFault::NotStraight),
            Pose::Left | Pose::Right => {
                let is_side = match pose {
                    Pose::Left => turn.abs() >= MIN_TURN,
                    _ => {
                        turn.abs() >= MIN_TURN
                            && turn.is_sign_positive() != self.first_turn.is_sign_positive()
                    }
                };
                require(is_side, PoseFault::Further)?;
                require(raise.abs() <= MAX_OTHER_ANGLE, PoseFault::OnlyThis)
            }
            Pose::Up | Pose::Down => {
                let direction = if pose == Pose::Up { -raise } else { raise };
                require(direction >= MIN_RAISE, PoseFault::Further)?;
                require(turn.abs() <= MAX_OTHER_ANGLE, PoseFault::OnlyThis)
            }
            Pose::Closer => {
                require(quality.size >= straight.size * MIN_CLOSER, PoseFault::NotCloser)?;
                require(is_near_straight, PoseFault::NotStraight)
            }
            Pose::OtherLook => {
                let waited = self.asked_at.map_or(Duration::ZERO, |asked_at| time.saturating_sub(asked_at));
                require(waited >= CHANGE_TIME, PoseFault::NotYet)?;
                require(is_near_straight, PoseFault::NotStraight)
            }
        }
    }

    /// What to tell somebody who turned the head because of the pose, instead of the quality fault; `None` if the fault has
    /// another cause.
    pub fn explain(&self, fault: QualityFault) -> Option<PoseFault> {
        let is_turned = matches!(self.pose(), Some(Pose::Left | Pose::Right | Pose::Up | Pose::Down));
        (is_turned && fault == QualityFault::TurnedAway).then_some(PoseFault::TooFar)
    }

    /// Records that the picture of the present pose was taken, at `time` with this quality.
    pub fn taken(&mut self, time: Duration, quality: &Quality) {
        match self.pose() {
            Some(Pose::Straight) => self.straight = Some(*quality),
            Some(Pose::Left) => self.first_turn = quality.yaw - self.straight.unwrap_or(*quality).yaw,
            _ => {}
        }
        self.next += 1;
        self.asked_at = Some(time);
    }
}

/// Whether the head looks straight at the camera.
pub(super) fn is_straight(quality: &Quality) -> bool {
    quality.yaw.abs() <= MAX_STRAIGHT_YAW && quality.pitch.abs() <= MAX_STRAIGHT_PITCH
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pose(yaw: f32, pitch: f32) -> Quality {
        Quality { yaw, pitch, size: 100.0, ..Quality::default() }
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// Poses whose straight picture has this quality.
    fn after_straight(straight: Quality) -> EnrollmentPoses {
        let mut poses = EnrollmentPoses::default();
        assert_eq!(poses.check(seconds(0), &straight), Ok(()));
        poses.taken(seconds(0), &straight);
        poses
    }

    #[test]
    fn the_aspect_is_measured_on_straight_heads_with_the_usual_look() {
        let frontal: Vec<Pose> = Pose::ALL.into_iter().filter(|pose| pose.is_frontal()).collect();
        assert_eq!(frontal, [Pose::Straight, Pose::Closer]);
    }

    #[test]
    fn a_person_is_led_through_all_poses() {
        for side in [1.0, -1.0] {
            let mut poses = EnrollmentPoses::default();
            let closer = Quality { size: 130.0, ..pose(2.0, 9.0) };
            let good = [
                pose(3.0, 8.0),
                pose(side * 18.0, 8.0),
                pose(-side * 18.0, 8.0),
                pose(0.0, -4.0),
                pose(0.0, 20.0),
                closer,
                pose(1.0, 8.0),
            ];
            for (number, (expected, quality)) in Pose::ALL.into_iter().zip(good).enumerate() {
                let time = seconds(5 * number as u64);
                poses.advance(time);
                assert_eq!(poses.pose(), Some(expected));
                assert_eq!(poses.check(time, &quality), Ok(()), "{expected:?}");
                poses.taken(time, &quality);
            }
            assert_eq!((poses.pose(), poses.missing().count()), (None, 0));
        }
    }

    #[test]
    fn a_face_in_another_pose_is_not_taken() {
        let mut poses = EnrollmentPoses::default();
        for bad in [pose(20.0, 0.0), pose(0.0, 25.0), pose(f32::NAN, 0.0)] {
            assert_eq!(poses.check(seconds(0), &bad), Err(PoseFault::NotStraight), "{bad:?}");
        }
        poses = after_straight(pose(5.0, 10.0));
        let refused = |poses: &EnrollmentPoses, yaw, pitch| poses.check(seconds(9), &pose(yaw, pitch)).err();
        assert_eq!(refused(&poses, 12.0, 10.0), Some(PoseFault::Further), "7 degrees from straight");
        assert_eq!(refused(&poses, 25.0, 30.0), Some(PoseFault::OnlyThis));
        assert_eq!(refused(&poses, f32::NAN, 10.0), Some(PoseFault::Further));
        assert_eq!(refused(&poses, 25.0, 10.0), None);
        poses.taken(seconds(1), &pose(25.0, 10.0));
        assert_eq!(refused(&poses, 25.0, 10.0), Some(PoseFault::Further), "the same side again");
        assert_eq!(refused(&poses, -10.0, 10.0), None);
        poses.taken(seconds(2), &pose(-10.0, 10.0));
        assert_eq!(refused(&poses, 5.0, 19.0), Some(PoseFault::Further), "down instead of up");
        assert_eq!(refused(&poses, 25.0, 0.0), Some(PoseFault::OnlyThis));
        assert_eq!(refused(&poses, 5.0, 1.0), None);
        poses.taken(seconds(3), &pose(5.0, 1.0));
        assert_eq!(refused(&poses, 5.0, 1.0), Some(PoseFault::Further), "up instead of down");
        assert_eq!(refused(&poses, 5.0, 19.0), None);
        assert_eq!(poses.missing().collect::<Vec<_>>(), [Pose::Down]);
        poses.taken(seconds(4), &pose(5.0, 19.0));
        assert_eq!(refused(&poses, 5.0, 10.0), Some(PoseFault::NotCloser));
    }

    #[test]
    fn a_head_that_is_turned_too_far_is_not_told_to_look_straight() {
        let mut poses = EnrollmentPoses::default();
        assert_eq!(poses.explain(QualityFault::TurnedAway), None);
        poses.taken(seconds(0), &pose(0.0, 0.0));
        assert_eq!(poses.explain(QualityFault::TurnedAway), Some(PoseFault::TooFar));
        assert_eq!(poses.explain(QualityFault::TooDark), None);
    }

    #[test]
    fn only_the_last_two_poses_can_be_left_out() {
        let mut poses = EnrollmentPoses::default();
        poses.advance(seconds(0));
        poses.advance(seconds(500));
        assert_eq!(poses.pose(), Some(Pose::Straight));
        for quality in [pose(0.0, 0.0), pose(20.0, 0.0), pose(-20.0, 0.0), pose(0.0, -15.0), pose(0.0, 15.0)]
        {
            poses.taken(seconds(500), &quality);
        }
        poses.advance(seconds(509));
        assert_eq!((poses.pose(), poses.missing().count()), (Some(Pose::Closer), 0));
        poses.advance(seconds(510));
        assert_eq!(poses.pose(), Some(Pose::OtherLook));
        assert_eq!(poses.check(seconds(512), &pose(0.0, 0.0)), Err(PoseFault::NotYet));
        assert_eq!(poses.check(seconds(514), &pose(0.0, 0.0)), Ok(()));
        poses.advance(seconds(520));
        assert_eq!(poses.pose(), None);
    }
}
