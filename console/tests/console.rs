//! The console of a real door, over HTTPS.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failure of a test helper fails the test"
)]

mod support;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use ostiary_control::Client;
use ostiary_control::interface::VarlinkClientInterface;
use ostiary_testkit::{person_video, portrait, wait_for};
use rusqlite::Connection;
use serde_json::Value;
use support::{Browser, PASSWORD, Site, is_private};

/// The events of the door.
fn events(site: &Site) -> Vec<Value> {
    let output = site.ostiary(&["--json", "events"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn store(site: &Site) -> Connection {
    Connection::open(site.path("state/console.sqlite")).unwrap()
}

#[test]
fn a_browser_is_paired_and_opens_the_door() {
    let site = Site::new();
    let mut browser = site.browser();
    let first = browser.get("/");
    assert_eq!((first.status, first.location()), (303, "/sign-in"));
    let sign_in = browser.get("/sign-in");
    assert!(sign_in.body.contains("<html lang=\"en\">") && sign_in.body.contains("one-time code"));
    let policy = sign_in.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'self'") && !policy.contains("unsafe"), "{policy}");
    let foreign = sign_in.body.matches("http").count();
    assert_eq!(foreign, 0, "nothing from elsewhere: {}", sign_in.body);
    let assets =
        ["console.css", "console.js", "icon.svg"].map(|name| browser.get(&format!("/assets/{name}")));
    assert!(assets.iter().all(|asset| asset.status == 200));
    let first_page: usize = sign_in.bytes.len() + assets.iter().map(|asset| asset.bytes.len()).sum::<usize>();
    assert!(first_page <= 100_000, "{first_page} bytes");

    let code = site.code("Ada", "operator");
    assert!(
        code["url"].as_str().unwrap().ends_with("/pair") && code["fingerprint"].as_str().unwrap().len() == 95
    );
    let code = code["code"].as_str().unwrap();
    assert_eq!(browser.pair("AAAAA-AAAAA", PASSWORD).status, 400);
    let short = browser.pair(code, "short");
    assert!(short.status == 400 && short.body.contains("at least 10 characters"), "{}", short.body);
    let paired = browser.pair(&code.to_lowercase(), PASSWORD);
    assert_eq!(
        (paired.status, paired.location()),
        (303, "/sign-in?begun=true&next=/door"),
        "{}",
        paired.body
    );
    assert_eq!(browser.get(paired.location()).location(), "/door");
    let door = browser.get("/door");
    assert!(door.body.contains("Welcome, Ada") && door.body.contains("Open the door"), "{}", door.body);
    assert!(!browser.get("/door").body.contains("Welcome, Ada"), "told once");
    let replayed = site.browser().pair(code, PASSWORD);
    assert!(replayed.status == 400 && replayed.body.contains("not valid"), "{}", replayed.body);

    assert!(browser.get("/door/open").body.contains("opens once"));
    assert_eq!(browser.post("/door/open", &[]).location(), "/door");
    assert!(browser.get("/door").body.contains("The door was opened"));
    browser.post("/door/hold", &[("minutes", "15")]);
    assert!(browser.get("/door").body.contains("Held open for 15 more min"));
    browser.post("/door/lockdown", &[]);
    let locked = browser.get("/door");
    assert!(locked.body.contains("Locked down: faces do not open"), "{}", locked.body);
    let refused = browser.post("/door/open", &[]);
    assert!(refused.status == 409 && refused.body.contains("locked down"), "{}", refused.body);
    browser.post("/door/normal", &[]);
    wait_for("all is recorded with the person's token", || {
        let events = events(&site);
        events.iter().filter(|event| event["token"] == "console Ada").count() >= 4
    });
}

#[test]
fn the_store_gives_no_token_and_codes_end() {
    let site = Site::new();
    let code = site.code("Ada", "admin");
    let code = code["code"].as_str().unwrap();
    let file = site.path("state/console.sqlite");
    assert!(is_private(&file) && is_private(&site.path("state/key.pem")));
    // Ten minutes later.
    store(&site).execute("UPDATE pairings SET created = created - 600", []).unwrap();
    assert_eq!(site.browser().pair(code, PASSWORD).status, 400);
    store(&site).execute("UPDATE pairings SET created = created + 600 + 60", []).unwrap();
    assert_eq!(site.browser().pair(code, PASSWORD).status, 400, "the clock was set back");
    store(&site).execute("UPDATE pairings SET created = created - 60, tries = 0", []).unwrap();
    let mut browser = site.browser();
    assert_eq!(browser.pair(code, PASSWORD).status, 303);
    let tokens = fs::read_to_string(site.path("facebank.sqlite.tokens.json")).unwrap();
    assert!(tokens.contains("console Ada"));
    let cookie = &browser.cookies["__Host-session"];
    let stored = fs::read(&file).unwrap();
    for secret in [cookie.as_bytes(), PASSWORD.as_bytes(), code.as_bytes()] {
        assert!(!stored.windows(secret.len()).any(|part| part == secret));
    }
    // Five wrong tries end a code, whatever address they come from.
    let code = site.code("Ben", "viewer");
    for _ in 0..5 {
        assert_eq!(site.browser().pair("00000-00000", PASSWORD).status, 400);
    }
    assert_eq!(site.browser().pair(code["code"].as_str().unwrap(), PASSWORD).status, 400);
}

#[test]
fn people_sign_in_and_out_and_change_the_password() {
    let site = Site::new();
    let mut first = site.paired("Zo\u{eb} <b>", "viewer");
    let mut second = site.browser();
    let wrong = second.sign_in("Zo\u{eb} <b>", "wrong password");
    assert!(wrong.status == 401 && wrong.body.contains("name or the password is wrong"));
    assert!(
        wrong.body.contains("Zo\u{eb} &#60;b&#62;") || wrong.body.contains("Zo\u{eb} &lt;b&gt;"),
        "{}",
        wrong.body
    );
    let unknown = second.sign_in("Nobody", "wrong password");
    assert!(unknown.status == 401 && unknown.body.contains("name or the password is wrong"));
    let to = second
        .post("/sign-in", &[("name", "zo\u{eb} <B>"), ("password", PASSWORD), ("next", "//evil.example")]);
    assert_eq!((to.status, to.location()), (303, "/sign-in?begun=true&next=/door"));
    assert!(site.browser().get(to.location()).body.contains("keeps no cookies"));
    assert!(second.get("/account").body.matches("Signed in 20").count() == 2);
    assert_eq!(second.get("/live").status, 200);

    second.post("/account/language", &[("language", "vi")]);
    assert!(second.get("/account").body.contains("<html lang=\"vi\">"));
    second.post("/account/language", &[("language", "")]);
    second.language = "de-AT,en;q=0.5".to_owned();
    assert!(second.get("/account").body.contains("\u{dc}berall abmelden"));
    second.language = "en".to_owned();

    let change = |browser: &mut Browser<'_>, current: &str| {
        let new = "another password";
        browser.post("/account/password", &[("current", current), ("password", new), ("again", new)])
    };
    assert!(change(&mut second, "wrong password").body.contains("current password is wrong"));
    assert_eq!(change(&mut second, PASSWORD).location(), "/account");
    assert!(second.get("/account").body.contains("Other browsers are signed out"));
    assert_eq!(first.get("/door").location(), "/sign-in?next=/door");
    assert_eq!(site.browser().sign_in("Zo\u{eb} <b>", PASSWORD).status, 401);
    assert_eq!(site.browser().sign_in("Zo\u{eb} <b>", "another password").status, 303);

    let stolen = second.clone();
    assert_eq!(second.post("/sign-out", &[]).location(), "/sign-in");
    assert!(second.cookies.keys().all(|name| name != "__Host-session"));
    assert_eq!(stolen.clone().get("/door").status, 303, "the session ended, not only its cookie");
    let mut third = site.browser();
    third.sign_in("Zo\u{eb} <b>", "another password");
    let mut fourth = site.browser();
    fourth.sign_in("Zo\u{eb} <b>", "another password");
    third.post("/account/sign-out-everywhere", &[]);
    assert_eq!(fourth.get("/door").status, 303);
}

#[test]
fn roles_are_enforced_by_the_door_and_other_sites_are_refused() {
    let site = Site::new();
    let mut viewer = site.paired("Ada", "viewer");
    let page = viewer.get("/door");
    assert!(
        page.status == 200
            && !page.body.contains("action=\"/door/open\"")
            && !page.body.contains("Lock down")
    );
    let refused = viewer.post("/door/open", &[]);
    assert!(
        refused.status == 403 && refused.body.contains("Your role does not allow this"),
        "{}",
        refused.body
    );
    // A store that says more than the token may: the door decides.
    store(&site).execute("UPDATE accounts SET role = 'admin'", []).unwrap();
    let refused = viewer.post("/door/open", &[]);
    assert!(refused.status == 403 && refused.body.contains("its role is viewer"), "{}", refused.body);
    assert_eq!(viewer.get("/door").status, 200, "the session goes on");

    let mut operator = site.paired("Ben", "operator");
    for origin in [Some("https://evil.example"), Some("null"), None] {
        operator.origin = origin.map(str::to_owned);
        let refused = operator.post("/door/open", &[]);
        assert!(refused.status == 403 && refused.body.contains("another site"), "{origin:?}");
    }
    operator.origin = Some(site.origin());
    let fetched = operator.request("POST", "/door/open", &[("Sec-Fetch-Site", "cross-site")], "");
    assert_eq!(fetched.status, 403);
    assert_eq!(operator.get("/door").status, 200);
    let opened = events(&site).iter().any(|event| event["kind"] == "granted");
    assert!(!opened);
    assert_eq!(operator.get("/no/such/page").status, 404);
    assert_eq!(operator.request("DELETE", "/door", &[], "").status, 403);
    assert_eq!(site.browser().post("/door/open", &[]).status, 401);
}

#[test]
fn a_removed_account_ends_at_once() {
    let site = Site::new();
    let mut browser = site.paired("Ada", "operator");
    let again = site.console(&["pair", "--name", "ADA"]);
    assert_eq!(again.status.code(), Some(1), "{again:?}");
    let listed = site.console(&["accounts"]);
    let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
    assert_eq!((&listed["name"], &listed["role"]), (&"Ada".into(), &"operator".into()));
    // Only the token: the console learns it from the door.
    let revoked = site.ostiary(&["tokens", "revoke", "console Ada"]).output().unwrap();
    assert!(revoked.status.success());
    let ended = browser.get("/door");
    assert!(ended.status == 401 && ended.body.contains("not valid any longer"), "{}", ended.body);
    assert_eq!(browser.get("/door").location(), "/sign-in?next=/door");
    assert!(site.console(&["accounts", "remove", "ada"]).status.success());
    assert_eq!(site.console(&["accounts", "remove", "ada"]).status.code(), Some(1));

    let mut browser = site.paired("Ada", "viewer");
    assert!(site.console(&["accounts", "remove", "Ada"]).status.success());
    assert_eq!(browser.get("/door").status, 303);
    assert_eq!(site.browser().sign_in("Ada", PASSWORD).status, 401);
    let tokens = site.ostiary(&["--json", "tokens", "list"]).output().unwrap();
    assert_eq!(String::from_utf8(tokens.stdout).unwrap(), "");
}

#[test]
fn a_door_that_stops_is_told_and_comes_back() {
    let mut site = Site::new();
    let mut cookies = site.paired("Ada", "operator").cookies;
    site.stop_door();
    let mut browser = site.browser();
    browser.cookies = cookies.clone();
    let silent = browser.get("/door");
    assert!(silent.status == 503 && silent.body.contains("The door does not answer"), "{}", silent.body);
    assert_eq!(browser.get("/account").status, 200);
    assert_eq!(browser.get("/live/still.jpg").status, 503);
    cookies = browser.cookies;
    site.start_door();
    let mut browser = site.browser();
    browser.cookies = cookies.clone();
    assert_eq!(browser.get("/door").status, 200);
    // A door that hangs.
    let signal = |name: &str| {
        let id = site.door_process().to_string();
        assert!(std::process::Command::new("kill").args([name, &id]).status().unwrap().success());
    };
    signal("-STOP");
    let start = Instant::now();
    let hanging = browser.get("/door");
    signal("-CONT");
    assert!(hanging.status == 503 && start.elapsed() < Duration::from_secs(20), "{}", hanging.status);
    assert_eq!(browser.get("/door").status, 200);
    // The console starts again: sessions remain.
    drop(browser);
    site.stop_console();
    site.start_console();
    let mut browser = site.browser();
    browser.cookies = cookies;
    assert_eq!(browser.get("/door").status, 200);
}

#[test]
fn the_live_picture_is_shown_while_the_person_may_watch() {
    let mut site = Site::without_door();
    let video = person_video(site.folder.path());
    site.start_door_before(&video);
    site.start_console();
    let mut browser = site.paired("Ada", "viewer");
    let still = browser.get("/live/still.jpg");
    assert!(still.status == 200 && still.bytes.starts_with(b"\xff\xd8"), "{}", still.body);
    assert!(browser.get("/live").body.contains("<noscript><img"));
    let address = format!("wss://localhost:{}/live/socket", site.port);
    let open = |origin: &str, cookie: &str| {
        let request = tungstenite::http::Request::builder()
            .uri(&address)
            .header("Host", format!("localhost:{}", site.port))
            .header("Connection", "Upgrade")
            .header("Upgrade", "websocket")
            .header("Sec-WebSocket-Version", "13")
            .header("Sec-WebSocket-Key", tungstenite::handshake::client::generate_key())
            .header("Origin", origin)
            .header("Cookie", format!("__Host-session={cookie}"));
        tungstenite::client(request.body(()).unwrap(), site.connect()).ok().map(|(socket, _)| socket)
    };
    let cookie = browser.cookies["__Host-session"].clone();
    assert!(open("https://evil.example", &cookie).is_none());
    assert!(open(&site.origin(), "").is_none());
    let mut socket = open(&site.origin(), &cookie).unwrap();
    let (mut pictures, mut seen) = (0, Vec::new());
    while pictures < 3 || seen.is_empty() {
        match socket.read().unwrap() {
            tungstenite::Message::Binary(jpeg) => {
                assert!(jpeg.starts_with(b"\xff\xd8"));
                pictures += 1;
            }
            tungstenite::Message::Text(head) => {
                let head: Value = serde_json::from_str(&head).unwrap();
                seen.extend(head["faces"].as_array().unwrap().clone());
            }
            _ => {}
        }
    }
    assert_eq!((&seen[0]["label"], &seen[0]["known"]), (&"unknown".into(), &false.into()));
    assert!(site.console(&["accounts", "remove", "Ada"]).status.success());
    let start = Instant::now();
    let ended = loop {
        match socket.read() {
            Ok(tungstenite::Message::Text(text)) if text.contains("ended") => break true,
            Ok(_) if start.elapsed() < Duration::from_secs(20) => {}
            _ => break false,
        }
    };
    assert!(ended, "the picture of a removed account");
}

#[test]
fn the_live_picture_has_what_the_person_is_asked_to_do_in_the_language_of_the_page() {
    let mut site = Site::without_door();
    site.level = "active";
    // A lamp asks. In near infrared the challenge does not depend on what the network says about a portrait.
    site.configure("[camera]\nkind = \"nir\"\n[signals]\nyes_line = 22");
    let photo = portrait("biden.jpg");
    assert!(site.ostiary(&["enroll", "Joe"]).arg(photo).output().unwrap().status.success());
    site.start_door_before(&person_video(site.folder.path()));
    site.start_console();
    let mut browser = site.paired("Ada", "viewer");
    browser.language = "de".to_owned();
    let page = browser.get("/live").body;
    assert!(page.contains("id=\"prompt\" class=\"prompt\" aria-live=\"assertive\""), "{page}");
    let mut socket = browser.socket("/live/socket");
    let mut next = || loop {
        if let tungstenite::Message::Text(head) = socket.read().unwrap() {
            break serde_json::from_str::<Value>(&head).unwrap()["prompt"].clone();
        }
    };
    let asked = std::iter::from_fn(|| Some(next())).find(|prompt| !prompt.is_null()).unwrap();
    let texts = [
        "Schauen Sie in die Kamera.",
        "Drehen Sie den Kopf nach links.",
        "Drehen Sie den Kopf nach rechts.",
        "Heben Sie das Kinn.",
        "Senken Sie das Kinn.",
    ];
    assert!(texts.contains(&asked["text"].as_str().unwrap()), "{asked}");
    assert!((0.0..=8.0).contains(&asked["ends_s"].as_f64().unwrap()), "{asked}");
    let mut client = Client::connect(&site.path("facebank.sqlite.control")).unwrap().unwrap();
    client.door().lock_down().call().unwrap();
    assert!(
        std::iter::from_fn(|| Some(next())).any(|prompt| prompt.is_null()),
        "nothing is asked any longer"
    );
}

#[test]
fn tries_are_limited() {
    let site = Site::new();
    let _ada = site.paired("Ada", "viewer");
    let statuses: Vec<u16> =
        (0..12).map(|_| site.browser().sign_in("Ada", "wrong password").status).collect();
    assert!(statuses.contains(&401) && statuses.last() == Some(&429), "{statuses:?}");
    assert_eq!(site.browser().sign_in("Ada", PASSWORD).status, 429, "also with the right password");
    assert_eq!(site.browser().pair("AAAAA-AAAAA", PASSWORD).status, 429);
    assert_eq!(site.browser().get("/sign-in").status, 200);
}

#[test]
fn floods_and_garbage_leave_door_and_console_as_they_are() {
    let site = Site::new();
    let mut browser = site.paired("Ada", "operator");
    let (port, mut before) = (site.port, Vec::new());
    for _ in 0..70 {
        // Connections that say nothing.
        before.extend(TcpStream::connect(("127.0.0.1", port)));
    }
    drop(before);
    let floods: Vec<_> = (0..4)
        .map(|number| {
            thread::spawn(move || {
                let start = Instant::now();
                let mut sent = 0;
                while start.elapsed() < Duration::from_secs(1) {
                    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { continue };
                    let garbage: Vec<u8> =
                        (0..600_u32).map(|at| (at.wrapping_mul(number * 7 + sent + 1) >> 3) as u8).collect();
                    let _ = stream.write_all(&garbage);
                    sent += 1;
                }
                sent
            })
        })
        .collect();
    let sent: u32 = floods.into_iter().map(|flood| flood.join().unwrap()).sum();
    // Requests on connections that stay open, as fast as they are answered.
    let (mut answered, mut limited) = (0, 0);
    wait_for("the console answers again", || TcpStream::connect(("127.0.0.1", port)).is_ok());
    let start = Instant::now();
    let mut stream = site.connect();
    while start.elapsed() < Duration::from_secs(2) {
        let request = format!("GET /sign-in HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n");
        if stream.write_all(request.repeat(20).as_bytes()).is_err() {
            stream = site.connect();
            continue;
        }
        let mut buffer = vec![0; 256 * 1024];
        let count = stream.read(&mut buffer).unwrap_or(0);
        let text = String::from_utf8_lossy(&buffer[..count]).into_owned();
        answered += text.matches("HTTP/1.1 ").count();
        limited += text.matches("HTTP/1.1 429").count();
    }
    // Heads and bodies that are too large, and a body that does not come.
    let head = format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n", "a".repeat(100_000));
    let _ = site.connect().write_all(head.as_bytes());
    thread::sleep(Duration::from_secs(3));
    let large = browser.post("/sign-in", &[("name", &"a".repeat(70_000)), ("password", "x")]);
    assert_eq!(large.status, 413);
    let resident = site.resident_mb();
    println!(
        "garbage on {sent} connections, {answered} requests of which {limited} limited; resident {resident:.1} MB"
    );
    assert!(answered > 500 && limited > 0, "{answered} {limited}");
    assert!(resident <= 25.0, "{resident} MB");
    assert_eq!(browser.get("/door").status, 200);
    let state = site.ostiary(&["--json", "door", "state"]).output().unwrap();
    let state: Value = serde_json::from_slice(&state.stdout).unwrap();
    assert_eq!(state["camera"], true);
}

#[test]
fn what_prevents_the_start_is_told() {
    let mut site = Site::without_door();
    site.start_console();
    let serve = |site: &Site| {
        let output = site.ostiary_console(&["serve"]).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(serve(&site).contains("another program listens there"));
    site.stop_console();
    site.configure("[console]\ncertificate = \"/nowhere/a.pem\"\nkey = \"/nowhere/a.key\"");
    assert!(serve(&site).contains("/nowhere/a.pem"), "{}", serve(&site));
    site.configure("[console]\ncertificate = \"/nowhere/a.pem\"");
    assert!(serve(&site).contains("need each other"));
    let pair = site.console(&["pair"]);
    assert!(String::from_utf8(pair.stderr).unwrap().contains("need each other"));
    site.configure("");
    let pair = site.console(&["pair"]);
    assert!(String::from_utf8(pair.stderr).unwrap().contains("no door runs"));
}

#[test]
fn ostiary_starts_the_program_of_the_console() {
    let site = Site::without_door();
    let state = site.path("state");
    let output = site.ostiary(&["--json", "console", "accounts", "--state"]).arg(&state).output().unwrap();
    assert!(output.status.success() && output.stdout.is_empty(), "{output:?}");
    let refused =
        site.ostiary(&["console", "pair", "--set", "door.name=back"]).arg("--state").arg(&state).output();
    let refused = String::from_utf8(refused.unwrap().stderr).unwrap();
    assert!(refused.contains("no door runs with this configuration"), "{refused}");
}
