//! Whether the photos of one person show one person.
//!
//! The photos are split into the two groups that differ most. If the means of the groups are too unlike, the smaller group *disagrees*:
//! these photos show somebody else. Each photo alone can be like another one of the same wrong person, so that single photos
//! do not show this.

use ostiary_core::Embedding;

/// The least cosine of the means of two groups of one person's photos.
///
/// By the embeddings of the shipped model, of 25 people with 2 to 7 photos drawn at random: of the photos of one person, 0.3 % or
/// less are below it before a webcam and in portraits, 6 to 10 % with hard poses and ages. With one wrong photo, or with half
/// of the photos of another person, 93 to 100 % are below it.
const MIN_GROUP_COSINE: f32 = 0.4;

/// How well the photos of a person agree.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PhotoAgreement {
    /// The least cosine of a photo with the template of the person; 1 with one photo.
    pub spread: f32,
    /// The cosine of the means of the two groups of photos that differ most; `None` without two
    /// different photos.
    pub groups: Option<f32>,
}

impl PhotoAgreement {
    /// The agreement of photos with the template that was made of them.
    pub(super) fn new<'a>(template: &Embedding, photos: impl Iterator<Item = &'a Embedding>) -> Self {
        let photos: Vec<&Embedding> = photos.collect();
        let spread = photos.iter().map(|photo| photo.similarity(template).0).fold(1.0, f32::min);
        let groups = most_different_groups(&photos).map(|groups| groups.cosine);
        Self { spread, groups }
    }

    /// Whether photos disagree with the others.
    pub fn has_disagreement(&self) -> bool {
        self.groups.is_some_and(|cosine| cosine < MIN_GROUP_COSINE)
    }
}

/// The indices of the photos that disagree with the others, in order: of the two groups that differ most the smaller one, if their
/// cosine is below 0.4; then the same for the rest. If no majority remains, all photos disagree.
pub fn disagreeing_photos(photos: &[&Embedding]) -> Vec<usize> {
    let mut kept: Vec<usize> = (0..photos.len()).collect();
    loop {
        let embeddings: Vec<&Embedding> =
            kept.iter().filter_map(|index| photos.get(*index)).copied().collect();
        match most_different_groups(&embeddings) {
            Some(groups) if groups.cosine < MIN_GROUP_COSINE => {
                let mut is_minority = groups.is_minority.into_iter();
                kept.retain(|_| is_minority.next() == Some(false));
            }
            _ => break,
        }
    }
    let has_majority = kept.len() * 2 > photos.len();
    (0..photos.len()).filter(|index| !has_majority || !kept.contains(index)).collect()
}

/// Two groups of photos.
struct Groups {
    /// The cosine of the means of the groups, -1 if one has none.
    cosine: f32,
    /// Whether each photo is in the smaller group.
    is_minority: Vec<bool>,
}

/// Splits photos into the two groups that differ most: around the one that is the least like the mean of all, and the one that
/// is the least like that. `None` if there are no two different photos.
fn most_different_groups(photos: &[&Embedding]) -> Option<Groups> {
    let least_like = |one: &Embedding| {
        let cosine = |photo: &&&Embedding| photo.similarity(one).0;
        photos.iter().min_by(|a, b| cosine(a).total_cmp(&cosine(b))).copied()
    };
    let first = match mean(photos.iter().copied()) {
        Some(mean) => least_like(&mean)?,
        None => photos.first()?,
    };
    let second = least_like(first).filter(|_| photos.len() > 1)?;
    let is_first = |photo: &Embedding| photo.similarity(first).0 > photo.similarity(second).0;
    let (in_first, in_second): (Vec<&Embedding>, Vec<&Embedding>) =
        photos.iter().copied().partition(|photo| is_first(photo));
    if in_first.is_empty() || in_second.is_empty() {
        // All photos are the same.
        return None;
    }
    let is_first_smaller = in_first.len() < in_second.len();
    let cosine = match (mean(in_first.into_iter()), mean(in_second.into_iter())) {
        (Some(first), Some(second)) => first.similarity(&second).0,
        _ => -1.0,
    };
    let is_minority = photos.iter().map(|photo| is_first(photo) == is_first_smaller).collect();
    Some(Groups { cosine, is_minority })
}

fn mean<'a>(photos: impl Iterator<Item = &'a Embedding>) -> Option<Embedding> {
    Embedding::mean(photos.map(|photo| (photo, 1.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(degrees: f32) -> Embedding {
        Embedding::normalized(&[degrees.to_radians().cos(), degrees.to_radians().sin()]).unwrap()
    }

    fn disagreeing(photos: &[Embedding]) -> Vec<usize> {
        disagreeing_photos(&photos.iter().collect::<Vec<_>>())
    }

    #[test]
    fn a_photo_of_somebody_else_disagrees() {
        let photos = [at(0.0), at(20.0), at(-20.0), at(120.0)];
        assert_eq!(disagreeing(&photos), [3]);
        assert!(disagreeing(&photos[..3]).is_empty());
        assert!(disagreeing(&photos[..1]).is_empty());
        assert!(disagreeing(&[]).is_empty());
        assert!(disagreeing(&[at(0.0), at(0.0)]).is_empty());
        assert_eq!(disagreeing(&[at(0.0), at(90.0)]), [0, 1]);
        // Opposite photos have no mean.
        assert_eq!(disagreeing(&[at(0.0), at(180.0), at(90.0)]), [0, 1, 2]);
    }

    #[test]
    fn photos_of_two_people_disagree_although_each_has_a_similar_one() {
        // Two people whose photos are orthogonal, in a space with room for it.
        let photo = |person: usize, own: usize| {
            let mut values = [0.0; 8];
            values[person] = 0.7;
            values[2 + own] = 0.7;
            Embedding::normalized(&values).unwrap()
        };
        assert_eq!(disagreeing(&[photo(0, 0), photo(0, 1), photo(1, 2), photo(1, 3)]), [0, 1, 2, 3]);
        assert_eq!(disagreeing(&[photo(0, 0), photo(0, 1), photo(1, 2)]), [2]);
        assert_eq!(disagreeing(&[photo(1, 3), photo(0, 0), photo(0, 1), photo(1, 2), photo(0, 4)]), [0, 3]);
    }

    #[test]
    fn the_spread_is_the_least_cosine_with_the_template() {
        let photos = [at(0.0), at(40.0), at(80.0)];
        let template = Embedding::mean(photos.iter().map(|photo| (photo, 1.0))).unwrap();
        let agreement = PhotoAgreement::new(&template, photos.iter());
        assert!((agreement.spread - 40f32.to_radians().cos()).abs() < 1e-6);
        assert!((agreement.groups.unwrap() - 60f32.to_radians().cos()).abs() < 1e-6);
        assert!(!agreement.has_disagreement());
        let one = PhotoAgreement::new(&photos[0], photos.iter().take(1));
        assert_eq!(one, PhotoAgreement { spread: 1.0, groups: None });
    }
}
