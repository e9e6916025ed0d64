//! How many scores are on which side of the thresholds, with exact intervals.

use std::fmt;

use anyhow::Result;
use ostiary_core::{Precision, clopper_pearson};
use ostiary_models::LivenessTest;
use serde::{Serialize, Serializer};

use super::MEDIAN_OF;
use super::scorer::{PictureScore, Scorer};

/// What the camera sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Live faces.
    Live,
    /// Presentation attacks.
    Attack,
}

impl Kind {
    /// The rate of errors for this kind.
    pub fn rate_name(self) -> &'static str {
        match self {
            Self::Live => "BPCER",
            Self::Attack => "APCER",
        }
    }
}

/// `live`, `attack`.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Live => "live",
            Self::Attack => "attack",
        })
    }
}

/// What one score is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// One picture.
    Picture,
    /// The median of [`MEDIAN_OF`] pictures that follow each other.
    Median,
}

/// `picture`, `median of 5`.
impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Picture => f.write_str("picture"),
            Self::Median => write!(f, "median of {MEDIAN_OF}"),
        }
    }
}

impl Serialize for Unit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// How often something happened, with its share and the exact 95 % interval of it in percent. Too narrow if the trials are not
/// independent, as those of one person are not.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Share {
    hits: usize,
    trials: usize,
    interval: [f64; 2],
}

impl Share {
    /// `hits` of `trials`.
    pub fn new(hits: usize, trials: usize) -> Self {
        Self { hits, trials, interval: clopper_pearson(hits, trials).map(|bound| 100.0 * bound) }
    }

    /// Percent; NaN without trials.
    pub fn rate(&self) -> f64 {
        100.0 * self.hits as f64 / self.trials as f64
    }
}

/// `3 of 209 (1.4 %, 0.3 to 4.1 %)`.
impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { hits, trials, interval: [low, high] } = self;
        if *trials == 0 {
            return f.write_str("none of none");
        }
        write!(f, "{hits} of {trials} ({:.1} %, {low:.1} to {high:.1} %)", self.rate())
    }
}

/// Which faces count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Room {
    /// All.
    Any,
    /// Those of which the frame has at least [`LivenessTest::MIN_ROOM`] times the box. The door does not judge the others.
    Enough,
}

/// How many scores of a set are on which side of the thresholds. The names in JSON are stable.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Counts {
    pub set: String,
    pub kind: Kind,
    pub precision: Precision,
    pub unit: Unit,
    pub room: Room,
    /// Scores.
    pub total: usize,
    /// Scores that mean an attack.
    pub spoof: usize,
    /// Scores that say nothing.
    pub unclear: usize,
    /// Scores that mean a live face.
    pub pass: usize,
    /// APCER: attacks that pass. BPCER: live faces that do not pass.
    pub error: Share,
    pub lowest: Option<f32>,
    pub highest: Option<f32>,
}

/// How many pictures of a set the network cannot judge. The names in JSON are stable.
#[derive(Debug, Serialize)]
struct NotJudged {
    set: String,
    precision: Precision,
    /// Faces with too little room: these people must step back.
    too_little_room: Share,
    /// Pictures in which no face is found.
    without_face: usize,
}

/// The scores of a set and their counts.
pub struct Report {
    scores: Vec<PictureScore>,
    pub counts: Vec<Counts>,
    not_judged: NotJudged,
}

/// The scores of pictures; `None` for a picture without a face.
pub type Scores = Vec<Option<PictureScore>>;

impl Report {
    /// Counts single pictures.
    pub fn of_pictures(scorer: &Scorer<'_>, set: &str, kind: Kind, scores: Scores) -> Self {
        let count = |room| {
            let scores: Vec<f32> = with_room(&scores, room).collect();
            Counts::of(scorer, set, kind, (Unit::Picture, room), &scores)
        };
        let (all, judged) = (count(Room::Any), count(Room::Enough));
        let not_judged = NotJudged {
            set: set.to_owned(),
            precision: scorer.precision(),
            too_little_room: Share::new(all.total - judged.total, all.total),
            without_face: scores.len() - all.total,
        };
        Self { counts: vec![all, judged], not_judged, scores: scores.into_iter().flatten().collect() }
    }

