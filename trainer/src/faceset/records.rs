//! A face set in MXNet's RecordIO (MS1M, DeepGlint, VGG2 as InsightFace packs them): `train.rec`, and the names of people from
//! `train.lst`, if it has any.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

use super::{FaceSet, Location, Person, Picture, group, starts_of};
use crate::recordio::{Header, LST, RecordFile};

/// Consecutive records of one identity.
#[derive(Debug, Clone, Copy)]
struct RecordRun {
    label: u32,
    /// Offset of the first record.
    offset: u64,
    /// Number of the first record in the file.
    first: u64,
    count: u32,
}

/// The set. It holds one run for each identity if the file is sorted by identity, as published sets are, and up to one run
/// for each picture in a shuffled file.
pub struct Records {
    file: RecordFile,
    /// Sorted by label.
    runs: Vec<RecordRun>,
    /// Index of the first run of each identity in `runs`.
    starts: Vec<usize>,
    /// Names by label; empty if the list has none.
    names: HashMap<u32, String>,
}

impl Records {
    /// Reads the header of each record once.
    ///
    /// # Errors
    /// If the file cannot be read, is damaged, or has no picture.
    pub fn open(path: &Path) -> Result<Self> {
        let file = RecordFile::open(path)?;
        let mut runs: Vec<RecordRun> = Vec::new();
        let (mut offset, mut number, mut pictures, mut declared_end) = (0, 0, 0, None);
        while offset < file.length() {
            let prefix = file.read_prefix(offset)?;
            let damaged = || format!("{}: the record at byte {offset}", path.display());
            let (header, header_length) = match Header::parse(&prefix.start) {
                Some(parsed) => parsed,
                // The header has more labels than the prefix shows.
                None => Header::parse(&file.read(offset)?.0).with_context(|| {
                    format!("{} has no header of a face record; copy the file again", damaged())
                })?,
            };
            if number == 0 && header.labels_follow {
                // Its first label is the number of the first record after the pictures.
                declared_end = header.identity();
            } else if prefix.length > header_length {
                let label = header.identity().with_context(|| {
                    format!(
                        "{}: its label {:?} is not an identity (0, 1, 2, ...)",
                        damaged(),
                        header.labels.first()
                    )
                })?;
                pictures += 1;
                match runs.last_mut() {
                    Some(run) if run.label == label && run.first + u64::from(run.count) == number => {
                        run.count += 1
                    }
                    _ => runs.push(RecordRun { label, offset, first: number, count: 1 }),
                }
            }
            (offset, number) = (prefix.next, number + 1);
        }
        if let Some(end) = declared_end {
            ensure!(
                u64::from(end) == pictures + 1,
                "{}: its first record says {} pictures, but the file has {pictures}; copy the file again",
                path.display(),
                end.saturating_sub(1)
            );
        }
        ensure!(pictures > 0, "{}: has no picture", path.display());
        runs.sort_by_key(|run| (run.label, run.first));
        let starts = starts_of(&runs, |run| run.label);
        let list = path.with_file_name(LST);
        let names = if list.is_file() { names(&list)? } else { HashMap::new() };
        Ok(Self { file, runs, starts, names })
    }
}

/// Names of people by label, from the list: the folders of their pictures. Empty if the folders do not distinguish people.
fn names(list: &Path) -> Result<HashMap<u32, String>> {
    let unreadable = || format!("cannot read {}", list.display());
    let mut names: HashMap<u32, String> = HashMap::new();
    for line in BufReader::new(File::open(list).with_context(unreadable)?).lines() {
        let line = line.with_context(unreadable)?;
        let columns: Vec<&str> = line.split('\t').collect();
        let [_, second, third, ..] = columns[..] else { return Ok(HashMap::new()) };
        let label = |text: &str| text.parse::<f32>().ok().map(|label| label as u32);
        // In lists of MXNet the label comes first, in lists of InsightFace the file.
        let (label, file) = match (label(second), label(third)) {
            (Some(label), _) => (label, third),
            (None, Some(label)) => (label, second),
            (None, None) => bail!("{}: this line has no label: {line:.60}", list.display()),
        };
        let folder = Path::new(file).parent().and_then(Path::file_name).and_then(|name| name.to_str());
        let Some(folder) = folder.filter(|name| !name.contains(|c: char| c.is_control())) else {
            return Ok(HashMap::new());
        };
        match names.get(&label) {
            Some(known) if known != folder => return Ok(HashMap::new()),
            Some(_) => {}
            None => drop(names.insert(label, folder.to_owned())),
        }
    }
    let distinct: HashSet<&String> = names.values().collect();
    Ok(if distinct.len() == names.len() { names } else { HashMap::new() })
}

impl FaceSet for Records {
    fn people(&self) -> usize {
        self.starts.len()
    }

