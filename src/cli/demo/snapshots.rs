//! The annotated pictures of the demo, one for each decision.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use ostiary_access::Reason;
use ostiary_core::MatchRule;

use crate::annotate::{self, SaveError};
use crate::cli::match_label::match_face;
use crate::daemon::{FrameObserver, FrameResult};

/// Writes pictures to a folder while the daemon runs.
pub struct Snapshots(Arc<Mutex<SnapshotWriter>>);

struct SnapshotWriter {
    folder: PathBuf,
    rule: MatchRule,
    /// The number of pictures that were written, or the first error.
    written: Result<usize, SaveError>,
}

impl Snapshots {
    pub fn create(folder: &Path, rule: MatchRule) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder).with_context(|| {
            format!("{}: cannot be created; choose another folder with --output", folder.display())
        })?;
        let writer = SnapshotWriter { folder: folder.to_owned(), rule, written: Ok(0) };
        Ok(Self(Arc::new(Mutex::new(writer))))
    }

    /// A frame observer that writes a picture for each frame with a decision.
    pub fn frame_observer(&self) -> FrameObserver {
        let writer = self.0.clone();
        Box::new(move |result| writer.lock().unwrap_or_else(PoisonError::into_inner).write_decision(result))
    }

    /// Returns how many pictures were written, or the first error.
    pub fn finish(self) -> Result<usize, SaveError> {
        let mut writer = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut writer.written, Ok(0))
    }
}

impl SnapshotWriter {
    fn write_decision(&mut self, result: &FrameResult<'_>) {
        let (Some(decision), Ok(count)) = (result.decisions.first(), &self.written) else { return };
        let number = count + 1;
        let mut frame = result.frame.clone();
        let mut label = String::new();
        for face in result.faces {
            let match_label = match_face(&self.rule, face, result.gallery);
            match_label.write_label(&mut label);
            annotate::draw(&mut frame, &face.detection, &label, match_label.status());
        }
        let reason = Reason::from(decision.outcome);
        let path = self.folder.join(format!("{number}-{reason}.jpg"));
        self.written = annotate::save(&frame, &path).map(|()| number);
    }
}
