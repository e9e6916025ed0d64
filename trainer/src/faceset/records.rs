//! A face set of MXNet (MS1M, DeepGlint, VGG2 as InsightFace packs them): `train.rec`, and names of people from
//! `train.lst` where that has any.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

use super::{FaceSet, Person, Picture, Place};
use crate::recordio::{Header, LST, RecordFile};

/// Records of one identity that follow each other.
#[derive(Debug, Clone, Copy)]
struct Run {
    label: u32,
    /// Byte of the first one.
    offset: u64,
    /// Number of the first one in the file.
    first: u64,
    count: u32,
}

/// Holds a run for each identity, where the pictures of each stand together as they do in the sets that are published;
/// in one that was shuffled, a run for each picture.
pub struct Records {
    file: RecordFile,
    /// By label.
    runs: Vec<Run>,
    /// Where each identity begins in `runs`.
    begins: Vec<usize>,
    names: HashMap<u32, String>,
}

impl Records {
    /// Looks at the head of each record once.
    pub fn open(path: &Path) -> Result<Self> {
        let file = RecordFile::open(path)?;
        let mut runs: Vec<Run> = Vec::new();
        let (mut offset, mut number, mut pictures, mut told) = (0, 0, 0, None);
        while offset < file.length() {
            let glimpse = file.glimpse(offset)?;
            let damaged = || format!("{}: the record at byte {offset}", path.display());
            let (header, head) = match Header::parse(&glimpse.start) {
                Some(parsed) => parsed,
                // More labels than were looked at.
                None => Header::parse(&file.read(offset)?.0).with_context(|| {
                    format!("{} has no head of a face record; copy the file again", damaged())
                })?,
            };
            if number == 0 && header.apart {
                // Its label is the number of the first record that is no picture.
                told = header.identity();
            } else if glimpse.length > head {
                let label = header.identity().with_context(|| {
                    format!(
                        "{}: its label {:?} is no identity (0, 1, 2, ...)",
                        damaged(),
                        header.labels.first()
                    )
                })?;
                pictures += 1;
                match runs.last_mut() {
                    Some(run) if run.label == label && run.first + u64::from(run.count) == number => {
                        run.count += 1
                    }
                    _ => runs.push(Run { label, offset, first: number, count: 1 }),
                }
            }
            (offset, number) = (glimpse.next, number + 1);
        }
        if let Some(end) = told {
            ensure!(
                u64::from(end) == pictures + 1,
                "{}: its first record tells of {} pictures, and there are {pictures}; copy it again",
                path.display(),
                end.saturating_sub(1)
            );
        }
        ensure!(pictures > 0, "{}: there is no picture in it", path.display());
        runs.sort_by_key(|run| (run.label, run.first));
        let is_first = |index: &usize| *index == 0 || runs[index - 1].label != runs[*index].label;
        let begins = (0..runs.len()).filter(is_first).collect();
        let list = path.with_file_name(LST);
        let names = if list.is_file() { names(&list)? } else { HashMap::new() };
        Ok(Self { file, runs, begins, names })
    }
}

/// What the list calls each label: the folder that its pictures came from. Empty where that does not tell people apart.
fn names(list: &Path) -> Result<HashMap<u32, String>> {
    let unreadable = || format!("cannot read {}", list.display());
    let mut names: HashMap<u32, String> = HashMap::new();
    for line in BufReader::new(File::open(list).with_context(unreadable)?).lines() {
        let line = line.with_context(unreadable)?;
        let columns: Vec<&str> = line.split('\t').collect();
        let [_, second, third, ..] = columns[..] else { return Ok(HashMap::new()) };
        let label = |text: &str| text.parse::<f32>().ok().map(|label| label as u32);
        // MXNet has the label first, InsightFace the file.
        let (label, file) = match (label(second), label(third)) {
            (Some(label), _) => (label, third),
            (None, Some(label)) => (label, second),
            (None, None) => bail!("{}: not understood: {line:.60}", list.display()),
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
        self.begins.len()
    }

    fn person(&self, number: usize) -> Result<Person> {
        let end = self.begins.get(number + 1).copied().unwrap_or(self.runs.len());
        let runs = &self.runs[self.begins[number]..end];
        let label = runs[0].label;
        // With a name for each or for none; padded, so that the order of names is that of labels.
        let name = if self.names.is_empty() { None } else { self.names.get(&label).cloned() };
        let name = name.unwrap_or_else(|| format!("{label:07}"));
        let mut pictures = Vec::new();
        for run in runs {
            let mut offset = run.offset;
            for number in run.first..run.first + u64::from(run.count) {
                let name = format!("{number:08}.jpg");
                pictures.push(Picture { name, place: Place::Record(offset), face: None });
                offset = self.file.glimpse(offset)?.next;
            }
        }
        Ok(Person { name, pictures })
    }

    fn read(&self, picture: &Picture) -> Result<Vec<u8>> {
        let Place::Record(offset) = picture.place else {
            bail!("{}: lies in no file of records", picture.name);
        };
        let (mut payload, _) = self.file.read(offset)?;
        let (_, head) = Header::parse(&payload).context("the record has no head")?;
        Ok(payload.split_off(head))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recordio::append;

    fn write(path: &Path, records: &[(Header, &[u8])]) {
        let mut bytes = Vec::new();
        for (header, picture) in records {
            append(&mut bytes, &header.with(picture)).unwrap();
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
    fn insightface_layout_is_read_with_labels_of_one_and_of_several_numbers() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("train.rec");
        // A picture's labels may stand apart, and so many that a first glimpse does not show them all.
        let many =
            |label: f32| Header { labels: [vec![label], vec![0.0; 20]].concat(), apart: true, id: 2, id2: 0 };
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

        // Names from either kind of list; none from one that does not tell people apart.
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
    fn a_shuffled_file_is_gathered_by_identity() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("train.rec");
        let picture = |id, label| Header::of_picture(id, label);
        write(&path, &[(picture(1, 5), b"a"), (picture(2, 3), b"b"), (picture(3, 5), b"c")]);
        let set = Records::open(&path).unwrap();
        let five = ("0000005".to_owned(), vec![b"a".to_vec(), b"c".to_vec()]);
        assert_eq!(listed(&set), [("0000003".to_owned(), vec![b"b".to_vec()]), five]);
    }

    #[test]
    fn what_cannot_be_right_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("train.rec");
        let refused = |records: &[(Header, &[u8])], part: &str| {
            write(&path, records);
            let why = format!("{:#}", Records::open(&path).err().unwrap());
            assert!(why.contains(part) && why.contains("train.rec"), "{why}");
        };
        refused(&[], "no picture");
        refused(&[(Header::of_range(0, 3..4), b""), (Header::of_picture(1, 0), b"a")], "tells of 2 pictures");
        let half = Header { labels: vec![0.5], apart: false, id: 0, id2: 0 };
        refused(&[(half, b"a")], "no identity");
        std::fs::write(&path, b"JPEG").unwrap();
        assert!(Records::open(&path).err().unwrap().to_string().contains("torn"));
    }
}
