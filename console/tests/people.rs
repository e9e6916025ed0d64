//! The people of a real door, seen and changed in a browser.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failure of a test helper fails the test"
)]

mod support;

use std::fs;
use std::thread;
use std::time::Duration;

use ostiary_testkit::{ffmpeg, person_video, portrait, wait_for};
use serde_json::Value;
use support::{Browser, Site};

/// The lines that a command of the door prints.
fn lines(site: &Site, arguments: &[&str]) -> Vec<Value> {
    let output = site.ostiary(&[&["--json"], arguments].concat()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn names(site: &Site) -> Vec<String> {
    lines(site, &["people", "list"])
        .iter()
        .map(|person| person["name"].as_str().unwrap().to_owned())
        .collect()
}

fn photo(name: &str) -> Vec<u8> {
    fs::read(portrait(name)).unwrap()
}

fn enroll(browser: &mut Browser<'_>, name: &str, photos: &[&str]) -> support::Page {
    let photos: Vec<_> = photos.iter().map(|name| (*name, photo(name))).collect();
    let files: Vec<_> = photos.iter().map(|(name, content)| (*name, content.as_slice())).collect();
    browser.upload("/people/photos", &[("name", name)], &files)
}

#[test]
fn people_are_enrolled_from_photos_changed_and_removed() {
    let site = Site::new();
    let mut admin = site.paired("Ada", "admin");
    assert!(admin.get("/people").body.contains("Nobody is enrolled yet"));
    let form = admin.get("/people/enroll").body;
    assert!(form.contains(" capture ") && form.contains(" multiple"), "{form}");
    let enrolled = enroll(&mut admin, "  Grace <b>Hopper</b> ", &["hopper.jpg"]);
    assert_eq!(enrolled.status, 200, "{}", enrolled.body);
    assert!(enrolled.body.contains("is enrolled") && enrolled.body.contains("advice: add two more photos"));
    assert_eq!(names(&site), ["Grace <b>Hopper</b>"]);
    // A second photo is that of another person, under this name.
    let other = admin.upload(
        "/people/photos",
        &[("name", "Grace <b>Hopper</b>"), ("fixed", "on")],
        &[("biden.jpg", &photo("biden.jpg"))],
    );
    assert_eq!(other.status, 422);
    assert!(
        other.body.contains("does not look like the other photos")
            && other.body.contains("name=\"allow_unlike\"")
    );

    let list = admin.get("/people").body;
    assert!(list.contains("href=\"/people/1\"") && list.contains("photos: 1"), "{list}");
    assert!(!list.contains("<b>"), "a name with markup is text");
    let person = admin.get("/people/1").body;
    assert!(!person.contains("<b>") && person.contains("is let in"), "{person}");
    assert_eq!(admin.get("/people/7").status, 404);
    assert_eq!(admin.get("/people/x").status, 400);

    // What roles see and may do.
    for role in ["viewer", "operator"] {
        let mut browser = site.paired(role, role);
        assert!(browser.get("/people").body.contains("Grace"));
        let person = browser.get("/people/1");
        assert!(person.status == 200 && !person.body.contains("/people/1/"), "{}", person.body);
        assert_eq!(browser.get("/people/enroll").status, 403);
        assert_eq!(browser.post("/people/1/remove", &[]).status, 403);
        assert_eq!(browser.post("/people/camera", &[("name", "Eve")]).status, 403);
        // Small, because it is refused before it is read.
        let refused = browser.upload("/people/photos", &[("name", "Eve")], &[("eve.jpg", b"x")]);
        assert_eq!(refused.status, 403);
    }
    assert_eq!(names(&site).len(), 1);

    assert_eq!(admin.post("/people/1/name", &[("name", "Grace")]).location(), "/people/1");
    assert!(admin.get("/people/1").body.contains("The name is now Grace."));
    let refused = admin.post("/people/1/name", &[("name", "unknown")]);
    assert!(refused.status == 409 && refused.body.contains("cannot be a name"), "{}", refused.body);
    assert_eq!(admin.post("/people/1/name", &[]).status, 400);
    admin.post("/people/1/group", &[("group", "Staff")]);
    assert!(admin.get("/people/1").body.contains("<dd>staff</dd>"));
    admin.post("/people/1/group", &[("group", "")]);
    assert!(admin.get("/people/1").body.contains("no group"));
    admin.post("/people/1/enabled", &[("enabled", "false")]);
    assert!(admin.get("/people").body.contains("disabled: is not let in"));
    admin.post("/people/1/enabled", &[("enabled", "true")]);
    assert!(admin.get("/people/1").body.contains("Grace is let in again"));

    let confirm = admin.get("/people/1/remove").body;
    assert!(
        confirm.contains("one for each photo: 1") && confirm.contains("Remove this person?"),
        "{confirm}"
    );
    let removed = admin.post("/people/1/remove", &[]);
    let proof = admin.get(removed.location());
    assert!(proof.body.contains("Grace is removed") && proof.body.contains("console Ada"), "{}", proof.body);
    let event: i64 = removed.location().rsplit('/').next().unwrap().parse().unwrap();
    let recorded = lines(&site, &["events"]).into_iter().find(|line| line["id"] == event).unwrap();
    assert_eq!((&recorded["action"], &recorded["person"]), (&"removed".into(), &"Grace".into()));
    assert!(names(&site).is_empty());
    assert_eq!(admin.get("/people/1").status, 404);
    assert_eq!(admin.post("/people/1/remove", &[]).status, 404);
    assert_eq!(admin.get("/people/removed/1").status, 404, "another event is no removal");
}

#[test]
fn groups_of_the_configuration_are_offered() {
    let mut site = Site::without_door();
    site.configure("[hours]\nstaff = [\"mon-fri 07:00-19:00\"]\nnight = [\"22:00-06:00\"]");
    site.start_door();
    site.start_console();
    let mut admin = site.paired("Ada", "admin");
    enroll(&mut admin, "Grace", &["hopper.jpg"]);
    admin.post("/people/1/group", &[("group", "staff")]);
    let person = admin.get("/people/1").body;
    assert!(
        person.contains("<option value=\"staff\" selected>") && person.contains("value=\"night\""),
        "{person}"
    );
    let refused = admin.post("/people/1/group", &[("group", "stuff")]);
    assert!(refused.status == 409 && refused.body.contains("staff"), "{}", refused.body);
}

#[test]
fn unsuitable_photos_are_refused_in_words_and_can_be_accepted() {
    let site = Site::new();
    let mut admin = site.paired("Ada", "admin");
    let mut upload = |fields: &[(&str, &str)], files: &[(&str, &[u8])]| {
        let fields = [&[("name", "Somebody")], fields].concat();
        let page = admin.upload("/people/photos", &fields, files);
        (page.status, page.body)
    };
    let wall = site.path("wall.png");
    ffmpeg(&["-f", "lavfi", "-i", "color=c=gray:s=320x240", "-frames:v", "1"], &wall);
    let wall = fs::read(wall).unwrap();
    let mut large = photo("hopper.jpg");
    large.resize(12_000_001, 0);
    let obama = photo("obama.jpg");
    for (files, words) in [
        (&[("wall.png", wall.as_slice())][..], "no face found"),
        (&[("a.txt", b"no picture".as_slice()), ("obama.jpg", &obama)], "no JPEG or PNG"),
        (&[("broken.jpg", b"\xff\xd8\xff\xe0broken")], "cannot be read as a picture"),
        (&[("empty.jpg", b"")], "the file is empty"),
        (&[("large.jpg", &large)], "larger than 12 MB"),
        (&[("", b"")], "Choose at least one photo"),
        (&[], "Choose at least one photo"),
    ] {
        let (status, body) = upload(&[], files);
        assert!(
            status == 422 && body.contains(words) && body.contains("Nothing was stored"),
            "{words}: {body}"
        );
        assert!(body.contains("value=\"Somebody\"") && !body.contains("name=\"allow_"), "{body}");
    }
    // Files that the door takes one by one, but not together. The last one fits again.
    large.truncate(11_900_000);
    let many: Vec<_> =
        ["1.jpg", "2.jpg", "3.jpg", "4.jpg", "5.jpg", "6.jpg"].map(|name| (name, large.as_slice())).into();
    let (status, body) = upload(&[], &many);
    assert!(status == 422 && body.contains("6.jpg") && body.contains("larger than 64 MB together"), "{body}");
    let broken =
        admin.request("POST", "/people/photos", &[("Content-Type", "multipart/form-data; boundary=b")], "x");
    assert_eq!(broken.status, 400);
    assert_eq!(admin.post("/people/photos", &[("name", "Somebody")]).status, 400);
    let bad_name = admin.upload("/people/photos", &[("name", "")], &[("obama.jpg", &obama)]);
    assert!(bad_name.status == 422 && bad_name.body.contains("cannot be a name"), "{}", bad_name.body);
    assert!(names(&site).is_empty());

    // A photo that is as large as possible.
    large.truncate(0);
    large.extend(photo("obama.jpg"));
    large.resize(12_000_000, 0);
    let enrolled = admin.upload("/people/photos", &[("name", "Barack")], &[("large.jpg", &large)]);
    assert_eq!(enrolled.status, 200, "{}", enrolled.body);
    let (peak, resident) = (site.memory_mb("VmHWM"), site.resident_mb());
    println!("peak {peak:.1} MB, resident {resident:.1} MB");
    assert!(resident <= 25.0, "{resident} MB");
    let small = site.path("small.png");
    let scale = "scale=200:300:force_original_aspect_ratio=decrease";
    ffmpeg(&["-i", portrait("obama3.jpg").to_str().unwrap(), "-vf", scale], &small);
    let small = fs::read(small).unwrap();
    let mut accept = |fields: &[(&str, &str)]| {
        let fields = [&[("name", "Somebody")], fields].concat();
        admin.upload("/people/photos", &fields, &[("small.png", &small)])
    };
    let page = accept(&[]);
    assert!(page.status == 422 && page.body.contains("name=\"force\""), "{}", page.body);
    assert!(page.body.contains("come closer") && !page.body.contains("--force"), "{}", page.body);
    let page = accept(&[("force", "on")]);
    assert!(
        page.body.contains("looks like Barack") && page.body.contains("name=\"allow_similar\""),
        "{}",
        page.body
    );
    assert!(page.body.contains("aria-describedby=\"force-meaning\" checked"), "{}", page.body);
    let page = accept(&[("force", "on"), ("allow_similar", "on")]);
    assert!(page.status == 200 && page.body.contains("Somebody is enrolled"), "{}", page.body);
    let list = admin.get("/people").body;
    assert!(list.contains("cannot tell this person apart from Barack"), "{list}");
}

#[test]
fn a_person_is_enrolled_with_the_camera_while_the_page_is_open() {
    let mut site = Site::without_door();
    let video = person_video(site.folder.path());
    site.start_door_before(&video);
    site.start_console();
    let mut admin = site.paired("Ada", "admin");
    assert_eq!(admin.get("/people/camera").location(), "/people/enroll");
    let begin = |admin: &mut Browser<'_>, name: &str, fields: &[(&str, &str)]| {
        admin.post("/people/camera", &[&[("name", name)], fields].concat())
    };

    // Guided poses, which the person in the video does not have. It ends when the page is left.
    assert_eq!(begin(&mut admin, "Joe", &[]).location(), "/people/camera");
    wait_for("the door asks for a pose", || {
        admin.get("/people/camera").body.contains("Picture 1 of 7: Look straight at the camera")
    });
    let mut other = site.paired("Ben", "admin");
    assert!(begin(&mut other, "Eve", &[]).body.contains("Somebody else is being enrolled"));
    assert_eq!(other.get("/people/camera/socket").status, 400);
    let mut socket = admin.socket("/people/camera/socket");
    let message: Value = serde_json::from_str(socket.read().unwrap().to_text().unwrap()).unwrap();
    assert!(
        message["prompts"].to_string().contains("Look straight") && message["ended"] == false,
        "{message}"
    );
    drop(socket);
    // To load the page would be to come back in time.
    thread::sleep(Duration::from_secs(3));
    let left = admin.get("/people/camera").body;
    assert!(left.contains("The enrollment was ended") && left.contains("Try again"), "{left}");

    assert_eq!(begin(&mut admin, "Joe", &[]).status, 303);
    admin.post("/people/camera/cancel", &[]);
    assert!(admin.get("/people/camera").body.contains("The enrollment was ended"));
    assert!(names(&site).is_empty());

    // At first the door may still be busy with the enrollment that was ended.
    wait_for("three pictures are taken", || {
        assert_eq!(begin(&mut admin, "Joe", &[("any_pose", "on")]).status, 303);
        let mut socket = admin.socket("/people/camera/socket");
        let mut prompts = String::new();
        loop {
            let message: Value = serde_json::from_str(socket.read().unwrap().to_text().unwrap()).unwrap();
            prompts += &message["prompts"].to_string();
            if message["ended"] == true {
                return prompts.contains("Picture 3 of 3 is taken");
            }
        }
    });
    let enrolled = admin.get("/people/camera").body;
    assert!(enrolled.contains("Joe is enrolled") && enrolled.contains("In all: 3"), "{enrolled}");
    assert_eq!(names(&site), ["Joe"]);
    let events = lines(&site, &["events"]);
    assert!(events.iter().any(|event| event["action"] == "enrolled" && event["token"] == "console Ada"));
}
