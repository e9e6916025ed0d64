//! `ostiary identify`: say whom a picture shows.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use ostiary_core::{Candidate, Embedding, Frame, MatchRule, Person, PersonId, Similarity, Verdict};
use ostiary_facebank::{Facebank, Gallery, person_folders};
use ostiary_pictures::read_picture;
use ostiary_pipeline::{Recognizer, aligned_crop};
use serde::Serialize;

use super::Globals;
use super::output::json_line;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  ostiary identify visitor.jpg\n  \
                        ostiary identify visitor.jpg --facebank photos/ --json\n\n\
                        Exit code 0: known. 1: a stranger, ambiguous, or no face. 2: an error.")]
pub struct Args {
    /// The picture.
    file: PathBuf,
    /// A facebank, or a folder FOLDER/NAME/*.jpg; facebank.path of the configuration where it is not given.
    #[arg(long, value_name = "FILE_OR_FOLDER")]
    facebank: Option<PathBuf>,
    /// Take pictures as faces that are already aligned, 112x112.
    #[arg(long)]
    aligned: bool,
}

/// What is printed. Everything but the verdict and the rule is null where there is no face or nobody to compare with.
#[derive(Serialize)]
struct Identified<'a> {
    verdict: Shown,
    /// Null unless the verdict is `known`.
    person: Option<&'a str>,
    similarity: Option<Similarity>,
    second: Option<Similarity>,
    threshold: Similarity,
    margin: f32,
}

/// The verdict on a picture, by the rule of the door.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
enum Shown {
    Known,
    /// Similar to two people, with less than `door.margin` between them.
    Ambiguous,
    Unknown,
    NoFace,
}

pub fn run(globals: &Globals, args: Args) -> anyhow::Result<ExitCode> {
    let config = globals.config()?;
    let path = args.facebank.as_ref().unwrap_or(&config.facebank.path);
    let facebank = if path.is_dir() { None } else { Some(Facebank::open_read_only(path)?) };
    let picture = read_picture(&args.file)?;
    let mut recognizer = Recognizer::load(&config)?;
    let threshold = recognizer.threshold(config.door.far)?;
    let gallery = match facebank {
        Some(facebank) => facebank.gallery(recognizer.model())?,
        None => folder_gallery(&mut recognizer, path, args.aligned)?,
    };
    let rule = MatchRule { threshold, margin: config.door.margin };
    let identified = |verdict, person, best: Option<Candidate>| Identified {
        verdict,
        person,
        similarity: best.map(|best| best.similarity),
        second: best.and_then(|best| best.second).map(|(_, similarity)| similarity),
        threshold,
        margin: rule.margin,
    };
    let Some(probe) =
        embed(&mut recognizer, &picture, args.aligned).with_context(|| args.file.display().to_string())?
    else {
        return print(globals, &identified(Shown::NoFace, None, None));
    };
    let best = gallery.best(&probe);
    let (verdict, person) = match rule.evaluate(best) {
        Verdict::Person(id) => (Shown::Known, gallery.person(id).map(|person| person.name.as_str())),
        Verdict::Ambiguous => (Shown::Ambiguous, None),
        Verdict::Unknown => (Shown::Unknown, None),
    };
    print(globals, &identified(verdict, person, best))
}

fn print(globals: &Globals, identified: &Identified<'_>) -> anyhow::Result<ExitCode> {
    if globals.json {
        json_line(identified)?;
    } else {
        let who = match identified.verdict {
            Shown::Known => identified.person.unwrap_or_default(),
            Shown::Ambiguous => "ambiguous: two people are too similar",
            Shown::Unknown => "a stranger",
            Shown::NoFace => "no face",
        };
        let similarity =
            identified.similarity.map(|s| format!("similarity {:.3}, ", s.0)).unwrap_or_default();
        let second = match (identified.verdict, identified.second) {
            (Shown::Ambiguous, Some(second)) => {
                format!("second {:.3}, margin {}, ", second.0, identified.margin)
            }
            _ => String::new(),
        };
        println!("{who} ({similarity}{second}threshold {:.3})", identified.threshold.0);
    }
    Ok(ExitCode::from(u8::from(identified.person.is_none())))
}

/// The embedding of an aligned face or of the most probable face of a picture.
fn embed(recognizer: &mut Recognizer, picture: &Frame, aligned: bool) -> anyhow::Result<Option<Embedding>> {
    if aligned {
        let Some(crop) = aligned_crop(picture) else {
            bail!("is {}x{} pixels, and an aligned face is 112x112", picture.width(), picture.height());
        };
        return Ok(Some(recognizer.embed(&crop)?));
    }
    Ok(recognizer.most_probable(picture)?.map(|recognized| recognized.embedding))
}

/// A gallery of the photos of a folder. A photo without a face is told and passed over; a folder without any
/// face is an error.
fn folder_gallery(recognizer: &mut Recognizer, folder: &Path, aligned: bool) -> anyhow::Result<Gallery> {
    let mut gallery = Gallery::default();
    for (id, person) in (0..).zip(person_folders(folder)?) {
        let mut embeddings = Vec::new();
        for photo in &person.photos {
            let found = read_picture(photo).map_err(anyhow::Error::from).and_then(|picture| {
                // As in enrollment, a photo of an aligned face's size is one.
                let aligned = aligned || aligned_crop(&picture).is_some();
                embed(recognizer, &picture, aligned).with_context(|| photo.display().to_string())
            });
            match found {
                Ok(Some(embedding)) => embeddings.push(embedding),
                Ok(None) => eprintln!("{}: no face, passed over", photo.display()),
                Err(error) => eprintln!("{error:#}, passed over"),
            }
        }
        let person = Person {
            id: PersonId(id),
            name: person.name,
            enabled: true,
            group: None,
            created: jiff::Timestamp::now(),
        };
        gallery.push(person, &embeddings).map_err(anyhow::Error::msg)?;
    }
    if gallery.is_empty() {
        bail!("{}: no face in any FOLDER/NAME/*.jpg", folder.display());
    }
    Ok(gallery)
}
