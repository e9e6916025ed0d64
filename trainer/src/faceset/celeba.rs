//! CelebA (Liu et al. 2015), as it is published: a folder of pictures, `identity_CelebA.txt` with a line `FILE IDENTITY`
//! for each, and five landmarks for each in `list_landmarks_celeba.txt`, or `list_landmarks_align_celeba.txt` for the
//! pictures of `img_align_celeba`.
//!
//! The landmarks say which face of a picture is meant, where there are several; where a face lies exactly, Ostiary's own
//! detector says.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use ostiary_core::Point;

use super::{FaceSet, Person, Picture, Place, is_picture};

const IDENTITIES: &str = "identity_CelebA.txt";
/// Where pictures may be, and the file of their landmarks.
const PICTURES: [(&str, &str); 2] =
    [("img_celeba", "list_landmarks_celeba.txt"), ("img_align_celeba", "list_landmarks_align_celeba.txt")];
/// Below the set's folder, the folders in which the authors' archives lay pictures and lists.
const PICTURES_BELOW: [&str; 2] = ["", "Img"];
const LISTS_BELOW: [&str; 2] = ["", "Anno"];

/// Holds names of files, 203 thousand in the whole set.
pub struct CelebA {
    folder: PathBuf,
    /// By identity, then by name.
    files: Vec<(u32, String)>,
    /// Where each identity begins in `files`.
    begins: Vec<usize>,
    faces: HashMap<String, Point>,
}

impl CelebA {
    /// `None` where the folder is no CelebA.
    pub fn open(folder: &Path) -> Result<Option<Self>> {
        let list = |name: &str| {
            LISTS_BELOW.iter().map(|below| folder.join(below).join(name)).find(|path| path.is_file())
        };
        let Some(identities) = list(IDENTITIES) else { return Ok(None) };
        let pictures = PICTURES.into_iter().find_map(|(name, landmarks)| {
            let paths = PICTURES_BELOW.iter().map(|below| folder.join(below).join(name));
            Some((paths.into_iter().find(|path| path.is_dir())?, landmarks))
        });
        let Some((pictures, landmarks)) = pictures else {
            bail!(
                "{}: has {IDENTITIES}, but no folder img_celeba or img_align_celeba; unpack the pictures there",
                folder.display()
            );
        };
        let mut files = identities_of(&identities)?;
        files.sort_unstable();
        let is_first = |index: &usize| *index == 0 || files[index - 1].0 != files[*index].0;
        let begins = (0..files.len()).filter(is_first).collect();
        let faces = list(landmarks).map(|path| faces_of(&path)).transpose()?.unwrap_or_default();
        Ok(Some(Self { folder: pictures, files, begins, faces }))
    }
}

fn lines(path: &Path) -> Result<impl Iterator<Item = Result<String>>> {
    let unreadable = format!("cannot read {}", path.display());
    let file = File::open(path).with_context(|| unreadable.clone())?;
    Ok(BufReader::new(file).lines().map(move |line| line.with_context(|| unreadable.clone())))
}

/// Names come from a file and become parts of paths: they must be names and nothing else.
fn is_plain(file: &str) -> bool {
    Path::new(file).file_name().is_some_and(|name| name == file) && is_picture(Path::new(file))
}

fn identities_of(path: &Path) -> Result<Vec<(u32, String)>> {
    let mut files = Vec::new();
    for (number, line) in lines(path)?.enumerate() {
        let line = line?;
        let mut words = line.split_whitespace();
        let entry = match (words.next(), words.next().map(str::parse), words.next()) {
            (None, None, None) => continue,
            (Some(file), Some(Ok(identity)), None) if is_plain(file) => (identity, file.to_owned()),
            _ => bail!("{}: line {} is not FILE IDENTITY: {line:.40}", path.display(), number + 1),
        };
        files.push(entry);
    }
    Ok(files)
}

/// The middle of each picture's five landmarks.
fn faces_of(path: &Path) -> Result<HashMap<String, Point>> {
    let mut faces = HashMap::new();
    // A line with the number of pictures, and one with names of columns.
    for (number, line) in lines(path)?.enumerate().skip(2) {
        let line = line?;
        let mut words = line.split_whitespace();
        let Some(file) = words.next() else { continue };
        let numbers: Option<Vec<f32>> = words.map(|word| word.parse().ok()).collect();
        let Some(points) = numbers.filter(|numbers| numbers.len() == 10) else {
            bail!("{}: line {} is not FILE and ten numbers: {line:.40}", path.display(), number + 1);
        };
        let mean = |first: usize| points[first..].iter().step_by(2).sum::<f32>() / 5.0;
        faces.insert(file.to_owned(), Point { x: mean(0), y: mean(1) });
    }
    Ok(faces)
}

impl FaceSet for CelebA {
    fn people(&self) -> usize {
        self.begins.len()
    }

    fn person(&self, number: usize) -> Result<Person> {
        let begin = self.begins[number];
        let end = self.begins.get(number + 1).copied().unwrap_or(self.files.len());
        let picture = |(_, file): &(u32, String)| Picture {
            name: file.clone(),
            place: Place::File(self.folder.join(file)),
            face: self.faces.get(file).copied(),
        };
        let pictures = self.files[begin..end].iter().map(picture).collect();
        Ok(Person { name: self.files[begin].0.to_string(), pictures })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_gathered_by_identity_with_the_middle_of_the_face() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir_all(at("Img/img_align_celeba")).unwrap();
        std::fs::create_dir_all(at("Anno")).unwrap();
        let identities = "000003.jpg 12\n000001.jpg 2880\n000002.jpg 12\n";
        std::fs::write(at("Anno/identity_CelebA.txt"), identities).unwrap();
        let landmarks = "2\nlefteye_x lefteye_y righteye_x righteye_y nose_x nose_y leftmouth_x leftmouth_y \
                         rightmouth_x rightmouth_y\n000001.jpg  69 109  106 113   77  142   73  152  108  154\n";
        std::fs::write(at("Anno/list_landmarks_align_celeba.txt"), landmarks).unwrap();
        let set = CelebA::open(folder.path()).unwrap().unwrap();
        assert_eq!(set.people(), 2);
        let (first, second) = (set.person(0).unwrap(), set.person(1).unwrap());
        assert_eq!((first.name.as_str(), second.name.as_str()), ("12", "2880"));
        let names: Vec<_> = first.pictures.iter().map(|picture| picture.name.as_str()).collect();
        assert_eq!(names, ["000002.jpg", "000003.jpg"]);
        assert_eq!(first.pictures[0].face, None);
        assert_eq!(second.pictures[0].face, Some(Point { x: 86.6, y: 134.0 }));

        for bad in ["000001.jpg", "../a.jpg 1", "a.jpg one", "a.jpg 1 2"] {
            std::fs::write(at("Anno/identity_CelebA.txt"), bad).unwrap();
            let why = CelebA::open(folder.path()).err().unwrap().to_string();
            assert!(why.contains("line 1"), "{bad}: {why}");
        }
    }
}
