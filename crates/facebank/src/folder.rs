//! Folders of photos, one folder for each person: `FOLDER/NAME/*.jpg`.

use std::io;
use std::path::{Path, PathBuf};

use super::FacebankError;

/// One person's photos.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonFolder {
    /// The name of the folder, which is the person's name.
    pub name: String,
    /// The paths of the photos, sorted; at least one.
    pub photos: Vec<PathBuf>,
}

/// The folders in `folder` that contain at least one `.jpg`, `.jpeg` or `.png` file, sorted by name. Hidden files and folders
/// are skipped.
///
/// # Errors
/// A folder cannot be read, or its name is not UTF-8.
pub fn person_folders(folder: &Path) -> Result<Vec<PersonFolder>, FacebankError> {
    let mut people = Vec::new();
    for path in entries(folder)?.into_iter().filter(|path| path.is_dir()) {
        let photos: Vec<PathBuf> =
            entries(&path)?.into_iter().filter(|path| path.is_file() && is_photo(path)).collect();
        let Some(name) = path.file_name() else { continue };
        let Some(name) = name.to_str() else {
            let why = "the name of the folder is not UTF-8: rename it";
            return Err(FacebankError::BadName { name: name.to_string_lossy().into_owned(), why });
        };
        if !photos.is_empty() {
            people.push(PersonFolder { name: name.to_owned(), photos });
        }
    }
    Ok(people)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, FacebankError> {
    let failed = |why| FacebankError::Io { path: folder.to_owned(), why };
    let hidden =
        |path: &PathBuf| path.file_name().is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
    let paths: Result<Vec<PathBuf>, io::Error> =
        folder.read_dir().map_err(failed)?.map(|entry| entry.map(|entry| entry.path())).collect();
    let mut paths = paths.map_err(failed)?;
    paths.retain(|path| !hidden(path));
    paths.sort();
    Ok(paths)
}

fn is_photo(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    ["jpg", "jpeg", "png"].iter().any(|known| extension.eq_ignore_ascii_case(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_with_photos_are_people() {
        let folder = tempfile::tempdir().unwrap();
        for file in ["Bob/2.JPG", "Bob/1.png", "Bob/notes.txt", "Ann/a.jpeg", "Empty/x.txt", ".git/a.jpg"] {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, b"").unwrap();
        }
        let people = person_folders(folder.path()).unwrap();
        let names: Vec<_> = people.iter().map(|p| (p.name.as_str(), p.photos.len())).collect();
        assert_eq!(names, [("Ann", 1), ("Bob", 2)]);
        assert!(people[1].photos[0].ends_with("1.png"));
        assert!(person_folders(&folder.path().join("absent")).is_err());
    }
}
