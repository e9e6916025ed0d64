//! What one look at a frame says of a face, in a word: for annotated pictures and reports.

use std::fmt::{self, Write};

use ostiary_core::{BBox, MatchRule, QualityFault, Similarity, TrackId, Verdict};
use ostiary_facebank::Gallery;
use ostiary_pipeline::TrackedFace;
use serde::Serialize;

use crate::annotate::Mark;

/// A face of one frame.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MatchLabel<'a> {
    pub track: TrackId,
    #[serde(rename = "box")]
    pub bbox: BBox,
    /// The detector's.
    pub score: f32,
    /// Whether it was compared with the people of the facebank: it is not where it is not good enough.
    pub embedded: bool,
    /// Null for a stranger and for a face that was not compared.
    pub person: Option<&'a str>,
    /// With whoever is most alike, known or not.
    pub similarity: Option<Similarity>,
    /// Why the face is not good enough.
    pub fault: Option<QualityFault>,
}

/// Judges one face of one frame by the door's rule. A face that is not good enough, or was not embedded, shows nobody.
pub fn judge<'a>(rule: &MatchRule, seen: &TrackedFace, gallery: &'a Gallery) -> MatchLabel<'a> {
    let candidate = seen.candidate.filter(|_| seen.embedded && seen.fault.is_none());
    let person = match rule.evaluate(candidate) {
        Verdict::Person(person) => gallery.person(person),
        Verdict::Ambiguous | Verdict::Unknown => None,
    };
    MatchLabel {
        track: seen.track,
        bbox: seen.detection.bbox,
        score: seen.detection.score,
        embedded: seen.embedded,
        person: person.map(|person| person.name.as_str()),
        similarity: candidate.map(|best| best.similarity),
        fault: seen.fault,
    }
}

impl MatchLabel<'_> {
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

impl fmt::Display for MatchLabel<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{} ", self.track.0)?;
        match (self.fault, self.person, self.similarity) {
            (Some(fault), _, _) => f.write_str(fault_name(fault)),
            (None, ..) if !self.embedded => f.write_str("not match_label"),
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

/// A face for tests.
#[cfg(test)]
pub fn face(track: u64, person: Option<&str>, similarity: Option<f32>) -> MatchLabel<'_> {
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
    fn labels_say_what_is_known() {
        let poor = MatchLabel { fault: Some(QualityFault::TooSmall), ..face(4, None, Some(0.9)) };
        let followed = MatchLabel { embedded: false, ..face(5, None, None) };
        let cases = [
            (followed, "#5 not match_label", Mark::Poor),
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
}
