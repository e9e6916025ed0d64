//! Replaces several files: all, or none.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt, fchown};
use std::path::{Path, PathBuf};

use anyhow::Context;
use ostiary_core::durable::{self, with_suffix};
use tempfile::NamedTempFile;

/// What is added to the name of a replaced file until all are replaced. A number follows if there is such a file already: an
/// interrupted restore has left it, and it may be the only one of the door before.
const BEFORE: &str = ".before-restore";

/// Files that are to be replaced.
#[derive(Default)]
pub struct Replacement {
    steps: Vec<Step>,
}

/// One file.
struct Step {
    target: PathBuf,
    /// The new file, complete and beside the target; `None` to remove the target.
    new: Option<NamedTempFile>,
}

impl Replacement {
    /// Prepares a copy of `from`, with this Unix mode, to replace `target`. Nothing is replaced yet.
    ///
    /// # Errors
    /// The copy cannot be written.
    pub fn add(&mut self, from: &Path, target: &Path, mode: u32) -> anyhow::Result<()> {
        let failed = || format!("{} cannot be written; nothing was changed", target.display());
        let folder = target.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
        let mut new = NamedTempFile::with_prefix_in(".ostiary-restore-", folder).with_context(failed)?;
        io::copy(&mut File::open(from).with_context(failed)?, new.as_file_mut()).with_context(failed)?;
        durable::finalize(new.as_file(), target, mode).with_context(failed)?;
        self.steps.push(Step { target: target.to_owned(), new: Some(new) });
        Ok(())
    }

    /// As [`Replacement::add`], for a file whose mode and owner are the operator's: they stay, if there is one.
    ///
    /// # Errors
    /// The copy cannot be written, or cannot get the owner.
    pub fn add_with_owner(&mut self, from: &Path, target: &Path, mode: u32) -> anyhow::Result<()> {
        let failed = || format!("{} cannot be written; nothing was changed", target.display());
        let old = match fs::metadata(target) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return self.add(from, target, mode),
            old => old.with_context(failed)?,
        };
        // Nobody else reads it before it has its owner.
        self.add(from, target, 0o600)?;
        let Some(Step { new: Some(new), .. }) = self.steps.last() else { return Ok(()) };
        let file = new.as_file();
        fchown(file, Some(old.uid()), Some(old.gid()))
            .and_then(|()| file.set_permissions(old.permissions()))
            .and_then(|()| file.sync_all())
            .with_context(failed)
    }

    /// Number of files to replace or remove.
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// A file that has to go with those that are replaced, if there is one: SQLite would take the journal of the old file for one
    /// of the new file.
    pub fn remove(&mut self, target: PathBuf) {
        self.steps.push(Step { target, new: None });
    }

    /// Replaces all files. Until the last one is in its place the old ones stay beside, with the ending `.before-restore`; then
    /// they are removed. Returns what earlier restores that were interrupted have left beside: it stays.
    ///
    /// # Errors
    /// A file cannot be replaced. The old ones are in their places again; if that fails too, the error names one that is not.
    pub fn commit(self) -> anyhow::Result<Vec<PathBuf>> {
        let mut left = Vec::new();
        let mut done: Vec<(PathBuf, Option<PathBuf>)> = Vec::new();
        for Step { target, new } in self.steps {
            let aside = unused_name(&target, &mut left);
            let failed = match replace(&target, &aside, new) {
                Ok(had_old) => {
                    done.push((target, had_old.then_some(aside)));
                    continue;
                }
                Err(error) => {
                    anyhow::Error::from(error).context(format!("{} cannot be replaced", target.display()))
                }
            };
            for (target, old) in done.iter().rev() {
                undo(target, old.as_deref()).with_context(|| match old {
                    Some(old) => format!(
                        "{failed:#}; and {} could not be put back: the old file is {}",
                        target.display(),
                        old.display()
                    ),
                    None => format!("{failed:#}; and {} could not be removed", target.display()),
                })?;
            }
            return Err(failed.context("the old files are in use as before"));
        }
        for old in done.into_iter().filter_map(|(_, old)| old) {
            fs::remove_file(&old).with_context(|| format!("{} cannot be removed", old.display()))?;
        }
        Ok(left)
    }
}

