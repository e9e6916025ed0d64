//! Lists folders for all commands: passes over what other programs leave there, visits each folder once, and reports what cannot
//! be read.

use std::collections::HashSet;
use std::fs::{self, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use ostiary_core::is_foreign_entry;

use super::PictureError;
use super::format::{OTHER_EXTENSIONS, READABLE_EXTENSIONS};

/// Something in a folder that is passed over although it may have pictures. The message names the path and how to fix it.
#[derive(Debug, thiserror::Error)]
pub enum PassedOver {
    /// The folder cannot be listed.
    #[error("{}: cannot be read ({why}); check its owner and mode", path.display())]
    Unreadable {
        /// The folder, or what may be one.
        path: PathBuf,
        /// The error of the system.
        why: io::Error,
    },
    /// The name cannot be printed nor stored.
    #[error("{}: the name is not UTF-8; rename it", path.display())]
    NotUtf8 {
        /// The file or the folder.
        path: PathBuf,
    },
    /// A link leads to a folder of another name that is read too.
    #[error("{}: is a link to the folder {}, which is read already; remove the link", path.display(), folder.display())]
    Link {
        /// The link.
        path: PathBuf,
        /// The folder.
        folder: PathBuf,
    },
}

/// One folder, without what other programs leave there ([`is_foreign_entry`]).
#[derive(Debug, Default)]
pub struct FolderEntries {
    /// The folders in it, and links to folders, sorted by name.
    pub folders: Vec<PathBuf>,
    /// Everything else, sorted by name; also pipes, and links that lead nowhere.
    pub files: Vec<PathBuf>,
    /// Folders and pictures whose names cannot be used.
    pub passed_over: Vec<PassedOver>,
}

/// The pictures in and below a folder.
#[derive(Debug, Default)]
pub struct PictureFolder {
    /// The files with the extension of a picture, sorted by name within each folder; a file that links lead to is in it once.
    pub pictures: Vec<PathBuf>,
    /// What was passed over.
    pub passed_over: Vec<PassedOver>,
}

/// The folders that were visited, by device and inode: a link can lead to a folder above it.
#[derive(Default)]
pub(super) struct Visited(HashSet<(u64, u64)>);

impl Visited {
    /// Marks a folder as visited. Returns `false` if it was before.
    pub fn insert(&mut self, folder: &Path) -> io::Result<bool> {
        Ok(self.0.insert(identity(&fs::metadata(folder)?)))
    }
}

/// Whether the extension is that of a picture, which may be in a format that cannot be read.
pub fn is_named_as_picture(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    READABLE_EXTENSIONS.iter().chain(&OTHER_EXTENSIONS).any(|known| known.eq_ignore_ascii_case(extension))
}

/// Lists one folder.
///
/// # Errors
/// The folder cannot be listed.
pub fn folder_entries(folder: &Path) -> io::Result<FolderEntries> {
    let mut paths =
        fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>()?;
    paths.retain(|path| path.file_name().is_some_and(|name| !is_foreign_entry(name)));
    paths.sort();
    let mut entries = FolderEntries::default();
    for path in paths {
        let is_folder = match fs::metadata(&path) {
            Ok(metadata) => metadata.is_dir(),
            // A link that leads nowhere or to itself. If it has the name of a picture, reading it is an error.
            Err(why) if why.kind() == ErrorKind::NotFound || is_link(&path) => false,
            Err(why) => {
                entries.passed_over.push(PassedOver::Unreadable { path, why });
                continue;
            }
        };
        if path.file_name().is_some_and(|name| name.to_str().is_some()) {
            if is_folder { &mut entries.folders } else { &mut entries.files }.push(path);
        } else if is_folder || is_named_as_picture(&path) {
            entries.passed_over.push(PassedOver::NotUtf8 { path });
        }
    }
    Ok(entries)
}

/// The error of a folder that cannot be listed.
pub(super) fn folder_error(folder: &Path, why: &io::Error) -> PictureError {
    let path = folder.to_owned();
    match why.kind() {
        io::ErrorKind::NotFound => PictureError::Missing { path },
        _ => {
            let why = format!("the folder cannot be listed ({why}); check its owner and mode");
            PictureError::Unreadable { path, why }
        }
    }
}

/// The pictures in and below a folder. Links are followed; each folder is visited once.
///
/// # Errors
/// The folder itself cannot be listed. Folders in it that cannot be listed are passed over.
pub fn pictures_below(folder: &Path) -> Result<PictureFolder, PictureError> {
    let failed = |why: io::Error| folder_error(folder, &why);
    let (mut found, mut visited) = (PictureFolder::default(), Visited::default());
    visited.insert(folder).map_err(failed)?;
    collect(folder, &mut found, &mut visited).map_err(failed)?;
    // The file itself is kept, not the links to it.
    let real: HashSet<(u64, u64)> =
        found.pictures.iter().filter(|path| !is_link(path)).filter_map(file_identity).collect();
    let mut linked = HashSet::new();
    found.pictures.retain(|path| match file_identity(path) {
        Some(identity) if is_link(path) => !real.contains(&identity) && linked.insert(identity),
        _ => true,
    });
    Ok(found)
}

fn collect(folder: &Path, found: &mut PictureFolder, visited: &mut Visited) -> io::Result<()> {
    let entries = folder_entries(folder)?;
    found.passed_over.extend(entries.passed_over);
    let mut pictures: Vec<(PathBuf, bool)> = entries
        .files
        .into_iter()
        .filter(|path| is_named_as_picture(path))
        .map(|path| (path, false))
        .collect();
    pictures.extend(entries.folders.into_iter().map(|path| (path, true)));
    pictures.sort();
    for (path, is_folder) in pictures {
        if !is_folder {
            found.pictures.push(path);
            continue;
        }
        let listed = visited.insert(&path).and_then(|is_new| match is_new {
            true => collect(&path, found, visited),
            false => Ok(()),
        });
        if let Err(why) = listed {
            found.passed_over.push(PassedOver::Unreadable { path, why });
        }
    }
    Ok(())
}

fn identity(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

fn file_identity(path: &PathBuf) -> Option<(u64, u64)> {
    fs::metadata(path).ok().as_ref().map(identity)
}

fn is_link(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink())
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;

    use super::*;

    fn folder_with(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, b"").unwrap();
        }
        folder
    }

    fn names(folder: &Path) -> Vec<String> {
        let found = pictures_below(folder).unwrap();
        assert!(found.passed_over.is_empty(), "{:?}", found.passed_over);
        found.pictures.iter().map(|path| path.strip_prefix(folder).unwrap().display().to_string()).collect()
    }

    #[test]
    fn pictures_are_found_and_foreign_entries_passed_over() {
        let folder = folder_with(&[
            "b/2.JPG",
            "b/1.webp",
            "a.jpeg",
            "c.HEIC",
            "notes.txt",
            "._a.jpeg",
            ".hidden/1.jpg",
            "@eaDir/a.jpg/thumb.jpg",
            "#recycle/1.jpg",
            "__MACOSX/1.jpg",
            "b/Thumbs.db",
            "b/2.jpg~",
        ]);
        assert_eq!(names(folder.path()), ["a.jpeg", "b/1.webp", "b/2.JPG", "c.HEIC"]);
    }

    #[test]
    fn each_folder_and_file_is_visited_once_by_links() {
        let folder = folder_with(&["Ada/1.jpg", "Bob/2.jpg"]);
        let path = |name: &str| folder.path().join(name);
        symlink("..", path("Ada/up")).unwrap();
        symlink("../Bob", path("Ada/friend")).unwrap();
        symlink(".", path("self")).unwrap();
        symlink("Ada/1.jpg", path("0.jpg")).unwrap();
        symlink("Ada/1.jpg", path("00.jpg")).unwrap();
        symlink("endless", path("endless")).unwrap();
        assert_eq!(names(folder.path()), ["Ada/1.jpg", "Ada/friend/2.jpg"]);
    }

    #[test]
    fn what_cannot_be_used_is_reported_and_the_others_are_found() {
        let folder = folder_with(&["Ada/1.jpg"]);
        let bad = folder.path().join(OsStr::from_bytes(b"J\xfcrgen"));
        fs::create_dir(&bad).unwrap();
        fs::write(bad.join("1.jpg"), b"").unwrap();
        fs::write(folder.path().join(OsStr::from_bytes(b"\xfc.jpg")), b"").unwrap();
        fs::write(folder.path().join(OsStr::from_bytes(b"\xfc.txt")), b"").unwrap();
        let found = pictures_below(folder.path()).unwrap();
        assert_eq!(found.pictures, [folder.path().join("Ada/1.jpg")]);
        assert_eq!(found.passed_over.len(), 2);
        assert!(found.passed_over.iter().all(|passed| passed.to_string().contains("not UTF-8; rename it")));
        assert!(pictures_below(&folder.path().join("absent")).is_err());
    }
}