    /// Counts single pictures, and medians of pictures that follow each other in one folder. Medians leave out pictures without a
    /// face.
    pub fn of_folders(scorer: &Scorer<'_>, set: &str, kind: Kind, folders: &[Scores]) -> Self {
        let mut report = Self::of_pictures(scorer, set, kind, folders.concat());
        for room in [Room::Any, Room::Enough] {
            let medians = folders.iter().flat_map(|folder| {
                let scores: Vec<f32> = with_room(folder, room).collect();
                scores.chunks_exact(MEDIAN_OF).map(median).collect::<Vec<_>>()
            });
            let medians: Vec<f32> = medians.collect();
            report.counts.push(Counts::of(scorer, set, kind, (Unit::Median, room), &medians));
        }
        report
    }

    /// Prints the counts, and with `has_scores` the scores.
    ///
    /// # Errors
    /// If a value cannot be written as JSON.
    pub fn print(&self, json: bool, has_scores: bool) -> Result<()> {
        if has_scores {
            for score in &self.scores {
                println!("{}", serde_json::to_string(score)?);
            }
        }
        let has_all_room = self.not_judged.too_little_room.hits == 0;
        for counts in &self.counts {
            if json {
                println!("{}", serde_json::to_string(counts)?);
            } else if counts.room == Room::Any || !has_all_room {
                println!("{counts}");
            }
        }
        let NotJudged { set, precision, too_little_room, without_face } = &self.not_judged;
        if json {
            println!("{}", serde_json::to_string(&self.not_judged)?);
        } else if !has_all_room || *without_face > 0 {
            println!(
                "{set}, {precision}: too little room {too_little_room}; no face found in {without_face}"
            );
        }
        Ok(())
    }
}

/// The scores of the faces that count.
fn with_room(scores: &[Option<PictureScore>], room: Room) -> impl Iterator<Item = f32> + '_ {
    let counts = move |score: &&PictureScore| room == Room::Any || score.scale >= LivenessTest::MIN_ROOM;
    scores.iter().flatten().filter(counts).map(|score| score.live)
}

impl Counts {
    fn of(scorer: &Scorer<'_>, set: &str, kind: Kind, (unit, room): (Unit, Room), scores: &[f32]) -> Self {
        let test = scorer.test();
        let count = |range: &dyn Fn(f32) -> bool| scores.iter().filter(|score| range(**score)).count();
        let (total, pass) = (scores.len(), count(&|score| score >= test.pass_from));
        let errors = match kind {
            Kind::Live => total - pass,
            Kind::Attack => pass,
        };
        Self {
            set: set.to_owned(),
            kind,
            precision: scorer.precision(),
            unit,
            room,
            total,
            spoof: count(&|score| score < test.spoof_below),
            unclear: count(&|score| score >= test.spoof_below && score < test.pass_from),
            pass,
            error: Share::new(errors, total),
            lowest: scores.iter().copied().min_by(f32::total_cmp),
            highest: scores.iter().copied().max_by(f32::total_cmp),
        }
    }
}

/// One line.
impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { set, kind, precision, unit, room, spoof, unclear, pass, error, .. } = self;
        let room = match room {
            Room::Any => "",
            Room::Enough => " with enough room",
        };
        write!(f, "{set}, {precision}, by one {unit}{room}: {} {error}", kind.rate_name())?;
        write!(f, "; attack {spoof}, unclear {unclear}, live {pass}")?;
        if let (Some(lowest), Some(highest)) = (self.lowest, self.highest) {
            write!(f, "; scores {lowest:.4} to {highest:.4}")?;
        }
        Ok(())
    }
}

/// The middle one of an odd number of scores.
fn median(scores: &[f32]) -> f32 {
    let mut sorted = scores.to_vec();
    sorted.sort_by(f32::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}
