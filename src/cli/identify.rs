//! `ostiary identify`: identifies the person in a picture.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use ostiary_config::AlikePeople;
use ostiary_core::{Candidate, Embedding, Frame, MatchRule, Person, PersonId, Similarity, Verdict};
use ostiary_facebank::{Facebank, Gallery};
use ostiary_pictures::{person_folders, read_picture};
use ostiary_pipeline::{FaceEncoder, Thresholds, aligned_crop};
use serde::Serialize;

use super::Globals;
use super::output::json_line;
use super::pictures::report_passed_over;
use super::thresholds::thresholds;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  ostiary identify visitor.jpg\n  \
                        ostiary identify visitor.jpg --facebank photos/ --json\n\n\
                        Exit code: 0 a known person, 1 unknown, ambiguous, alike or no face, 2 an error.")]
pub struct Args {
    /// The picture.
    file: PathBuf,
    /// A facebank, or a folder of photos FOLDER/NAME/*.jpg; by default facebank.path of the configuration.
    #[arg(long, value_name = "FILE_OR_FOLDER")]
    facebank: Option<PathBuf>,
    /// The pictures are aligned face crops of 112x112 pixels: skip the detection.
    #[arg(long)]
    aligned: bool,
}

/// The result as it is printed as JSON. `person`, `similarity`, `cosine`, `second` and `threshold` are null if there is no face or
/// no enrolled person to compare with.
#[derive(Serialize)]
struct Identification<'a> {
    verdict: Outcome,
    /// Null unless the verdict is `known`.
    person: Option<&'a str>,
    similarity: Option<Similarity>,
    cosine: Option<Similarity>,
    second: Option<Similarity>,
    threshold: Option<Similarity>,
    margin: f32,
}

/// The result of the door's match rule on a picture.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Known,
    /// Similar to two people, and the similarities differ by less than `door.margin`.
    Ambiguous,
    /// Similar to a person whom the model cannot tell apart from another, and `door.alike` refuses both.
    Alike,
    Unknown,
    NoFace,
}

pub fn run(globals: &Globals, args: Args) -> anyhow::Result<ExitCode> {
    let config = globals.config()?;
    let path = args.facebank.as_ref().unwrap_or(&config.facebank.path);
    let facebank = if path.is_dir() { None } else { Some(Facebank::open_read_only(path)?) };
    let picture = read_picture(&args.file)?;
    let mut encoder = FaceEncoder::load(&config)?;
    let thresholds = thresholds(&encoder, &config);
    let gallery = match facebank {
        Some(facebank) => thresholds.load_gallery(&facebank, encoder.model())?,
        None => gallery_of_folder(&mut encoder, path, args.aligned, &thresholds)?,
    };
    let rule = MatchRule { margin: config.door.margin };
    let identification = |verdict, person, best: Option<Candidate>| Identification {
        verdict,
        person,
        similarity: best.map(|best| best.similarity),
        cosine: best.map(|best| best.cosine),
        second: best.and_then(|best| best.second).map(|second| second.similarity),
        threshold: best.map(|best| best.threshold),
        margin: rule.margin,
    };
    let Some(probe) =
        embed(&mut encoder, &picture, args.aligned).with_context(|| args.file.display().to_string())?
    else {
        return print(globals, &identification(Outcome::NoFace, None, None));
    };
    let best = gallery.best(&probe);
    let (verdict, person) = match rule.evaluate(best, 0.0) {
        Verdict::Person(id) if config.door.alike == AlikePeople::Refuse && gallery.alike(id).is_some() => {
            (Outcome::Alike, None)
        }
        Verdict::Person(id) => (Outcome::Known, gallery.person(id).map(|person| person.name.as_str())),
        Verdict::Ambiguous => (Outcome::Ambiguous, None),
        Verdict::Unknown => (Outcome::Unknown, None),
    };
    print(globals, &identification(verdict, person, best))
}

fn print(globals: &Globals, identification: &Identification<'_>) -> anyhow::Result<ExitCode> {
    if globals.json {
        json_line(identification)?;
    } else {
        let outcome = match identification.verdict {
            Outcome::Known => identification.person.unwrap_or_default(),
            Outcome::Ambiguous => "ambiguous: two people are too similar",
            Outcome::Alike => {
                "alike: the model cannot tell two people apart (`ostiary people list` names them)"
            }
            Outcome::Unknown => "unknown person",
            Outcome::NoFace => "no face",
        };
        let second = match (identification.verdict, identification.second) {
            (Outcome::Ambiguous, Some(second)) => {
                format!(", second {:.3}, margin {}", second.0, identification.margin)
            }
            _ => String::new(),
        };
        match (identification.similarity, identification.threshold) {
            (Some(similarity), Some(threshold)) => {
                println!("{outcome} (similarity {:.3}{second}, threshold {:.3})", similarity.0, threshold.0)
            }
            _ => println!("{outcome}"),
        }
    }
    Ok(ExitCode::from(u8::from(identification.person.is_none())))
}

/// The embedding of an aligned face or of the most probable face of a picture.
fn embed(encoder: &mut FaceEncoder, picture: &Frame, aligned: bool) -> anyhow::Result<Option<Embedding>> {
    let embedding = if aligned {
        let Some(crop) = aligned_crop(picture) else {
            bail!(
                "the picture is {}x{} pixels; an aligned face is 112x112",
                picture.width(),
                picture.height()
            );
        };
        Some(encoder.embed(&crop)?)
    } else {
        encoder.most_probable(picture)?.map(|encoded| encoded.embedding)
    };
    if let Some(fault) = embedding.as_ref().and_then(|embedding| encoder.not_upright(embedding)) {
        bail!("{}", fault.advice());
    }
    Ok(embedding)
}

/// Makes a gallery from a folder of photos, with thresholds. A photo without a face is reported and skipped; a folder without any face
/// is an error.
fn gallery_of_folder(
    encoder: &mut FaceEncoder,
    folder: &Path,
    aligned: bool,
    thresholds: &Thresholds,
) -> anyhow::Result<Gallery> {
    let mut gallery = Gallery::default();
    let found = person_folders(folder)?;
    report_passed_over(&found.passed_over);
    for (id, person) in (0..).zip(found.people) {
        if let Some(why) = person.without_photos() {
            eprintln!("{}: {why}", person.name);
        }
        let mut photos = Vec::new();
        for photo in &person.photos {
            let embedded = read_picture(photo).map_err(anyhow::Error::from).and_then(|picture| {
                embed(encoder, &picture, aligned).with_context(|| photo.display().to_string())
            });
            match embedded {
                Ok(Some(embedding)) => photos.push((embedding, 1.0)),
                Ok(None) => eprintln!("{}: no face, skipped", photo.display()),
                Err(error) => eprintln!("{error:#}, skipped"),
            }
        }
        let person = Person {
            id: PersonId(id),
            name: person.name,
            enabled: true,
            group: None,
            created: jiff::Timestamp::now(),
        };
        gallery.push(person, &photos).map_err(anyhow::Error::msg)?;
    }
    if gallery.is_empty() {
        bail!("{}: no face in any FOLDER/NAME/*.jpg", folder.display());
    }
    thresholds.apply(&mut gallery);
    Ok(gallery)
}
