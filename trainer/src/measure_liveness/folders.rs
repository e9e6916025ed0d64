//! The pictures in the folders of a set.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use ostiary_pictures::{folder_entries, is_named_as_picture};

/// The pictures of one person or one recording, in their order.
pub struct SubFolder {
    pub pictures: Vec<PathBuf>,
}

/// The folders in a folder that have pictures.
///
/// # Errors
/// If a folder cannot be read, or there are no pictures.
pub fn subfolders(set: &Path) -> Result<Vec<SubFolder>> {
    let mut found = Vec::new();
    for folder in entries(set)?.into_iter().filter(|path| path.is_dir()) {
        let pictures: Vec<PathBuf> =
            entries(&folder)?.into_iter().filter(|path| is_named_as_picture(path)).collect();
        if !pictures.is_empty() {
            found.push(SubFolder { pictures });
        }
    }
    ensure!(!found.is_empty(), "{}: has no folders with pictures of faces", set.display());
    Ok(found)
}

/// All pictures in a folder and in the folders in it.
///
/// # Errors
/// If a folder cannot be read, or there are no pictures.
pub fn pictures_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let (folders, mut pictures): (Vec<_>, Vec<_>) =
        entries(folder)?.into_iter().partition(|path| path.is_dir());
    for folder in folders {
        pictures.extend(entries(&folder)?);
    }
    pictures.retain(|path| is_named_as_picture(path));
    ensure!(!pictures.is_empty(), "{}: has no pictures", folder.display());
    Ok(pictures)
}

/// The paths in a folder. Names that differ only in the number at their end are in the order of these numbers.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries =
        folder_entries(folder).with_context(|| format!("cannot read the folder {}", folder.display()))?;
    if let Some(passed) = entries.passed_over.first() {
        bail!("{passed}");
    }
    let mut paths = [entries.folders, entries.files].concat();
    paths.sort_by_cached_key(|path| {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let beginning = name.trim_end_matches(|character: char| character.is_ascii_digit());
        let number = name.strip_prefix(beginning).and_then(|digits| digits.parse::<u64>().ok());
        (beginning.to_owned(), number, path.clone())
    });
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn pictures_are_in_the_order_of_the_numbers_at_the_end_of_their_names() {
        let folder = tempfile::tempdir().unwrap();
        let person = folder.path().join("person");
        fs::create_dir(&person).unwrap();
        for name in ["1_02_3.jpg", "1_01_20.jpg", "1_01_3.PNG", "notes.txt", "1_01_100.jpeg", "1_02_1.jpg"] {
            fs::write(person.join(name), "").unwrap();
        }
        let expected = ["1_01_3.PNG", "1_01_20.jpg", "1_01_100.jpeg", "1_02_1.jpg", "1_02_3.jpg"];
        let expected = expected.map(|name| person.join(name));
        let folders = subfolders(folder.path()).unwrap();
        assert_eq!(folders.len(), 1);
        assert_eq!(folders[0].pictures, expected);
        assert_eq!(pictures_below(folder.path()).unwrap(), expected);
        assert_eq!(pictures_below(&person).unwrap(), expected);
        assert!(subfolders(&person).is_err());
    }
}
