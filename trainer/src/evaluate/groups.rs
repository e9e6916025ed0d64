//! Groups of people (age, sex, origin, glasses, ...), each measured at the threshold of all: a model that is as good for
//! everybody has the same rates in each.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};

use super::comparisons;
use super::data::Data;
use super::faces::Faces;
use super::figures::Figures;

/// The group of each person, by name.
pub struct Groups(HashMap<String, String>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    person: String,
    group: String,
}

/// One group, measured within itself; rates in percent.
#[derive(Debug, Serialize)]
pub struct Group {
    pub group: String,
    pub people: usize,
    pub genuine_pairs: usize,
    /// Both people are of the group.
    pub impostor_pairs: usize,
    /// `None` without pairs of both kinds.
    pub eer: Option<f64>,
    /// The FAR that the threshold holds over all pairs, a share.
    pub at_far: Option<f64>,
    pub threshold: Option<f32>,
    pub far: Option<f64>,
    pub tar: Option<f64>,
}

/// The FAR whose threshold groups are measured at, or the next one that the set supports.
const AT_FAR: f64 = 1e-3;

impl Groups {
    /// Reads a table with the columns person and group.
    pub fn read(path: &Path) -> Result<Self> {
        let mut table = csv::ReaderBuilder::new()
            .trim(csv::Trim::All)
            .from_path(path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        let mut groups = HashMap::new();
        for line in table.deserialize() {
            let Line { person, group } = line.with_context(|| {
                format!("{}: is no table (CSV) whose first line is person,group", path.display())
            })?;
            if groups.insert(person.clone(), group).is_some() {
                bail!("{}: {person} is there twice", path.display());
            }
        }
        ensure!(!groups.is_empty(), "{}: nobody is in it", path.display());
        Ok(Self(groups))
    }

    /// An error where the set names nobody, or nobody who has a group.
    pub fn check(&self, data: &Data) -> Result<()> {
        let path = data.path.display();
        ensure!(!data.names().is_empty(), "{path}: does not say who is who, so that --groups cannot be");
        ensure!(
            data.names().iter().any(|name| self.0.contains_key(name)),
            "{path}: nobody of it is among --groups; the names of people are those of their folders"
        );
        Ok(())
    }

    /// Measures each group.
    pub fn measure(&self, data: &Data, faces: &Faces, overall: &Figures, seed: u64) -> Vec<Group> {
        let mut by_group: BTreeMap<&String, Vec<bool>> = BTreeMap::new();
        for (number, name) in data.names().iter().enumerate() {
            if let Some(group) = self.0.get(name) {
                by_group.entry(group).or_insert_with(|| vec![false; data.names().len()])[number] = true;
            }
        }
        let at = overall.tar.iter().rfind(|at| at.far >= AT_FAR && at.threshold.is_some());
        let (at_far, threshold) = (at.map(|at| at.far), at.and_then(|at| at.threshold));
        let measure = |(group, members): (&String, Vec<bool>)| {
            let among = |picture: usize| data.pictures[picture].person.is_some_and(|person| members[person]);
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
