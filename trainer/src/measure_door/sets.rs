//! The file that lists the sets in a folder of test data, and the limits of each set.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Deserialize;

use super::visits::Visits;
use crate::measure_liveness;

/// The whole file.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sets {
    #[serde(rename = "set")]
    pub sets: Vec<Set>,
    pub reference: Option<Reference>,
    /// If given, all sets are measured at both precisions.
    pub loss: Option<Int8Loss>,
    /// If given, presentation attack detection is measured, at both precisions.
    pub liveness: Option<measure_liveness::Limits>,
}

/// Limits of the loss of int8 against fp32, percentage points.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Int8Loss {
    pub max_detected: f64,
    pub max_eer: f64,
    /// Of the TAR at FAR 0.1 %.
    pub max_tar: f64,
    /// Of the embeddings of aligned sets.
    pub min_mean_cosine: f64,
    pub min_cosine: f64,
    /// A folder of pictures with faces.
    pub landmarks: PathBuf,
    /// Median, percent of the face's width.
    pub max_landmark_shift: f64,
}

/// One folder of pictures, below the data folder.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Set {
    pub folder: PathBuf,
    /// Whether the folder has a folder for each person. Otherwise only the detection is measured.
    #[serde(default)]
    pub people: bool,
    /// Whether the pictures are aligned crops of 112x112: no detection.
    #[serde(default)]
    pub aligned: bool,
    /// Least share of pictures in which a face is found, percent.
    pub min_detected: Option<f64>,
    /// Greatest equal error rate, percent.
    pub max_eer: Option<f64>,
    /// If given, its people visit a running door.
    pub visits: Option<Visits>,
}

/// Results of other implementations of the same networks, to agree with.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reference {
    /// `{"embeddings": {FILE: [...]}}` of aligned crops.
    pub embeddings: PathBuf,
    /// Least cosine to each of them.
    pub min_cosine: f64,
    /// `{"images": {FILE: [{"box_xywh", "score", "landmarks"}]}}`.
    pub detections: PathBuf,
    /// Smallest face of the reference, pixels.
    pub min_face: u32,
    /// Least share of its faces with a score of at least 0.9 that are found at an IoU of 0.5, percent.
    pub min_found: f64,
    /// Greatest median distance of the landmarks, percent of the face's width.
    pub max_landmark_shift: f64,
}

impl Sets {
    /// Reads the file.
    pub fn read(path: &Path) -> Result<Self> {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        toml::from_str(&text).with_context(|| format!("{}: is not a list of sets", path.display()))
    }

    /// One set: the folder itself, with a folder for each person.
    pub fn one_folder_of_people() -> Self {
        let set = Set {
            folder: PathBuf::new(),
            people: true,
            aligned: false,
            min_detected: None,
            max_eer: None,
            visits: None,
        };
        Self { sets: vec![set], reference: None, loss: None, liveness: None }
    }
}
