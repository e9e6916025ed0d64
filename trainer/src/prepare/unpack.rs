//! Unpacks a verification set into folders and a list of pairs. Pictures are neither checked nor rejected, because a benchmark
//! must stay complete.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, ensure};
use serde_json::json;

use crate::lfw::{self, Pair};
use crate::storage::{write_atomic, write_error};
use crate::verification::VerificationSet;

/// Number of folds of a verification set, as in the evaluation of InsightFace.
const FOLDS: usize = 10;

/// Writes the pictures as `NAME/NAME_0001.jpg` and the pairs as `pairs.txt`. The file does not name people, so each pair gets
/// its own: two pictures of `0001`, or one picture each of `0001a` and `0001b`.
pub fn unpack(file: &Path, folder: &Path, json: bool) -> Result<ExitCode> {
    let set = VerificationSet::read(file)?;
    ensure!(!set.same.is_empty(), "{}: has no pairs", file.display());
    let width = set.same.len().to_string().len();
    let mut pairs = Vec::with_capacity(set.same.len());
    let labeled = set.same.iter().zip(set.pictures.as_chunks::<2>().0);
    for (index, (same, jpegs)) in labeled.enumerate() {
        let number = format!("{:0width$}", index + 1);
        let pair = match same {
            true => Pair::genuine(number, 1, 2),
            false => Pair::impostor((format!("{number}a"), 1), (format!("{number}b"), 1)),
        };
        for ((name, picture), jpeg) in pair.pictures().into_iter().zip(jpegs) {
            let own = folder.join(name);
            fs::create_dir_all(&own).map_err(write_error(&own))?;
            write_atomic(&own.join(lfw::file_name(name, picture)), |file| Ok(file.write_all(jpeg)?))?;
        }
        pairs.push(pair);
    }
    let folds = if pairs.len().is_multiple_of(2 * FOLDS) { FOLDS } else { 1 };
    write_atomic(&folder.join(lfw::LIST), |list| lfw::write(list, folds, &pairs))?;
    let intra = set.same.iter().filter(|same| **same).count();
    let inter = set.same.len() - intra;
    if json {
        println!("{}", json!({ "intra": intra, "inter": inter }));
    } else {
        println!("{intra} pairs of one person and {inter} of two in {}", folder.join(lfw::LIST).display());
    }
    Ok(ExitCode::SUCCESS)
}
