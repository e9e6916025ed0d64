//! Batches of a set of faces, which are read and decoded in parallel, ahead of the network.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::{self, JoinHandle};

use anyhow::{Context, Result, bail, ensure};
use ostiary_core::sha256;
use ostiary_pictures::decode_picture;
use ostiary_trainer::faceset::{FaceSet, Picture};
use ostiary_trainer::net::SIDE;
use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

use super::order;

/// Number of batches that are ready before the network needs them.
const AHEAD: usize = 4;
/// Greatest number of broken pictures that are named; further ones are only counted.
const MAX_NAMED: usize = 10;

/// Number of bytes of a picture.
pub const PICTURE: usize = 3 * SIDE * SIDE;

/// The locations and labels of the pictures of a set.
pub struct TrainingSet {
    set: Box<dyn FaceSet>,
    /// Names of people by label.
    people: Vec<String>,
    /// Each picture with its label.
    pictures: Vec<(Picture, u32)>,
    workers: ThreadPool,
    /// Number of pictures that could not be used so far.
    broken: AtomicUsize,
}

/// Pictures with labels.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// RGB planes, `[batch, 3, SIDE, SIDE]`.
    pub pixels: Vec<u8>,
    /// Numbers of people, `[batch]`.
    pub labels: Vec<i64>,
}

impl TrainingSet {
    /// Lists the pictures of a set. `workers` is the number of threads that read and decode.
    ///
    /// # Errors
    /// If the set cannot be read, or has too many pictures.
    pub fn open(set: Box<dyn FaceSet>, workers: usize) -> Result<Self> {
        let (mut people, mut pictures) = (Vec::new(), Vec::new());
        for number in 0..set.people() {
            let person = set.person(number)?;
            if person.pictures.is_empty() {
                continue;
            }
            let label = people.len() as u32;
            people.push(person.name);
            pictures.extend(person.pictures.into_iter().map(|picture| (picture, label)));
        }
        ensure!(
            u32::try_from(pictures.len()).is_ok(),
            "the set has {} pictures; at most {} are supported",
            pictures.len(),
            u32::MAX
        );
        let workers =
            ThreadPoolBuilder::new().num_threads(workers).build().context("cannot start threads")?;
        Ok(Self { set, people, pictures, workers, broken: AtomicUsize::new(0) })
    }

    /// Number of people.
    pub fn people(&self) -> usize {
        self.people.len()
    }

    /// Number of pictures.
    pub fn pictures(&self) -> usize {
        self.pictures.len()
    }

    /// Number of skipped pictures since the set was opened: damaged, or not 112x112.
    pub fn broken(&self) -> usize {
        self.broken.load(Ordering::Relaxed)
    }

    /// A hash of the names of people and the number of pictures, which identifies the set.
    pub fn fingerprint(&self) -> String {
        // Names contain no line breaks.
        let all = format!("{}\n{}", self.people.join("\n"), self.pictures.len());
        let mut hash = sha256(all.as_bytes());
        hash.truncate(16);
        hash
    }

    /// Number of batches of an epoch. The remaining pictures come in other epochs, because each has another order.
    pub fn batches(&self, batch: usize) -> usize {
        self.pictures.len() / batch
    }

    /// Reads the pictures with these numbers. Broken pictures are left out.
    pub fn read(&self, numbers: &[u32]) -> Batch {
        let decode = |number: &u32| {
            let (picture, label) = self.pictures.get(*number as usize)?;
            Some((self.decode(picture, *label)?, i64::from(*label)))
        };
        let read: Vec<(Vec<u8>, i64)> =
            self.workers.install(|| numbers.par_iter().filter_map(decode).collect());
        let mut batch = Batch {
            pixels: Vec::with_capacity(read.len() * PICTURE),
            labels: Vec::with_capacity(read.len()),
        };
        for (pixels, label) in read {
            batch.pixels.extend(pixels);
            batch.labels.push(label);
        }
        batch
    }

    fn decode(&self, picture: &Picture, label: u32) -> Option<Vec<u8>> {
        let decoded = self.set.read(picture).and_then(|file| {
            let frame = decode_picture(Path::new(&picture.name), &file)?;
            let (width, height) = (frame.width() as usize, frame.height() as usize);
            if (width, height) != (SIDE, SIDE) {
                bail!("the picture is {width}x{height}, not {SIDE}x{SIDE}; `ostiary-trainer prepare` aligns faces");
            }
            let mut planes = vec![0; PICTURE];
            for (channel, plane) in planes.chunks_exact_mut(SIDE * SIDE).enumerate() {
                for (to, from) in plane.iter_mut().zip(frame.rgb().iter().skip(channel).step_by(3)) {
                    *to = *from;
                }
            }
            Ok(planes)
        });
        decoded
            .inspect_err(|error| {
                let before = self.broken.fetch_add(1, Ordering::Relaxed);
                if before < MAX_NAMED {
                    let person = self.people.get(label as usize).map_or("", String::as_str);
                    eprintln!("skipped {person}/{}: {error:#}", picture.name);
                }
            })
            .ok()
    }
}

