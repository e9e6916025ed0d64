//! The gallery: the template of each person in memory, and the search for the person of a probe.

use ostiary_core::{Candidate, Embedding, Person, PersonId, Score, Similarity, dot, mean_cosine};

use super::{Neighbor, PhotoAgreement};

/// The people of a facebank with their templates. It includes disabled people, so that they are identified and refused
/// instead of reported as strangers.
///
/// A person's template is the unit mean of the embeddings of the photos, weighted by their quality. Until [`Gallery::set_matching`] gives each person a
/// threshold, nobody matches.
#[derive(Default, Clone)]
pub struct Gallery {
    /// Sorted by id.
    people: Vec<Enrolled>,
    /// The template of each person, row after row, in the order of `people`.
    rows: Vec<f32>,
    /// Number of values in a row.
    length: usize,
    /// The mean embedding of strangers, by which similarities are normalized; empty if they are not.
    mean: Vec<f32>,
}

/// What the gallery knows of a person.
#[derive(Debug, Clone)]
struct Enrolled {
    person: Person,
    /// Number of photos.
    photos: usize,
    frontal_aspect: Option<f32>,
    /// The cosine of the template and the mean embedding of strangers ([`mean_cosine`]).
    mean_cosine: f32,
    /// The least normalized similarity of a match.
    threshold: Similarity,
    agreement: PhotoAgreement,
    /// The person who comes nearest to this one; `None` if there is no other, or before thresholds are set.
    neighbor: Option<Neighbor>,
}

/// A person's embeddings cannot make a template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// They do not have the length of the others in the gallery.
    #[error("the templates of {name} differ in length from the others")]
    Length {
        /// The name of the person.
        name: String,
    },
    /// Their mean is zero: the photos do not show one person.
    #[error("the templates of {name} have no mean: the photos do not show one person")]
    NoMean {
        /// The name of the person.
        name: String,
    },
}

impl Gallery {
    /// A gallery of people, in any order, with the embeddings of their photos and the weights of these.
    ///
    /// # Errors
    /// The embeddings differ in length, or have no mean.
    pub fn new(
        people: impl IntoIterator<Item = (Person, Vec<(Embedding, f32)>)>,
    ) -> Result<Self, TemplateError> {
        let mut people: Vec<_> = people.into_iter().collect();
        people.sort_by_key(|(person, _)| person.id);
        let mut gallery = Self::default();
        people.into_iter().try_for_each(|(person, photos)| gallery.push(person, &photos))?;
        Ok(gallery)
    }

    /// Adds a person, whose id must be greater than those before, with the embeddings of the photos and their weights, above 0.
    /// A person without photos is not added. Until the next [`Gallery::set_matching`] the person matches nobody.
    ///
    /// # Errors
    /// The embeddings differ in length from each other or from those before, or have no mean.
    pub fn push(&mut self, person: Person, photos: &[(Embedding, f32)]) -> Result<(), TemplateError> {
        let Some((first, _)) = photos.first() else { return Ok(()) };
        if self.people.is_empty() {
            self.length = first.values().len();
        }
        let embeddings = photos.iter().map(|(embedding, _)| embedding);
        if embeddings.clone().any(|embedding| embedding.values().len() != self.length) {
            return Err(TemplateError::Length { name: person.name });
        }
        let Some(template) = Embedding::mean(photos.iter().map(|(embedding, weight)| (embedding, *weight)))
        else {
            return Err(TemplateError::NoMean { name: person.name });
        };
        self.rows.extend_from_slice(template.values());
        self.people.push(Enrolled {
            person,
            photos: photos.len(),
            frontal_aspect: None,
            mean_cosine: 0.0,
            threshold: Similarity(f32::INFINITY),
            agreement: PhotoAgreement::new(&template, embeddings),
            neighbor: None,
        });
        Ok(())
    }

    /// Sets how probes are matched: the mean embedding of strangers by which similarities are normalized (empty: they are
    /// not), and the threshold of a person with a number of photos. Then finds each person's [`Neighbor`], in a time that grows with
    /// the square of the number of people: 500 people take some ten milliseconds. With a mean of another length, which is another model's,
    /// nobody matches: the thresholds do not apply to similarities that are not normalized.
    pub fn set_matching(&mut self, mean: &[f32], threshold: impl Fn(usize) -> Similarity) {
        let is_usable = mean.is_empty() || mean.len() == self.length;
        self.mean = if is_usable { mean.to_vec() } else { Vec::new() };
        for (index, enrolled) in self.people.iter_mut().enumerate() {
            let row = self.rows.get(index * self.length..).unwrap_or_default();
            enrolled.mean_cosine = mean_cosine(row.get(..self.length).unwrap_or_default(), &self.mean);
            enrolled.threshold =
                if is_usable { threshold(enrolled.photos) } else { Similarity(f32::INFINITY) };
        }
        self.find_neighbors();
    }

