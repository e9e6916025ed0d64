//! The settings of a run, which are stored in its folder. Only a run with the same settings can be continued.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use ostiary_trainer::net::Architecture;
use serde::{Deserialize, Serialize};

use super::augment::Augmentation;
use super::schedule::Schedule;
use crate::loss::Margin;

/// The number type of convolutions and matrices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32-bit floats.
    Fp32,
    /// bfloat16, with the range of 32-bit floats: faster on a GPU.
    Bf16,
}

impl Precision {
    /// The type in torch.
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
    /// Folder of the training set.
    pub data: PathBuf,
    /// Hash of the names of people and the number of pictures.
    pub set: String,
    /// Number of people.
    pub people: usize,
    /// Number of pictures.
    pub pictures: usize,
    /// Pictures in a batch.
    pub batch: usize,
    /// Seed of all random numbers.
    pub seed: u64,
    /// Number type of convolutions and matrices.
    pub precision: Precision,
    /// Momentum of the optimizer.
    pub momentum: f64,
    /// Weight decay.
    pub decay: f64,
    /// Greatest length of a gradient.
    pub clip: f64,
    /// Whether norms use their running statistics instead of those of a batch.
    pub fixed_norms: bool,
    /// Factor of the cosines before the softmax.
    pub scale: f64,
    /// Share of people that a step uses.
    pub sample: f64,
    /// Augmentation of pictures.
    pub augment: Vec<Augmentation>,
    /// File of the initial weights, if they are not random.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub init: Option<InputFile>,
    /// Files of the teachers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub teachers: Vec<InputFile>,
    /// Weight of the teachers' loss.
    pub teacher_weight: f64,
    /// Weight of the classifier's loss; 0 if only teachers are used.
    pub classifier_weight: f64,
    /// Architecture of the network.
    pub net: Architecture,
    /// Margin of the classifier.
    #[serde(rename = "head")]
    pub margin: Margin,
    /// Schedule of the learning rate.
    pub schedule: Schedule,
}

/// A file that a run uses, with its hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputFile {
    /// Path on the command line.
    pub file: PathBuf,
    /// SHA-256 of its content.
    pub sha256: String,
}

impl InputFile {
    /// Computes the hash of a file.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn of(file: PathBuf) -> Result<Self> {
        let bytes = std::fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
        Ok(Self { sha256: ostiary_core::sha256(&bytes), file })
    }
}

impl Settings {
    /// Checks that a run was begun with the same settings.
    ///
    /// # Errors
    /// If not. The error names the first setting that differs.
    pub fn ensure_same(&self, begun: &Self) -> Result<()> {
        if (&self.set, self.people, self.pictures) != (&begun.set, begun.people, begun.pictures) {
            bail!(
                "the set has changed since the run was begun: it has {} people with {} pictures, and had {} people with {} \
                 pictures; choose another --output",
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
            Some(key) => {
                bail!("{key} was given when the run was begun, and is not given now; choose another --output")
            }
            None => Ok(()),
        }
    }
}
