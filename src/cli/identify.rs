//! `ostiary identify`: say whom a picture shows.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use ostiary_core::{Embedding, Frame, Person, PersonId, Similarity};
use ostiary_facebank::{Facebank, Gallery, person_folders};
use ostiary_pictures::read_picture;
use ostiary_pipeline::{Recogniser, aligned_crop};
use serde::Serialize;

use super::Globals;
use super::output::json_line;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  ostiary identify visitor.jpg\n  \
                        ostiary identify visitor.jpg --facebank photos/ --json\n\n\
                        Exit code 0: known. 1: a stranger, or no face. 2: an error.")]
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

/// What is printed. Everything but the threshold is null where there is no face or nobody to compare with.
#[derive(Serialize)]
struct Identified<'a> {
    /// Null for a stranger.
    person: Option<&'a str>,
    similarity: Option<Similarity>,
    second: Option<Similarity>,
    threshold: Similarity,
}

pub fn run(globals: &Globals, args: Args) -> anyhow::Result<ExitCode> {
    let config = globals.config()?;
    let path = args.facebank.as_ref().unwrap_or(&config.facebank.path);
    let facebank = if path.is_dir() { None } else { Some(Facebank::open_read_only(path)?) };
    let picture = read_picture(&args.file)?;
    let mut recogniser = Recogniser::load(&config)?;
    let threshold = recogniser.threshold(config.door.far)?;
    let gallery = match facebank {
        Some(facebank) => facebank.gallery(recogniser.model())?,
        None => folder_gallery(&mut recogniser, path, args.aligned)?,
    };
    let Some(probe) =
        embed(&mut recogniser, &picture, args.aligned).with_context(|| args.file.display().to_string())?
    else {
        let nothing = Identified { person: None, similarity: None, second: None, threshold };
        return say(globals, &nothing, "no face");
    };
    let best = gallery.best(&probe);
    let known = best.filter(|best| best.similarity >= threshold);
    let person = known.and_then(|known| gallery.person(known.person)).map(|person| person.name.as_str());
    let second = best.and_then(|best| best.second).map(|(_, similarity)| similarity);
    let similarity = best.map(|best| best.similarity);
    say(globals, &Identified { person, similarity, second, threshold }, "a stranger")
}

fn say(globals: &Globals, identified: &Identified<'_>, nobody: &str) -> anyhow::Result<ExitCode> {
    if globals.json {
        json_line(identified)?;
    } else {
        let who = identified.person.unwrap_or(nobody);
        let alike = identified.similarity.map(|s| format!("similarity {:.3}, ", s.0)).unwrap_or_default();
        println!("{who} ({alike}threshold {:.3})", identified.threshold.0);
    }
    Ok(if identified.person.is_some() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// The embedding of an aligned face or of the most probable face of a picture.
fn embed(recogniser: &mut Recogniser, picture: &Frame, aligned: bool) -> anyhow::Result<Option<Embedding>> {
    if aligned {
        let Some(crop) = aligned_crop(picture) else {
            bail!("is {}x{} pixels, and an aligned face is 112x112", picture.width(), picture.height());
        };
        return Ok(Some(recogniser.embed(&crop)?));
    }
    Ok(recogniser.most_probable(picture)?.map(|recognised| recognised.embedding))
}

/// A gallery of the photos of a folder. A photo without a face is told and passed over; a folder without any
/// face is an error.
fn folder_gallery(recogniser: &mut Recogniser, folder: &Path, aligned: bool) -> anyhow::Result<Gallery> {
    let mut gallery = Gallery::default();
    for (id, person) in (0..).zip(person_folders(folder)?) {
        let mut embeddings = Vec::new();
        for photo in &person.photos {
            let found = read_picture(photo).map_err(anyhow::Error::from).and_then(|picture| {
                // As in enrolment, a photo of an aligned face's size is one.
                let aligned = aligned || aligned_crop(&picture).is_some();
                embed(recogniser, &picture, aligned).with_context(|| photo.display().to_string())
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
