//! The page of the models, with a real door.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failure of a test helper fails the test"
)]

mod support;

use ostiary_testkit::wait_for;
use support::{Browser, Site};

/// Waits for the end of a check or a change, and returns its page.
fn ended(browser: &mut Browser<'_>) -> String {
    let mut page = String::new();
    wait_for("the work ends", || {
        page = browser.get("/models/work").body;
        page.contains("data-refresh=\"0\"")
    });
    page
}

#[test]
fn models_are_listed_and_a_refused_change_says_why() {
    let site = Site::new();
    let mut viewer = site.paired("Ben", "viewer");
    let page = viewer.get("/models").body;
    assert!(page.contains("models.dir is set") && page.contains("ostiary models pull"), "{page}");
    assert!(!page.contains("<form method=\"post\" action=\"/models"), "{page}");
    for path in ["/models/activate", "/models/rollback", "/models/verify"] {
        assert_eq!(viewer.post(path, &[("version", "7")]).status, 403, "{path}");
    }
    let mut admin = site.paired("Ada", "admin");
    assert_eq!(admin.get("/models/work").location(), "/models", "nothing was begun");
    assert_eq!(admin.get("/models/activate?version=7").status, 404);
    assert_eq!(admin.get("/models/rollback").status, 200);
    assert_eq!(admin.post("/models/activate", &[("version", "new")]).status, 400);

    let begun =
        admin.post("/models/activate", &[("version", "7"), ("without", "Ann"), ("without", "Zo\u{eb}")]);
    assert_eq!((begun.status, begun.location()), (303, "/models/work"), "{}", begun.body);
    let page = ended(&mut admin);
    assert!(page.contains("were not changed") && page.contains("overrides all bundles"), "{page}");
    let begun = admin.post("/models/rollback", &[]);
    assert_eq!(begun.location(), "/models/work", "{}", begun.body);
    assert!(ended(&mut admin).contains("overrides all bundles"));
    admin.post("/models/verify", &[]);
    let page = ended(&mut admin);
    assert!(page.contains("The door refuses this") && page.contains("models.keys"), "{page}");
}
