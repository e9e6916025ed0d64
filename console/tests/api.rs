//! The HTTP API for scripts, of a real door.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failure of a test helper fails the test"
)]

mod support;

use std::io::{BufRead, BufReader, Write};

use serde_json::{Value, json};
use support::{Page, Site};

/// A call with a token.
fn call(site: &Site, token: &str, method: &str, parameters: &str) -> Page {
    let mut script = site.browser();
    script.origin = None;
    let authorization = format!("Bearer {token}");
    let mut headers = vec![("Content-Type", "application/json")];
    if !token.is_empty() {
        headers.push(("Authorization", &authorization));
    }
    script.request("POST", &format!("/api/v1/{method}"), &headers, parameters)
}

/// A token of the door.
fn token(site: &Site, name: &str, role: &str) -> String {
    let output = site.ostiary(&["--json", "tokens", "create", name, "--role", role]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let created: Value = serde_json::from_slice(&output.stdout).unwrap();
    created["token"].as_str().unwrap().to_owned()
}

/// The status and the stable name of an error.
fn error(page: &Page) -> (u16, String) {
    let object: Value = serde_json::from_str(&page.body).unwrap_or_else(|_| panic!("{}", page.body));
    assert!(object["message"].as_str().is_some_and(|message| message.len() > 10), "{object}");
    (page.status, object["error"].as_str().unwrap().to_owned())
}

#[test]
fn a_script_asks_and_changes_the_door_with_a_token() {
    let site = Site::new();
    let (viewer, operator) = (token(&site, "graphs", "viewer"), token(&site, "gate", "operator"));
    let state = call(&site, &viewer, "GetState", "");
    let object: Value = serde_json::from_str(&state.body).unwrap();
    assert_eq!((state.status, &object["state"]["mode"]), (200, &json!("normal")), "{}", state.body);
    assert_eq!(state.header("content-type"), Some("application/json"));

    let is = |page: Page, status: u16, name: &str| assert_eq!(error(&page), (status, name.to_owned()));
    is(call(&site, &viewer, "LockDown", "{}"), 403, "not_allowed");
    is(call(&site, "AAAA", "GetState", "{}"), 403, "not_allowed");
    is(call(&site, "", "GetState", "{}"), 401, "no_token");
    is(call(&site, &viewer, "GetStatus", "{}"), 404, "not_found");
    is(call(&site, &viewer, "SendPhoto", "{}"), 404, "not_found");
    is(call(&site, &operator, "HoldOpen", "{\"seconds\": \"5\"}"), 400, "parameters");
    is(call(&site, &operator, "HoldOpen", "{\"seconds\""), 400, "parameters");
    is(call(&site, &operator, "HoldOpen", "{\"seconds\": 1e9}"), 409, "refused");
    is(call(&site, &viewer, "GetState", &" ".repeat(70_000)), 413, "too_large");
    // A token in the parameters would be another way around the field.
    is(call(&site, &viewer, "GetState", &format!("{{\"token\": {operator:?}}}")), 400, "parameters");
    let mut browser = site.browser();
    let got = browser.request("GET", "/api/v1/GetState", &[], "");
    assert_eq!((got.header("allow"), error(&got).0), (Some("POST"), 405));

    assert_eq!(call(&site, &operator, "LockDown", "{}").status, 200);
    let state = call(&site, &viewer, "GetState", "{}");
    assert!(state.body.contains("locked_down"), "{}", state.body);
    let events = call(&site, &viewer, "ListEvents", "{\"filter\": {}, \"limit\": 50}");
    let line: Value = serde_json::from_str(events.body.lines().next().unwrap()).unwrap();
    let events = line["events"].as_array().unwrap();
    assert!(events.iter().any(|event| event["token"] == "gate" && event["kind"] == "mode_changed"), "{line}");
}

#[test]
fn the_session_of_a_browser_is_no_token() {
    let site = Site::new();
    let mut browser = site.paired("Ada", "admin");
    let page = browser.request("POST", "/api/v1/Open", &[("Content-Type", "application/json")], "{}");
    assert_eq!(error(&page), (401, "no_token".to_owned()));
}

#[test]
fn events_are_followed_as_they_come_and_streams_are_few() {
    let site = Site::new();
    let token = token(&site, "follower", "operator");
    let follow = || {
        let mut stream = site.connect();
        let body = "{\"filter\": {\"after\": 0}}";
        let request = format!(
            "POST /api/v1/FollowEvents HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut lines = BufReader::new(stream);
        let mut head = String::new();
        while lines.read_line(&mut head).unwrap() > 2 {}
        (head, lines)
    };
    let (head, mut first) = follow();
    assert!(head.starts_with("HTTP/1.1 200") && head.contains("application/x-ndjson"), "{head}");
    assert_eq!(call(&site, &token, "LockDown", "{}").status, 200);
    let mut line = String::new();
    while !line.contains("locked_down") {
        line.clear();
        assert!(first.read_line(&mut line).unwrap() > 0, "the stream ends");
    }
    let (head, second) = follow();
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    let (head, _third) = follow();
    assert!(head.starts_with("HTTP/1.1 503"), "{head}");
    // A script that goes makes room at once, though no event comes.
    drop((first, second));
    ostiary_testkit::wait_for("room for another stream", || follow().0.starts_with("HTTP/1.1 200"));
}

#[test]
fn a_door_that_does_not_run_is_told() {
    let mut site = Site::new();
    let token = token(&site, "graphs", "viewer");
    site.stop_door();
    assert_eq!(error(&call(&site, &token, "GetState", "{}")), (503, "door_silent".to_owned()));
    let described = site.browser().get("/api/openapi.json");
    let described: Value = serde_json::from_str(&described.body).unwrap();
    assert_eq!(described["openapi"], "3.1.0");
    assert!(described["paths"].get("/api/v1/GetState").is_some());
}
