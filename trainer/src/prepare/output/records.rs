//! Output as RecordIO in the layout of InsightFace, which MXNet and its loaders read.
//!
//! [`Header`] describes record 0 and the records of identities. The file has a temporary name while pictures are added. Record
//! 0, the list and the index are written at the end, from the journal.

use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use ostiary_core::Crop;

use super::Output;
use crate::jpeg::file_name;
use crate::prepare::journal::{Entry, Journal, Outcome};
use crate::prepare::split::Subset;
use crate::recordio::{Header, IDX, LST, MAX_LABEL, PROPERTY, REC, append};
use crate::storage::{write_atomic, write_error};

/// The writers of both subsets.
pub struct RecordSet {
    train: RecordWriter,
    val: RecordWriter,
}

impl RecordSet {
    /// A set below this folder.
    pub fn new(folder: &Path) -> Self {
        let writer = |subset: Subset| RecordWriter::new(folder.join(subset.name()));
        Self { train: writer(Subset::Train), val: writer(Subset::Val) }
    }

    fn writer(&mut self, subset: Subset) -> &mut RecordWriter {
        match subset {
            Subset::Train => &mut self.train,
            Subset::Val => &mut self.val,
        }
    }
}

/// Writes the file of one subset.
struct RecordWriter {
    folder: PathBuf,
    file: Option<File>,
    /// Offset after the last picture.
    end: u64,
    pictures: u64,
    people: u64,
    /// The person of the last picture.
    person: String,
}

impl RecordWriter {
    fn new(folder: PathBuf) -> Self {
        Self { folder, file: None, end: 0, pictures: 0, people: 0, person: String::new() }
    }

    fn partial_path(&self) -> PathBuf {
        self.folder.join(format!("{REC}.partial"))
    }

    /// Counts a picture, and returns its identity.
    fn count(&mut self, person: &str) -> u64 {
        if self.people == 0 || self.person != person {
            person.clone_into(&mut self.person);
            self.people += 1;
        }
        self.pictures += 1;
        self.people - 1
    }

    /// The open file.
    fn file(&mut self) -> Result<&mut File> {
        let file = match self.file.take() {
            Some(file) => file,
            None => self.open()?,
        };
        Ok(self.file.insert(file))
    }

    /// Opens the file, truncated after the last picture of the journal.
    fn open(&mut self) -> Result<File> {
        let path = self.partial_path();
        fs::create_dir_all(&self.folder).map_err(write_error(&self.folder))?;
        let finished = self.folder.join(REC);
        if finished.exists() {
            fs::rename(&finished, &path).map_err(write_error(&path))?;
        }
        let open = OpenOptions::new().write(true).create(true).truncate(false).open(&path);
        let mut file = open.map_err(write_error(&path))?;
        let length = file.metadata().map_err(write_error(&path))?.len();
        ensure!(
            length >= self.end,
            "{}: is shorter than the journal says; choose another --output",
            path.display()
        );
        file.set_len(self.end).and_then(|()| file.seek(SeekFrom::End(0))).map_err(write_error(&path))?;
        if self.end == 0 {
            // A placeholder of the same length for record 0, whose values are known at the end.
            let placeholder = Header::of_range(0, 0..0).record_with(&[]);
            self.end = append(&mut file, &placeholder).map_err(write_error(&path))?;
        }
        Ok(file)
    }

    /// Appends a picture; returns the offset after its record.
    fn put(&mut self, person: &str, jpeg: &[u8]) -> Result<u64> {
        self.file()?;
        let identity = self.count(person);
        // Labels also count the records of identities.
        ensure!(
            self.pictures + self.people + 1 < MAX_LABEL,
            "{}: has more than {MAX_LABEL} records, the most that labels (32-bit floats) can count; use --format folders",
            self.folder.display()
        );
        let record = Header::of_picture(self.pictures, identity).record_with(jpeg);
        let path = self.partial_path();
        self.end += append(self.file()?, &record).map_err(write_error(&path))?;
        Ok(self.end)
    }

    /// Appends the records of identities, rewrites record 0, and renames the file.
    fn finish(&mut self, subset: Subset, journal: &Journal) -> Result<()> {
        if self.pictures == 0 {
            return Ok(());
        }
        let (pictures, people) = (self.pictures, self.people);
        let path = self.partial_path();
        let first = Header::of_range(0, pictures + 1..pictures + 1 + people).record_with(&[]);
        // Pictures begin after record 0.
        let begin = append(&mut std::io::sink(), &first)?;
        let ranges = write_list(&self.folder, subset, journal)?;
        let mut end = self.end;
        let mut identities = Vec::new();
        {
            let mut file = BufWriter::new(self.file()?);
            for (id, range) in (pictures + 1..).zip(ranges) {
                identities.push(end);
                end += append(&mut file, &Header::of_range(id, range).record_with(&[]))
                    .map_err(write_error(&path))?;
            }
            file.flush().map_err(write_error(&path))?;
        }
        write_index(&self.folder, subset, journal, begin, &identities)?;
        write_atomic(&self.folder.join(PROPERTY), |file| {
            writeln!(file, "{people},{side},{side}", side = Crop::SIDE)?;
            Ok(())
        })?;
        let file = self.file()?;
        file.seek(SeekFrom::Start(0))
            .and_then(|_| append(file, &first))
            .and_then(|_| file.sync_all())
            .and_then(|()| fs::rename(&path, path.with_extension("")))
            .map_err(write_error(&path))
    }
}

/// Person, name and end offset of each kept picture of a subset.
fn kept(journal: &Journal, subset: Subset) -> Result<impl Iterator<Item = Result<(String, String, u64)>>> {
    Ok(journal.entries()?.filter_map(move |entry| match entry {
        Ok(Entry { person, picture, outcome: Outcome::Kept { subset: own, end, .. } }) => {
            (own == subset).then_some(Ok((person, picture, end)))
        }
        Ok(_) => None,
        Err(error) => Some(Err(error)),
    }))
}

/// Writes the list; returns the range of pictures of each identity.
fn write_list(folder: &Path, subset: Subset, journal: &Journal) -> Result<Vec<Range<u64>>> {
    let mut ranges: Vec<Range<u64>> = Vec::new();
    write_atomic(&folder.join(LST), |list| {
        let mut last = None;
        for (number, kept) in (1..).zip(kept(journal, subset)?) {
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

/// Writes the index: the offset of each record.
fn write_index(
    folder: &Path,
    subset: Subset,
    journal: &Journal,
    begin: u64,
    identities: &[u64],
) -> Result<()> {
    write_atomic(&folder.join(IDX), |index| {
        writeln!(index, "0\t0")?;
        let (mut number, mut offset) = (1, begin);
        for kept in kept(journal, subset)? {
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
    fn resume(&mut self, entry: &Entry) -> Result<()> {
        if let Outcome::Kept { subset, end, .. } = entry.outcome {
            let writer = self.writer(subset);
            writer.count(&entry.person);
            writer.end = end;
        }
        Ok(())
    }

    fn write_crop(&mut self, subset: Subset, person: &str, _: &str, jpeg: &[u8]) -> Result<u64> {
        self.writer(subset).put(person, jpeg)
    }

    fn sync(&mut self) -> Result<()> {
        for writer in [&self.train, &self.val] {
            if let Some(file) = &writer.file {
                file.sync_data().map_err(write_error(&writer.partial_path()))?;
            }
        }
        Ok(())
    }

    fn finish(&mut self, journal: &Journal) -> Result<()> {
        Subset::ALL.into_iter().try_for_each(|subset| self.writer(subset).finish(subset, journal))
    }
}
