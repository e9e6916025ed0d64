//! Sets of faces for exports, made from the portraits that ship.

#[path = "../portraits/mod.rs"]
mod portraits;

use std::fs;
use std::path::{Path, PathBuf};

use ostiary_testkit::repository_file;
use portraits::{crop, crops};

/// A folder with two portraits for calibration.
pub fn few_portraits(folder: &Path) -> PathBuf {
    let few = folder.join("portraits");
    fs::create_dir(&few).unwrap();
    for portrait in ["hopper.jpg", "obama.jpg"] {
        fs::copy(repository_file("crates/self-test/portraits").join(portrait), few.join(portrait)).unwrap();
    }
    few
}

/// Aligned crops, a folder for each of three people: each portrait in six brightnesses.
pub fn people(folder: &Path) -> PathBuf {
    let (crops, people) = (crops(folder), folder.join("people"));
    for (person, portrait) in [
        ("Obama", "obama"),
        ("Obama", "obama2"),
        ("Obama", "obama3"),
        ("Biden", "biden"),
        ("Hopper", "hopper"),
    ] {
        fs::create_dir_all(people.join(person)).unwrap();
        let crop = crop(&crops, portrait);
        for (number, brighter) in [0, 15, 30, -15, 8, 22].into_iter().enumerate() {
            crop.brighten(brighter).save(people.join(format!("{person}/{portrait}-{number}.png"))).unwrap();
        }
    }
    people
}

/// Aligned crops of thirty strangers, who have no faces: patterns of random colors.
pub fn strangers(folder: &Path) -> PathBuf {
    let strangers = folder.join("strangers");
    fs::create_dir(&strangers).unwrap();
    for number in 0..30u32 {
        let color = |x: u32, y: u32, channel: u32| {
            let cell = (x / 8) * 31 + (y / 8) * 17 + channel * 7 + number * 101;
            (cell.wrapping_mul(2_654_435_761) >> 24) as u8
        };
        let picture = image::RgbImage::from_fn(112, 112, |x, y| {
            image::Rgb([color(x, y, 0), color(x, y, 1), color(x, y, 2)])
        });
        picture.save(strangers.join(format!("{number:02}.png"))).unwrap();
    }
    strangers
}
