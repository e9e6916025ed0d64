//! The portraits that are built into the program. Their provenance is in `crates/self-test/portraits/README.md`.

use std::path::Path;

use ostiary_core::{BBox, Frame};
use ostiary_pictures::{PictureError, decode_picture};

/// A photograph of one person.
#[derive(Clone, Copy)]
pub struct Portrait {
    /// Name of the person.
    pub name: &'static str,
    /// File name in `crates/self-test/portraits`.
    pub file: &'static str,
    /// Content of the file.
    pub jpeg: &'static [u8],
    /// Position of the face, pixels of the photograph: the rounded result of the detector.
    pub face: BBox,
}

/// The person who is enrolled for the demo.
#[derive(Debug, Clone, Copy)]
pub struct Enrollment {
    /// Name of the person.
    pub name: &'static str,
    /// Photos to enroll. The demo shows none of them.
    pub portraits: &'static [Portrait],
}

const OBAMA: Portrait = Portrait {
    name: "Barack Obama",
    file: "obama.jpg",
    jpeg: include_bytes!("../portraits/obama.jpg"),
    face: BBox { x: 377.0, y: 94.0, width: 235.0, height: 324.0 },
};

const OBAMA_SPEAKS: Portrait = Portrait {
    name: "Barack Obama",
    file: "obama2.jpg",
    jpeg: include_bytes!("../portraits/obama2.jpg"),
    face: BBox { x: 184.0, y: 238.0, width: 283.0, height: 401.0 },
};

const BIDEN: Portrait = Portrait {
    name: "Joe Biden",
    file: "biden.jpg",
    jpeg: include_bytes!("../portraits/biden.jpg"),
    face: BBox { x: 431.0, y: 168.0, width: 280.0, height: 393.0 },
};

/// All portraits that are built into the program.
pub const PORTRAITS: [Portrait; 3] = [OBAMA, OBAMA_SPEAKS, BIDEN];

/// The visitors of the demo: first a stranger, then the person of [`enrollment`] in a photo that is not enrolled.
pub const DEMO_VISITORS: [Portrait; 2] = [BIDEN, OBAMA_SPEAKS];

/// The person to enroll for [`DEMO_VISITORS`].
pub fn enrollment() -> Enrollment {
    Enrollment { name: OBAMA.name, portraits: &[OBAMA] }
}

impl Portrait {
    /// Decodes the photograph.
    ///
    /// # Errors
    /// The photograph is damaged.
    pub fn picture(&self) -> Result<Frame, PictureError> {
        decode_picture(Path::new(self.file), self.jpeg)
    }
}

/// Prints name and file, not the picture.
impl std::fmt::Debug for Portrait {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Portrait({}, {})", self.name, self.file)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use ostiary_config::Detector as Settings;
    use ostiary_core::{Detections, Precision, sha256};
    use ostiary_engine::Backend;
    use ostiary_models::Bundle;
    use ostiary_vision::Detector;

    use super::*;

    #[test]
    fn the_portraits_have_the_published_hashes() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("portraits");
        let sums: BTreeMap<&str, &str> = include_str!("../portraits/SHA256SUMS")
            .lines()
            .map(|line| line.split_once("  ").map(|(sum, file)| (file, sum)).unwrap())
            .collect();
        let mut pictures: Vec<String> = std::fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|file| !["README.md", "SHA256SUMS"].contains(&file.as_str()))
            .collect();
        pictures.sort();
        assert_eq!(pictures, sums.keys().copied().collect::<Vec<_>>());
        for (file, sum) in &sums {
            assert_eq!(sha256(&std::fs::read(folder.join(file)).unwrap()), *sum, "{file}");
        }
        for portrait in PORTRAITS {
            assert_eq!(sha256(portrait.jpeg), sums[portrait.file], "{portrait:?}");
        }
    }

    #[test]
    fn every_portrait_has_its_provenance() {
        let readme = include_str!("../portraits/README.md");
        for line in include_str!("../portraits/SHA256SUMS").lines() {
            let (_, file) = line.split_once("  ").unwrap();
            assert!(readme.contains(&format!("| `{file}` |")), "{file}");
        }
    }

    #[test]
    fn the_detector_finds_each_face_at_its_position() {
        let bundle =
            Bundle::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models"), Precision::Fp32)
                .unwrap();
        let mut detector = Detector::load(&bundle, &Settings::default(), &Backend::tract(1)).unwrap();
        let mut found = Detections::new();
        for portrait in PORTRAITS {
            detector.detect(&portrait.picture().unwrap(), &mut found).unwrap();
            assert_eq!(found.len(), 1, "{portrait:?}");
            assert!(found[0].bbox.iou(&portrait.face) > 0.8, "{portrait:?}: {:?}", found[0].bbox);
        }
    }

    #[test]
    fn the_enrolled_person_comes_last_and_in_another_photo() {
        let enrollment = enrollment();
        let [stranger, known] = DEMO_VISITORS;
        assert_eq!(known.name, enrollment.name);
        assert_ne!(stranger.name, enrollment.name);
        assert!(enrollment.portraits.iter().all(|enrolled| enrolled.file != known.file));
    }
}
