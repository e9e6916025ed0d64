//! A folder of pictures of which each shows somebody else: the file's name without its ending names the person.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use super::{FaceSet, Person, Picture, Place};

pub struct Singles {
    folder: PathBuf,
    /// In order.
    files: Vec<String>,
}

/// A file's name without its ending.
fn stem(file: &str) -> &str {
    file.rsplit_once('.').map_or(file, |(stem, _)| stem)
}

impl Singles {
    pub fn new(folder: &Path, files: Vec<String>) -> Result<Self> {
        let mut stems: Vec<&str> = files.iter().map(|file| stem(file)).collect();
        stems.sort_unstable();
        if let Some(twice) = stems.windows(2).find(|pair| pair[0] == pair[1]) {
            bail!("{}: {} is there twice, with two endings; rename one", folder.display(), twice[0]);
        }
        Ok(Self { folder: folder.to_owned(), files })
    }
}

impl FaceSet for Singles {
    fn people(&self) -> usize {
        self.files.len()
    }

    fn person(&self, number: usize) -> Result<Person> {
        let file = &self.files[number];
        let place = Place::File(self.folder.join(file));
        let picture = Picture { name: file.clone(), place, face: None };
        Ok(Person { name: stem(file).to_owned(), pictures: vec![picture] })
    }
}
