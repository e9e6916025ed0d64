//! A face set in RecordIO format, with its list of names.

use anyhow::Result;
use ostiary_trainer::faceset;
use ostiary_trainer::recordio::{Header, LST, REC, append};

use super::files::folder_with;
use super::{Target, joined, parts};

pub const TARGET: Target = Target {
    name: "recordio",
    about: "a face set in RecordIO format (train.rec, train.lst)",
    run,
    seeds,
    dictionary: &[
        b"\x0a\x23\xd7\xce",
        b"\x0a\x23\xd7\xce\0\0\0\0",
        b"\x0a\x23\xd7\xce\x18\0\0\x20",
        b"\x0a\x23\xd7\xce\x18\0\0\x40",
        b"\x0a\x23\xd7\xce\x18\0\0\x60",
        b"\0\0\x80\x3f",
        b"\0\0\xc0\x7f",
        b"\xff\xff\xff\x1f",
        b"\t",
        b"\n",
        b"Ann/1.jpg",
        b"1.0",
        b"nan",
        b"-1",
    ],
    max_len: 8 << 10,
};

fn run(data: &[u8]) {
    let [list, records] = parts(data);
    let folder = folder_with(&[(REC, records), (LST, list)]);
    let Ok(set) = faceset::open(folder.path()) else { return };
    assert!(set.people() > 0);
    let mut pictures = 0;
    for number in 0..set.people() {
        let Ok(person) = set.person(number) else { continue };
        pictures += person.pictures.len();
        for picture in &person.pictures {
            assert!(set.read(picture).is_ok_and(|file| file.len() <= records.len()), "{picture:?}");
        }
    }
    assert!(pictures > 0 && pictures <= records.len() / 8, "{pictures} pictures");
}

fn seeds() -> Result<Vec<Vec<u8>>> {
    let file = |records: &[(Header, &[u8])]| -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        for (header, picture) in records {
            append(&mut bytes, &header.record_with(picture))?;
        }
        Ok(bytes)
    };
    let many = Header { labels: [vec![0.0], vec![0.5; 20]].concat(), labels_follow: true, id: 2, id2: 0 };
    let complete = file(&[
        (Header::of_range(0, 4..6), b""),
        (Header::of_picture(1, 0), b"one"),
        (many, b"two"),
        (Header::of_picture(3, 1), b"three"),
        (Header::of_range(4, 1..3), b""),
        (Header::of_range(5, 3..4), b""),
    ])?;
    // A payload that contains the magic number is split there.
    let split = file(&[
        (Header::of_picture(0, 3), b"\x0a\x23\xd7\xce\x0a\x23\xd7\xce.."),
        (Header::of_picture(1, 3), b""),
    ])?;
    let list = b"1\t0\tAnn/1.jpg\n2\t0\tAnn/2.jpg\n3\t1\tBob/1.jpg\n";
    Ok(vec![
        joined(&[list, &complete])?,
        joined(&[b"1\tAnn/1.jpg\t3\n", &split])?,
        joined(&[b"", &complete])?,
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seeds_are_valid_face_sets() {
        let people = |seed: &Vec<u8>| {
            let [list, records] = parts(seed);
            faceset::open(folder_with(&[(REC, records), (LST, list)]).path()).unwrap().people()
        };
        assert_eq!(seeds().unwrap().iter().map(people).collect::<Vec<_>>(), [2, 1, 2]);
    }
}