    fn find_neighbors(&mut self) {
        let mut remaining = self.people.as_mut_slice();
        remaining.iter_mut().for_each(|enrolled| enrolled.neighbor = None);
        let mut rows = self.rows.chunks_exact(self.length.max(1));
        while let Some((one, others)) = remaining.split_first_mut() {
            let Some(row) = rows.next() else { return };
            for (other, other_row) in others.iter_mut().zip(rows.clone()) {
                let cosine = Similarity(dot(row, other_row));
                let pair = Neighbor {
                    person: other.person.id,
                    similarity: Similarity::normalized(cosine, [one.mean_cosine, other.mean_cosine]),
                    threshold: Similarity(one.threshold.0.min(other.threshold.0)),
                };
                one.set_neighbor(pair);
                other.set_neighbor(Neighbor { person: one.person.id, ..pair });
            }
            remaining = others;
        }
    }

    /// Number of people.
    pub fn len(&self) -> usize {
        self.people.len()
    }

    /// Whether the gallery has no people.
    pub fn is_empty(&self) -> bool {
        self.people.is_empty()
    }

    /// The person with this id.
    pub fn person(&self, id: PersonId) -> Option<&Person> {
        self.enrolled(id).map(|enrolled| &enrolled.person)
    }

    /// All people, sorted by id.
    pub fn people(&self) -> impl ExactSizeIterator<Item = &Person> {
        self.people.iter().map(|enrolled| &enrolled.person)
    }

    /// The number of photos of a person; `None` if the gallery does not have the person.
    pub fn photos(&self, id: PersonId) -> Option<usize> {
        self.enrolled(id).map(|enrolled| enrolled.photos)
    }

    /// The frontal aspect of a person, as the door's camera measured it ([`PersonSummary::frontal_aspect`](super::PersonSummary)); `None`
    /// if it was not measured, or if the gallery does not have the person. Does not allocate.
    pub fn frontal_aspect(&self, id: PersonId) -> Option<f32> {
        self.enrolled(id)?.frontal_aspect
    }

    /// Sets the frontal aspect of a person of the gallery.
    pub fn set_frontal_aspect(&mut self, id: PersonId, aspect: Option<f32>) {
        if let Ok(index) = self.people.binary_search_by_key(&id, |enrolled| enrolled.person.id)
            && let Some(enrolled) = self.people.get_mut(index)
        {
            enrolled.frontal_aspect = aspect;
        }
    }

    /// The threshold of a person; `None` if the gallery does not have the person.
    pub fn threshold(&self, id: PersonId) -> Option<Similarity> {
        self.enrolled(id).map(|enrolled| enrolled.threshold)
    }

    /// How well the photos of a person agree; `None` if the gallery does not have the person.
    pub fn agreement(&self, id: PersonId) -> Option<PhotoAgreement> {
        self.enrolled(id).map(|enrolled| enrolled.agreement)
    }

    /// The person who comes nearest to this one; `None` if there is no other, or before [`Gallery::set_matching`].
    pub fn neighbor(&self, id: PersonId) -> Option<Neighbor> {
        self.enrolled(id)?.neighbor
    }

    /// The person whom this one is alike, that is whom the model cannot tell apart from this one at the thresholds. Does not
    /// allocate, and compares nothing: the pairs are found by [`Gallery::set_matching`].
    pub fn alike(&self, id: PersonId) -> Option<&Person> {
        self.person(self.neighbor(id).filter(Neighbor::is_alike)?.person)
    }

    /// The people who are alike, each pair once: a person and the nearest other. A person who is alike several others is in
    /// the pairs of those too.
    pub fn alike_pairs(&self) -> impl Iterator<Item = (&Person, &Person)> {
        self.people.iter().filter_map(|enrolled| {
            let one = &enrolled.person;
            let other = self.alike(one.id)?;
            let is_mutual = self.alike(other.id).is_some_and(|back| back.id == one.id);
            (!is_mutual || one.id < other.id).then_some((one, other))
        })
    }

    /// The people with a photo that disagrees with their others.
    pub fn people_with_disagreement(&self) -> impl Iterator<Item = &Person> {
        let disagrees = |enrolled: &&Enrolled| enrolled.agreement.has_disagreement();
        self.people.iter().filter(disagrees).map(|enrolled| &enrolled.person)
    }

