//! The sets that models are measured on: labeled pairs of pictures, or people with pictures.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use ostiary_core::Point;
use ostiary_pictures::read_picture_bytes;
use sha2::{Digest, Sha256};

use super::folds::FOLDS;
use crate::faceset::{self, Location};
use crate::lfw::{self, List};
use crate::verification::VerificationSet;

/// Pictures, and the protocol by which they are compared.
pub struct EvaluationSet {
    /// The path on the command line.
    pub path: PathBuf,
    /// The distinct pictures.
    pub pictures: Vec<Picture>,
    /// Which pictures are compared.
    pub protocol: Protocol,
    read: Box<dyn Fn(usize) -> Result<Vec<u8>> + Send + Sync>,
}

/// A picture of a set.
pub struct Picture {
    /// The name in messages.
    pub name: PathBuf,
    /// Index of the person in [`EvaluationSet::names`], if the set names people.
    pub person: Option<usize>,
    /// Center of the person's face, pixels, if the set has it.
    pub face: Option<Point>,
}

/// Which pictures are compared.
pub enum Protocol {
    /// The listed pairs.
    Pairs {
        /// Ordered by fold.
        pairs: Vec<Pair>,
        /// Number of folds.
        folds: usize,
        /// Names of people; empty if the set does not name them.
        names: Vec<String>,
    },
    /// All pairs of pictures.
    People {
        /// Names of people.
        names: Vec<String>,
    },
}

/// A labeled pair of pictures.
#[derive(Debug, Clone, Copy)]
pub struct Pair {
    /// Indices in [`EvaluationSet::pictures`].
    pub pictures: [usize; 2],
    /// Whether both show one person.
    pub same: bool,
}

