//! What a test of liveness at a door counted: attacks of several kinds, and the household's own visits.

use std::fmt;

use ostiary_access::NetworkRules;
use ostiary_config::{CameraKind, LivenessLevel};
use serde::{Deserialize, Serialize};

/// A kind of attack. The names are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttackKind {
    /// A printed photo whose edges, and the hand that holds it, are in view.
    SmallPrint,
    /// A printed photo so large (A4, A3) that its edges are out of view.
    LargePrint,
    /// A printed photo that is bent around the vertical axis.
    BentPrint,
    /// A printed photo that is folded along the nose.
    FoldedPrint,
    /// A photo on the screen of a phone.
    Phone,
    /// A film of the person on a tablet.
    TabletFilm,
}

/// When the household's own visits were made. The names are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VisitTime {
    /// In daylight.
    Day,
    /// In the dark, by the lamps of the door.
    Night,
}

/// A part of a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(untagged)]
pub enum TestPart {
    /// Attacks of one kind.
    Attack(AttackKind),
    /// The household's own visits.
    Visits(VisitTime),
}

/// What a test of liveness at a door counted, and under which conditions. It names no person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LivenessReport {
    /// The conditions of the test. Under others its counts prove nothing.
    pub conditions: TestConditions,
    /// The attacks, one count for each kind of which there was a presentation.
    pub attacks: Vec<AttackCount>,
    /// The household's own visits, one count for each time of which there was a visit.
    pub visits: Vec<VisitCount>,
    /// Whether as many presentations as planned were made of each part that was chosen.
    pub is_complete: bool,
}

/// The attacks of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttackCount {
    /// The kind.
    pub kind: AttackKind,
    /// Number of presentations, at least 1.
    pub presentations: u32,
    /// Number of them that were let in.
    pub let_in: u32,
}

/// The household's own visits at one time of the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct VisitCount {
    /// When they were made.
    pub time: VisitTime,
    /// Number of visits, at least 1.
    pub visits: u32,
    /// Number of them that were refused as a picture, or as not shown to be live.
    pub refused: u32,
}

/// What the counts of a test depend on, as far as the program can know it. The place of the camera and the light at the door
/// also matter, and are not known to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TestConditions {
    /// Which layers were required.
    pub level: LivenessLevel,
    /// How many times people had to turn the head; `None` if they did not have to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps: Option<u32>,
    /// The thresholds of the network.
    pub network: NetworkRules,
    /// The id of the network for liveness; `None` if the models have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub liveness_model: Option<String>,
    /// The id of the embedding model.
    pub embedder: String,
    /// The ids of the three networks that find faces, in the order in which they run: they choose what the others see.
    pub detector: [String; 3],
    /// The camera.
    pub camera: TestCamera,
}

/// The camera of a test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestCamera {
    /// `camera.source`, without user name and password.
    pub source: String,
    /// What the camera sees.
    pub kind: CameraKind,
    /// The requested width, pixels.
    pub width: u32,
    /// The requested height, pixels.
    pub height: u32,
    /// The rotation of the picture, degrees.
    pub rotate: u32,
    /// Whether left and right are swapped.
    pub mirror: bool,
    /// The region in which faces are detected; `None`: everywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<[u32; 4]>,
}

impl AttackKind {
    /// All kinds, in the order of a test.
    pub const ALL: [Self; 6] = [
        Self::SmallPrint,
        Self::LargePrint,
        Self::BentPrint,
        Self::FoldedPrint,
        Self::Phone,
        Self::TabletFilm,
    ];

    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::SmallPrint => "small_print",
            Self::LargePrint => "large_print",
            Self::BentPrint => "bent_print",
            Self::FoldedPrint => "folded_print",
            Self::Phone => "phone",
            Self::TabletFilm => "tablet_film",
        }
    }

    /// The kind in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::SmallPrint => "small print",
            Self::LargePrint => "large print",
            Self::BentPrint => "bent print",
            Self::FoldedPrint => "folded print",
            Self::Phone => "phone",
            Self::TabletFilm => "film on a tablet",
        }
    }
}

impl VisitTime {
    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Night => "night",
        }
    }

    /// The visits in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Day => "own visits by day",
            Self::Night => "own visits by night",
        }
    }
}

