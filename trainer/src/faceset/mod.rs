//! Sets of faces in, whatever they are packed as. What goes out is always people, each with pictures.
//!
//! A [`FaceSet`] never holds pictures, only where they are: names of people, or a few bytes for each. [`open()`] tells by
//! what lies there which kind a set is.

mod celeba;
mod people;
mod records;
mod singles;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use celeba::CelebA;
use ostiary_core::Point;
use ostiary_pictures::read_picture_bytes;
use people::People;
use records::Records;
use singles::Singles;

use crate::recordio::REC;

/// Someone of a set, with all pictures of them in a fixed order.
#[derive(Debug, Clone, PartialEq)]
pub struct Person {
    /// Unlike any other's of the set, and fit to name a folder.
    pub name: String,
    pub pictures: Vec<Picture>,
}

/// Where a picture is.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    /// Unlike any other's of the person, and fit to name a file.
    pub name: String,
    pub place: Place,
    /// The middle of the person's face, pixels, where the set tells it: others may be in the picture too.
    pub face: Option<Point>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Place {
    File(PathBuf),
    /// Byte of a file of records.
    Record(u64),
}

/// People, by number.
pub trait FaceSet: Send + Sync {
    /// How many there are.
    fn people(&self) -> usize;

    /// One of them, by number below [`FaceSet::people`]; the same in every call. May have no pictures.
    fn person(&self, number: usize) -> Result<Person>;

    /// A picture's file, as it is in the set.
    fn read(&self, picture: &Picture) -> Result<Vec<u8>> {
        match &picture.place {
            Place::File(path) => Ok(read_picture_bytes(path)?),
            Place::Record(_) => bail!("{}: lies in a file of records", picture.name),
        }
    }
}

/// Opens a set: a file of records or the folder of one, CelebA's folder, a folder of people, a folder of pictures of
/// which each shows somebody else.
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
        (false, true) => Ok(Box::new(People::new(path, folders)?)),
        (true, false) => Ok(Box::new(Singles::new(path, pictures)?)),
        (false, false) => bail!(
            "{}: has folders and pictures side by side; put each person's pictures into a folder, or each person's one \
             picture into this folder",
            path.display()
        ),
        (true, true) => bail!(
            "{}: no set of faces: there are neither folders of people nor pictures (.jpg, .jpeg, .png) nor {REC}",
            path.display()
        ),
    }
}

/// Names of a folder's folders and pictures, each in order; hidden ones are passed over.
fn entries(folder: &Path) -> Result<(Vec<String>, Vec<String>)> {
    let listed = || format!("cannot list the folder {}", folder.display());
    let (mut folders, mut pictures) = (Vec::new(), Vec::new());
    for entry in folder.read_dir().with_context(listed)? {
        let path = entry.with_context(listed)?.path();
        let Some(name) = path.file_name() else { continue };
        let is_folder = path.is_dir();
        if name.as_encoded_bytes().starts_with(b".") || !(is_folder || is_picture(&path)) {
            continue;
        }
        let Some(name) = name.to_str() else { bail!("{}: the name is not UTF-8; rename it", path.display()) };
        if name.contains(|c: char| c.is_control()) {
            bail!("{}: the name has a control character in it; rename it", path.display());
        }
        if is_folder { &mut folders } else { &mut pictures }.push(name.to_owned());
    }
    folders.sort_unstable();
    pictures.sort_unstable();
    Ok((folders, pictures))
}

fn is_picture(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    ["jpg", "jpeg", "png"].iter().any(|known| ending.eq_ignore_ascii_case(known))
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

    fn complaint(path: &Path) -> String {
        open(path).err().unwrap().to_string()
    }

    #[test]
    fn a_folder_of_folders_is_people_and_one_of_pictures_is_strangers() {
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
    fn what_is_no_set_is_named_with_the_mend() {
        assert!(complaint(Path::new("/nowhere")).contains("cannot list"));
        assert!(complaint(folder_with(&["notes.txt"]).path()).contains("no set of faces"));
        assert!(complaint(folder_with(&["a/1.jpg", "b.jpg"]).path()).contains("side by side"));
        assert!(complaint(folder_with(&["a.jpg", "a.png"]).path()).contains("twice"));
        assert!(complaint(Path::new("lfw.bin")).contains("unpacks"));
        let prepared = folder_with(&["train/Ann/1.jpg", "journal.jsonl"]);
        assert!(complaint(prepared.path()).contains("train"));
    }
}
