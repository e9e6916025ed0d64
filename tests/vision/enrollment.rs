//! Enrolling people from photos and from a camera, and identifying them.

use ostiary_facebank::Facebank;
use ostiary_pipeline::frontal_aspect;

use super::*;

#[test]
fn enrolled_people_are_identified_and_others_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let bank = folder.path().join("people.sqlite");
    let output = run!(
        "enroll",
        "--json",
        "Barack Obama",
        portrait("obama.jpg"),
        portrait("obama3.jpg"),
        "--facebank",
        bank
    );
    assert_eq!(code(&output), 0, "{}", error(&output));
    let enrolled = line(&output);
    assert_eq!((&enrolled["person"], &enrolled["added"]), (&"Barack Obama".into(), &2.into()));
    assert_eq!(code(&run!("enroll", "Grace Hopper", portrait("hopper.jpg"), "--facebank", bank)), 0);

    // The same people as a folder of photos.
    let photos = folder.path().join("photos");
    for (name, files) in
        [("Barack Obama", &["obama.jpg", "obama3.jpg"][..]), ("Grace Hopper", &["hopper.jpg"])]
    {
        fs::create_dir_all(photos.join(name)).unwrap();
        for file in files {
            fs::copy(portrait(file), photos.join(name).join(file)).unwrap();
        }
    }
    let wall = faceless(&folder);
    for known in [&bank, &photos] {
        let output = run!("identify", "--json", portrait("obama2.jpg"), "--facebank", known);
        assert_eq!(code(&output), 0, "{}", error(&output));
        let found = line(&output);
        let fields = ["cosine", "margin", "person", "second", "similarity", "threshold", "verdict"];
        assert_eq!(keys(&found), fields.into());
        assert_eq!(found["verdict"], "known");
        assert_eq!(found["person"], "Barack Obama");
        assert!(number(&found["similarity"]) >= number(&found["threshold"]));
        assert!(number(&found["second"]) < 0.3);

        // The margin of the door applies too. With 0.9, the best candidate is not far enough above the second best.
        let strict = ["identify", "--set", "door.margin=0.9"];
        let output =
            run!(strict[0], strict[1], strict[2], "--json", portrait("obama2.jpg"), "--facebank", known);
        assert_eq!(code(&output), 1, "{}", error(&output));
        let found = line(&output);
        assert_eq!((&found["verdict"], &found["person"]), (&"ambiguous".into(), &Value::Null));
        let output = run!(strict[0], strict[1], strict[2], portrait("obama2.jpg"), "--facebank", known);
        assert!(String::from_utf8_lossy(&output.stdout).starts_with("ambiguous"), "{output:?}");

        let output = run!("identify", "--json", portrait("biden.jpg"), "--facebank", known);
        assert_eq!(code(&output), 1);
        assert_eq!(line(&output)["person"], Value::Null);
        assert_eq!(line(&output)["verdict"], "unknown");
        assert!(number(&line(&output)["similarity"]) < 0.3);

        let output = run!("identify", "--json", wall, "--facebank", known);
        assert_eq!(code(&output), 1);
        assert_eq!((&line(&output)["person"], &line(&output)["similarity"]), (&Value::Null, &Value::Null));
        for (bad, word) in bad_pictures(&folder) {
            let output = run!("identify", "--json", bad, "--facebank", known);
            assert_eq!(code(&output), 2);
            assert!(error(&output).contains(word) && error(&output).contains(bad.to_str().unwrap()));
        }
    }
}

#[test]
fn an_unsuitable_photo_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let bank = folder.path().join("people.sqlite");
    assert_eq!(code(&run!("enroll", "Barack Obama", portrait("obama.jpg"), "--facebank", bank)), 0);
    let small = folder.path().join("small.png");
    let photo = image::open(portrait("obama3.jpg")).unwrap();
    photo.resize(200, 300, image::imageops::FilterType::Triangle).save(&small).unwrap();
    let mut unsuitable = vec![
        (faceless(&folder), "no face"),
        (small, "come closer"),
        // Enrolled under another name.
        (portrait("obama2.jpg"), "looks like Barack Obama"),
    ];
    unsuitable.extend(bad_pictures(&folder).into_iter().filter(|(path, _)| path.exists()));
    for (photo, word) in unsuitable {
        let output = run!("enroll", "--json", "Somebody", photo, "--facebank", bank);
        assert_eq!(code(&output), 1, "{}", error(&output));
        let refused = line(&output);
        assert_eq!(refused["enrolled"], false);
        let problem = &refused["problems"][0];
        assert_eq!(problem["photo"], photo.to_str().unwrap());
        assert!(problem["problem"].as_str().unwrap().contains(word), "{refused}");
        assert!(error(&output).contains("nothing was stored"));
    }
    // Photos of two people are refused for one name.
    let output =
        run!("enroll", "Somebody", portrait("biden.jpg"), portrait("hopper.jpg"), "--facebank", bank);
    assert_eq!(code(&output), 1);
    assert!(error(&output).contains("does not look like the other photos"), "{}", error(&output));
    let listed = cargo_bin_cmd!("ostiary")
        .args(["people", "list", "--json", "--facebank"])
        .arg(&bank)
        .output()
        .unwrap();
    assert_eq!(line(&listed)["name"], "Barack Obama");
}

