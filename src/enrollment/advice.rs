//! Advice about a person's photos, which were enrolled. Advice is no refusal.

use std::fmt;

use ostiary_core::Quality;

/// With fewer photos, some visits of the person are refused.
const ENOUGH_PHOTOS: usize = 3;
/// Photos whose yaws and whose pitches are within this range look the same way, degrees. The angles of a head that looks
/// straight at the camera vary by less, because they are estimated from landmarks.
const SAME_POSE_RANGE: f32 = 10.0;

/// Advice about the photos of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PhotoAdvice {
    /// The person has few photos.
    FewPhotos {
        /// Number of photos.
        photos: usize,
    },
    /// All photos show the same pose.
    SamePose {
        /// Number of photos.
        photos: usize,
    },
}

/// Advice for a person with a number of photos, of which those with these qualities were added now.
pub fn advice(photos: usize, added: &[Quality]) -> Vec<PhotoAdvice> {
    let range = |angle: fn(&Quality) -> f32| {
        let angles = || added.iter().map(angle);
        angles().fold(f32::NEG_INFINITY, f32::max) - angles().fold(f32::INFINITY, f32::min)
    };
    // The poses of earlier photos are not known.
    let is_same_pose = photos > 1
        && added.len() == photos
        && range(|quality| quality.yaw) < SAME_POSE_RANGE
        && range(|quality| quality.pitch) < SAME_POSE_RANGE;
    let few = (photos < ENOUGH_PHOTOS).then_some(PhotoAdvice::FewPhotos { photos });
    few.into_iter().chain(is_same_pose.then_some(PhotoAdvice::SamePose { photos })).collect()
}

impl fmt::Display for PhotoAdvice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::FewPhotos { photos: 1 } => f.write_str(
                "advice: add two more photos, with the head turned a little and in other light: people with one photo are refused \
                 more often",
            ),
            Self::FewPhotos { photos } => write!(
                f,
                "advice: add {} more, with the head turned a little and in other light",
                match ENOUGH_PHOTOS.saturating_sub(photos) {
                    1 => "one photo".to_owned(),
                    more => format!("{more} photos"),
                }
            ),
            Self::SamePose { photos } => {
                let all = if photos == 2 { "both".to_owned() } else { format!("all {photos}") };
                write!(
                    f,
                    "advice: {all} photos look the same way; add some with the head turned a little to the left, to the \
                     right, up and down"
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pose(yaw: f32, pitch: f32) -> Quality {
        Quality { yaw, pitch, ..Quality::default() }
    }

    #[test]
    fn few_photos_and_equal_poses_get_advice() {
        let straight = [pose(0.0, 0.0), pose(3.0, -4.0), pose(-5.0, 2.0)];
        let same = |photos| PhotoAdvice::SamePose { photos };
        let few = |photos| PhotoAdvice::FewPhotos { photos };
        assert_eq!(advice(3, &straight), [same(3)]);
        assert_eq!(advice(2, &straight[..2]), [few(2), same(2)]);
        assert_eq!(advice(1, &straight[..1]), [few(1)]);
        assert!(advice(3, &[pose(-12.0, 0.0), pose(0.0, 0.0), pose(12.0, 0.0)]).is_empty());
        assert!(advice(3, &[pose(0.0, -8.0), pose(0.0, 0.0), pose(0.0, 8.0)]).is_empty());
        assert!(advice(5, &straight).is_empty(), "the poses of two photos are not known");
        assert!(advice(3, &[]).is_empty(), "aligned crops have no pose");
    }

    #[test]
    fn advice_says_what_to_do() {
        assert!(PhotoAdvice::FewPhotos { photos: 1 }.to_string().starts_with("advice: add two more photos"));
        assert!(PhotoAdvice::FewPhotos { photos: 2 }.to_string().starts_with("advice: add one photo more"));
        assert!(PhotoAdvice::SamePose { photos: 5 }.to_string().contains("all 5 photos look the same way"));
        assert!(PhotoAdvice::SamePose { photos: 2 }.to_string().contains("both photos look the same way"));
    }
}
