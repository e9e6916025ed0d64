//! The picture of a stranger on the page of its event: who sees it, "This was ...", and its deletion; over HTTPS, with a real door.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failure of a test helper fails the test"
)]

mod support;

use std::fs;

use jiff::Timestamp;
use ostiary_access::DenialReason;
use ostiary_config::Events;
use ostiary_events::{Denial, Event, EventKind, EventStore};
use ostiary_testkit::{evidence, portrait};
use support::Site;

/// A door that keeps pictures, with one of each of these portraits, of the events 1, 2 and so on.
fn site(portraits: &[&str]) -> Site {
    let mut site = Site::without_door();
    site.configure("[snapshots]\ndays = 7");
    let config = Events { path: site.path("events.sqlite"), ..Events::default() };
    let mut store = EventStore::open(&config, false).unwrap();
    fs::create_dir(site.path("events.sqlite.snapshots")).unwrap();
    for file in portraits {
        let reason = DenialReason::Unknown;
        let denial = Denial::Face { reason, person: None, evidence: evidence(), detail: None };
        let mut event = Event::new(EventKind::Denied(denial), Timestamp::now(), "front");
        store.append(&mut event).unwrap();
        let picture = format!("events.sqlite.snapshots/{}-{}.jpg", event.id, event.time.as_second());
        fs::copy(portrait(file), site.path(&picture)).unwrap();
    }
    drop(store);
    site.start_door();
    site.start_console();
    site
}

#[test]
fn operators_see_the_picture_and_admins_enroll_from_it_or_delete_it() {
    let site = site(&["hopper.jpg", "biden.jpg"]);
    let picture = "src=\"/events/1/snapshot\"";
    let mut viewer = site.paired("Vi", "viewer");
    assert!(!viewer.get("/events/1").body.contains(picture));
    assert!(!viewer.get("/events").body.contains("with a picture"));
    assert_eq!(viewer.get("/events/1/snapshot").status, 403);

    let mut operator = site.paired("Op", "operator");
    let page = operator.get("/events/1").body;
    assert!(page.contains(picture) && page.contains("alt=\"The face of the stranger\""), "{page}");
    assert!(!page.contains("This was"), "only admins enroll");
    assert_eq!(operator.get("/events").body.matches("with a picture").count(), 2);
    let jpeg = operator.get("/events/1/snapshot");
    assert_eq!((jpeg.status, jpeg.header("content-type")), (200, Some("image/jpeg")));
    assert_eq!(jpeg.header("cache-control"), Some("no-store"));
    assert_eq!(jpeg.bytes, fs::read(portrait("hopper.jpg")).unwrap());
    for missing in ["/events/3/snapshot", "/events/x/snapshot", "/events/-1/snapshot"] {
        assert_eq!(operator.get(missing).status, 404, "{missing}");
    }
    for form in ["enroll", "delete"] {
        assert_eq!(operator.post(&format!("/events/1/snapshot/{form}"), &[("name", "Cy")]).status, 403);
    }

    let mut admin = site.paired("Ada", "admin");
    let nobody = admin.post("/events/1/snapshot/enroll", &[("person", ""), ("name", " ")]);
    assert!(
        nobody.status == 400 && nobody.body.contains("Choose a person or enter a name"),
        "{}",
        nobody.body
    );
    let enrolled = admin.post("/events/1/snapshot/enroll", &[("name", "Cy")]);
    assert!(enrolled.status == 200 && enrolled.body.contains("Cy"), "{}", enrolled.body);
    assert!(!admin.get("/events/1").body.contains(picture), "it is no stranger's any longer");
    assert_eq!(admin.get("/events/1/snapshot").status, 404);

    // It is not Cy: the door's checks are those of a photo, and what they say can be accepted.
    assert!(admin.get("/events/2").body.contains("<option value=\"Cy\">"));
    let unlike = admin.post("/events/2/snapshot/enroll", &[("person", "Cy"), ("name", "")]);
    assert!(unlike.status == 422 && unlike.body.contains("name=\"allow_unlike\""), "{}", unlike.body);
    assert!(unlike.body.contains("<option value=\"Cy\" selected>"), "{}", unlike.body);
    let deleted = admin.post("/events/2/snapshot/delete", &[]);
    assert_eq!((deleted.status, deleted.location()), (303, "/events/2"));
    assert!(admin.get("/events/2").body.contains("The picture is deleted."));
    assert_eq!(admin.post("/events/2/snapshot/delete", &[]).status, 409);
    assert_eq!(fs::read_dir(site.path("events.sqlite.snapshots")).unwrap().count(), 0);
    let changes = admin.get("/events?kind=changes").body;
    assert!(
        changes.contains("from the picture of event 1") && changes.contains("that of event 2"),
        "{changes}"
    );
}
