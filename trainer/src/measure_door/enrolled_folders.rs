//! The people of a set: a folder of pictures for each.

use std::path::Path;

use anyhow::{Result, bail};
use ostiary_pictures::{PersonFolder, person_folders};

/// The people in a folder. A measurement that left somebody out would be one of other people.
pub fn people_of(folder: &Path) -> Result<Vec<PersonFolder>> {
    let found = person_folders(folder)?;
    if let Some(passed) = found.passed_over.first() {
        bail!("{passed}");
    }
    Ok(found.people.into_iter().filter(|person| !person.photos.is_empty()).collect())
}
