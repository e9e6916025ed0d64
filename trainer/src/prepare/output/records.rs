//! Files of records as InsightFace has them, which MXNet and the loaders made for it read.
//!
//! Record 0 and those of the identities are described at [`Header`]. While pictures are added, the file has a passing name;
//! what must be known before record 0, the list and the index are right comes from the journal at the end.

use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use ostiary_core::Crop;

use super::Output;
use crate::jpeg::file_name;
use crate::prepare::journal::{Entry, Fate, Journal};
use crate::prepare::split::Side;
use crate::recordio::{Header, IDX, LST, MOST, PROPERTY, REC, append};
use crate::storage::{failed, write_whole};

/// Both sides.
pub struct RecordSet([Pack; 2]);

impl RecordSet {
    pub fn new(folder: &Path) -> Self {
        Self(Side::ALL.map(|side| Pack::new(folder.join(side.name()))))
    }

    fn pack(&mut self, side: Side) -> &mut Pack {
        match side {
            Side::Train => &mut self.0[0],
            Side::Val => &mut self.0[1],
        }
    }
}

/// One side's file.
struct Pack {
    folder: PathBuf,
    file: Option<File>,
    /// Byte after the last picture.
    end: u64,
    pictures: u64,
    people: u64,
    /// Whose picture was the last.
    person: String,
}

impl Pack {
    fn new(folder: PathBuf) -> Self {
        Self { folder, file: None, end: 0, pictures: 0, people: 0, person: String::new() }
    }

    fn passing(&self) -> PathBuf {
        self.folder.join(format!("{REC}.partial"))
    }

    /// Counts a picture, and says which identity it is of.
    fn count(&mut self, person: &str) -> u64 {
        if self.people == 0 || self.person != person {
            person.clone_into(&mut self.person);
            self.people += 1;
        }
        self.pictures += 1;
        self.people - 1
    }

    /// The file, cut after the last picture that the journal knows.
    fn file(&mut self) -> Result<&mut File> {
        let path = self.passing();
        if self.file.is_none() {
            fs::create_dir_all(&self.folder).map_err(failed(&self.folder))?;
            let finished = self.folder.join(REC);
            if finished.exists() {
                fs::rename(&finished, &path).map_err(failed(&path))?;
            }
            let open = OpenOptions::new().write(true).create(true).truncate(false).open(&path);
            let mut file = open.map_err(failed(&path))?;
            let length = file.metadata().map_err(failed(&path))?.len();
            ensure!(
                length >= self.end,
                "{}: is shorter than the journal says; choose another --output",
                path.display()
            );
            file.set_len(self.end).and_then(|()| file.seek(SeekFrom::End(0))).map_err(failed(&path))?;
            if self.end == 0 {
                // Its numbers are not known yet, and take as many bytes whatever they are.
                self.end = append(&mut file, &Header::of_range(0, 0..0).with(&[])).map_err(failed(&path))?;
            }
            self.file = Some(file);
        }
        Ok(self.file.get_or_insert(File::open(&path).map_err(failed(&path))?))
    }

    fn put(&mut self, person: &str, jpeg: &[u8]) -> Result<u64> {
        self.file()?;
        let identity = self.count(person);
        // Also the identities' own records are counted in labels.
        ensure!(
            self.pictures + self.people + 1 < MOST,
            "{}: more than {MOST} records, and their labels cannot count further; use --format folders",
            self.folder.display()
        );
        let record = Header::of_picture(self.pictures, identity).with(jpeg);
        let path = self.passing();
        self.end += append(self.file()?, &record).map_err(failed(&path))?;
        Ok(self.end)
    }

