//! A set with one picture of each person in one folder. The person is named after the file, without the extension.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::{FaceSet, Location, Person, Picture};

/// The set.
pub struct OnePerIdentity {
    folder: PathBuf,
    /// File names, sorted.
    files: Vec<String>,
}

/// A file name without its extension.
fn stem(file: &str) -> &str {
    file.rsplit_once('.').map_or(file, |(stem, _)| stem)
}

impl OnePerIdentity {
    /// A set of these pictures.
    ///
    /// # Errors
    /// If two files differ only in their extension.
    pub fn new(folder: &Path, files: Vec<String>) -> Result<Self> {
        let mut stems: Vec<&str> = files.iter().map(|file| stem(file)).collect();
        stems.sort_unstable();
        if let Some([twice, ..]) = stems.chunk_by(|a, b| a == b).find(|same| same.len() > 1) {
            bail!("{}: {twice} exists twice, with two extensions; rename one", folder.display());
        }
        Ok(Self { folder: folder.to_owned(), files })
    }
}

impl FaceSet for OnePerIdentity {
    fn people(&self) -> usize {
        self.files.len()
    }

    fn person(&self, number: usize) -> Result<Person> {
        let file = self.files.get(number).with_context(|| format!("there is no person {number}"))?;
        let location = Location::File(self.folder.join(file));
        let picture = Picture { name: file.clone(), location, face: None };
        Ok(Person { name: stem(file).to_owned(), pictures: vec![picture] })
    }
}