impl EvaluationSet {
    /// Opens a verification set (.bin), a list of pairs or its folder, or a set of people.
    ///
    /// # Errors
    /// If it cannot be read, or does not have pairs of one person and of two people.
    pub fn open(path: &Path) -> Result<Self> {
        if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("bin")) {
            return Self::from_bin(path);
        }
        if path.file_name().is_some_and(|name| name == lfw::LIST) {
            return Self::from_list(path, path);
        }
        let list = path.join(lfw::LIST);
        if list.is_file() { Self::from_list(path, &list) } else { Self::from_people(path) }
    }

    /// Reads the file of a picture by its index.
    ///
    /// # Errors
    /// If there is no such picture, or it cannot be read.
    pub fn read(&self, number: usize) -> Result<Vec<u8>> {
        (self.read)(number)
    }

    /// Names of people; empty if the set does not name them.
    pub fn names(&self) -> &[String] {
        match &self.protocol {
            Protocol::Pairs { names, .. } | Protocol::People { names } => names,
        }
    }

    fn from_bin(path: &Path) -> Result<Self> {
        let set = VerificationSet::read(path)?;
        let (mut pictures, mut files) = (Vec::new(), Vec::new());
        let mut known: HashMap<[u8; 32], usize> = HashMap::new();
        let mut number_of = |index: usize, file: Vec<u8>| {
            *known.entry(Sha256::digest(&file).into()).or_insert_with(|| {
                let name = format!("{}: picture {} (pair {})", path.display(), index + 1, index / 2 + 1);
                pictures.push(Picture { name: name.into(), person: None, face: None });
                files.push(file);
                files.len() - 1
            })
        };
        let numbers: Vec<usize> =
            set.pictures.into_iter().enumerate().map(|(index, file)| number_of(index, file)).collect();
        let pairs = numbers.as_chunks::<2>().0.iter().zip(set.same);
        let pairs = pairs.map(|(pictures, same)| Pair { pictures: *pictures, same }).collect();
        let read = Box::new(move |number: usize| {
            files.get(number).cloned().context("the set has no picture of this number")
        });
        Self::of_pairs(path, pictures, Protocol::Pairs { pairs, folds: FOLDS, names: Vec::new() }, read)
    }

    fn from_list(path: &Path, list: &Path) -> Result<Self> {
        let List { folds, pairs } = lfw::read(list)?;
        let folder = list.parent().context("the list has no folder")?;
        let (mut pictures, mut names) = (Vec::new(), Vec::new());
        let mut people: HashMap<String, usize> = HashMap::new();
        let mut known: HashMap<PathBuf, usize> = HashMap::new();
        let mut number_of = |(name, number): (&str, usize)| {
            let file = folder.join(name).join(lfw::file_name(name, number));
            if let Some(number) = known.get(&file) {
                return Ok(*number);
            }
            ensure!(
                fs::metadata(&file).is_ok_and(|file| file.is_file()),
                "{}: lists picture {number} of {name}, but {} does not exist",
                list.display(),
                file.display()
            );
            let person = *people.entry(name.to_owned()).or_insert_with(|| {
                names.push(name.to_owned());
                names.len() - 1
            });
            known.insert(file.clone(), pictures.len());
            pictures.push(Picture { name: file, person: Some(person), face: None });
            Ok(pictures.len() - 1)
        };
        let pair = |pair: &lfw::Pair| {
            let [first, second] = pair.pictures();
            Ok(Pair { pictures: [number_of(first)?, number_of(second)?], same: pair.is_intra() })
        };
        let pairs = pairs.iter().map(pair).collect::<Result<_>>()?;
        let files: Vec<PathBuf> = pictures.iter().map(|picture: &Picture| picture.name.clone()).collect();
        let read = Box::new(move |number: usize| {
            let file = files.get(number).context("the set has no picture of this number")?;
            Ok(read_picture_bytes(file)?)
        });
        // A list of one fold does not say how to divide it.
        let folds = if folds > 1 { folds } else { FOLDS };
        Self::of_pairs(path, pictures, Protocol::Pairs { pairs, folds, names }, read)
    }

    fn of_pairs(
        path: &Path,
        pictures: Vec<Picture>,
        protocol: Protocol,
        read: Box<dyn Fn(usize) -> Result<Vec<u8>> + Send + Sync>,
    ) -> Result<Self> {
        if let Protocol::Pairs { pairs, .. } = &protocol {
            let same = pairs.iter().filter(|pair| pair.same).count();
            ensure!(
                same > 0 && same < pairs.len(),
                "{}: has {same} pairs of one person and {} of two; accuracy needs both",
                path.display(),
                pairs.len() - same
            );
        }
        Ok(Self { path: path.to_owned(), pictures, protocol, read })
    }

    fn from_people(path: &Path) -> Result<Self> {
        let data = Self::strangers(path)?;
        let names = data.names();
        ensure!(
            names.len() > 1,
            "{}: has one person, {}; accuracy needs pictures of two people, in a folder for each",
            path.display(),
            names.first().map_or("", String::as_str)
        );
        ensure!(
            data.pictures.len() > names.len(),
            "{}: no person has two pictures; accuracy needs pairs of one person",
            path.display()
        );
        Ok(data)
    }

    /// Opens a set of people, who can have one picture each.
    ///
    /// # Errors
    /// If it cannot be read, or has no picture.
    pub fn strangers(path: &Path) -> Result<Self> {
        let set = faceset::open(path)?;
        let (mut names, mut pictures, mut sources) = (Vec::new(), Vec::new(), Vec::new());
        for number in 0..set.people() {
            let person = set.person(number)?;
            if person.pictures.is_empty() {
                continue;
            }
            for picture in person.pictures {
                let name = match &picture.location {
                    Location::File(path) => path.clone(),
                    Location::Record(_) => path.join(&person.name).join(&picture.name),
                };
                pictures.push(Picture { name, person: Some(names.len()), face: picture.face });
                sources.push(picture);
            }
            names.push(person.name);
        }
        ensure!(!names.is_empty(), "{}: has no picture", path.display());
        let read = Box::new(move |number: usize| {
            set.read(sources.get(number).context("the set has no picture of this number")?)
        });
        Ok(Self { path: path.to_owned(), pictures, protocol: Protocol::People { names }, read })
    }
}
