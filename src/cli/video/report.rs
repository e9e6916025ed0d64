//! What is said of the faces of a video: on the picture, for each frame and at the end.

use std::collections::BTreeSet;
use std::fmt::{self, Write};
use std::path::Path;

use anyhow::Result;
use serde::{Serialize, Serializer};

use crate::annotate::Mark;
use crate::capture::Frame;
use crate::cli::output;
use crate::daemon::Seen;
use crate::facebank::{Candidate, Gallery};
use crate::vision::{BBox, QualityFault, Similarity, TrackId};

/// When one frame shows a known person: as the door reckons a frame.
pub struct Rules {
    pub threshold: Similarity,
    pub margin: f32,
}

/// A face of one frame.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Judged<'a> {
    track: TrackId,
    #[serde(rename = "box")]
    bbox: BBox,
    /// The detector's.
    score: f32,
    /// Whether it was compared with the people of the facebank: it is not where it is not good enough.
    embedded: bool,
    /// Null for a stranger and for a face that was not compared.
    person: Option<&'a str>,
    /// With whoever is most alike, known or not.
    similarity: Option<Similarity>,
    /// Why the face is not good enough.
    fault: Option<QualityFault>,
}

impl Rules {
    pub fn judge<'a>(&self, seen: &Seen, gallery: &'a Gallery) -> Judged<'a> {
        let is_ahead = |best: &Candidate| {
            best.second.is_none_or(|(_, second)| best.similarity.0 - second.0 >= self.margin)
        };
        let candidate = seen.candidate.filter(|_| seen.embedded && seen.fault.is_none());
        let known = candidate.filter(|best| best.similarity >= self.threshold && is_ahead(best));
        Judged {
            track: seen.track,
            bbox: seen.detection.bbox,
            score: seen.detection.score,
            embedded: seen.embedded,
            person: known.and_then(|best| gallery.person(best.person)).map(|person| person.name.as_str()),
            similarity: candidate.map(|best| best.similarity),
            fault: seen.fault,
        }
    }
}

impl Judged<'_> {
    pub fn mark(&self) -> Mark {
        match self.person {
            _ if self.fault.is_some() || !self.embedded => Mark::Poor,
            Some(_) => Mark::Known,
            None => Mark::Unknown,
        }
    }

    /// What is written at the face: `#3 Anna 0.71`, `#3 unknown 0.21`, `#3 too small`.
    pub fn label(&self, label: &mut String) {
        label.clear();
        // Writing into a string cannot fail.
        let _ = write!(label, "{self}");
    }
}

impl fmt::Display for Judged<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{} ", self.track.0)?;
        match (self.fault, self.person, self.similarity) {
            (Some(fault), _, _) => f.write_str(fault_name(fault)),
            (None, ..) if !self.embedded => f.write_str("not judged"),
            (None, person, Some(alike)) => write!(f, "{} {:.2}", person.unwrap_or("unknown"), alike.0),
            (None, _, None) => f.write_str("unknown"),
        }
    }
}

fn fault_name(fault: QualityFault) -> &'static str {
    match fault {
        QualityFault::TooSmall => "too small",
        QualityFault::TooDark => "too dark",
        QualityFault::TooBright => "too bright",
        QualityFault::Blurred => "blurred",
        QualityFault::TurnedAway => "turned away",
        QualityFault::Tilted => "tilted",
    }
}

/// Prints what one frame shows; a frame without faces only for programs, which count.
pub fn print_frame(json: bool, frame: &Frame, faces: &[Judged]) -> Result<()> {
    #[derive(Serialize)]
    struct Line<'a> {
        /// Counted from 0, from where the annotated part begins.
        frame: u64,
        /// Position in the file, seconds.
        time: f64,
        faces: &'a [Judged<'a>],
    }
    // Microseconds: what is beyond is the rounding of the frame rate.
    let time = frame.time.as_micros() as f64 / 1e6;
    let line = Line { frame: frame.sequence, time, faces };
    if json {
        output::json_line(&line)
    } else if faces.is_empty() {
        Ok(())
    } else {
        let faces: Vec<_> = faces.iter().map(Judged::to_string).collect();
        output::line(&format!("{:8.2} s  {}", line.time, faces.join(", ")))
    }
}

