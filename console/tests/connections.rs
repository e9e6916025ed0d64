//! What clients do with connections that browsers do not: bodies that are not read or do not come, tricks with heads.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failure of a test helper fails the test"
)]

mod support;

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use support::Site;

/// Sends bytes, and gives the first line of the answer.
fn answer(site: &Site, sent: &str) -> String {
    let mut stream = site.connect();
    stream.write_all(sent.as_bytes()).unwrap();
    let mut answer = Vec::new();
    // The console may end the connection without a farewell.
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned()
}

#[test]
fn an_upload_that_is_not_read_gets_its_answer() {
    let mut site = Site::without_door();
    site.start_console();
    // Larger than all buffers in between.
    let photo = vec![0; 20_000_000];
    let page = site.browser().upload("/people/photos", &[("name", "Eve")], &[("eve.jpg", &photo)]);
    assert!(page.status == 401 && page.body.contains("<html"), "{}: {}", page.status, page.body);
    let script = [("Content-Type", "application/json")];
    let page = site.browser().request("POST", "/api/v1/GetState", &script, &photo);
    assert!(page.status == 401 && page.body.contains("no_token"), "{}", page.body);
}

#[test]
fn who_has_no_token_is_told_before_the_body() {
    let mut site = Site::without_door();
    site.start_console();
    let started = Instant::now();
    let head = "POST /api/v1/GetState HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n";
    let told = answer(&site, &format!("{head}\r\n"));
    assert!(told.ends_with("401 Unauthorized"), "{told}");
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[test]
fn tricks_with_heads_are_refused() {
    let mut site = Site::without_door();
    site.start_console();
    let host = format!("Host: localhost:{}", site.port);
    let origin = format!("Origin: {}", site.origin());
    let form = "Content-Type: application/x-www-form-urlencoded";
    for (sent, status) in [
        (
            format!(
                "POST /sign-out HTTP/1.1\r\n{host}\r\n{origin}\r\nContent-Length: 0\r\nContent-Length: 4\r\n\r\n"
            ),
            "400",
        ),
        (format!("POST /sign-out HTTP/1.1\r\n{host}\r\n{origin}\r\nContent-Length: -1\r\n\r\n"), "400"),
        (
            format!(
                "POST /sign-out HTTP/1.1\r\n{host}\r\nOrigin: https://evil.example\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            ),
            "403",
        ),
        (
            format!(
                "POST /sign-out HTTP/1.1\r\n{host}\r\nOrigin: https://evil.example\r\n{origin}\r\nContent-Length: 0\r\n\r\n"
            ),
            "400",
        ),
        (format!("GET /sign-in HTTP/1.1\r\n{host}\r\nHost: evil.example\r\n\r\n"), "400"),
        ("GET /sign-in HTTP/1.1\r\n\r\n".to_owned(), "400"),
        (format!("POST /sign-out HTTP/1.0\r\n{origin}\r\n\r\n"), "403"),
        (format!("GET /../../etc/passwd HTTP/1.1\r\n{host}\r\nConnection: close\r\n\r\n"), "404"),
        (
            format!("GET /assets/..%2f..%2fetc%2fpasswd HTTP/1.1\r\n{host}\r\nConnection: close\r\n\r\n"),
            "404",
        ),
        (format!("GET https://evil.example/sign-in HTTP/1.1\r\n{host}\r\nConnection: close\r\n\r\n"), "200"),
        (format!("CONNECT evil.example:443 HTTP/1.1\r\n{host}\r\nConnection: close\r\n\r\n"), "403"),
        (
            format!(
                "GET /sign-in HTTP/1.1\r\n{host}\r\nCookie: __Host-session={}\r\nConnection: close\r\n\r\n",
                "A".repeat(8000)
            ),
            "200",
        ),
        (format!("GET /sign-in HTTP/1.1\r\n{host}\r\nCookie: a={}\r\n\r\n", "A".repeat(20_000)), "431"),
        (
            format!(
                "GET /live/socket HTTP/1.1\r\n{host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
            ),
            "403",
        ),
        (
            format!(
                "POST /sign-in HTTP/1.1\r\n{host}\r\n{origin}\r\n{form}\r\nContent-Length: 3\r\nConnection: close\r\n\r\na=b"
            ),
            "400",
        ),
    ] {
        let line = answer(&site, &sent);
        assert!(line.contains(&format!(" {status} ")), "{line:?} for {sent:.200}");
    }
}

#[test]
fn a_sign_in_leads_nowhere_else() {
    let site = Site::new();
    let mut browser = site.paired("Ada", "viewer");
    for next in
        ["%2f%09%2fevil.example", "%2f%2fevil.example", "%2f%5cevil.example", "%2f%01", "https:evil.example"]
    {
        let page = browser.get(&format!("/sign-in?next={next}"));
        assert_eq!((page.status, page.location()), (303, "/door"), "{next}: {}", page.body);
    }
    assert_eq!(browser.get("/sign-in?next=/live").location(), "/live");
}
