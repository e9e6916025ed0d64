//! Reads sets of faces in several formats, all as people with pictures.
//!
//! A [`FaceSet`] holds no pictures, only their locations: the names of people, or a few bytes for each picture. [`open()`]
//! recognizes the format from the files.

mod celeba;
mod folder_per_identity;
mod one_per_identity;
mod records;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use celeba::CelebA;
use folder_per_identity::FolderPerIdentity;
use one_per_identity::OnePerIdentity;
use ostiary_core::Point;
use ostiary_pictures::{folder_entries, is_named_as_picture, read_picture_bytes};
use records::Records;

use crate::recordio::REC;

/// A person of a set, with all pictures in a fixed order.
#[derive(Debug, Clone, PartialEq)]
pub struct Person {
    /// Unique in the set, and valid as the name of a folder.
    pub name: String,
    /// The pictures of this person.
    pub pictures: Vec<Picture>,
}

/// A picture of a set, by its location.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    /// Unique for the person, and valid as the name of a file.
    pub name: String,
    /// Where the file is.
    pub location: Location,
    /// Center of the person's face, pixels, if the set has it. The picture can have other faces too.
    pub face: Option<Point>,
}

/// Where the file of a picture is.
#[derive(Debug, Clone, PartialEq)]
pub enum Location {
    /// A file.
    File(PathBuf),
    /// Offset in a RecordIO file.
    Record(u64),
}

/// A set of faces: people by number.
pub trait FaceSet: Send + Sync {
    /// Number of people.
    fn people(&self) -> usize;

    /// A person by number, below [`FaceSet::people`]. The order is the same in every call. A person can have no pictures.
    ///
    /// # Errors
    /// If there is no such person, or the set cannot be read.
    fn person(&self, number: usize) -> Result<Person>;

    /// The file of a picture, byte for byte.
    ///
    /// # Errors
    /// If it cannot be read.
    fn read(&self, picture: &Picture) -> Result<Vec<u8>> {
        match &picture.location {
            Location::File(path) => Ok(read_picture_bytes(path)?),
            Location::Record(_) => {
                bail!("{}: is in a RecordIO file, which this set does not have", picture.name)
            }
        }
    }
}

/// Opens a set: a RecordIO file or its folder, the folder of CelebA, a folder with a folder for each person, or a folder with
/// one picture of each person.
///
/// # Errors
/// If the path is none of these, or the set cannot be read.
pub fn open(path: &Path) -> Result<Box<dyn FaceSet>> {
    let has_ending = |ending: &str| path.extension().is_some_and(|own| own.eq_ignore_ascii_case(ending));
    if has_ending("bin") {
        bail!(
            "{}: a verification set (.bin) has pairs, not people; `ostiary-trainer prepare` unpacks it into folders",
            path.display()
        );
    }
    if has_ending("rec") {
        return Ok(Box::new(Records::open(path)?));
    }
    let (folders, pictures) = entries(path)?;
    if path.join(REC).is_file() {
        return Ok(Box::new(Records::open(&path.join(REC))?));
    }
    if let Some(set) = CelebA::open(path)? {
        return Ok(Box::new(set));
    }
    match (folders.is_empty(), pictures.is_empty()) {
        (false, true) => Ok(Box::new(FolderPerIdentity::new(path, folders)?)),
        (true, false) => Ok(Box::new(OnePerIdentity::new(path, pictures)?)),
        (false, false) => bail!(
            "{}: has folders and pictures side by side; put the pictures of each person into a folder, or put one picture of \
             each person into this folder",
            path.display()
        ),
        (true, true) => bail!(
            "{}: is not a set of faces: it has no folders of people, no pictures (.jpg, .jpeg, .png) and no {REC}",
            path.display()
        ),
    }
}

/// Sorted names of the folders and of the pictures in a folder. What other programs leave there is passed over.
fn entries(folder: &Path) -> Result<(Vec<String>, Vec<String>)> {
    let listed = || format!("cannot list the folder {}", folder.display());
    let (mut folders, mut pictures) = (Vec::new(), Vec::new());
    let found = folder_entries(folder).with_context(listed)?;
    // A set without a part of its pictures is another set.
    if let Some(passed) = found.passed_over.first() {
        bail!("{passed}");
    }
    let files = found.files.into_iter().filter(|path| is_named_as_picture(path));
    for (path, is_folder) in
        found.folders.into_iter().map(|path| (path, true)).chain(files.map(|path| (path, false)))
    {
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        if name.contains(|c: char| c.is_control()) {
            bail!("{}: the name has a control character; rename it", path.display());
        }
        if is_folder { &mut folders } else { &mut pictures }.push(name.to_owned());
    }
    folders.sort_unstable();
    pictures.sort_unstable();
    Ok((folders, pictures))
}

/// Index of the first item of each run of items with equal keys.
fn starts_of<T, K: PartialEq>(items: &[T], key: impl Fn(&T) -> K) -> Vec<usize> {
    items
        .chunk_by(|a, b| key(a) == key(b))
        .scan(0, |next, run| {
            let start = *next;
            *next += run.len();
            Some(start)
        })
        .collect()
}

/// The items of the group of this number, by the first index of each group.
fn group<'a, T>(items: &'a [T], starts: &[usize], number: usize) -> Result<&'a [T]> {
    let end = starts.get(number + 1).copied().unwrap_or(items.len());
    let group = starts.get(number).and_then(|start| items.get(*start..end));
    group.with_context(|| format!("there is no person {number}; the set has {}", starts.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_with(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, b"a picture").unwrap();
        }
        folder
    }

    fn listed(set: &dyn FaceSet) -> Vec<(String, Vec<String>)> {
        let person = |number| {
            let Person { name, pictures } = set.person(number).unwrap();
            (name, pictures.into_iter().map(|picture| picture.name).collect())
        };
        (0..set.people()).map(person).collect()
    }

    fn open_error(path: &Path) -> String {
        open(path).err().unwrap().to_string()
    }

    #[test]
    fn folders_are_people_and_single_pictures_are_people_too() {
        let folder = folder_with(&["Bob/2.JPG", "Bob/1.png", "Bob/notes.txt", "Ann/a.jpeg", ".git/a.jpg"]);
        let set = open(folder.path()).unwrap();
        let bob = ("Bob".to_owned(), vec!["1.png".to_owned(), "2.JPG".to_owned()]);
        assert_eq!(listed(&*set), [("Ann".to_owned(), vec!["a.jpeg".to_owned()]), bob]);
        assert_eq!(set.read(&set.person(0).unwrap().pictures[0]).unwrap(), b"a picture");

        let folder = folder_with(&["x.jpg", "y.png"]);
        let names: Vec<_> =
            listed(&*open(folder.path()).unwrap()).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["x", "y"]);
    }

    #[test]
    fn other_folders_are_refused_with_a_way_to_fix_them() {
        assert!(open_error(Path::new("/nowhere")).contains("cannot list"));
        assert!(open_error(folder_with(&["notes.txt"]).path()).contains("is not a set of faces"));
        assert!(open_error(folder_with(&["a/1.jpg", "b.jpg"]).path()).contains("side by side"));
        assert!(open_error(folder_with(&["a.jpg", "a.png"]).path()).contains("twice"));
        assert!(open_error(Path::new("lfw.bin")).contains("unpacks"));
        let prepared = folder_with(&["train/Ann/1.jpg", "journal.jsonl"]);
        assert!(open_error(prepared.path()).contains("train"));
    }
}
