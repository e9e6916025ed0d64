//! Metrics of groups of people (age, sex, origin, glasses, ...), each at the threshold of all people. A fair model has the same
//! rates in each group.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};

use super::comparisons;
use super::evaluation_set::EvaluationSet;
use super::face_embeddings::FaceEmbeddings;
use super::metrics::Metrics;

/// The group of each person, by name.
pub struct Groups(HashMap<String, String>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    person: String,
    group: String,
}

/// Metrics of the pairs within one group; rates in percent.
#[derive(Debug, Serialize)]
pub struct Group {
    /// Name of the group.
    pub group: String,
    /// Number of its people.
    pub people: usize,
    /// Number of genuine pairs.
    pub genuine_pairs: usize,
    /// Number of pairs of two people of the group.
    pub impostor_pairs: usize,
    /// `None` without pairs of both kinds.
    pub eer: Option<f64>,
    /// FAR of the threshold over all pairs, a share.
    pub at_far: Option<f64>,
    /// The threshold of all people; `None` if the set supports no FAR.
    pub threshold: Option<f32>,
    /// FAR of the group at this threshold.
    pub far: Option<f64>,
    /// TAR of the group at this threshold.
    pub tar: Option<f64>,
}

/// Groups are measured at the threshold of this FAR, or of the lowest higher FAR that the set supports.
const AT_FAR: f64 = 1e-3;

impl Groups {
    /// Reads a CSV table with the columns person and group.
    ///
    /// # Errors
    /// If the file cannot be read, has other columns, is empty, or lists a person twice.
    pub fn read(path: &Path) -> Result<Self> {
        let mut table = csv::ReaderBuilder::new()
            .trim(csv::Trim::All)
            .from_path(path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        let mut groups = HashMap::new();
        for line in table.deserialize() {
            let Line { person, group } = line.with_context(|| {
                format!("{}: is not a CSV table whose first line is person,group", path.display())
            })?;
            if groups.insert(person.clone(), group).is_some() {
                bail!("{}: lists {person} twice", path.display());
            }
        }
        ensure!(!groups.is_empty(), "{}: lists no person", path.display());
        Ok(Self(groups))
    }

    /// Checks that a set names people, and that at least one person has a group.
    ///
    /// # Errors
    /// If not.
    pub fn check(&self, data: &EvaluationSet) -> Result<()> {
        let path = data.path.display();
        ensure!(!data.names().is_empty(), "{path}: does not name people, so --groups cannot be used with it");
        ensure!(
            data.names().iter().any(|name| self.0.contains_key(name)),
            "{path}: no person of the set is in --groups; the names of people are those of their folders"
        );
        Ok(())
    }

    /// Measures each group.
    pub fn measure(
        &self,
        data: &EvaluationSet,
        faces: &FaceEmbeddings,
        overall: &Metrics,
        seed: u64,
    ) -> Vec<Group> {
        let mut by_group: BTreeMap<&String, Vec<bool>> = BTreeMap::new();
        for (number, name) in data.names().iter().enumerate() {
            if let Some(group) = self.0.get(name) {
                let members = by_group.entry(group).or_insert_with(|| vec![false; data.names().len()]);
                if let Some(member) = members.get_mut(number) {
                    *member = true;
                }
            }
        }
        let at = overall.tar.iter().rfind(|at| at.far >= AT_FAR && at.threshold.is_some());
        let (at_far, threshold) = (at.map(|at| at.far), at.and_then(|at| at.threshold));
        let measure = |(group, members): (&String, Vec<bool>)| {
            let is_member = |person: usize| members.get(person).copied().unwrap_or(false);
            let among = |picture: usize| {
                data.pictures.get(picture).and_then(|picture| picture.person).is_some_and(is_member)
            };
            let scores = comparisons::scores(data, faces, &among, seed);
            let (genuine_pairs, impostor_pairs) = (scores.genuine_pairs(), scores.impostor_pairs());
            Group {
                group: group.clone(),
                people: members.iter().filter(|member| **member).count(),
                genuine_pairs,
                impostor_pairs,
                eer: (genuine_pairs > 0 && impostor_pairs > 0).then(|| 100.0 * scores.eer()),
                at_far,
                threshold,
                far: threshold.filter(|_| impostor_pairs > 0).map(|t| 100.0 * scores.far(t)),
                tar: threshold.filter(|_| genuine_pairs > 0).map(|t| 100.0 * (1.0 - scores.frr(t))),
            }
        };
        by_group.into_iter().map(measure).collect()
    }
}
