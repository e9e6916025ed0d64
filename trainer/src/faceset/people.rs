//! A folder for each person.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use super::{FaceSet, Person, Picture, Place, entries};
use crate::prepared::JOURNAL;

/// Holds the names of people alone; each person's folder is listed when their turn comes.
pub struct People {
    folder: PathBuf,
    names: Vec<String>,
}

impl People {
    pub fn new(folder: &Path, names: Vec<String>) -> Result<Self> {
        if folder.join(JOURNAL).exists() {
            bail!(
                "{}: is what `ostiary-trainer prepare` wrote; the people are in its folders train and val",
                folder.display()
            );
        }
        Ok(Self { folder: folder.to_owned(), names })
    }
}

impl FaceSet for People {
    fn people(&self) -> usize {
        self.names.len()
    }

    fn person(&self, number: usize) -> Result<Person> {
        let name = self.names[number].clone();
        let folder = self.folder.join(&name);
        let (_, pictures) = entries(&folder)?;
        let picture = |name: String| Picture { place: Place::File(folder.join(&name)), name, face: None };
        Ok(Person { name, pictures: pictures.into_iter().map(picture).collect() })
    }
}
