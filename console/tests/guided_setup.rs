//! The guide for a new door and the test of liveness, with a real door.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failure of a test helper fails the test"
)]

mod support;

use ostiary_testkit::wait_for;
use support::Site;

/// Which steps are done, in their order.
fn done(page: &str) -> Vec<bool> {
    page.split("<span class=\"mark").skip(1).map(|rest| rest.starts_with(" is\"")).collect()
}

#[test]
fn a_new_door_is_set_up_in_the_browser() {
    let site = Site::new();
    let mut viewer = site.paired("Ben", "viewer");
    assert_eq!(viewer.get("/setup").status, 403);
    assert_eq!(viewer.post("/setup/relay", &[("door", "door")]).status, 403);
    let mut admin = site.paired("Ada", "admin");
    let page = admin.get("/setup");
    // Language, camera, person, relay, recognition, liveness.
    assert_eq!(done(&page.body), [false, true, false, false, false, false], "{}", page.body);

    assert_eq!(admin.post("/setup/language", &[("language", "de")]).location(), "/setup");
    assert_eq!(admin.post("/setup/language", &[("language", "tlh")]).status, 409);
    let wrong = admin.post("/setup/relay", &[("door", "back")]);
    assert!(wrong.status == 409 && wrong.body.contains("this would open the door door"), "{}", wrong.body);
    assert_eq!(done(&wrong.body), [true, true, false, false, false, false], "nothing was opened");
    let tested = admin.post("/setup/relay", &[("door", " door ")]);
    assert_eq!(tested.location(), "/setup", "{}", tested.body);
    let page = admin.get("/setup").body;
    assert!(page.contains("Did it click?"), "{page}");
    wait_for("the record has the click", || done(&admin.get("/setup").body)[3]);

    // The level of this door is off.
    let page = admin.get("/setup/liveness");
    assert!(page.status == 200 && page.body.contains("No test can begin"), "{}", page.body);
    assert!(page.body.contains("does not tell people from pictures"), "{}", page.body);
    assert!(!page.body.contains("/setup/liveness/begin"));
    let begin = [("part", "small_print"), ("presentations", "2")];
    let refused = admin.post("/setup/liveness/begin", &begin);
    assert!(refused.status == 409 && refused.body.contains("liveness.level"), "{}", refused.body);
    assert_eq!(admin.post("/setup/liveness/end", &[]).status, 409);
    assert_eq!(viewer.post("/setup/liveness/begin", &begin).status, 403);
}

#[test]
fn a_part_of_a_test_of_liveness_is_begun_followed_and_ended() {
    let mut site = Site::without_door();
    site.level = "passive";
    site.start_door();
    site.start_console();
    let mut admin = site.paired("Ada", "admin");
    let page = admin.get("/setup/liveness").body;
    assert!(
        page.contains("Nothing was tested yet") && page.matches("/setup/liveness/begin").count() == 8,
        "{page}"
    );
    assert!(page.contains("Bend a print around the vertical axis"), "{page}");
    let unknown = admin.post("/setup/liveness/begin", &[("part", "mirror"), ("presentations", "2")]);
    assert_eq!(unknown.status, 400);
    let begin = [("part", "small_print"), ("presentations", "2")];
    assert_eq!(admin.post("/setup/liveness/begin", &begin).location(), "/setup/liveness/work");
    assert_eq!(admin.post("/setup/liveness/begin", &begin).status, 400, "one part at a time");
    wait_for("the part runs", || admin.get("/setup/liveness/work").body.contains("Counting begins."));
    let page = admin.get("/setup/liveness/work").body;
    assert!(page.contains("Counted: 0 / 2") && page.contains("/setup/liveness/end"), "{page}");
    assert_eq!(admin.post("/setup/liveness/end", &[]).location(), "/setup/liveness/work");
    wait_for("the part ends", || admin.get("/setup/liveness/work").body.contains("data-refresh=\"0\""));
    let page = admin.get("/setup/liveness/work").body;
    assert!(page.contains("Nothing was counted") && !page.contains("role=\"alert\""), "{page}");
}
