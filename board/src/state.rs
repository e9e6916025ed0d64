//! What the daemon keeps on disk, looked at from here.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};
use rusqlite::{Connection, OpenFlags};

use crate::board::Board;

/// A copy of the board's state folder.
pub struct State(tempfile::TempDir);

impl Board {
    /// Copies the state folder as it is now.
    pub fn state(&self) -> anyhow::Result<State> {
        let folder = tempfile::tempdir()?;
        let mut remote = self.start("tar -c -C /var/lib/ostiary .")?;
        let out = remote.stdout.take().context("no output of ssh")?;
        let status =
            Command::new("tar").arg("-x").arg("-C").arg(folder.path()).stdin(Stdio::from(out)).status()?;
        remote.wait()?;
        ensure!(status.success(), "the state folder could not be copied");
        Ok(State(folder))
    }
}

impl State {
    /// That both databases are whole; people and templates.
    pub fn check(&self) -> anyhow::Result<(i64, i64)> {
        for name in ["facebank.sqlite", "events.sqlite"] {
            let said: String = self.open(name)?.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
            ensure!(said == "ok", "{name}: {said}");
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

    /// The numbers of all events, in their order.
    pub fn event_ids(&self) -> anyhow::Result<Vec<i64>> {
        let connection = self.open("events.sqlite")?;
        let mut statement = connection.prepare("SELECT id FROM events ORDER BY id")?;
        let ids = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        Ok(ids)
    }

    /// Written to, so that what a journal beside the file holds is taken in.
    fn open(&self, name: &str) -> anyhow::Result<Connection> {
        let path = self.0.path().join(Path::new(name));
        Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)
            .with_context(|| path.display().to_string())
    }
}
