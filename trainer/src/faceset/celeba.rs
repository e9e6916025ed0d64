//! CelebA (Liu et al. 2015), as it is published: a folder of pictures, `identity_CelebA.txt` with a line `FILE IDENTITY`
//! for each picture, and five landmarks for each picture in `list_landmarks_celeba.txt`, or in
//! `list_landmarks_align_celeba.txt` for the pictures of `img_align_celeba`.
//!
//! The landmarks only select the face of a picture with several faces. Ostiary's own detector finds its exact position.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use ostiary_core::Point;
use ostiary_pictures::is_named_as_picture;

use super::{FaceSet, Location, Person, Picture, group, starts_of};

const IDENTITIES: &str = "identity_CelebA.txt";
/// Folders of pictures, each with the file of its landmarks.
const PICTURES: [(&str, &str); 2] =
    [("img_celeba", "list_landmarks_celeba.txt"), ("img_align_celeba", "list_landmarks_align_celeba.txt")];
/// Subfolders in which the published archives put pictures and lists.
const PICTURES_BELOW: [&str; 2] = ["", "Img"];
const LISTS_BELOW: [&str; 2] = ["", "Anno"];
/// Landmarks of a face, each with x and y.
const LANDMARKS: usize = 5;

/// The set. It holds the file names, 203 thousand in the published set.
pub struct CelebA {
    folder: PathBuf,
    /// Identity and file name, sorted.
    files: Vec<(u32, String)>,
    /// Index of the first file of each identity in `files`.
    starts: Vec<usize>,
    /// Center of the face in each picture, pixels, by file name.
    faces: HashMap<String, Point>,
}

impl CelebA {
    /// Opens the folder; `None` if it is not a folder of CelebA.
    ///
    /// # Errors
    /// If there are no pictures, or a list cannot be read or has another format.
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
        let starts = starts_of(&files, |(identity, _)| *identity);
        let faces = list(landmarks).map(|path| faces_of(&path)).transpose()?.unwrap_or_default();
        Ok(Some(Self { folder: pictures, files, starts, faces }))
    }
}

fn lines(path: &Path) -> Result<impl Iterator<Item = Result<String>>> {
    let unreadable = format!("cannot read {}", path.display());
    let file = File::open(path).with_context(|| unreadable.clone())?;
    Ok(BufReader::new(file).lines().map(move |line| line.with_context(|| unreadable.clone())))
}

/// Names from the file become parts of paths, so a name must be a plain file name of a picture.
fn is_plain(file: &str) -> bool {
    Path::new(file).file_name().is_some_and(|name| name == file) && is_named_as_picture(Path::new(file))
}

fn identities_of(path: &Path) -> Result<Vec<(u32, String)>> {
    let mut files = Vec::new();
    for (number, line) in lines(path)?.enumerate() {
        let line = line?;
        let mut words = line.split_whitespace();
        let entry = match (words.next(), words.next().map(str::parse), words.next()) {
            (None, None, None) => continue,
            (Some(file), Some(Ok(identity)), None) if is_plain(file) => (identity, file.to_owned()),
            _ => bail!("{}: line {} must be FILE IDENTITY: {line:.40}", path.display(), number + 1),
        };
        files.push(entry);
    }
    Ok(files)
}

/// The mean of the landmarks of each picture.
fn faces_of(path: &Path) -> Result<HashMap<String, Point>> {
    let mut faces = HashMap::new();
    // The first line has the number of pictures, the second one the names of columns.
    for (number, line) in lines(path)?.enumerate().skip(2) {
        let line = line?;
        let mut words = line.split_whitespace();
        let Some(file) = words.next() else { continue };
        let numbers: Option<Vec<f32>> = words.map(|word| word.parse().ok()).collect();
        let Some(points) = numbers.filter(|numbers| numbers.len() == 2 * LANDMARKS) else {
            bail!("{}: line {} must be FILE and ten numbers: {line:.40}", path.display(), number + 1);
        };
        let mean = |first: usize| points.iter().skip(first).step_by(2).sum::<f32>() / LANDMARKS as f32;
        faces.insert(file.to_owned(), Point { x: mean(0), y: mean(1) });
    }
    Ok(faces)
}

impl FaceSet for CelebA {
    fn people(&self) -> usize {
        self.starts.len()
    }

    fn person(&self, number: usize) -> Result<Person> {
        let files = group(&self.files, &self.starts, number)?;
        let picture = |(_, file): &(u32, String)| Picture {
            name: file.clone(),
            location: Location::File(self.folder.join(file)),
            face: self.faces.get(file).copied(),
        };
        let name = files.first().map_or_else(String::new, |(identity, _)| identity.to_string());
        Ok(Person { name, pictures: files.iter().map(picture).collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_grouped_by_identity_with_the_center_of_the_face() {
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
