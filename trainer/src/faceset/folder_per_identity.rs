//! A set with a folder of pictures for each person.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::{FaceSet, Location, Person, Picture, entries};
use crate::prepared::JOURNAL;

/// The set. It holds only the names of people; a person's folder is listed when it is needed.
pub struct FolderPerIdentity {
    folder: PathBuf,
    names: Vec<String>,
}

impl FolderPerIdentity {
    /// A set with these folders of people.
    ///
    /// # Errors
    /// If the folder is the output of `prepare`, whose sets are its subfolders.
    pub fn new(folder: &Path, names: Vec<String>) -> Result<Self> {
        if folder.join(JOURNAL).exists() {
            bail!(
                "{}: is the output of `ostiary-trainer prepare`; its sets are the folders train and val in it",
                folder.display()
            );
        }
        Ok(Self { folder: folder.to_owned(), names })
    }
}

impl FaceSet for FolderPerIdentity {
    fn people(&self) -> usize {
        self.names.len()
    }

    fn person(&self, number: usize) -> Result<Person> {
        let name = self.names.get(number).with_context(|| format!("there is no person {number}"))?.clone();
        let folder = self.folder.join(&name);
        let (_, pictures) = entries(&folder)?;
        let picture =
            |name: String| Picture { location: Location::File(folder.join(&name)), name, face: None };
        Ok(Person { name, pictures: pictures.into_iter().map(picture).collect() })
    }
}