/// The batches of an epoch, which a thread reads ahead.
pub struct EpochBatches {
    batches: Receiver<Batch>,
    reader: Option<JoinHandle<()>>,
}

impl EpochBatches {
    /// Starts reading the batches of an epoch, after the first `skip` ones.
    ///
    /// # Errors
    /// If the thread cannot be started.
    pub fn begin(data: Arc<TrainingSet>, epoch: usize, batch: usize, skip: usize, seed: u64) -> Result<Self> {
        let (sender, batches) = sync_channel(AHEAD);
        let reader = move || {
            let order = order::of_epoch(data.pictures(), epoch, seed);
            for numbers in order.chunks_exact(batch).skip(skip) {
                // The receiver is dropped when the run stops.
                let Ok(()) = sender.send(data.read(numbers)) else { return };
            }
        };
        let reader =
            thread::Builder::new().name("batches".into()).spawn(reader).context("cannot start a thread")?;
        Ok(Self { batches, reader: Some(reader) })
    }
}

impl Iterator for EpochBatches {
    type Item = Batch;

    fn next(&mut self) -> Option<Batch> {
        self.batches.recv().ok()
    }
}

impl Drop for EpochBatches {
    fn drop(&mut self) {
        // Without a receiver the thread ends at its next batch.
        drop(std::mem::replace(&mut self.batches, sync_channel(0).1));
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use ostiary_trainer::{faceset, jpeg};

    use super::*;

    fn set() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (person, shade) in [("Ann", 50u8), ("Bob", 200)] {
            fs::create_dir(folder.path().join(person)).unwrap();
            for number in 0..3 {
                let pixels = vec![shade + number; PICTURE];
                let file = jpeg::encode(&pixels, SIDE as u32, SIDE as u32).unwrap();
                fs::write(folder.path().join(person).join(format!("{number}.jpg")), file).unwrap();
            }
        }
        folder
    }

    fn open(folder: &tempfile::TempDir) -> TrainingSet {
        TrainingSet::open(faceset::open(folder.path()).unwrap(), 2).unwrap()
    }

    #[test]
    fn pictures_have_labels_and_an_epoch_can_be_continued() {
        let folder = set();
        let data = Arc::new(open(&folder));
        assert_eq!((data.people(), data.pictures(), data.batches(4)), (2, 6, 1));
        let whole: Vec<Batch> = EpochBatches::begin(data.clone(), 3, 2, 0, 1).unwrap().collect();
        assert_eq!(whole.len(), 3);
        for batch in &whole {
            for (pixels, label) in batch.pixels.chunks(PICTURE).zip(&batch.labels) {
                assert_eq!(pixels[0] > 100, *label == 1);
            }
        }
        let rest: Vec<Batch> = EpochBatches::begin(data.clone(), 3, 2, 1, 1).unwrap().collect();
        assert_eq!(rest, whole[1..]);
        // An epoch that is dropped early also ends its thread.
        drop(EpochBatches::begin(data, 0, 1, 0, 1).unwrap());
    }

    #[test]
    fn broken_pictures_are_skipped_and_counted() {
        let folder = set();
        let small = jpeg::encode(&[0; 300], 10, 10).unwrap();
        fs::write(folder.path().join("Ann/0.jpg"), small).unwrap();
        let file = folder.path().join("Bob/1.jpg");
        let whole = fs::read(&file).unwrap();
        fs::write(&file, &whole[..whole.len() / 2]).unwrap();
        let data = open(&folder);
        let batch = data.read(&[0, 1, 2, 3, 4, 5]);
        assert_eq!(batch.labels, [0, 0, 1, 1]);
        assert_eq!(batch.pixels.len(), 4 * PICTURE);
        assert_eq!(data.broken(), 2);
    }

    #[test]
    fn another_set_has_another_fingerprint() {
        let folder = set();
        let before = open(&folder).fingerprint();
        assert_eq!(before, open(&folder).fingerprint());
        fs::rename(folder.path().join("Ann"), folder.path().join("Eve")).unwrap();
        assert_ne!(before, open(&folder).fingerprint());
    }
}