    fn person(&self, number: usize) -> Result<Person> {
        let runs = group(&self.runs, &self.starts, number)?;
        let label = runs.first().map_or(0, |run| run.label);
        // Numbers are padded, so that names sort like labels.
        let name = if self.names.is_empty() { None } else { self.names.get(&label).cloned() };
        let name = name.unwrap_or_else(|| format!("{label:07}"));
        let mut pictures = Vec::new();
        for run in runs {
            let mut offset = run.offset;
            for number in run.first..run.first + u64::from(run.count) {
                let name = format!("{number:08}.jpg");
                pictures.push(Picture { name, location: Location::Record(offset), face: None });
                offset = self.file.read_prefix(offset)?.next;
            }
        }
        Ok(Person { name, pictures })
    }

    fn read(&self, picture: &Picture) -> Result<Vec<u8>> {
        let Location::Record(offset) = picture.location else {
            bail!("{}: is not in a RecordIO file", picture.name);
        };
        let (mut payload, _) = self.file.read(offset)?;
        let (_, header_length) = Header::parse(&payload).context("the record has no header")?;
        Ok(payload.split_off(header_length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recordio::append;

    fn write(path: &Path, records: &[(Header, &[u8])]) {
        let mut bytes = Vec::new();
        for (header, picture) in records {
            append(&mut bytes, &header.record_with(picture)).unwrap();
        }
        std::fs::write(path, bytes).unwrap();
    }

    fn listed(set: &Records) -> Vec<(String, Vec<Vec<u8>>)> {
        let person = |number| {
            let person = set.person(number).unwrap();
            (person.name, person.pictures.iter().map(|picture| set.read(picture).unwrap()).collect())
        };
        (0..set.people()).map(person).collect()
    }

    #[test]
    fn the_layout_of_insightface_is_read_with_one_label_and_with_several() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("train.rec");
        // The labels can follow the header, and can be more than the prefix shows.
        let many = |label: f32| Header {
            labels: [vec![label], vec![0.0; 20]].concat(),
            labels_follow: true,
            id: 2,
            id2: 0,
        };
        write(
            &path,
            &[
                (Header::of_range(0, 4..6), b""),
                (Header::of_picture(1, 0), b"one"),
                (many(0.0), b"two"),
                (Header::of_picture(3, 1), b"three"),
                (Header::of_range(4, 1..3), b""),
                (Header::of_range(5, 3..4), b""),
            ],
        );
        let two = vec![b"one".to_vec(), b"two".to_vec()];
        let set = Records::open(&path).unwrap();
        let wanted = vec![("0000000".to_owned(), two), ("0000001".to_owned(), vec![b"three".to_vec()])];
        assert_eq!(listed(&set), wanted);

        // Names come from either kind of list, and not from a list that does not distinguish people.
        for (list, names) in [
            ("1\t/d/m.01/a.jpg\t0\n1\t/d/m.01/b.jpg\t0\n1\t/d/m.02/a.jpg\t1\n", ["m.01", "m.02"]),
            ("1\t0\tm.01/a.jpg\n2\t0\tm.01/b.jpg\n3\t1.0\tm.02/a.jpg\n", ["m.01", "m.02"]),
            ("1\t0\tm.01/a.jpg\n3\t1\tm.01/b.jpg\n", ["0000000", "0000001"]),
            ("1\t0\ta.jpg\n3\t1\tb.jpg\n", ["0000000", "0000001"]),
        ] {
            std::fs::write(folder.path().join("train.lst"), list).unwrap();
            let set = Records::open(&path).unwrap();
            assert_eq!([0, 1].map(|number| set.person(number).unwrap().name), names, "{list}");
        }
    }

    #[test]
    fn a_shuffled_file_is_grouped_by_identity() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("train.rec");
        let picture = |id, label| Header::of_picture(id, label);
        write(&path, &[(picture(1, 5), b"a"), (picture(2, 3), b"b"), (picture(3, 5), b"c")]);
        let set = Records::open(&path).unwrap();
        let five = ("0000005".to_owned(), vec![b"a".to_vec(), b"c".to_vec()]);
        assert_eq!(listed(&set), [("0000003".to_owned(), vec![b"b".to_vec()]), five]);
    }

    #[test]
    fn implausible_files_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("train.rec");
        let refused = |records: &[(Header, &[u8])], part: &str| {
            write(&path, records);
            let why = format!("{:#}", Records::open(&path).err().unwrap());
            assert!(why.contains(part) && why.contains("train.rec"), "{why}");
        };
        refused(&[], "has no picture");
        refused(&[(Header::of_range(0, 3..4), b""), (Header::of_picture(1, 0), b"a")], "says 2 pictures");
        let half = Header { labels: vec![0.5], labels_follow: false, id: 0, id2: 0 };
        refused(&[(half, b"a")], "not an identity");
        std::fs::write(&path, b"JPEG").unwrap();
        assert!(Records::open(&path).err().unwrap().to_string().contains("incomplete"));
    }
}
