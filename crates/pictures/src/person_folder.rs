//! Folders of photos, one folder for each person: `FOLDER/NAME/*.jpg`.

use std::io;
use std::path::{Path, PathBuf};

use super::PictureError;
use super::folder::{PassedOver, Visited, folder_entries, folder_error, is_named_as_picture};

/// A folder with a folder for each person.
#[derive(Debug, Default)]
pub struct PeopleFolder {
    /// The people, sorted by the names of their folders.
    pub people: Vec<PersonFolder>,
    /// Folders and photos that were passed over.
    pub passed_over: Vec<PassedOver>,
}

/// One person's photos.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonFolder {
    /// The name of the folder, which is the person's name.
    pub name: String,
    /// The files with the extension of a picture, sorted. Some may be in a format that cannot be read.
    pub photos: Vec<PathBuf>,
    /// The names of everything else in the folder, sorted.
    pub others: Vec<String>,
}

impl PersonFolder {
    /// Why the folder gives no photos, with what is in it, and how to fix it; `None` if it has some.
    pub fn without_photos(&self) -> Option<String> {
        /// How many names the message has at most.
        const MOST: usize = 3;
        if !self.photos.is_empty() {
            return None;
        }
        let mut named: Vec<&str> = self.others.iter().take(MOST).map(String::as_str).collect();
        if self.others.len() > MOST {
            named.push("...");
        }
        let content =
            if named.is_empty() { "it is empty".to_owned() } else { format!("it has {}", named.join(", ")) };
        Some(format!(
            "there is no picture in the folder ({content}); put pictures (.jpg, .png, .webp) directly into it"
        ))
    }
}

/// The folders in a folder, each with the photos directly in it. What other programs leave there is passed over.
///
/// # Errors
/// The folder itself cannot be listed. Folders in it that cannot be listed are passed over.
pub fn person_folders(folder: &Path) -> Result<PeopleFolder, PictureError> {
    let failed = |why: io::Error| folder_error(folder, &why);
    let mut visited = Visited::default();
    visited.insert(folder).map_err(failed)?;
    let entries = folder_entries(folder).map_err(failed)?;
    let mut found = PeopleFolder { people: Vec::new(), passed_over: entries.passed_over };
    // Folders before links to them, so that a person has the name of the folder.
    let (links, folders): (Vec<_>, Vec<_>) = entries.folders.into_iter().partition(|path| path.is_symlink());
    for path in folders.into_iter().chain(links) {
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        match visited.insert(&path).and_then(|is_new| Ok((is_new, folder_entries(&path)?))) {
            Ok((true, entries)) => {
                let (photos, others): (Vec<_>, Vec<_>) =
                    entries.files.into_iter().partition(|path| is_named_as_picture(path));
                let names = others.iter().chain(&entries.folders).filter_map(|path| path.file_name());
                let others = names.map(|name| name.to_string_lossy().into_owned()).collect();
                found.passed_over.extend(entries.passed_over);
                found.people.push(PersonFolder { name: name.to_owned(), photos, others });
            }
            Ok((false, _)) => {
                let folder = path.canonicalize().unwrap_or_default();
                found.passed_over.push(PassedOver::Link { path, folder });
            }
            Err(why) => found.passed_over.push(PassedOver::Unreadable { path, why }),
        }
    }
    found.people.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn folders_are_people() {
        let folder = tempfile::tempdir().unwrap();
        for file in [
            "Bob/2.JPG",
            "Bob/1.png",
            "Bob/notes.txt",
            "Ann/a.jpeg",
            "Ann/.b.jpg",
            "Cleo/IMG_1.HEIC",
            "Dan/x.txt",
            "Dan/more/1.jpg",
            ".git/a.jpg",
            "@eaDir/a.jpg",
            "top.jpg",
        ] {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, b"").unwrap();
        }
        std::fs::create_dir(folder.path().join("Eve")).unwrap();
        symlink("Bob", folder.path().join("Al")).unwrap();
        let found = person_folders(folder.path()).unwrap();
        let people: Vec<_> = found.people.iter().map(|p| (p.name.as_str(), p.photos.len())).collect();
        assert_eq!(people, [("Ann", 1), ("Bob", 2), ("Cleo", 1), ("Dan", 0), ("Eve", 0)]);
        assert!(found.people[1].photos[0].ends_with("1.png"));
        let words: Vec<_> = found.people.iter().map(|person| person.without_photos()).collect();
        assert!(words[..3].iter().all(Option::is_none));
        assert!(words[3].as_ref().unwrap().contains("it has x.txt, more"), "{words:?}");
        assert!(words[4].as_ref().unwrap().contains("it is empty"), "{words:?}");
        assert_eq!(found.passed_over.len(), 1);
        assert!(found.passed_over[0].to_string().contains("Al: is a link to the folder"));
        assert!(person_folders(&folder.path().join("absent")).is_err());
    }
}