    /// The lowest and the highest threshold of all people; `None` if the gallery is empty.
    pub fn threshold_range(&self) -> Option<(Similarity, Similarity)> {
        let thresholds = || self.people.iter().map(|enrolled| enrolled.threshold.0);
        let lowest = thresholds().min_by(f32::total_cmp)?;
        let highest = thresholds().max_by(f32::total_cmp)?;
        Some((Similarity(lowest), Similarity(highest)))
    }

    /// The person that the probe is most similar to, and the next two. `None` if the gallery is empty, or if the probe has
    /// another length and therefore another model. Does not allocate.
    pub fn best(&self, probe: &Embedding) -> Option<Candidate> {
        // The three best, in falling order.
        let mut best: [Option<Score>; 3] = [None; 3];
        for mut score in self.scores(probe) {
            for place in &mut best {
                match place {
                    Some(other) if score.similarity.0 > other.similarity.0 => {
                        std::mem::swap(other, &mut score)
                    }
                    Some(_) => {}
                    None => {
                        *place = Some(score);
                        break;
                    }
                }
            }
        }
        Candidate::from_scores(best)
    }

    /// How similar the probe is to each person, in the order of [`Gallery::people`]; nothing if it has another length and therefore
    /// another model.
    pub fn scores(&self, probe: &Embedding) -> impl Iterator<Item = Score> {
        let probe = probe.values();
        let rows = if probe.len() == self.length { self.rows.as_slice() } else { &[] };
        let probe_mean_cosine = mean_cosine(probe, &self.mean);
        self.people.iter().zip(rows.chunks_exact(self.length.max(1))).map(move |(enrolled, row)| {
            let cosine = Similarity(dot(row, probe));
            Score {
                person: enrolled.person.id,
                similarity: Similarity::normalized(cosine, [probe_mean_cosine, enrolled.mean_cosine]),
                cosine,
                threshold: enrolled.threshold,
                photos: u32::try_from(enrolled.photos).unwrap_or(u32::MAX),
            }
        })
    }

    fn enrolled(&self, id: PersonId) -> Option<&Enrolled> {
        let index = self.people.binary_search_by_key(&id, |enrolled| enrolled.person.id).ok()?;
        self.people.get(index)
    }
}

impl Enrolled {
    /// Keeps the neighbor that exceeds its threshold the most.
    fn set_neighbor(&mut self, neighbor: Neighbor) {
        if self.neighbor.is_none_or(|nearest| neighbor.excess() > nearest.excess()) {
            self.neighbor = Some(neighbor);
        }
    }
}

