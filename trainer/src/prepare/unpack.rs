//! A verification set, as folders and a list of pairs. Nothing is looked at or left out: it is a yardstick.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, ensure};
use serde_json::json;

use crate::lfw::{self, Pair};
use crate::storage::{failed, write_whole};
use crate::verification::VerificationSet;

/// Folds that a verification set is evaluated in, one after another.
const FOLDS: usize = 10;

/// Writes the pictures as `NAME/NAME_0001.jpg` and the pairs as `pairs.txt`. Who is who is not known: each pair has its
/// own people, two pictures of `0001`, or one each of `0001a` and `0001b`.
pub fn unpack(file: &Path, folder: &Path, json: bool) -> Result<ExitCode> {
    let set = VerificationSet::read(file)?;
    ensure!(!set.same.is_empty(), "{}: there are no pairs in it", file.display());
    let width = set.same.len().to_string().len();
    let mut pairs = Vec::with_capacity(set.same.len());
    for (index, same) in set.same.iter().enumerate() {
        let number = format!("{:0width$}", index + 1);
        let pair = match same {
            true => Pair::intra(number, 1, 2),
            false => Pair::inter((format!("{number}a"), 1), (format!("{number}b"), 1)),
        };
        for ((name, picture), jpeg) in pair.pictures().into_iter().zip(&set.pictures[2 * index..]) {
            let own = folder.join(name);
            fs::create_dir_all(&own).map_err(failed(&own))?;
            write_whole(&own.join(lfw::file_name(name, picture)), |file| Ok(file.write_all(jpeg)?))?;
        }
        pairs.push(pair);
    }
    let folds = if pairs.len().is_multiple_of(2 * FOLDS) { FOLDS } else { 1 };
    write_whole(&folder.join(lfw::LIST), |list| lfw::write(list, folds, &pairs))?;
    let intra = set.same.iter().filter(|same| **same).count();
    let inter = set.same.len() - intra;
    if json {
        println!("{}", json!({ "intra": intra, "inter": inter }));
    } else {
        println!("{intra} pairs of one person and {inter} of two in {}", folder.join(lfw::LIST).display());
    }
    Ok(ExitCode::SUCCESS)
}
