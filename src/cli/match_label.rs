//! The match result of one face in one frame, as a label for annotated pictures and reports.

use std::fmt::{self, Write};

use ostiary_core::{BBox, MatchRule, QualityFault, Similarity, TrackId, Verdict};
use ostiary_facebank::Gallery;
use ostiary_pipeline::TrackedFace;
use serde::Serialize;

use crate::annotate::FaceStatus;

/// A face of one frame with its match result.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MatchLabel<'a> {
    pub track: TrackId,
    #[serde(rename = "box")]
    pub bbox: BBox,
    /// The detector's score, 0 to 1.
    pub score: f32,
    /// Whether the face was embedded and compared with the gallery, in this frame or an earlier one of the track. Faces of low
    /// quality are not.
    pub embedded: bool,
    /// The name of the person; null if the face is unknown, ambiguous or was not compared.
    pub person: Option<&'a str>,
    /// The normalized similarity with the best candidate, also if that is below the threshold.
    pub similarity: Option<Similarity>,
    /// Why the quality of the face is too low.
    pub fault: Option<QualityFault>,
}

/// Matches one face of one frame by the door's rule. A face of low quality, or one that was not embedded, matches nobody.
pub fn match_face<'a>(rule: &MatchRule, face: &TrackedFace, gallery: &'a Gallery) -> MatchLabel<'a> {
    let candidate = face.candidate.filter(|_| face.fault.is_none());
    let person = match rule.evaluate(candidate, 0.0) {
        Verdict::Person(person) => gallery.person(person),
        Verdict::Ambiguous | Verdict::Unknown => None,
    };
    MatchLabel {
        track: face.track,
        bbox: face.detection.bbox,
        score: face.detection.score,
        embedded: face.moments > 0,
        person: person.map(|person| person.name.as_str()),
        similarity: candidate.map(|best| best.similarity),
        fault: face.fault,
    }
}

impl MatchLabel<'_> {
    /// The result for the face, which determines its color in annotated pictures.
    pub fn status(&self) -> FaceStatus {
        match self.person {
            _ if self.fault.is_some() || !self.embedded => FaceStatus::Poor,
            Some(_) => FaceStatus::Known,
            None => FaceStatus::Unknown,
        }
    }

    /// Replaces `label` with the text that is drawn at the face: `#3 Anna 0.71`, `#3 unknown 0.21`, `#3 too small`.
    pub fn write_label(&self, label: &mut String) {
        label.clear();
        // Writing into a string cannot fail.
        let _ = write!(label, "{self}");
    }
}

impl fmt::Display for MatchLabel<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{} ", self.track.0)?;
        match (self.fault, self.person, self.similarity) {
            (Some(fault), _, _) => f.write_str(fault_name(fault)),
            (None, ..) if !self.embedded => f.write_str("not compared"),
            (None, person, Some(similarity)) => {
                write!(f, "{} {:.2}", person.unwrap_or("unknown"), similarity.0)
            }
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
        QualityFault::NotUpright => "not upright",
        QualityFault::EyesCovered => "eyes covered",
        QualityFault::MouthCovered => "mouth covered",
        QualityFault::CutOff => "cut off",
    }
}

/// An embedded face for tests.
#[cfg(test)]
pub fn test_face(track: u64, person: Option<&str>, similarity: Option<f32>) -> MatchLabel<'_> {
    MatchLabel {
        track: TrackId(track),
        bbox: BBox::from([1.0, 2.0, 30.0, 40.0]),
        score: 0.5,
        embedded: true,
        person,
        similarity: similarity.map(Similarity),
        fault: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_show_the_track_and_the_match_result() {
        let poor = MatchLabel { fault: Some(QualityFault::TooSmall), ..test_face(4, None, Some(0.9)) };
        let tracked_only = MatchLabel { embedded: false, ..test_face(5, None, None) };
        let cases = [
            (tracked_only, "#5 not compared", FaceStatus::Poor),
            (test_face(3, Some("Anna"), Some(0.714)), "#3 Anna 0.71", FaceStatus::Known),
            (test_face(3, None, Some(0.25)), "#3 unknown 0.25", FaceStatus::Unknown),
            (test_face(3, None, None), "#3 unknown", FaceStatus::Unknown),
            (poor, "#4 too small", FaceStatus::Poor),
        ];
        let mut label = "left over".into();
        for (face, expected, mark) in cases {
            face.write_label(&mut label);
            assert_eq!((&*label, face.status()), (expected, mark));
        }
    }
}