/// Prints the number of people, and no biometric data.
impl std::fmt::Debug for Gallery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Gallery({} people)", self.people.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn person(id: i64) -> Person {
        Person {
            id: PersonId(id),
            name: format!("person {id}"),
            enabled: id % 2 == 0,
            group: None,
            created: jiff::Timestamp::UNIX_EPOCH,
        }
    }

    /// All normalized similarities in double precision, sorted: the reference of the tests.
    fn naive(
        people: &[(Person, Vec<(Embedding, f32)>)],
        mean: &[f32],
        probe: &Embedding,
    ) -> Vec<(PersonId, f64)> {
        let wide = |values: &[f32]| values.iter().map(|v| f64::from(*v)).collect::<Vec<_>>();
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let (mean, probe) = (wide(mean), wide(probe.values()));
        let mut scores: Vec<_> = people
            .iter()
            .filter(|(_, templates)| !templates.is_empty())
            .map(|(person, templates)| {
                let rows: Vec<(Vec<f64>, f64)> =
                    templates.iter().map(|(t, weight)| (wide(t.values()), f64::from(*weight))).collect();
                let sum: Vec<f64> = (0..probe.len())
                    .map(|i| rows.iter().map(|(row, weight)| row[i] * weight).sum())
                    .collect();
                let length = dot(&sum, &sum).sqrt();
                let template: Vec<f64> = sum.iter().map(|value| value / length).collect();
                let offset = (dot(&probe, &mean) + dot(&template, &mean)) / 2.0;
                (person.id, dot(&template, &probe) - offset)
            })
            .collect();
        scores.sort_by(|a, b| b.1.total_cmp(&a.1));
        scores
    }

    fn embedding(length: usize) -> impl Strategy<Value = Embedding> {
        prop::collection::vec(-1.0f32..1.0, length)
            .prop_filter_map("zero", |values| Embedding::normalized(&values))
    }

    /// People whose embeddings have a mean that is not near zero, as those of one person do.
    fn people(length: usize) -> impl Strategy<Value = Vec<(Person, Vec<(Embedding, f32)>)>> {
        let templates =
            (embedding(length), 0usize..5, embedding(length)).prop_map(|(first, count, other)| {
                let near = |i: usize| {
                    let values = first.values().iter().zip(other.values());
                    let values: Vec<f32> = values.map(|(a, b)| a + b * 0.1 * i as f32).collect();
                    (Embedding::normalized(&values).unwrap(), 1.0 / (i + 1) as f32)
                };
                (0..count).map(near).collect::<Vec<_>>()
            });
        prop::collection::vec(templates, 0..12)
            .prop_map(|all| all.into_iter().enumerate().map(|(i, t)| (person(i as i64 * 3), t)).collect())
    }

    proptest! {
        #[test]
        fn the_best_and_the_second_are_the_naive_ones(
            (people, mean, probe) in (1usize..40).prop_flat_map(|length| {
                (people(length), prop::collection::vec(-0.1f32..0.1, length), embedding(length))
            })
        ) {
            let mut gallery = Gallery::new(people.clone()).unwrap();
            gallery.set_matching(&mean, |photos| Similarity(photos as f32));
            let expected = naive(&people, &mean, &probe);
            let found = gallery.best(&probe);
            prop_assert_eq!(found.is_some(), !expected.is_empty());
            prop_assert_eq!(gallery.len(), expected.len());
            if let Some(found) = found {
                // Equal people may come in either order, so it is the scores that are compared, and that
                // each person has the score given.
                let score = |id| expected.iter().find(|(other, _)| *other == id).unwrap().1;
                prop_assert!((f64::from(found.similarity.0) - expected[0].1).abs() < 1e-5);
                prop_assert!((score(found.person) - expected[0].1).abs() < 1e-5);
                let photos = people.iter().find(|(person, _)| person.id == found.person).unwrap().1.len();
                prop_assert_eq!(found.threshold, Similarity(photos as f32));
                prop_assert_eq!(found.second.is_some(), expected.len() > 1);
                if let Some(Score { person: id, similarity, .. }) = found.second {
                    prop_assert!(id != found.person);
                    prop_assert!((f64::from(similarity.0) - expected[1].1).abs() < 1e-5);
                    prop_assert!((score(id) - expected[1].1).abs() < 1e-5);
                }
            }
        }
    }

    #[test]
    fn a_probe_of_another_length_has_no_candidate() {
        let unit = Embedding::normalized(&[1.0, 0.0]).unwrap();
        let gallery = Gallery::new([(person(1), vec![(unit, 1.0)])]).unwrap();
        assert!(gallery.best(&Embedding::normalized(&[1.0, 0.0, 0.0]).unwrap()).is_none());
        assert!(Gallery::default().best(&Embedding::normalized(&[1.0]).unwrap()).is_none());
    }

    #[test]
    fn templates_of_different_lengths_are_refused() {
        let two = Embedding::normalized(&[1.0, 0.0]).unwrap();
        let three = Embedding::normalized(&[1.0, 0.0, 0.0]).unwrap();
        assert!(Gallery::new([(person(1), vec![(two.clone(), 1.0), (three.clone(), 1.0)])]).is_err());
        assert!(Gallery::new([(person(1), vec![(two, 1.0)]), (person(2), vec![(three, 1.0)])]).is_err());
    }

    #[test]
    fn opposite_templates_have_no_mean_and_are_refused() {
        let a = Embedding::normalized(&[1.0, 0.0]).unwrap();
        let b = Embedding::normalized(&[-1.0, 0.0]).unwrap();
        assert_eq!(
            Gallery::new([(person(1), vec![(a, 1.0), (b, 1.0)])]).unwrap_err(),
            TemplateError::NoMean { name: "person 1".into() }
        );
    }

    #[test]
    fn with_a_mean_of_another_length_nobody_can_match() {
        let unit = Embedding::normalized(&[1.0, 0.0]).unwrap();
        let mut gallery = Gallery::new([(person(1), vec![(unit.clone(), 1.0)])]).unwrap();
        gallery.set_matching(&[0.1, 0.1, 0.1], |_| Similarity(0.5));
        let found = gallery.best(&unit).unwrap();
        assert!(!found.similarity.reaches(found.threshold));
        gallery.set_matching(&[0.1, 0.1], |_| Similarity(0.5));
        let found = gallery.best(&unit).unwrap();
        assert!(found.similarity.reaches(found.threshold));
    }

    #[test]
    fn before_thresholds_are_set_nobody_can_match() {
        let unit = Embedding::normalized(&[1.0, 0.0]).unwrap();
        let mut gallery = Gallery::new([(person(1), vec![(unit.clone(), 1.0)])]).unwrap();
        assert!(!gallery.best(&unit).unwrap().similarity.reaches(gallery.best(&unit).unwrap().threshold));
        gallery.set_matching(&[], |_| Similarity(0.5));
        assert_eq!(gallery.threshold_range(), Some((Similarity(0.5), Similarity(0.5))));
        let found = gallery.best(&unit).unwrap();
        assert!(found.similarity.reaches(found.threshold));
        assert_eq!(found.cosine, found.similarity, "without a mean the cosine is not normalized");
    }

    fn at(degrees: f32) -> Vec<(Embedding, f32)> {
        let radians = degrees.to_radians();
        vec![(Embedding::normalized(&[radians.cos(), radians.sin()]).unwrap(), 1.0)]
    }

    #[test]
    fn people_whose_templates_reach_the_lower_threshold_are_alike() {
        let people = [(person(1), at(0.0)), (person(2), at(30.0)), (person(3), at(100.0))];
        let mut gallery = Gallery::new(people).unwrap();
        assert!(gallery.neighbor(PersonId(1)).is_none() && gallery.alike(PersonId(1)).is_none());
        gallery.set_matching(&[], |_| Similarity(0.8));
        let alike = |gallery: &Gallery, id| gallery.alike(PersonId(id)).map(|person| person.id.0);
        assert_eq!([1, 2, 3].map(|id| alike(&gallery, id)), [Some(2), Some(1), None]);
        let nearest = gallery.neighbor(PersonId(3)).unwrap();
        assert_eq!((nearest.person, nearest.threshold), (PersonId(2), Similarity(0.8)));
        assert!((nearest.similarity.0 - 70f32.to_radians().cos()).abs() < 1e-6);
        let pairs: Vec<_> = gallery.alike_pairs().map(|(a, b)| (a.id.0, b.id.0)).collect();
        assert_eq!(pairs, [(1, 2)]);
        gallery.set_matching(&[], |_| Similarity(0.9));
        assert_eq!([1, 2, 3].map(|id| alike(&gallery, id)), [None; 3]);

        // The second has two photos, and with them another threshold: the lower one counts for both.
        let mut photos = at(30.0);
        photos.extend(at(30.0));
        let mut gallery = Gallery::new([(person(1), at(0.0)), (person(2), photos)]).unwrap();
        gallery.set_matching(&[], |photos| Similarity(if photos == 1 { 0.95 } else { 0.8 }));
        assert_eq!([1, 2].map(|id| alike(&gallery, id)), [Some(2), Some(1)]);
        assert_eq!(gallery.neighbor(PersonId(1)).unwrap().threshold, Similarity(0.8));
    }

    #[test]
    fn a_similarity_is_normalized_before_people_are_found_alike() {
        let mut gallery = Gallery::new([(person(1), at(0.0)), (person(2), at(30.0))]).unwrap();
        let (near, far) = (30f32.to_radians().cos(), 0.5 * 30f32.to_radians().cos());
        gallery.set_matching(&[0.5, 0.0], |_| Similarity(0.5));
        let found = gallery.neighbor(PersonId(1)).unwrap().similarity.0;
        assert!((found - (near - (0.5 + far) / 2.0)).abs() < 1e-6);
        assert!(gallery.alike(PersonId(1)).is_none());
    }

    #[test]
    fn a_person_with_a_photo_of_somebody_else_is_found() {
        let mixed: Vec<_> = [at(0.0), at(10.0), at(20.0), at(140.0)].concat();
        let gallery = Gallery::new([(person(1), at(0.0)), (person(2), mixed)]).unwrap();
        let found: Vec<_> = gallery.people_with_disagreement().map(|person| person.id.0).collect();
        assert_eq!(found, [2]);
        assert_eq!(gallery.agreement(PersonId(1)).unwrap().spread, 1.0);
        assert!(gallery.agreement(PersonId(2)).unwrap().spread < 0.0);
    }

    #[test]
    fn a_photo_with_a_greater_weight_counts_more() {
        let (x, y) =
            (Embedding::normalized(&[1.0, 0.0]).unwrap(), Embedding::normalized(&[0.0, 1.0]).unwrap());
        let gallery = Gallery::new([(person(1), vec![(x.clone(), 0.6), (y, 0.8)])]).unwrap();
        assert!((gallery.best(&x).unwrap().cosine.0 - 0.6).abs() < 1e-6);
    }
}
