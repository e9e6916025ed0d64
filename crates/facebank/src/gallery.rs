//! The gallery: the templates of all people in memory, and the search for the person of a probe.

use ostiary_core::{Candidate, Embedding, Person, PersonId, Similarity};

/// Number of independent sums of a dot product, which let the compiler use vector registers.
const LANES: usize = 8;

/// The people of a facebank with their templates. It includes disabled people, so that they are identified and refused
/// instead of reported as strangers.
#[derive(Default, Clone)]
pub struct Gallery {
    /// Sorted by id.
    people: Vec<Person>,
    /// For each person, the index in `rows` after their last value. Their rows begin at the end of the previous person's.
    ends: Vec<usize>,
    /// The rows of all people, row after row: a person's templates, then their average. Each row has unit length.
    rows: Vec<f32>,
    /// Number of values in a row.
    length: usize,
}

/// The embeddings of a person do not have the length of the others in the gallery.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the templates of {name} differ in length from the others")]
pub struct TemplateLengthError {
    /// The name of the person.
    pub name: String,
}

impl Gallery {
    /// A gallery of people and their embeddings, in any order.
    ///
    /// # Errors
    /// The embeddings differ in length.
    pub fn new(
        people: impl IntoIterator<Item = (Person, Vec<Embedding>)>,
    ) -> Result<Self, TemplateLengthError> {
        let mut people: Vec<_> = people.into_iter().collect();
        people.sort_by_key(|(person, _)| person.id);
        let mut gallery = Self::default();
        people.into_iter().try_for_each(|(person, embeddings)| gallery.push(person, &embeddings))?;
        Ok(gallery)
    }

    /// Adds a person, whose id must be greater than those before. A person without embeddings is not added.
    ///
    /// # Errors
    /// The embeddings differ in length from each other or from those before.
    pub fn push(&mut self, person: Person, embeddings: &[Embedding]) -> Result<(), TemplateLengthError> {
        let Some(first) = embeddings.first() else { return Ok(()) };
        if self.people.is_empty() {
            self.length = first.values().len();
        }
        if embeddings.iter().any(|embedding| embedding.values().len() != self.length) {
            return Err(TemplateLengthError { name: person.name });
        }
        for embedding in embeddings {
            self.rows.extend_from_slice(embedding.values());
        }
        let sums: Vec<f32> = (0..self.length)
            .map(|i| embeddings.iter().filter_map(|embedding| embedding.values().get(i)).sum())
            .collect();
        // Templates whose sum is zero have no average. Their rows are compared anyway.
        if let Some(average) = Embedding::normalized(&sums) {
            self.rows.extend_from_slice(average.values());
        }
        self.ends.push(self.rows.len());
        self.people.push(person);
        Ok(())
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
        let index = self.people.binary_search_by_key(&id, |person| person.id).ok()?;
        self.people.get(index)
    }

    /// All people, sorted by id.
    pub fn people(&self) -> &[Person] {
        &self.people
    }

    /// The person that the probe is most similar to, and the second best. The similarity to a person is the greatest cosine
    /// between the probe and a template of the person or the average of the templates. `None` if the gallery is empty, or if
    /// the probe has another length and therefore another model. Does not allocate.
    pub fn best(&self, probe: &Embedding) -> Option<Candidate> {
        let probe = probe.values();
        if probe.len() != self.length {
            return None;
        }
        let mut best: Option<(PersonId, f32)> = None;
        let mut second: Option<(PersonId, f32)> = None;
        let mut start = 0;
        for (person, &end) in self.people.iter().zip(&self.ends) {
            let rows = self.rows.get(start..end)?.chunks_exact(self.length);
            start = end;
            let similarity = rows.map(|row| dot(row, probe)).fold(f32::NEG_INFINITY, f32::max);
            if best.is_none_or(|(_, highest)| similarity > highest) {
                second = best.replace((person.id, similarity));
            } else if second.is_none_or(|(_, highest)| similarity > highest) {
                second = Some((person.id, similarity));
            }
        }
        let with_similarity = |(person, similarity)| (person, Similarity(similarity));
        let (person, similarity) = best.map(with_similarity)?;
        Some(Candidate { person, similarity, second: second.map(with_similarity) })
    }
}

