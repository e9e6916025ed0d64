//! The annotated pictures of the play: one a decision.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use ostiary_access::Reason;
use ostiary_core::MatchRule;

use crate::annotate::{self, SaveError};
use crate::cli::match_label::judge;
use crate::daemon::{FrameObserver, FrameResult};

/// A folder that pictures are written to while the daemon works.
pub struct Snapshots(Arc<Mutex<Pages>>);

struct Pages {
    folder: PathBuf,
    rule: MatchRule,
    written: Result<usize, SaveError>,
}

impl Snapshots {
    pub fn create(folder: &Path, rule: MatchRule) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("{}: cannot be made; choose another with --output", folder.display()))?;
        let pages = Pages { folder: folder.to_owned(), rule, written: Ok(0) };
        Ok(Self(Arc::new(Mutex::new(pages))))
    }

    /// Writes a picture for each frame in which something was decided.
    pub fn frame_observer(&self) -> FrameObserver {
        let pages = self.0.clone();
        Box::new(move |result| pages.lock().unwrap_or_else(PoisonError::into_inner).look(result))
    }

    /// How many pictures were written, or why one could not be.
    pub fn finish(self) -> Result<usize, SaveError> {
        let mut pages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut pages.written, Ok(0))
    }
}

impl Pages {
    fn look(&mut self, result: &FrameResult<'_>) {
        let (Some(decision), Ok(before)) = (result.decisions.first(), &self.written) else { return };
        let number = before + 1;
        let mut frame = result.frame.clone();
        let mut label = String::new();
        for seen in result.faces {
            let match_label = judge(&self.rule, seen, result.gallery);
            match_label.label(&mut label);
            annotate::draw(&mut frame, &seen.detection, &label, match_label.mark());
        }
        let reason = Reason::from(decision.outcome);
        let path = self.folder.join(format!("{number}-{reason}.jpg"));
        self.written = annotate::save(&frame, &path).map(|()| number);
    }
}