/// What was seen in all.
#[derive(Debug, Serialize)]
pub struct Summary<'a> {
    #[serde(rename = "in")]
    video: &'a Path,
    out: &'a Path,
    frames: u64,
    /// Faces of all frames.
    faces: u64,
    /// How many faces these are, where a face that is followed from frame to frame is one.
    #[serde(serialize_with = "number_of")]
    tracks: BTreeSet<TrackId>,
    /// Known people, in the order in which they came.
    people: Vec<Known>,
}

/// A known person who was seen.
#[derive(Debug, Serialize)]
struct Known {
    person: String,
    /// In how many faces they were recognised.
    faces: u64,
    /// The greatest of those faces.
    similarity: Similarity,
}

fn number_of<S: Serializer>(tracks: &BTreeSet<TrackId>, to: S) -> Result<S::Ok, S::Error> {
    tracks.len().serialize(to)
}

impl<'a> Summary<'a> {
    pub fn new(video: &'a Path, out: &'a Path) -> Self {
        Self { video, out, frames: 0, faces: 0, tracks: BTreeSet::new(), people: Vec::new() }
    }

    /// Adds one frame.
    pub fn add(&mut self, faces: &[Judged]) {
        self.frames += 1;
        self.faces += faces.len() as u64;
        self.tracks.extend(faces.iter().map(|face| face.track));
        for (name, similarity) in faces.iter().filter_map(|face| face.person.zip(face.similarity)) {
            match self.people.iter_mut().find(|known| known.person == name) {
                Some(known) => {
                    known.faces += 1;
                    known.similarity.0 = known.similarity.0.max(similarity.0);
                }
                None => self.people.push(Known { person: name.to_owned(), faces: 1, similarity }),
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
        for Known { person, faces, similarity } in &self.people {
            write!(f, "\n  {person}: {faces} face{}, similarity up to {:.2}", s(*faces), similarity.0)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn face(track: u64, person: Option<&str>, similarity: Option<f32>) -> Judged<'_> {
        Judged {
            track: TrackId(track),
            bbox: BBox::from([1.0, 2.0, 30.0, 40.0]),
            score: 0.5,
            embedded: true,
            person,
            similarity: similarity.map(Similarity),
            fault: None,
        }
    }

    #[test]
    fn labels_say_what_is_known() {
        let poor = Judged { fault: Some(QualityFault::TooSmall), ..face(4, None, Some(0.9)) };
        let followed = Judged { embedded: false, ..face(5, None, None) };
        let cases = [
            (followed, "#5 not judged", Mark::Poor),
            (face(3, Some("Anna"), Some(0.714)), "#3 Anna 0.71", Mark::Known),
            (face(3, None, Some(0.25)), "#3 unknown 0.25", Mark::Unknown),
            (face(3, None, None), "#3 unknown", Mark::Unknown),
            (poor, "#4 too small", Mark::Poor),
        ];
        let mut label = "left over".into();
        for (face, wanted, mark) in cases {
            face.label(&mut label);
            assert_eq!((&*label, face.mark()), (wanted, mark));
        }
    }

    #[test]
    fn the_summary_counts_frames_faces_tracks_and_people() {
        let mut summary = Summary::new(Path::new("in.mp4"), Path::new("out.mp4"));
        summary.add(&[face(1, Some("Anna"), Some(0.5)), face(2, None, Some(0.125))]);
        summary.add(&[]);
        summary.add(&[face(1, Some("Anna"), Some(0.75)), face(3, Some("Zoë"), Some(0.5))]);
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
