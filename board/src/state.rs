//! Checks of the daemon's databases, on a copy of its state folder.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};
use rusqlite::{Connection, OpenFlags};

use crate::board::Board;

/// A copy of the board's state folder, removed when it is dropped.
pub struct StateCopy(tempfile::TempDir);

impl Board {
    /// Copies the state folder.
    pub fn copy_state(&self) -> anyhow::Result<StateCopy> {
        let folder = tempfile::tempdir()?;
        let mut remote = self.start("tar -c -C /var/lib/ostiary .")?;
        let out = remote.stdout.take().context("no output of ssh")?;
        let status =
            Command::new("tar").arg("-x").arg("-C").arg(folder.path()).stdin(Stdio::from(out)).status()?;
        remote.wait()?;
        ensure!(status.success(), "the state folder could not be copied");
        Ok(StateCopy(folder))
    }
}

impl StateCopy {
    /// Checks the integrity of both databases and that each person has a template. Returns the numbers of people and of
    /// templates.
    pub fn check_integrity(&self) -> anyhow::Result<(i64, i64)> {
        for name in ["facebank.sqlite", "events.sqlite"] {
            let result: String =
                self.open(name)?.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
            ensure!(result == "ok", "{name}: {result}");
        }
        let facebank = self.open("facebank.sqlite")?;
        let count = |what: &str| facebank.query_row(what, [], |row| row.get(0));
        let orphans: i64 = count(
            "SELECT count(*) FROM people WHERE id NOT IN \
             (SELECT person FROM templates JOIN photos ON photos.id = templates.photo)",
        )?;
        ensure!(orphans == 0, "{orphans} people without a template");
        Ok((count("SELECT count(*) FROM people")?, count("SELECT count(*) FROM templates")?))
    }

    /// The ids of all events, in ascending order.
    pub fn event_ids(&self) -> anyhow::Result<Vec<i64>> {
        let connection = self.open("events.sqlite")?;
        let mut statement = connection.prepare("SELECT id FROM events ORDER BY id")?;
        let ids = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        Ok(ids)
    }

    /// Opens a database for writing, so that SQLite applies a journal left beside the file.
    fn open(&self, name: &str) -> anyhow::Result<Connection> {
        let path = self.0.path().join(Path::new(name));
        Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)
            .with_context(|| path.display().to_string())
    }
}
