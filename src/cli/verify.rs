//! `ostiary verify`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use ostiary_core::{Embedding, MatchRule, Similarity};
use ostiary_pictures::read_picture;
use ostiary_pipeline::Recognizer;
use serde::Serialize;

use super::{Globals, embed, output, pictures};

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  ostiary verify anna1.jpg anna2.jpg\n\n\
    Exit code: 0 the same person, 1 not, or no face, 2 error.")]
pub struct Args {
    /// A picture of a person.
    a: PathBuf,
    /// Another picture.
    b: PathBuf,

    /// The pictures are 112x112 crops, already aligned: take them as they are.
    #[arg(long)]
    aligned: bool,
}

#[derive(Serialize)]
struct Verified {
    similarity: Similarity,
    threshold: Similarity,
    same: bool,
}

pub fn run(globals: &Globals, args: Args) -> anyhow::Result<ExitCode> {
    let config = globals.config()?;
    let mut recognizer = Recognizer::load(&config)?;
    let threshold = recognizer.threshold(config.door.far)?;
    let mut embeddings = Vec::new();
    for file in [&args.a, &args.b] {
        match look(&mut recognizer, file, args.aligned)
            .with_context(|| format!("cannot look at {}", file.display()))?
        {
            Some(embedding) => embeddings.push(embedding),
            None => return Ok(ExitCode::from(embed::no_face(globals, file)?)),
        }
    }
    let similarity = embeddings[0].similarity(&embeddings[1]);
    // Two pictures are compared with each other alone, so that the margin has no part in it.
    let same = MatchRule { threshold, margin: config.door.margin }.is_match(similarity);
    if globals.json {
        output::json_line(&Verified { similarity, threshold, same })?;
    } else {
        output::line(&format!(
            "{}: {:.3} alike, {:.3} needed for a false accept rate of {:e}",
            if same { "the same person" } else { "not the same person" },
            similarity.0,
            threshold.0,
            config.door.far
        ))?;
    }
    Ok(ExitCode::from(u8::from(!same)))
}

fn look(recognizer: &mut Recognizer, file: &Path, aligned: bool) -> anyhow::Result<Option<Embedding>> {
    if aligned {
        return Ok(Some(recognizer.embed(&pictures::read_crop(file)?)?));
    }
    Ok(recognizer.most_probable(&read_picture(file)?)?.map(|seen| seen.embedding))
}
