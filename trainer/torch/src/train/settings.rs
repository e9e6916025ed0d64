//! All that a run depends on, but for the pictures themselves: kept with it, so that it can be gone on with and told of.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use ostiary_trainer::net::Architecture;
use serde::{Deserialize, Serialize};

use super::augment::Change;
use super::schedule::Schedule;
use crate::head::Margin;

/// In what numbers convolutions and matrices compute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32-bit floats.
    Fp32,
    /// 16-bit floats with the range of 32-bit ones: faster on a GPU.
    Bf16,
}

impl Precision {
    pub fn kind(self) -> tch::Kind {
        match self {
            Self::Fp32 => tch::Kind::Float,
            Self::Bf16 => tch::Kind::BFloat16,
        }
    }
}

/// A run's settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The folder that is learnt from.
    pub data: PathBuf,
    /// Who is in it, and with how many pictures.
    pub set: String,
    pub people: usize,
    pub pictures: usize,
    pub batch: usize,
    pub seed: u64,
    pub precision: Precision,
    pub momentum: f64,
    pub decay: f64,
    pub clip: f64,
    /// Whether norms take what they have measured, not what a batch has.
    pub fixed_norms: bool,
    pub scale: f64,
    pub sample: f64,
    pub augment: Vec<Change>,
    /// What the network began as, where not at random.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub init: Option<Origin>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub teachers: Vec<Origin>,
    /// What the teachers' loss counts.
    pub teacher_weight: f64,
    /// What the classifier's loss counts; 0 where only the teachers are learnt from.
    pub classifier_weight: f64,
    pub net: Architecture,
    pub head: Margin,
    pub schedule: Schedule,
}

/// A file that a run took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    pub file: PathBuf,
    pub sha256: String,
}

impl Origin {
    pub fn of(file: PathBuf) -> Result<Self> {
        let bytes = std::fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
        Ok(Self { sha256: ostiary_core::sha256(&bytes), file })
    }
}

impl Settings {
    /// Says what differs from the settings that a run was begun with; it can only go on with the same.
    pub fn same_as(&self, begun: &Self) -> Result<()> {
        if (&self.set, self.people, self.pictures) != (&begun.set, begun.people, begun.pictures) {
            bail!(
                "the set has changed since the run was begun: {} people with {} pictures where {} with {} were; choose \
                 another --output",
                self.people,
                self.pictures,
                begun.people,
                begun.pictures
            );
        }
        let (now, then) = (toml::Table::try_from(self)?, toml::Table::try_from(begun)?);
        for (key, value) in &now {
            let before = then.get(key);
            if before != Some(value) {
                let before = before.map_or("not given".into(), ToString::to_string);
                bail!(
                    "{key} was {before} when the run was begun, and is {value} now; choose another --output"
                );
            }
        }
        match then.keys().find(|key| !now.contains_key(*key)) {
            Some(key) => bail!("{key} was given when the run was begun; choose another --output"),
            None => Ok(()),
        }
    }
}
