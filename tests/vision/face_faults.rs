//! Faces that are refused: upside down, covered, cut off by the edge, or no face at all.

use super::*;

/// A portrait that is turned upside down.
fn turned(folder: &TempDir, name: &str) -> PathBuf {
    let path = folder.path().join(format!("turned-{name}"));
    image::open(portrait(name)).unwrap().rotate180().save(&path).unwrap();
    path
}

#[test]
fn a_head_that_is_not_upright_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let [hopper, obama] = ["hopper.jpg", "obama.jpg"].map(|name| turned(&folder, name));
    let bank = folder.path().join("people.sqlite");
    for more in ["--json", "--force"] {
        let output = run!("enroll", "Ada", hopper, more, "--facebank", bank);
        assert_eq!(code(&output), 1);
        assert!(error(&output).contains("upside down"), "{}", error(&output));
        assert!(!error(&output).contains("--force"), "it does not help: {}", error(&output));
    }
    let output = run!("verify", hopper, obama);
    assert_eq!(code(&output), 2);
    assert!(error(&output).contains("upside down"), "{}", error(&output));
}

/// A portrait whose pixels at these positions are painted.
fn painted(folder: &TempDir, name: &str, color: [u8; 3], covers: impl Fn(f64, f64) -> bool) -> PathBuf {
    let mut picture = image::open(portrait("hopper.jpg")).unwrap().to_rgb8();
    for (x, y, pixel) in picture.enumerate_pixels_mut() {
        if covers(f64::from(x), f64::from(y)) {
            *pixel = Rgb(color);
        }
    }
    let path = folder.path().join(name);
    picture.save(&path).unwrap();
    path
}

/// The pictures of a person with dark glasses and with a light blue mask, drawn over a portrait. A black mask would look like a head
/// that is not upright.
fn covered(folder: &TempDir) -> [PathBuf; 2] {
    let found = line(&run!("detect", "--json", portrait("hopper.jpg")));
    let landmark = |index: usize| {
        let point = &found["faces"][0]["landmarks"][index];
        (number(&point[0]), number(&point[1]))
    };
    let (eyes, mouth) = ([landmark(0), landmark(1)], [landmark(3), landmark(4)]);
    let width = eyes[1].0 - eyes[0].0;
    let is_glass = |x: f64, y: f64| eyes.iter().any(|eye| (x - eye.0).hypot(y - eye.1) < 0.36 * width);
    let is_mask = |x: f64, y: f64| {
        (x - (mouth[0].0 + mouth[1].0) / 2.0).abs() < 0.7 * width
            && (mouth[0].1 - 0.45 * width..mouth[0].1 + 0.6 * width).contains(&y)
    };
    [
        painted(folder, "glasses.png", [12, 10, 14], is_glass),
        painted(folder, "mask.png", [150, 180, 210], is_mask),
    ]
}

#[test]
fn a_covered_face_is_enrolled_only_by_force() {
    let folder = tempfile::tempdir().unwrap();
    for (picture, fault) in covered(&folder).into_iter().zip(["eyes_covered", "mouth_covered"]) {
        let found = line(&run!("detect", "--json", picture));
        assert_eq!(found["faces"][0]["covered"], fault);
        let bank = folder.path().join(format!("{fault}.sqlite"));
        let output = run!("enroll", "Ada", picture, "--facebank", bank);
        assert_eq!(
            (code(&output), error(&output).contains("covered: take off")),
            (1, true),
            "{}",
            error(&output)
        );
        let output = run!("enroll", "Ada", picture, "--facebank", bank, "--force");
        assert_eq!(code(&output), 0, "{fault}: {}", error(&output));
    }
}

#[test]
fn a_square_of_112_pixels_is_a_crop_only_if_it_is_named_so_and_shows_a_face() {
    let folder = tempfile::tempdir().unwrap();
    let bank = folder.path().join("people.sqlite");
    let gray = folder.path().join("gray.png");
    RgbImage::from_pixel(112, 112, Rgb([120; 3])).save(&gray).unwrap();
    for aligned in [false, true] {
        let mut arguments =
            vec!["enroll", "Grey", gray.to_str().unwrap(), "--facebank", bank.to_str().unwrap()];
        arguments.extend(aligned.then_some("--aligned"));
        let arguments: Vec<&dyn AsRef<std::ffi::OsStr>> =
            arguments.iter().map(|argument| argument as &dyn AsRef<std::ffi::OsStr>).collect();
        let output = run_with(Path::new(MODELS), &arguments);
        assert_eq!(code(&output), 1);
        assert!(error(&output).contains("no face found"), "{}", error(&output));
    }
}