    /// Adds the identities' records, writes the first one anew, and gives the file its name.
    fn finish(&mut self, side: Side, journal: &Journal) -> Result<()> {
        if self.pictures == 0 {
            return Ok(());
        }
        let (pictures, people) = (self.pictures, self.people);
        let path = self.passing();
        let first = Header::of_range(0, pictures + 1..pictures + 1 + people).with(&[]);
        // Where pictures begin: after the first record.
        let begin = append(&mut std::io::sink(), &first)?;
        let ranges = write_list(&self.folder, side, journal)?;
        let mut end = self.end;
        let mut identities = Vec::new();
        {
            let mut file = BufWriter::new(self.file()?);
            for (id, range) in (pictures + 1..).zip(ranges) {
                identities.push(end);
                end += append(&mut file, &Header::of_range(id, range).with(&[])).map_err(failed(&path))?;
            }
            file.flush().map_err(failed(&path))?;
        }
        write_index(&self.folder, side, journal, begin, &identities)?;
        write_whole(&self.folder.join(PROPERTY), |file| {
            writeln!(file, "{people},{side},{side}", side = Crop::SIDE)?;
            Ok(())
        })?;
        let file = self.file()?;
        file.seek(SeekFrom::Start(0))
            .and_then(|_| append(file, &first))
            .and_then(|_| file.sync_all())
            .and_then(|()| fs::rename(&path, path.with_extension("")))
            .map_err(failed(&path))
    }
}

/// The pictures of a side: each with person, name and the byte after it.
fn kept(journal: &Journal, side: Side) -> Result<impl Iterator<Item = Result<(String, String, u64)>>> {
    Ok(journal.entries()?.filter_map(move |entry| match entry {
        Ok(Entry { person, picture, fate: Fate::Kept { side: own, end, .. } }) => {
            (own == side).then_some(Ok((person, picture, end)))
        }
        Ok(_) => None,
        Err(error) => Some(Err(error)),
    }))
}

/// Writes the list; gives each identity's range of pictures.
fn write_list(folder: &Path, side: Side, journal: &Journal) -> Result<Vec<Range<u64>>> {
    let mut ranges: Vec<Range<u64>> = Vec::new();
    write_whole(&folder.join(LST), |list| {
        let mut last = None;
        for (number, kept) in (1..).zip(kept(journal, side)?) {
            let (person, picture, _) = kept?;
            match ranges.last_mut() {
                Some(range) if last.as_ref() == Some(&person) => range.end = number + 1,
                _ => ranges.push(number..number + 1),
            }
            writeln!(list, "{number}\t{}\t{person}/{}", ranges.len() - 1, file_name(&picture))?;
            last = Some(person);
        }
        Ok(())
    })?;
    Ok(ranges)
}

fn write_index(folder: &Path, side: Side, journal: &Journal, begin: u64, identities: &[u64]) -> Result<()> {
    write_whole(&folder.join(IDX), |index| {
        writeln!(index, "0\t0")?;
        let (mut number, mut offset) = (1, begin);
        for kept in kept(journal, side)? {
            writeln!(index, "{number}\t{offset}")?;
            offset = kept?.2;
            number += 1;
        }
        for offset in identities {
            writeln!(index, "{number}\t{offset}")?;
            number += 1;
        }
        Ok(())
    })
}

impl Output for RecordSet {
    fn recall(&mut self, entry: &Entry) -> Result<()> {
        if let Fate::Kept { side, end, .. } = entry.fate {
            let pack = self.pack(side);
            pack.count(&entry.person);
            pack.end = end;
        }
        Ok(())
    }

    fn put(&mut self, side: Side, person: &str, _: &str, jpeg: &[u8]) -> Result<u64> {
        self.pack(side).put(person, jpeg)
    }

    fn sync(&mut self) -> Result<()> {
        for pack in &self.0 {
            if let Some(file) = &pack.file {
                file.sync_data().map_err(failed(&pack.passing()))?;
            }
        }
        Ok(())
    }

    fn finish(&mut self, journal: &Journal) -> Result<()> {
        Side::ALL.into_iter().try_for_each(|side| self.pack(side).finish(side, journal))
    }
}