/// Makes a video that shows a picture.
fn video_of(folder: &TempDir, name: &str, picture: &Path) -> PathBuf {
    let video = folder.path().join(name);
    let output = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-loop", "1", "-framerate", "10", "-i"])
        .arg(picture)
        .args(["-t", "2.5", "-vf", "scale=320:-2", "-pix_fmt", "yuv420p"])
        .arg(&video)
        .output()
        .expect("these tests need ffmpeg: apt install ffmpeg");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    video
}

#[test]
fn a_person_is_enrolled_from_a_video_as_from_a_camera() {
    let folder = tempfile::tempdir().unwrap();
    let bank = folder.path().join("people.sqlite");
    let video = video_of(&folder, "person.mkv", &portrait("obama.jpg"));
    let output = run!(
        "enroll",
        "--json",
        "Barack Obama",
        "--camera",
        "--any-pose",
        "--source",
        video,
        "--facebank",
        bank
    );
    assert_eq!(code(&output), 0, "{}", error(&output));
    assert_eq!(line(&output)["enrolled"], true);
    assert!(error(&output).contains("hold still") && error(&output).contains("picture 3 of 3"));
    // Another camera's pictures do not say how wide the face is to the door's.
    assert_eq!(line(&output)["frontal_aspect"], Value::Null);
    assert!(error(&output).contains("--source is not the door's camera"), "{}", error(&output));
    assert_eq!(code(&run!("identify", portrait("obama2.jpg"), "--facebank", bank)), 0);
    assert_eq!(code(&run!("identify", portrait("biden.jpg"), "--facebank", bank)), 1);

    let nobody = video_of(&folder, "nobody.mkv", &faceless(&folder));
    let output = run!("enroll", "Nobody", "--camera", "--source", nobody, "--facebank", bank);
    assert_eq!(code(&output), 1);
    for part in ["no face found", "nobody.mkv", "ended before there were enough", "nothing was stored"] {
        assert!(error(&output).contains(part), "{}", error(&output));
    }
}

/// A portrait whose middle of the face is moved by shares of the distance between the eyes, the more the nearer to the nose: to the
/// landmarks, a head that is turned or raised.
fn with_moved_nose(picture: &RgbImage, landmarks: &Value, right: f32, down: f32) -> RgbImage {
    let point = |index: usize| [0, 1].map(|axis| landmarks[index][axis].as_f64().unwrap() as f32);
    let ([left_eye, _], [right_eye, _], [x, y]) = (point(0), point(1), point(2));
    let unit = right_eye - left_eye;
    // How far the movement reaches: less far in its own direction, so that eyes and mouth move less than the nose.
    let reach = if right == 0.0 { [1.6, 1.2] } else { [1.1, 1.6] };
    RgbImage::from_fn(picture.width(), picture.height(), |column, row| {
        let near = |distance: f32, reach: f32| (1.0 - (distance / (reach * unit)).powi(2)).max(0.0);
        let share = near(column as f32 - x, reach[0]) * near(row as f32 - y, reach[1]) * unit;
        let at = |position: f32, size: u32| (position.round().max(0.0) as u32).min(size - 1);
        let (from_x, from_y) = (column as f32 - right * share, row as f32 - down * share);
        *picture.get_pixel(at(from_x, picture.width()), at(from_y, picture.height()))
    })
}

