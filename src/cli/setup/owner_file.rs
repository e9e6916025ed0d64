//! The configuration file that `ostiary setup` writes among the owner's files.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use ostiary_config as config;
use ostiary_config::{Config, Layers, Origin};
use ostiary_core::durable;
use rustix::fs::{Access, access};
use toml::{Table, Value};

use crate::precision_choice;

/// The name of the file in `conf.d`.
const NAME: &str = "50-setup.toml";
/// What stands at the head of the file, by which it is known.
const HEADER: &str = "# Written by `ostiary setup`, which can be run again.\n";
/// The Unix mode of the file.
const MODE: u32 = 0o644;

/// The file, and the layers that it is one of.
#[derive(Clone)]
pub(super) struct OwnerFile {
    path: PathBuf,
    layers: Layers,
    table: Table,
}

impl OwnerFile {
    /// The file of the layers: in `conf.d`, or the only file if there is one. It is made if it is missing.
    ///
    /// # Errors
    /// It cannot be read or written, or somebody else wrote it.
    pub fn open(layers: Layers) -> anyhow::Result<Self> {
        let path = layers.file.clone().unwrap_or_else(|| layers.folder.join("conf.d").join(NAME));
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        // A further door of a board has no files yet. It asks people to turn the head, as every new door does.
        let is_new = layers.door.is_some() && layers.file.is_none() && !layers.folder.exists();
        if is_new {
            fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        }
        ensure!(folder.is_dir(), "{}: there is no such folder", folder.display());
        ensure!(
            access(folder, Access::WRITE_OK).is_ok(),
            "{}: this user may not write to it: run `sudo ostiary setup`",
            folder.display()
        );
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => HEADER.to_owned(),
            text => text.with_context(|| path.display().to_string())?,
        };
        ensure!(
            text.starts_with(HEADER),
            "{}: this file was not written by `ostiary setup`, which would lose its comments: change it by hand",
            path.display()
        );
        let table = toml::from_str(&text).with_context(|| path.display().to_string())?;
        let mut file = Self { path, layers, table };
        if !file.path.exists() {
            file.write()?;
        }
        if is_new {
            file.set(&[("liveness.level", Value::from("active"))])?;
        }
        Ok(file)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The configuration of all layers.
    pub fn config(&self) -> anyhow::Result<Config> {
        Ok(precision_choice::load(&self.layers)?.config)
    }

    /// Sets keys.
    ///
    /// # Errors
    /// The configuration would not be valid with them, or another layer overrides one. The file is as before.
    pub fn set(&mut self, keys: &[(&str, Value)]) -> anyhow::Result<()> {
        let before = self.table.clone();
        for (key, value) in keys {
            let Some((section, name)) = key.split_once('.') else { bail!("{key} has no section") };
            let section = self.table.entry(section).or_insert_with(|| Value::Table(Table::new()));
            let Some(section) = section.as_table_mut() else { bail!("{key}: its section is none") };
            section.insert(name.to_owned(), value.clone());
        }
        let changed = self.write().and_then(|()| self.check(keys));
        if changed.is_err() {
            self.table = before;
            self.write()?;
        }
        changed
    }

    fn check(&self, keys: &[(&str, Value)]) -> anyhow::Result<()> {
        let loaded = config::load(&self.layers)?;
        for (key, _) in keys {
            match loaded.origin(key) {
                Some(Origin::File { path, .. }) if *path == self.path => {}
                Some(origin) => {
                    bail!("{key} is set by {origin}, which overrides it: remove it there, or set it there")
                }
                None => bail!("{key} was not read"),
            }
        }
        Ok(())
    }

    /// Writes the keys to the file.
    ///
    /// # Errors
    /// The file cannot be written. It has not changed.
    pub fn write(&self) -> anyhow::Result<()> {
        let text = format!("{HEADER}\n{}", self.table);
        durable::write(&self.path, text.as_bytes(), MODE)
            .with_context(|| format!("cannot write {}", self.path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layers(folder: &Path) -> Layers {
        fs::create_dir(folder.join("conf.d")).unwrap();
        Layers { folder: folder.to_owned(), settings: None, ..Layers::default() }
    }

    #[test]
    fn keys_are_set_after_the_owners_own_and_kept_for_the_next_run() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("ostiary.toml"), "[door]\nname = \"old\"\n").unwrap();
        let layers = layers(folder.path());
        OwnerFile::open(layers.clone()).unwrap().set(&[("door.name", "new".into())]).unwrap();
        let mut again = OwnerFile::open(layers).unwrap();
        again.set(&[("relay.line", 17.into())]).unwrap();
        let config = again.config().unwrap();
        assert_eq!((config.door.name.as_str(), config.relay.line), ("new", Some(17)));
        let text = fs::read_to_string(folder.path().join("conf.d/50-setup.toml")).unwrap();
        assert_eq!(text, format!("{HEADER}\n[door]\nname = \"new\"\n\n[relay]\nline = 17\n"));
    }

    #[test]
    fn a_refused_key_leaves_the_file_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let layers = layers(folder.path());
        let later = folder.path().join("conf.d/90-mine.toml");
        fs::write(later, "[door]\nname = \"mine\"\n").unwrap();
        let mut file = OwnerFile::open(layers).unwrap();
        file.set(&[("relay.line", 17.into())]).unwrap();
        let before = fs::read_to_string(file.path()).unwrap();
        let wrong = file.set(&[("camera.source", "/srv".into()), ("door.fpir", 7.into())]).unwrap_err();
        assert!(wrong.to_string().contains("door.fpir"), "{wrong}");
        let overridden = file.set(&[("door.name", "front".into())]).unwrap_err().to_string();
        assert!(overridden.contains("90-mine.toml"), "{overridden}");
        assert_eq!(fs::read_to_string(file.path()).unwrap(), before);
        assert_eq!(file.config().unwrap().door.name, "mine");
    }

    #[test]
    fn a_further_door_begins_with_files_of_its_own_and_asks_people_to_turn_the_head() {
        let folder = tempfile::tempdir().unwrap();
        let back = folder.path().join("ostiary-back");
        let door = Layers::of_door("back".parse().unwrap());
        let layers = Layers { folder: back.clone(), settings: None, ..door };
        OwnerFile::open(layers.clone()).unwrap().set(&[("relay.line", 17.into())]).unwrap();
        let text = fs::read_to_string(back.join("conf.d/50-setup.toml")).unwrap();
        assert!(text.contains("level = \"active\""), "{text}");
        assert_eq!(OwnerFile::open(layers).unwrap().config().unwrap().door.name, "back");
    }

    #[test]
    fn a_file_of_the_owner_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("door.toml");
        fs::write(&path, "# My own.\n[door]\nname = \"mine\"\n").unwrap();
        let own = Layers { file: Some(path.clone()), ..Layers::default() };
        let refused = OwnerFile::open(own).err().unwrap().to_string();
        assert!(refused.contains("was not written by"), "{refused}");
        assert!(fs::read_to_string(path).unwrap().starts_with("# My own."));
    }
}
