//! The pickle inside a PyTorch checkpoint. It is put into an archive with correct checksums; otherwise the reader refuses the
//! archive before it reads the pickle.

use std::io::{Cursor, Read, Write};

use anyhow::Result;
use ostiary_trainer::net::Weights;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::Target;
use super::files::{folder_with, repository_file};
use super::verification::PICKLE_DICTIONARY;

pub const TARGET: Target = Target {
    name: "pytorch",
    about: "the pickle inside a PyTorch checkpoint",
    run,
    seeds,
    dictionary: PICKLE_DICTIONARY,
    max_len: 128 << 10,
};

/// Number of floats in the archive's only array.
const NUMBERS: usize = 512;

fn run(data: &[u8]) {
    let archive = match archive(data) {
        Ok(archive) => archive,
        Err(error) => panic!("cannot make an archive: {error}"),
    };
    let folder = folder_with(&[("checkpoint.pth", &archive)]);
    let _ = Weights::open(&folder.path().join("checkpoint.pth"));
}

/// A PyTorch checkpoint with this pickle.
fn archive(pickle: &[u8]) -> Result<Vec<u8>> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for (name, bytes) in [("data.pkl", pickle), ("data/0", &[0; 4 * NUMBERS]), ("version", b"3\n")] {
        zip.start_file(format!("archive/{name}"), stored)?;
        zip.write_all(bytes)?;
    }
    Ok(zip.finish()?.into_inner())
}

fn seeds() -> Result<Vec<Vec<u8>>> {
    let mut seeds = Vec::new();
    let mut zip = ZipArchive::new(Cursor::new(repository_file("trainer/tests/reference/insightface.pth")?))?;
    for index in 0..zip.len() {
        let mut entry = zip.by_index(index)?;
        if entry.name()?.ends_with("data.pkl") {
            let mut pickle = Vec::new();
            entry.read_to_end(&mut pickle)?;
            seeds.push(pickle);
        }
    }
    // A dictionary with one tensor, and nested lists.
    seeds.push(
        b"\x80\x02}q\0X\x01\0\0\0wq\x01ctorch._utils\n_rebuild_tensor_v2\nq\x02((X\x07\0\0\0storageq\x03ctorch\nFloatStorage\n\
          q\x04X\x01\0\0\x000q\x05X\x03\0\0\0cpuq\x06K\x04tq\x07QK\0K\x02K\x02\x86q\x08K\x02K\x01\x86q\x09\x89ccollections\n\
          OrderedDict\nq\n)Rq\x0btq\x0cRq\rs."
            .to_vec(),
    );
    seeds.push([&b"\x80\x02"[..], &b"]".repeat(2000), &b"a".repeat(1999), b"."].concat());
    Ok(seeds)
}
