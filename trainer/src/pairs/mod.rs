//! `ostiary-trainer pairs`: draws verification pairs, of one person and of two people, from a set of faces. The output has the
//! format and layout of Labeled Faces in the Wild.
//!
//! `draw` draws pairs from a seed. Their pictures are copied beside the list. If a person has only one picture, the second
//! of a pair is an augmentation of it (`augmented_picture`).

mod augmented_picture;
mod draw;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};
use draw::{PairCounts, PicturePair};
use ostiary_pictures::decode_picture;
use serde_json::json;

use crate::faceset::{self, FaceSet, Picture};
use crate::jpeg;
use crate::lfw::{self, Pair};
use crate::storage::{write_atomic, write_error};
use crate::verification::VerificationSet;

/// File name of the list of augmented pictures, one name a line.
const AUGMENTED: &str = "augmented.txt";

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  ostiary-trainer pairs emore/val -o emore-pairs --bin emore.bin\n\n\
    No person is in two folds. If a person has only one picture, the second one of a pair is an augmentation of it: perhaps \
    mirrored, in other light, slightly moved, perhaps blurred; augmented.txt names these pictures.")]
/// Arguments of `ostiary-trainer pairs`.
pub struct Args {
    /// The set, as `prepare` writes it: a folder of people or its train.rec. Any other set that `prepare` reads is accepted if
    /// each person has two pictures.
    set: PathBuf,
    /// The folder to write pairs.txt and the pictures to, as NAME/NAME_0001.jpg.
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    /// Number of folds for cross-validation.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..))]
    folds: u16,
    /// Pairs of one person in each fold, and as many pairs of two people.
    #[arg(long, value_name = "N", default_value_t = 300, value_parser = clap::value_parser!(u32).range(1..))]
    pairs: u32,
    /// Seed of the choice of pairs.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Also write the pairs as a verification set (.bin) of InsightFace.
    #[arg(long, value_name = "FILE")]
    bin: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// If the set cannot be read, has too few people or pictures, or the output cannot be written.
pub fn run(args: &Args) -> Result<ExitCode> {
    let set = faceset::open(&args.set)?;
    fs::create_dir_all(&args.output).map_err(write_error(&args.output))?;
    let mut existing = args.output.read_dir().with_context(|| args.output.display().to_string())?;
    ensure!(existing.next().is_none(), "{}: is not empty; choose another --output", args.output.display());
    let sizes: Vec<usize> =
        (0..set.people()).map(|number| Ok(set.person(number)?.pictures.len())).collect::<Result<_>>()?;
    let wanted = PairCounts { folds: args.folds.into(), pairs: args.pairs as usize, seed: args.seed };
    let choices = draw::draw_pairs(&sizes, wanted)
        .with_context(|| format!("{}: cannot draw the pairs", args.set.display()))?;

    let mut used: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    for (person, picture) in choices.iter().flatten() {
        used.entry(*person).or_default().insert(*picture);
    }
    let mut names = BTreeMap::new();
    let mut made = Vec::new();
    for (person, pictures) in &used {
        names.insert(*person, copy(&*set, *person, pictures, args, &mut made)?);
    }
    let pairs = choices.iter().map(|choice| pair(choice, &used, &names)).collect::<Result<Vec<_>>>()?;
    if let Some(bin) = &args.bin {
        write_bin(&args.output, bin, &pairs)?;
    }
    write_atomic(&args.output.join(AUGMENTED), |file| {
        made.iter().try_for_each(|name| Ok(writeln!(file, "{name}")?))
    })?;
    write_atomic(&args.output.join(lfw::LIST), |file| lfw::write(file, args.folds.into(), &pairs))?;
    let pictures: usize = used.values().map(BTreeSet::len).sum();
    if args.json {
        let half = pairs.len() / 2;
        let (people, made) = (used.len(), made.len());
        println!(
            "{}",
            json!({ "intra": half, "inter": half, "people": people, "pictures": pictures, "augmented": made })
        );
    } else {
        println!(
            "{0} pairs of one person and {0} of two, of {1} people and {pictures} pictures ({2} augmented), in {3}",
            pairs.len() / 2,
            used.len(),
            made.len(),
            args.output.join(lfw::LIST).display()
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// Copies the used pictures of a person, numbered in order; returns the person's name.
fn copy(
    set: &dyn FaceSet,
    person: usize,
    used: &BTreeSet<usize>,
    args: &Args,
    made: &mut Vec<String>,
) -> Result<String> {
    let person = set.person(person)?;
    let name = person.name;
    let folder = args.output.join(&name);
    fs::create_dir_all(&folder).map_err(write_error(&folder))?;
    for (number, index) in (1..).zip(used) {
        let file = lfw::file_name(&name, number);
        let bytes = match person.pictures.get(*index) {
            Some(picture) => as_jpeg(set, &name, picture)?,
            // A person with one picture gets an augmented second one.
            None => {
                let [picture] = &person.pictures[..] else {
                    bail!("{name}: the set has changed while it was read; give the same command again")
                };
                made.push(file.clone());
                augmented_picture::augment_crop(&set.read(picture)?, &name, args.seed)?
            }
        };
        write_atomic(&folder.join(file), |file| Ok(file.write_all(&bytes)?))?;
    }
    Ok(name)
}

fn as_jpeg(set: &dyn FaceSet, person: &str, picture: &Picture) -> Result<Vec<u8>> {
    let bytes = set.read(picture)?;
    let frame = decode_picture(&Path::new(person).join(&picture.name), &bytes)?;
    if jpeg::is_jpeg(&bytes) { Ok(bytes) } else { jpeg::encode(frame.rgb(), frame.width(), frame.height()) }
}

/// A pair as it stands in the list: with names, and with pictures numbered among the used ones.
fn pair(
    choice: &PicturePair,
    used: &BTreeMap<usize, BTreeSet<usize>>,
    names: &BTreeMap<usize, String>,
) -> Result<Pair> {
    let place = |(person, picture): (usize, usize)| {
        let number = used.get(&person)?.range(..=picture).count();
        Some((names.get(&person)?.clone(), number))
    };
    let [Some(first), Some(second)] = choice.map(place) else {
        bail!("a pair has a picture that was not copied")
    };
    Ok(if first.0 == second.0 {
        Pair::genuine(first.0, first.1, second.1)
    } else {
        Pair::impostor(first, second)
    })
}

fn write_bin(folder: &Path, bin: &Path, pairs: &[Pair]) -> Result<()> {
    let mut pictures = Vec::new();
    for (name, number) in pairs.iter().flat_map(|pair| pair.pictures()) {
        let path = folder.join(name).join(lfw::file_name(name, number));
        pictures.push(fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?);
    }
    let same = pairs.iter().map(Pair::is_intra).collect();
    write_atomic(bin, |file| VerificationSet { pictures, same }.write(file))
}
