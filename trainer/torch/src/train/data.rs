//! A set of faces as batches: read and decoded ahead of the network, in parallel.

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

/// Batches that wait for the network.
const AHEAD: usize = 4;
/// Broken pictures that are named; the others are counted.
const NAMED: usize = 10;

/// Numbers in a picture.
pub const PICTURE: usize = 3 * SIDE * SIDE;

/// Where the pictures of a set are, and whose.
pub struct Data {
    set: Box<dyn FaceSet>,
    /// People's names, by number.
    people: Vec<String>,
    /// Each with its person's number.
    pictures: Vec<(Picture, u32)>,
    workers: ThreadPool,
    broken: AtomicUsize,
}

/// Some pictures with their people.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// Bytes of RGB in planes, `[batch, 3, SIDE, SIDE]`.
    pub pixels: Vec<u8>,
    /// `[batch]`
    pub labels: Vec<i64>,
}

impl Data {
    /// Lists a set. `workers` threads will decode.
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
            "the set has {} pictures; 4 thousand million are the most",
            pictures.len()
        );
        let workers =
            ThreadPoolBuilder::new().num_threads(workers).build().context("cannot start threads")?;
        Ok(Self { set, people, pictures, workers, broken: AtomicUsize::new(0) })
    }

    pub fn people(&self) -> usize {
        self.people.len()
    }

    pub fn pictures(&self) -> usize {
        self.pictures.len()
    }

    /// Pictures that were passed over since the set was opened: damaged, or not 112x112.
    pub fn broken(&self) -> usize {
        self.broken.load(Ordering::Relaxed)
    }

    /// Says who is in the set and with how many pictures: another set has another one.
    pub fn fingerprint(&self) -> String {
        // No name has a line break in it.
        let all = format!("{}\n{}", self.people.join("\n"), self.pictures.len());
        let mut hash = sha256(all.as_bytes());
        hash.truncate(16);
        hash
    }

    /// Number of batches of an epoch; what is left over comes in another one.
    pub fn batches(&self, batch: usize) -> usize {
        self.pictures.len() / batch
    }

    /// The person's number of each picture, and the picture; broken ones are left out.
    pub fn read(&self, numbers: &[u32]) -> Batch {
        let decode = |number: &u32| {
            let (picture, label) = &self.pictures[*number as usize];
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
                bail!("it is {width}x{height}, not {SIDE}x{SIDE}; `ostiary-trainer prepare` aligns faces");
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
                if before < NAMED {
                    eprintln!("passed over {}/{}: {error:#}", self.people[label as usize], picture.name);
                }
            })
            .ok()
    }
}

/// The batches of an epoch from some place on, made ahead by a thread.
pub struct Epoch {
    batches: Receiver<Batch>,
    maker: Option<JoinHandle<()>>,
}

impl Epoch {
    /// `skip` batches have been taken before.
    pub fn begin(data: Arc<Data>, epoch: usize, batch: usize, skip: usize, seed: u64) -> Result<Self> {
        let (give, batches) = sync_channel(AHEAD);
        let maker = move || {
            let order = order::of_epoch(data.pictures(), epoch, seed);
            for numbers in order.chunks_exact(batch).skip(skip) {
                // Whoever took batches has stopped.
                let Ok(()) = give.send(data.read(numbers)) else { return };
            }
        };
        let maker =
            thread::Builder::new().name("batches".into()).spawn(maker).context("cannot start a thread")?;
        Ok(Self { batches, maker: Some(maker) })
    }
}

impl Iterator for Epoch {
    type Item = Batch;

    fn next(&mut self) -> Option<Batch> {
        self.batches.recv().ok()
    }
}

impl Drop for Epoch {
    fn drop(&mut self) {
        // The thread ends when it can give to nobody.
        drop(std::mem::replace(&mut self.batches, sync_channel(0).1));
        if let Some(maker) = self.maker.take() {
            let _ = maker.join();
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

    fn open(folder: &tempfile::TempDir) -> Data {
        Data::open(faceset::open(folder.path()).unwrap(), 2).unwrap()
    }

    #[test]
    fn each_picture_comes_with_its_person_and_an_epoch_can_be_taken_up() {
        let folder = set();
        let data = Arc::new(open(&folder));
        assert_eq!((data.people(), data.pictures(), data.batches(4)), (2, 6, 1));
        let whole: Vec<Batch> = Epoch::begin(data.clone(), 3, 2, 0, 1).unwrap().collect();
        assert_eq!(whole.len(), 3);
        for batch in &whole {
            for (pixels, label) in batch.pixels.chunks(PICTURE).zip(&batch.labels) {
                assert_eq!(pixels[0] > 100, *label == 1);
            }
        }
        let rest: Vec<Batch> = Epoch::begin(data.clone(), 3, 2, 1, 1).unwrap().collect();
        assert_eq!(rest, whole[1..]);
        // One that is not taken to its end ends all the same.
        drop(Epoch::begin(data, 0, 1, 0, 1).unwrap());
    }

    #[test]
    fn broken_pictures_are_passed_over_and_counted() {
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
