//! The pages of the settings and of the camera, with a real door.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failure of a test helper fails the test"
)]

mod support;

use support::{Browser, Page, Site};

fn set(browser: &mut Browser<'_>, key: &str, value: &str) -> Page {
    browser.post("/settings/set", &[("key", key), ("value", value)])
}

/// Does what has to succeed, and returns the page after it.
fn after(browser: &mut Browser<'_>, done: &Page) -> String {
    assert_eq!(done.status, 303, "{}", done.body);
    let to = done.location().to_owned();
    let page = browser.get(&to);
    assert_eq!(page.status, 200, "{}", page.body);
    page.body
}

/// The form of a key.
fn form(page: &str, key: &str) -> String {
    let start = page.find(&format!("id=\"{key}\"")).unwrap_or_else(|| panic!("{key} has no form: {page}"));
    page[start..].split("</form>").next().unwrap().to_owned()
}

#[test]
fn keys_are_changed_refused_reset_and_taken_back() {
    let site = Site::new();
    let mut admin = site.paired("Ada", "admin");
    let page = admin.get("/settings").body;
    let cool_down = form(&page, "door.cooldown_s");
    let number = "type=\"number\" name=\"value\" value=\"10.0\" min=\"0\" max=\"3600\"";
    assert!(cool_down.contains(number) && cool_down.contains("a number from 0 to 3600"), "{cool_down}");
    assert!(form(&page, "liveness.language").contains("<option selected>en</option>"));
    assert!(form(&page, "camera.region").contains("placeholder=\"[160, 0, 320, 480]\""));
    assert!(
        !page.contains("id=\"relay.line\"") && page.contains("<code>relay.line</code> = <code>17</code>")
    );
    assert!(!page.contains("/settings/undo") && !page.contains("/settings/reset"));

    let done = set(&mut admin, "door.cooldown_s", "7");
    let page = after(&mut admin, &done);
    let changed = form(&page, "door.cooldown_s");
    assert!(changed.contains("value=\"7.0\"") && changed.contains("settings.toml:"), "{changed}");
    assert!(changed.contains("/settings/reset") && page.contains("door.cooldown_s is changed"), "{page}");
    let done = set(&mut admin, "door.cooldown_s", "8");
    after(&mut admin, &done);
    let undo = admin.post("/settings/undo", &[]);
    assert!(form(&after(&mut admin, &undo), "door.cooldown_s").contains("value=\"7.0\""), "the value before");
    assert_eq!(admin.post("/settings/undo", &[]).status, 400, "once");
    let reset = admin.post("/settings/reset", &[("key", "door.cooldown_s")]);
    assert!(form(&after(&mut admin, &reset), "door.cooldown_s").contains("value=\"10.0\""));
    let undo = admin.post("/settings/undo", &[]);
    assert!(form(&after(&mut admin, &undo), "door.cooldown_s").contains("value=\"7.0\""));

    // What the door refuses is shown at its field, and changes nothing.
    let refused = set(&mut admin, "door.cooldown_s", "-1\"><b>");
    let at_field = form(&refused.body, "door.cooldown_s");
    assert!(refused.status == 409 && at_field.contains("wants a number from 0"), "{at_field}");
    assert!(at_field.contains("aria-invalid") && !at_field.contains("<b>"), "{at_field}");
    for (key, why) in
        [("relay.line", "can only be set in the owner"), ("door.cooldown", "did you mean door.cooldown_s?")]
    {
        let refused = set(&mut admin, key, "4");
        assert!(refused.status == 409 && refused.body.contains(why), "{key}: {}", refused.body);
    }
    assert!(form(&admin.get("/settings").body, "door.cooldown_s").contains("value=\"7.0\""));

    // A checkbox that is not checked has no value.
    let done = set(&mut admin, "camera.mirror", "true");
    assert!(form(&after(&mut admin, &done), "camera.mirror").contains(" checked"));
    let done = admin.post("/settings/set", &[("key", "camera.mirror")]);
    assert!(!form(&after(&mut admin, &done), "camera.mirror").contains(" checked"));

    let mut viewer = site.paired("Ben", "viewer");
    assert_eq!(viewer.get("/settings").status, 403);
    assert_eq!(set(&mut viewer, "door.cooldown_s", "9").status, 403);
    assert!(!viewer.get("/door").body.contains("href=\"/settings\""));
}

#[test]
fn the_camera_is_turned_and_its_region_chosen() {
    let site = Site::new();
    let mut admin = site.paired("Ada", "admin");
    let page = admin.get("/live").body;
    assert!(page.contains("name=\"degrees\" value=\"90\"") && page.contains("data-dark=\"0.12\""), "{page}");
    let region = [("x", "20"), ("y", "10"), ("width", "200"), ("height", "100")];
    let done = admin.post("/live/region", &region);
    let page = after(&mut admin, &done);
    assert!(page.contains("data-left=\"20\" data-top=\"10\"") && page.contains("value=\"200\""), "{page}");
    let done = admin.post("/live/mirror", &[("on", "true")]);
    assert!(after(&mut admin, &done).contains("name=\"on\" value=\"false\""));
    // A turned picture may not have the region any longer.
    let done = admin.post("/live/rotate", &[("degrees", "90")]);
    let page = after(&mut admin, &done);
    assert!(page.contains("value=\"180\"") && page.contains("data-left=\"0\""), "{page}");
    let done = admin.post("/live/region", &region);
    assert!(after(&mut admin, &done).contains("/live/region/remove"));
    let done = admin.post("/live/region/remove", &[]);
    assert!(!after(&mut admin, &done).contains("/live/region/remove"));

    assert_eq!(admin.post("/live/rotate", &[("degrees", "45")]).status, 409);
    assert_eq!(
        admin.post("/live/region", &[("x", "0"), ("y", "0"), ("width", "0"), ("height", "9")]).status,
        409
    );
    assert_eq!(admin.post("/live/region", &[("x", "left")]).status, 400);
    let mut operator = site.paired("Ben", "operator");
    assert!(!operator.get("/live").body.contains("id=\"camera\""));
    assert_eq!(operator.post("/live/rotate", &[("degrees", "90")]).status, 403);
}
