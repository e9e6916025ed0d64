//! `ostiary-trainer pairs`: a set of faces in; pairs of pictures of one person and of two out, to verify with, in the
//! format and layout of Labeled Faces in the Wild.
//!
//! `choose` draws pairs from a seed; the pictures that they name are copied beside the list. Where a person has one
//! picture only, the other of a pair is made from it (`second`).

mod choose;
mod second;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};
use choose::{Choice, Wanted};
use ostiary_pictures::decode_picture;
use serde_json::json;

use crate::faceset::{self, FaceSet, Picture};
use crate::jpeg;
use crate::lfw::{self, Pair};
use crate::storage::{failed, write_whole};
use crate::verification::VerificationSet;

/// Names, one a line, of the pictures that were made.
const MADE: &str = "augmented.txt";

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  ostiary-trainer pairs emore/val -o emore-pairs --bin emore.bin\n\n\
    Nobody is in two folds. Where a person has one picture only, the other one of a pair is made from it: mirrored or \
    not, in other light, a little moved, perhaps blurred; augmented.txt names those.")]
pub struct Args {
    /// The set, as `prepare` writes it: a folder of people or its train.rec. Any other that `prepare` reads will do, if
    /// everybody has two pictures.
    set: PathBuf,
    /// The folder to write: pairs.txt, and the pictures as NAME/NAME_0001.jpg.
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    /// Groups of people and pairs, as for cross-validation.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..))]
    folds: u16,
    /// Pairs of one person in each fold, and as many of two.
    #[arg(long, value_name = "N", default_value_t = 300, value_parser = clap::value_parser!(u32).range(1..))]
    pairs: u32,
    /// Chooses the pairs.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Write them as a verification set (.bin) of InsightFace's too.
    #[arg(long, value_name = "FILE")]
    bin: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> Result<ExitCode> {
    let set = faceset::open(&args.set)?;
    fs::create_dir_all(&args.output).map_err(failed(&args.output))?;
    let mut there = args.output.read_dir().with_context(|| args.output.display().to_string())?;
    ensure!(there.next().is_none(), "{}: is not empty; choose another --output", args.output.display());
    let sizes: Vec<usize> =
        (0..set.people()).map(|number| Ok(set.person(number)?.pictures.len())).collect::<Result<_>>()?;
    let wanted = Wanted { folds: args.folds.into(), pairs: args.pairs as usize, seed: args.seed };
    let choices = choose::choose(&sizes, wanted)
        .with_context(|| format!("{}: not enough for these pairs", args.set.display()))?;

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
    write_whole(&args.output.join(MADE), |file| {
        made.iter().try_for_each(|name| Ok(writeln!(file, "{name}")?))
    })?;
    write_whole(&args.output.join(lfw::LIST), |file| lfw::write(file, args.folds.into(), &pairs))?;
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
            "{0} pairs of one person and {0} of two, of {1} people and {pictures} pictures, of which {2} were made, in {3}",
            pairs.len() / 2,
            used.len(),
            made.len(),
            args.output.join(lfw::LIST).display()
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// Copies those of a person's pictures that are used, numbered in their order; gives the person's name.
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
    fs::create_dir_all(&folder).map_err(failed(&folder))?;
    for (number, index) in (1..).zip(used) {
        let file = lfw::file_name(&name, number);
        let bytes = match person.pictures.get(*index) {
            Some(picture) => as_jpeg(set, &name, picture)?,
            // The only one has a second one made of it.
            None => {
                let [picture] = &person.pictures[..] else { bail!("{name}: the set changed meanwhile") };
                made.push(file.clone());
                second::made_of(&set.read(picture)?, &name, args.seed)?
            }
        };
        write_whole(&folder.join(file), |file| Ok(file.write_all(&bytes)?))?;
    }
    Ok(name)
}

fn as_jpeg(set: &dyn FaceSet, person: &str, picture: &Picture) -> Result<Vec<u8>> {
    let bytes = set.read(picture)?;
    let frame = decode_picture(&Path::new(person).join(&picture.name), &bytes)?;
    if jpeg::is_jpeg(&bytes) { Ok(bytes) } else { jpeg::encode(frame.rgb(), frame.width(), frame.height()) }
}

/// The pair as the list has it: with names, and pictures counted among those that are used.
fn pair(
    choice: &Choice,
    used: &BTreeMap<usize, BTreeSet<usize>>,
    names: &BTreeMap<usize, String>,
) -> Result<Pair> {
    let place = |(person, picture): (usize, usize)| {
        let number = used.get(&person)?.range(..=picture).count();
        Some((names.get(&person)?.clone(), number))
    };
    let [Some(first), Some(second)] = choice.map(place) else { bail!("a pair has no pictures") };
    Ok(if first.0 == second.0 { Pair::intra(first.0, first.1, second.1) } else { Pair::inter(first, second) })
}

fn write_bin(folder: &Path, bin: &Path, pairs: &[Pair]) -> Result<()> {
    let mut pictures = Vec::new();
    for (name, number) in pairs.iter().flat_map(|pair| pair.pictures()) {
        let path = folder.join(name).join(lfw::file_name(name, number));
        pictures.push(fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?);
    }
    let same = pairs.iter().map(Pair::is_intra).collect();
    write_whole(bin, |file| VerificationSet { pictures, same }.write(file))
}
