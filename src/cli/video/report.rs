//! The report on the faces of a video: a line for each frame, and a summary.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use anyhow::Result;
use ostiary_core::{Frame, Similarity, TrackId};
use serde::{Serialize, Serializer};

use crate::cli::match_label::MatchLabel;
use crate::cli::output;

/// Prints the faces of one frame. A frame without faces is printed in JSON only.
pub fn print_frame(json: bool, frame: &Frame, faces: &[MatchLabel]) -> Result<()> {
    #[derive(Serialize)]
    struct Line<'a> {
        /// The number of the frame, from 0 at the beginning of the annotated part.
        frame: u64,
        /// The position in the file, in seconds.
        time: f64,
        faces: &'a [MatchLabel<'a>],
    }
    // Rounded to microseconds: smaller digits come from the rounding of the frame rate.
    let time = frame.time.as_micros() as f64 / 1e6;
    let line = Line { frame: frame.sequence, time, faces };
    if json {
        output::json_line(&line)
    } else if faces.is_empty() {
        Ok(())
    } else {
        let faces: Vec<_> = faces.iter().map(MatchLabel::to_string).collect();
        output::line(&format!("{:8.2} s  {}", line.time, faces.join(", ")))
    }
}

/// The summary of the video.
#[derive(Debug, Serialize)]
pub struct Summary<'a> {
    #[serde(rename = "in")]
    video: &'a Path,
    out: &'a Path,
    frames: u64,
    /// The number of faces in all frames.
    faces: u64,
    /// The tracks: a face that is tracked over several frames is one track. Printed as their number.
    #[serde(serialize_with = "serialize_len")]
    tracks: BTreeSet<TrackId>,
    /// The recognized people, in the order of their first appearance.
    people: Vec<RecognizedPerson>,
}

/// A recognized person.
#[derive(Debug, Serialize)]
struct RecognizedPerson {
    person: String,
    /// In how many frames the person was recognized.
    faces: u64,
    /// The greatest similarity of these faces.
    similarity: Similarity,
}

fn serialize_len<S: Serializer>(tracks: &BTreeSet<TrackId>, to: S) -> Result<S::Ok, S::Error> {
    tracks.len().serialize(to)
}

impl<'a> Summary<'a> {
    pub fn new(video: &'a Path, out: &'a Path) -> Self {
        Self { video, out, frames: 0, faces: 0, tracks: BTreeSet::new(), people: Vec::new() }
    }

    /// Adds the faces of one frame.
    pub fn add(&mut self, faces: &[MatchLabel]) {
        self.frames += 1;
        self.faces += faces.len() as u64;
        self.tracks.extend(faces.iter().map(|face| face.track));
        for (name, similarity) in faces.iter().filter_map(|face| face.person.zip(face.similarity)) {
            match self.people.iter_mut().find(|known| known.person == name) {
                Some(known) => {
                    known.faces += 1;
                    known.similarity.0 = known.similarity.0.max(similarity.0);
                }
                None => self.people.push(RecognizedPerson { person: name.to_owned(), faces: 1, similarity }),
            }
        }
    }
}

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (out, tracks) = (self.out.display(), self.tracks.len());
        let s = |count: u64| if count == 1 { "" } else { "s" };
        write!(f, "{out}: {} frame{}, {} face{}", self.frames, s(self.frames), self.faces, s(self.faces))?;
        write!(f, " in {tracks} track{}", s(tracks as u64))?;
        for RecognizedPerson { person, faces, similarity } in &self.people {
            write!(f, "\n  {person}: {faces} face{}, similarity up to {:.2}", s(*faces), similarity.0)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cli::match_label::test_face;

    #[test]
    fn the_summary_counts_frames_faces_tracks_and_people() {
        let mut summary = Summary::new(Path::new("in.mp4"), Path::new("out.mp4"));
        summary.add(&[test_face(1, Some("Anna"), Some(0.5)), test_face(2, None, Some(0.125))]);
        summary.add(&[]);
        summary.add(&[test_face(1, Some("Anna"), Some(0.75)), test_face(3, Some("Zoë"), Some(0.5))]);
        assert_eq!(
            summary.to_string(),
            "out.mp4: 3 frames, 4 faces in 3 tracks\n  Anna: 2 faces, similarity up to 0.75\n  \
             Zoë: 1 face, similarity up to 0.50"
        );
        assert_eq!(
            serde_json::to_value(&summary).unwrap(),
            json!({"in": "in.mp4", "out": "out.mp4", "frames": 3, "faces": 4, "tracks": 3, "people": [
                {"person": "Anna", "faces": 2, "similarity": 0.75},
                {"person": "Zoë", "faces": 1, "similarity": 0.5}]})
        );
    }
}