/// Prints the number of people, and no biometric data.
impl std::fmt::Debug for Gallery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Gallery({} people)", self.people.len())
    }
}

/// The dot product of two rows of the same length.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let (a, a_rest) = a.as_chunks::<LANES>();
    let (b, b_rest) = b.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for (a, b) in a.iter().zip(b) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
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

    /// All similarities in double precision, sorted: the reference of the tests.
    fn naive(people: &[(Person, Vec<Embedding>)], probe: &Embedding) -> Vec<(PersonId, f64)> {
        let cosine = |a: &[f64], b: &[f32]| {
            let dot: f64 = a.iter().zip(b).map(|(a, b)| a * f64::from(*b)).sum();
            dot / a.iter().map(|v| v * v).sum::<f64>().sqrt()
        };
        let mut scores: Vec<_> = people
            .iter()
            .filter(|(_, templates)| !templates.is_empty())
            .map(|(person, templates)| {
                let wide = |t: &Embedding| t.values().iter().map(|v| f64::from(*v)).collect::<Vec<_>>();
                let mut rows: Vec<Vec<f64>> = templates.iter().map(wide).collect();
                rows.push((0..probe.values().len()).map(|i| rows.iter().map(|row| row[i]).sum()).collect());
                let best = rows.iter().map(|row| cosine(row, probe.values())).fold(-1.0, f64::max);
                (person.id, best)
            })
            .collect();
        scores.sort_by(|a, b| b.1.total_cmp(&a.1));
        scores
    }

    fn embedding(length: usize) -> impl Strategy<Value = Embedding> {
        prop::collection::vec(-1.0f32..1.0, length)
            .prop_filter_map("zero", |values| Embedding::normalized(&values))
    }

    fn people(length: usize) -> impl Strategy<Value = Vec<(Person, Vec<Embedding>)>> {
        prop::collection::vec(prop::collection::vec(embedding(length), 0..5), 0..12)
            .prop_map(|all| all.into_iter().enumerate().map(|(i, t)| (person(i as i64 * 3), t)).collect())
    }

    proptest! {
        #[test]
        fn the_best_and_the_second_are_the_naive_ones(
            (people, probe) in (1usize..40).prop_flat_map(|length| (people(length), embedding(length)))
        ) {
            let gallery = Gallery::new(people.clone()).unwrap();
            let expected = naive(&people, &probe);
            let found = gallery.best(&probe);
            prop_assert_eq!(found.is_some(), !expected.is_empty());
            prop_assert_eq!(gallery.len(), expected.len());
            if let Some(found) = found {
                // Equal people may come in either order, so it is the scores that are compared, and that
                // each person has the score given.
                let score = |id| expected.iter().find(|(other, _)| *other == id).unwrap().1;
                prop_assert!((f64::from(found.similarity.0) - expected[0].1).abs() < 1e-5);
                prop_assert!((score(found.person) - expected[0].1).abs() < 1e-5);
                prop_assert_eq!(found.second.is_some(), expected.len() > 1);
                if let Some((id, similarity)) = found.second {
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
        let gallery = Gallery::new([(person(1), vec![unit])]).unwrap();
        assert!(gallery.best(&Embedding::normalized(&[1.0, 0.0, 0.0]).unwrap()).is_none());
        assert!(Gallery::default().best(&Embedding::normalized(&[1.0]).unwrap()).is_none());
    }

    #[test]
    fn templates_of_different_lengths_are_refused() {
        let two = Embedding::normalized(&[1.0, 0.0]).unwrap();
        let three = Embedding::normalized(&[1.0, 0.0, 0.0]).unwrap();
        assert!(Gallery::new([(person(1), vec![two.clone(), three.clone()])]).is_err());
        assert!(Gallery::new([(person(1), vec![two]), (person(2), vec![three])]).is_err());
    }

    #[test]
    fn opposite_templates_have_no_average_and_still_match() {
        let a = Embedding::normalized(&[1.0, 0.0]).unwrap();
        let b = Embedding::normalized(&[-1.0, 0.0]).unwrap();
        let gallery = Gallery::new([(person(1), vec![a.clone(), b])]).unwrap();
        assert_eq!(gallery.best(&a).unwrap().similarity, Similarity(1.0));
    }
}
