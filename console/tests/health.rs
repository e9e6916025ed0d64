//! The health of the door, over HTTPS, with a real door.

#![allow(clippy::unwrap_used, reason = "a failure of a test helper fails the test")]

mod support;

use support::Site;

#[test]
fn an_admin_lets_the_door_check_itself() {
    let site = Site::new();
    let mut viewer = site.paired("Ben", "viewer");
    let refused = [viewer.get("/health"), viewer.post("/health", &[])];
    assert!(refused.iter().all(|page| page.status == 403 && page.body.contains("Your role does not allow")));
    assert!(!viewer.get("/events").body.contains("href=\"/health\""));

    let mut admin = site.paired("Ada", "admin");
    let page = admin.get("/health").body;
    assert!(page.contains("href=\"/events?kind=faults\""), "also without a fault: {page}");
    assert!(page.contains("Run the checks") && page.contains("The record has none"), "{page}");
    let checked = admin.post("/health", &[]);
    assert_eq!((checked.status, checked.header("content-type")), (200, Some("text/html; charset=utf-8")));
    let page = checked.body;
    for text in
        ["<code lang=\"en\">temperature</code>", "<code lang=\"en\">camera</code>", "All checks are done."]
    {
        assert!(page.contains(text), "{text}: {page}");
    }
    assert!(page.contains("<strong>In order</strong>") && page.contains("How to fix it:"), "{page}");
    assert!(page.trim_end().ends_with("</html>") && !page.contains("<!--"), "{page}");
}