#[test]
fn the_camera_enrollment_asks_for_poses_and_names_those_that_are_missing() {
    let folder = tempfile::tempdir().unwrap();
    let bank = folder.path().join("people.sqlite");
    let (small, original) = (folder.path().join("small.jpg"), image::open(portrait("obama.jpg")).unwrap());
    let straight = original.thumbnail(400, 500).to_rgb8();
    straight.save(&small).unwrap();
    let landmarks = line(&run!("detect", "--json", small))["faces"][0]["landmarks"].clone();
    let frames = folder.path().join("frames");
    fs::create_dir(&frames).unwrap();
    let show = |number: usize, picture: &RgbImage| {
        // A picture is taken after three equal frames, and half a second after the one before.
        for repeat in 0..20 {
            picture.save(frames.join(format!("{number}-{repeat:02}.jpg"))).unwrap();
        }
    };
    let poses = [(0.0, -0.25), (0.4, 0.0), (-0.4, 0.0), (0.0, -0.65), (0.0, 0.25)];
    for (number, (right, down)) in poses.into_iter().enumerate().take(3) {
        show(number, &with_moved_nose(&straight, &landmarks, right, down));
    }
    let source = format!("camera.source={:?}", frames.display().to_string());
    let enroll = || run!("enroll", "--json", "Ada", "--camera", "--set", source, "--facebank", bank);
    let output = enroll();
    assert_eq!(code(&output), 1, "{}", error(&output));
    for part in
        ["look straight at the camera", "3 taken; missing: up, down", "--any-pose", "nothing was stored"]
    {
        assert!(error(&output).contains(part), "{part}: {}", error(&output));
    }
    for (number, (right, down)) in poses.into_iter().enumerate().skip(3) {
        show(number, &with_moved_nose(&straight, &landmarks, right, down));
    }
    let output = enroll();
    assert_eq!(code(&output), 0, "{}", error(&output));
    assert_eq!(line(&output)["templates"], 5);
    // The aspect is that of the straight frames, by their landmarks.
    let aspect = number(&line(&output)["frontal_aspect"]);
    let mut config = Config::default();
    config.models.dir = Some(MODELS.into());
    let straight = read_picture(&frames.join("0-00.jpg")).unwrap();
    let straight = FaceEncoder::load(&config).unwrap().most_probable(&straight).unwrap().unwrap();
    assert!((aspect - f64::from(frontal_aspect(&straight.face).unwrap())).abs() < 1e-3, "{aspect}");
    let stored = || Facebank::open_read_only(&bank).unwrap().show("Ada").unwrap().frontal_aspect.unwrap();
    assert!((f64::from(stored()) - aspect).abs() < 1e-6);

    // Photos of a person who has it keep it.
    assert_eq!(code(&run!("enroll", "Ada", portrait("obama2.jpg"), "--allow-unlike", "--facebank", bank)), 0);
    assert!((f64::from(stored()) - aspect).abs() < 1e-6);
    assert!(error(&output).contains("picture 5 of 7: lower the head a little"), "{}", error(&output));
}

#[test]
fn one_bad_folder_does_not_stop_the_enrollment_of_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let bank = folder.path().join("people.sqlite");
    let photos = folder.path().join("photos");
    let add = |name: &OsStr, file: &str, content: &[u8]| {
        fs::create_dir_all(photos.join(name)).unwrap();
        fs::write(photos.join(name).join(file), content).unwrap();
    };
    let hopper = fs::read(portrait("hopper.jpg")).unwrap();
    add("Ada".as_ref(), "1.jpg", &hopper);
    add("@eaDir".as_ref(), "SYNOPHOTO_THUMB_M.jpg", &hopper);
    add("Bob".as_ref(), "IMG_1.HEIC", b"\0\0\0\x24ftypheic\0\0\0\0mif1heic");
    add("Dan".as_ref(), "visit.mov", b"");
    add("None".as_ref(), "1.jpg", &hopper);
    add(OsStr::from_bytes(b"J\xfcrgen"), "1.jpg", &hopper);
    let output = run!("enroll", "--from", photos, "--facebank", bank);
    assert_eq!(code(&output), 1, "{output:?}");
    let told = error(&output);
    for part in [
        "the name is not UTF-8; rename it; passed over",
        "IMG_1.HEIC: cannot be read as a picture: it is a HEIC picture, which is not read; save it as JPEG",
        "Bob was not enrolled: no photo is good enough",
        "Dan was not enrolled: there is no picture in the folder (it has visit.mov)",
        "None was not enrolled: \"None\" cannot be a name",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 of 4 people enrolled"), "{output:?}");
    let people = Facebank::open_read_only(&bank).unwrap().people().unwrap();
    assert_eq!(people.iter().map(|listed| listed.person.name.as_str()).collect::<Vec<_>>(), ["Ada"]);
}

#[test]
fn a_pipe_is_refused_as_a_photo_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("photo.jpg");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let bank = folder.path().join("people.sqlite");
    let output = run!("enroll", "Bob", pipe, "--facebank", bank);
    assert_eq!(code(&output), 1, "{output:?}");
    assert!(error(&output).contains("it is not a regular file"), "{}", error(&output));
    let output = run!("enroll", "\u{200b}", pipe, "--facebank", bank);
    assert!(code(&output) == 1 && error(&output).contains("it shows nothing"), "{}", error(&output));
}