impl TestPart {
    /// All parts, in the order of a test.
    pub const ALL: [Self; 8] = [
        Self::Attack(AttackKind::SmallPrint),
        Self::Attack(AttackKind::LargePrint),
        Self::Attack(AttackKind::BentPrint),
        Self::Attack(AttackKind::FoldedPrint),
        Self::Attack(AttackKind::Phone),
        Self::Attack(AttackKind::TabletFilm),
        Self::Visits(VisitTime::Day),
        Self::Visits(VisitTime::Night),
    ];

    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Attack(kind) => kind.name(),
            Self::Visits(time) => time.name(),
        }
    }

    /// The part in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Attack(kind) => kind.words(),
            Self::Visits(time) => time.words(),
        }
    }
}

impl TestConditions {
    /// What differs from other conditions, in words; empty if they are equal.
    pub fn differences(&self, other: &Self) -> Vec<&'static str> {
        let (camera, others) = (&self.camera, &other.camera);
        [
            (self.level != other.level, "liveness.level"),
            (self.steps != other.steps, "liveness.steps"),
            (self.network != other.network, "the thresholds of the network for liveness"),
            (self.liveness_model != other.liveness_model, "the network for liveness"),
            (self.embedder != other.embedder, "the embedding model"),
            (self.detector != other.detector, "the networks that find faces"),
            (camera.source != others.source, "camera.source"),
            (camera.kind != others.kind, "camera.kind"),
            ((camera.width, camera.height) != (others.width, others.height), "the size of the picture"),
            (camera.rotate != others.rotate, "camera.rotate"),
            (camera.mirror != others.mirror, "camera.mirror"),
            (camera.region != others.region, "camera.region"),
        ]
        .into_iter()
        .filter_map(|(differs, name)| differs.then_some(name))
        .collect()
    }
}

/// `small print 0 of 20 let in, own visits by day 1 of 20 refused`.
impl fmt::Display for LivenessReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let attacks = self.attacks.iter().map(|count| {
            format!("{} {} of {} let in", count.kind.words(), count.let_in, count.presentations)
        });
        let visits = self
            .visits
            .iter()
            .map(|count| format!("{} {} of {} refused", count.time.words(), count.refused, count.visits));
        f.write_str(&attacks.chain(visits).collect::<Vec<_>>().join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::liveness_report;

    #[test]
    fn each_change_of_the_conditions_is_named() {
        let conditions = liveness_report().conditions;
        assert!(conditions.differences(&conditions).is_empty());
        let changed = |change: &dyn Fn(&mut TestConditions)| {
            let mut other = conditions.clone();
            change(&mut other);
            let differences = other.differences(&conditions);
            assert_eq!(differences, conditions.differences(&other));
            assert_eq!(differences.len(), 1, "{differences:?}");
            differences[0]
        };
        let names = [
            changed(&|other| other.level = LivenessLevel::Active),
            changed(&|other| other.steps = Some(3)),
            changed(&|other| other.network = NetworkRules::NearInfrared),
            changed(&|other| other.liveness_model = None),
            changed(&|other| other.embedder = "other".into()),
            changed(&|other| other.detector[2] = "other".into()),
            changed(&|other| other.camera.source = "/dev/video9".into()),
            changed(&|other| other.camera.kind = CameraKind::Nir),
            changed(&|other| other.camera.height = 1080),
            changed(&|other| other.camera.rotate = 90),
            changed(&|other| other.camera.mirror = true),
            changed(&|other| other.camera.region = Some([0, 0, 9, 9])),
        ];
        let mut distinct = names.to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), names.len());
    }

    #[test]
    fn the_parts_have_stable_names() {
        let names = TestPart::ALL.map(TestPart::name);
        assert_eq!(
            names,
            [
                "small_print",
                "large_print",
                "bent_print",
                "folded_print",
                "phone",
                "tablet_film",
                "day",
                "night"
            ]
        );
        for (part, name) in TestPart::ALL.iter().zip(&names) {
            assert_eq!(serde_json::to_string(part).unwrap(), format!("\"{name}\""));
        }
        assert_eq!(AttackKind::ALL.map(TestPart::Attack), TestPart::ALL[..6]);
    }

    #[test]
    fn a_report_of_a_newer_program_can_be_read() {
        let mut json = serde_json::to_value(liveness_report()).unwrap();
        json["weather"] = "rain".into();
        json["conditions"]["lens"] = 4.into();
        json["attacks"][0]["distance_cm"] = 50.into();
        assert_eq!(serde_json::from_value::<LivenessReport>(json).unwrap(), liveness_report());
    }

    #[test]
    fn a_report_is_a_list_of_counts() {
        assert_eq!(
            liveness_report().to_string(),
            "small print 0 of 20 let in, large print 3 of 20 let in, own visits by day 1 of 20 refused"
        );
    }
}
