//! CelebA's lists of identities and landmarks.

use ostiary_trainer::faceset;

use super::files::folder_with;
use super::{Target, joined, parts};

pub const TARGET: Target = Target {
    name: "celeba",
    about: "CelebA's lists of identities and landmarks",
    run,
    seeds,
    dictionary: &[
        b"000001.jpg",
        b".png",
        b" ",
        b"\n",
        b"\t",
        b"../x.jpg",
        b"/x.jpg",
        b"nan",
        b"inf",
        b"4294967295",
        b"\xe2\x80\xa8",
    ],
    max_len: 8 << 10,
};

fn run(data: &[u8]) {
    let [identities, landmarks] = parts(data);
    let folder =
        folder_with(&[("identity_CelebA.txt", identities), ("list_landmarks_celeba.txt", landmarks)]);
    let pictures = folder.path().join("img_celeba");
    if let Err(error) = std::fs::create_dir(&pictures) {
        panic!("cannot make a folder: {error}");
    }
    let Ok(set) = faceset::open(folder.path()) else { return };
    for number in 0..set.people() {
        let Ok(person) = set.person(number) else { panic!("person {number} of {}", set.people()) };
        for picture in person.pictures {
            let faceset::Location::File(path) = &picture.location else {
                panic!("{picture:?} is not a file")
            };
            assert_eq!(path.parent(), Some(pictures.as_path()), "a picture outside the folder");
        }
    }
}

fn seeds() -> anyhow::Result<Vec<Vec<u8>>> {
    let identities = b"000001.jpg 2880\n000002.jpg 2937\n000003.jpg 2880\n";
    let landmarks = b"3\nlefteye_x lefteye_y\n000001.jpg 69 109 106 113 77 142 73 152 108 154\n\
                      000002.jpg  69  110  107  112  81  135  70  151  108  153\n";
    Ok(vec![joined(&[identities, landmarks])?, joined(&[identities, b""])?])
}