/// The name that the old file gets, which no file has. Adds those that are in use to `left`.
fn unused_name(target: &Path, left: &mut Vec<PathBuf>) -> PathBuf {
    let mut name = with_suffix(target, BEFORE);
    // Also a link to nowhere is a file that is there.
    for number in 2.. {
        if fs::symlink_metadata(&name).is_err() {
            break;
        }
        left.push(std::mem::replace(&mut name, with_suffix(target, &format!("{BEFORE}-{number}"))));
    }
    name
}

/// Moves the old file aside and the new one into its place. Returns whether there was an old one.
fn replace(target: &Path, aside: &Path, new: Option<NamedTempFile>) -> io::Result<bool> {
    let had_old = match fs::rename(target, aside) {
        Ok(()) => true,
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        Err(error) => return Err(error),
    };
    let placed = new.map_or(Ok(()), |new| new.persist(target).map(drop).map_err(|error| error.error));
    let synced = placed.and_then(|()| match target.parent().filter(|folder| *folder != Path::new("")) {
        Some(folder) => durable::sync_folder(folder),
        None => Ok(()),
    });
    if synced.is_err() && had_old {
        fs::rename(aside, target)?;
    }
    synced.map(|()| had_old)
}

fn undo(target: &Path, old: Option<&Path>) -> io::Result<()> {
    match old {
        Some(old) => fs::rename(old, target),
        None => match fs::remove_file(target) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_files_are_replaced_or_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let text = |name: &str| fs::read_to_string(path(name)).ok();
        for (name, content) in
            [("a", "old a"), ("a-journal", "journal"), ("new-a", "new a"), ("new-b", "new b")]
        {
            fs::write(path(name), content).unwrap();
        }
        let prepared = || {
            let mut replacement = Replacement::default();
            replacement.add(&path("new-a"), &path("a"), 0o600).unwrap();
            replacement.remove(path("a-journal"));
            replacement.add(&path("new-b"), &path("b"), 0o600).unwrap();
            replacement
        };
        drop(prepared());
        assert_eq!(text("a").as_deref(), Some("old a"), "nothing is replaced before the commit");
        // The folder of the last file disappears.
        let mut failing = prepared();
        fs::create_dir(path("gone")).unwrap();
        failing.add(&path("new-b"), &path("gone/c"), 0o600).unwrap();
        fs::rename(path("gone"), path("moved")).unwrap();
        let error = format!("{:#}", failing.commit().unwrap_err());
        assert!(
            error.contains("the old files are in use as before") && error.contains("/c cannot"),
            "{error}"
        );
        assert_eq!((text("a").as_deref(), text("a-journal").as_deref()), (Some("old a"), Some("journal")));
        assert_eq!(text("b"), None);
        assert_eq!(prepared().commit().unwrap(), Vec::<PathBuf>::new());
        assert_eq!((text("a").as_deref(), text("a-journal")), (Some("new a"), None));
        assert_eq!(text("b").as_deref(), Some("new b"));
        let left = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
        let left: Vec<_> = left.filter(|name| name.to_str().unwrap().starts_with(".ostiary")).collect();
        assert!(left.is_empty() && !path("a.before-restore").exists(), "{left:?}");
    }

    #[test]
    fn what_an_interrupted_restore_has_left_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let left = ["a.before-restore", "a.before-restore-2"].map(path);
        for (name, content) in [("a", "half"), ("new", "new")] {
            fs::write(path(name), content).unwrap();
        }
        left.iter().for_each(|left| fs::write(left, "the door before").unwrap());
        let mut replacement = Replacement::default();
        replacement.add(&path("new"), &path("a"), 0o600).unwrap();
        assert_eq!(replacement.commit().unwrap(), left);
        assert_eq!(fs::read_to_string(path("a")).unwrap(), "new");
        for left in left {
            assert_eq!(fs::read_to_string(left).unwrap(), "the door before");
        }
        assert!(!path("a.before-restore-3").exists());
    }
}