/// A portrait that is cut off at the left eye.
fn cut_off(folder: &TempDir, name: &str) -> PathBuf {
    let picture = image::open(portrait(name)).unwrap().to_rgb8();
    let found = run!("detect", "--json", portrait(name));
    let face = &line(&found)["faces"][0];
    assert_eq!(face["cut_off"], false);
    // The left edge of the new picture is at the left eye.
    let left = face["landmarks"][0][0].as_f64().unwrap() as u32 - 2;
    let cut = folder.path().join("cut.png");
    image::imageops::crop_imm(&picture, left, 0, picture.width() - left, picture.height())
        .to_image()
        .save(&cut)
        .unwrap();
    cut
}

#[test]
fn a_face_at_the_edge_of_the_picture_is_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let bank = folder.path().join("people.sqlite");
    let cut = cut_off(&folder, "obama.jpg");
    assert_eq!(line(&run!("detect", "--json", cut))["faces"][0]["cut_off"], true);
    let output = run!("enroll", "Ada", cut, "--facebank", bank);
    assert_eq!(code(&output), 1);
    assert!(error(&output).contains("move into the picture"), "{}", error(&output));
}

/// The decisions of a door whose camera shows a picture for two seconds, and which lets in the person of a bare portrait.
fn decisions(folder: &TempDir, enrolled: &str, picture: &Path) -> Vec<Value> {
    let stem = picture.file_stem().unwrap().to_str().unwrap();
    let [bank, events, frames] =
        ["bank", "events", "frames"].map(|of| folder.path().join(format!("{stem}.{of}")));
    let output = run!("enroll", "Ada", portrait(enrolled), "--facebank", bank);
    assert_eq!(code(&output), 0, "{}", error(&output));
    fs::create_dir(&frames).unwrap();
    for number in 0..50 {
        let frame = frames.join(format!("{number:02}")).with_extension(picture.extension().unwrap());
        fs::copy(picture, frame).unwrap();
    }
    let setting = |key: &str, path: &Path| format!("{key}={}", path.display());
    let [source, bank, events] =
        [setting("camera.source", &frames), setting("facebank.path", &bank), setting("events.path", &events)];
    let output = run!("run", "--json", "--set", source, "--set", bank, "--set", events);
    assert_eq!(code(&output), 0, "{}", error(&output));
    let is_decision = |event: &Value| event["kind"] == "granted" || event["kind"] == "denied";
    lines(&output).into_iter().filter(is_decision).collect()
}

#[test]
fn the_door_does_not_compare_a_face_that_is_covered_cut_off_or_not_upright() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["hopper.jpg", "obama.jpg"] {
        let bare = decisions(&folder, name, &portrait(name));
        assert_eq!(bare[0]["kind"], "granted", "{name}: {bare:?}");
    }
    let [glasses, mask] = covered(&folder);
    for (enrolled, picture) in [
        ("hopper.jpg", glasses),
        ("hopper.jpg", mask),
        ("obama.jpg", cut_off(&folder, "obama.jpg")),
        ("obama.jpg", turned(&folder, "obama.jpg")),
    ] {
        let found = decisions(&folder, enrolled, &picture);
        // A face that was compared is granted entry or is unknown.
        for decision in &found {
            assert_eq!(decision["reason"], "low_quality", "{}: {decision}", picture.display());
        }
    }
}

#[test]
fn an_aligned_face_that_is_covered_or_not_upright_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let bank = folder.path().join("people.sqlite");
    let crop_of = |picture: &Path| {
        let name = picture.file_stem().unwrap().to_str().unwrap();
        aligned_picture(&folder, picture, &format!("crop-{name}"))
    };
    let [glasses, mask] = covered(&folder).map(|picture| crop_of(&picture));
    for crop in [&glasses, &mask] {
        let output = run!("enroll", "Ada", "--aligned", crop, "--facebank", bank);
        assert_eq!((code(&output), error(&output).contains("covered")), (1, true), "{}", error(&output));
        assert!(error(&output).contains("--force"), "{}", error(&output));
    }
    let upside_down = crop_of(&turned(&folder, "obama.jpg"));
    for more in ["--json", "--force"] {
        let output = run!("enroll", "Ada", "--aligned", upside_down, more, "--facebank", bank);
        assert_eq!((code(&output), error(&output).contains("upside down")), (1, true), "{}", error(&output));
    }
    assert_eq!(code(&run!("enroll", "Ada", "--aligned", mask, "--force", "--facebank", bank)), 0);
    let output = run!("identify", "--aligned", upside_down, "--facebank", bank);
    assert_eq!((code(&output), error(&output).contains("upside down")), (2, true), "{}", error(&output));
}
