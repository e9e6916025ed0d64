//! The pages of the record: events, one event, what if, the report; over HTTPS, with a real door.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failure of a test helper fails the test"
)]

mod support;

use std::io::{Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use ostiary_access::{Access, Decider, Decision, LivenessEvidence, LivenessRules, Observation};
use ostiary_config::{Door, Events};
use ostiary_core::{Candidate, ModelId, PersonId, Quality, Score, Similarity, TrackId};
use ostiary_events::{DecisionDetails, Event, EventKind, EventStore};
use serde_json::Value;
use support::{Browser, Site};

/// A name that is markup and a formula.
const NAME: &str = "=1+1 <b>Ann</b>";
/// The name as a page has it.
const SHOWN_NAME: &str = "=1+1 &#60;b&#62;Ann&#60;/b&#62;";
/// The camera was lost and came back this many times.
const OUTAGES: usize = 30;

/// Visits of one decider, one after the other.
struct Visits {
    decider: Decider,
    now: Duration,
    start: Timestamp,
    track: u64,
}

impl Visits {
    fn new(start: Timestamp) -> Self {
        let now = Duration::from_secs(1);
        Self { decider: Decider::new(&Door::default(), LivenessRules::OFF), now, start, track: 0 }
    }

    /// A visit whose similarity to the person with this name is this.
    fn visit(&mut self, similarity: f32) -> Vec<Event> {
        self.track += 1;
        let (track, first_seen) = (TrackId(self.track), self.now);
        let mut decisions = Vec::new();
        for moments in 1..=12 {
            self.now += Duration::from_millis(200);
            let score = |person, similarity| Score {
                person: PersonId(person),
                similarity: Similarity(similarity),
                cosine: Similarity(similarity),
                threshold: Similarity(0.5),
                photos: 5,
            };
            let face = Observation {
                track,
                first_seen,
                quality: Quality { size: 120.0, sharpness: 200.0, exposure: 0.5, ..Quality::default() },
                fault: None,
                embedded: true,
                moments,
                candidate: Candidate::from_scores([
                    Some(score(1, similarity)),
                    Some(score(2, similarity - 0.2)),
                    None,
                ]),
                access: Access::Allowed,
                liveness: LivenessEvidence::default(),
            };
            decisions.extend(self.decider.observe(self.now, &[face]));
        }
        decisions.extend(self.decider.track_ended(self.now, track));
        for _ in 0..30 {
            self.now += Duration::from_secs(1);
            self.decider.observe(self.now, &[]);
        }
        decisions.into_iter().map(|decision| self.event(decision)).collect()
    }

    fn event(&self, decision: Decision) -> Event {
        let time = self.start + SignedDuration::try_from(decision.time).unwrap();
        let details = DecisionDetails {
            person: decision.person.map(|_| NAME.to_owned()),
            detail: None,
            model: ModelId("0123456789abcdef".to_owned()),
            people: 2,
            fpir: None,
        };
        Event::new(EventKind::decided(decision, details), time, "front")
    }
}

/// A door with a record: a stranger nine days ago, outages, and an hour ago a person and a stranger.
fn site() -> Site {
    let mut site = Site::without_door();
    let config = Events { path: site.path("events.sqlite"), ..Events::default() };
    let mut store = EventStore::open(&config, false).unwrap();
    let ago = |hours| Timestamp::now() - SignedDuration::from_hours(hours);
    let mut events = Visits::new(ago(9 * 24)).visit(0.3);
    for _ in 0..OUTAGES {
        events.push(Event::new(EventKind::CameraLost { detail: "no <i>frames</i>".into() }, ago(3), "front"));
        events.push(Event::new(EventKind::CameraBack, ago(3), "front"));
    }
    let mut visits = Visits::new(ago(1));
    events.extend(visits.visit(0.7));
    events.extend(visits.visit(0.2));
    for mut event in events {
        store.append(&mut event).unwrap();
    }
    drop(store);
    site.start_door();
    site.start_console();
    site
}

/// What the program prints.
fn printed(site: &Site, arguments: &[&str]) -> String {
    let output = site.ostiary(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The address in a link with this text.
fn link<'a>(page: &'a str, text: &str) -> &'a str {
    let before = page.split(&format!("\">{text}</a>")).next().unwrap();
    before.rsplit("href=\"").next().unwrap()
}

/// The numbers of the events of a page, in their order.
fn ids(page: &str) -> Vec<u64> {
    let items = page.split("<li id=\"event").skip(1);
    items.map(|item| item.split('"').next().unwrap().parse().unwrap()).collect()
}

fn number(browser: &mut Browser<'_>, query: &str) -> u64 {
    let page = browser.get(&format!("/events?{query}")).body;
    *ids(&page).first().unwrap_or_else(|| panic!("{page}"))
}

#[test]
fn the_record_is_read_filtered_and_exported() {
    let site = site();
    let mut viewer = site.paired("Ada", "viewer");
    let first = viewer.get("/events").body;
    let newest = ids(&first);
    assert!(newest.len() == 50 && newest.is_sorted_by(|one, next| one > next), "{newest:?}");
    assert!(first.contains(SHOWN_NAME) && !first.contains("<b>Ann") && !first.contains("<i>frames"));
    assert!(first.contains("data-follow=\"/events/stream\"") && first.contains("Load again"));
    let older = viewer.get(&link(&first, "Older events").replace("&#38;", "&")).body;
    let rest = ids(&older);
    assert!(rest[0] == newest[49] - 1 && *rest.last().unwrap() == 1, "{rest:?}");
    assert!(
        !older.contains("Older events") && !older.contains("data-follow") && older.contains("Newest events")
    );

    let mut sentences = |query: &str| {
        let page = viewer.get(&format!("/events?{query}"));
        assert_eq!(page.status, 200, "{}", page.body);
        (ids(&page.body).len(), page.body)
    };
    let (count, granted) = sentences("person=%3D1%2B1+%3CB%3Eann%3C%2Fb%3E");
    let typed = "value=\"=1+1 &#60;B&#62;ann&#60;/b&#62;\"";
    assert!(count == 1 && granted.contains("Let =1+1") && granted.contains(typed), "{granted}");
    let (count, unknown) = sentences("reason=unknown");
    assert!(count == 2 && unknown.contains("<option value=\"unknown\" selected>unknown person"));
    assert_eq!(sentences("kind=decisions&reason=unknown&person=Joe").0, 0);
    let day = |days: i64| {
        (Timestamp::now() - SignedDuration::from_hours(24 * days)).strftime("%Y-%m-%d").to_string()
    };
    assert_eq!(sentences(&format!("kind=decisions&until={}T00:00", day(7))).0, 1);
    assert_eq!(sentences(&format!("kind=decisions&from={}&until=", day(7))).0, 2);
    for (bad, says) in [
        ("from=soon", "is not a date"),
        ("until=%3Cb%3E", "is not a date"),
        ("from=2026-02-03&until=2026-02-02", "must be before"),
        ("reason=none", "no such reason"),
        ("kind=none", "no such kind"),
        ("before=-1", "no such page"),
    ] {
        for path in ["/events", "/events.csv"] {
            let refused = viewer.get(&format!("{path}?{bad}"));
            assert!(refused.status == 400 && refused.body.contains(says), "{path} {bad}: {}", refused.body);
            assert!(!refused.body.contains("<b>"));
        }
    }

    let csv = viewer.get("/events.csv");
    assert_eq!(csv.header("content-disposition"), Some("attachment; filename=events.csv"));
    assert_eq!(csv.body, printed(&site, &["events", "--csv"]));
    assert!(csv.body.starts_with("id,time,kind,") && csv.body.contains(",'=1+1 <b>"), "{}", csv.body);
    let json = viewer.get("/events.jsonl?reason=unknown");
    assert_eq!(json.body, printed(&site, &["--json", "events", "--reason", "unknown"]));
    assert_eq!(json.body.lines().count(), 2);
    assert_eq!(viewer.get("/events.csv?person=Joe").body.lines().count(), 1, "the header alone");
}

#[test]
fn the_health_leads_to_all_faults_with_their_ends() {
    let site = site();
    let mut admin = site.paired("Ada", "admin");
    let health = admin.get("/health").body;
    assert!(health.matches("<time").count() == 10 && !health.contains("The record has none"), "{health}");
    let (mut page, mut shown) = (health.clone(), Vec::new());
    let mut name = "All faults, alarms and notices";
    while page.contains(name) {
        page = admin.get(&link(&page, name).replace("&#38;", "&")).body;
        shown.extend(ids(&page));
        name = "Older events";
    }
    let events = printed(&site, &["--json", "events"]);
    let events = events.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let told = ["camera_lost", "camera_back", "started"];
    let told = events.filter(|event| told.contains(&event["kind"].as_str().unwrap()));
    let mut told = told.map(|event| event["id"].as_u64().unwrap()).collect::<Vec<_>>();
    told.reverse();
    assert_eq!(shown.len(), 2 * OUTAGES + 1, "on more than one page");
    assert_eq!(shown, told);
}

#[test]
fn an_event_is_explained_and_decided_again() {
    let site = site();
    let mut viewer = site.paired("Ada", "viewer");
    let granted = number(&mut viewer, "reason=granted");
    let page = viewer.get(&format!("/events/{granted}")).body;
    for text in [
        SHOWN_NAME,
        "The face was in view for",
        "is most similar to",
        "Moments of the decision",
        "&#34;visit&#34;",
    ] {
        assert!(page.contains(text), "{text}: {page}");
    }
    let explained = printed(&site, &["explain", &granted.to_string()]);
    let remedy = explained.lines().last().unwrap();
    assert!(page.contains(remedy), "{remedy}: {page}");
    // The newest of these is the start of the door, then the end of the last outage.
    let outage = ids(&viewer.get("/events?kind=faults").body)[2];
    let page = viewer.get(&format!("/events/{outage}")).body;
    assert!(
        page.contains("camera_lost") && !page.contains("<i>frames") && !page.contains("what-if"),
        "{page}"
    );
    for missing in ["999999", "0", "-1", "9223372036854775807", "99999999999999999999", "x", "%3Cb%3E"] {
        assert_eq!(viewer.get(&format!("/events/{missing}")).status, 404, "{missing}");
    }

    let mut what_if = |query: &str| viewer.get(&format!("/events/{granted}/what-if?{query}"));
    let found = what_if("margin=0.4&span=day").body;
    let lines = ["<dt>Other decisions</dt>\n<dd>1</dd>", "let in</th><td>", SHOWN_NAME];
    assert!(lines.iter().all(|line| found.contains(line)), "{found}");
    assert!(what_if("margin=0.01&span=visit").body.contains("<dt>Same decisions</dt>\n<dd>1</dd>"));
    for (bad, says) in [
        ("span=day", "at least one setting"),
        ("margin=&level=&span=day", "at least one setting"),
        ("margin=much&span=day", "not possible"),
        ("level=%3Cb%3E&span=day", "not possible"),
        ("margin=0.4", "which visits"),
        ("frames=0.5&span=day", "The door refuses this"),
    ] {
        let refused = what_if(bad);
        assert!(refused.status == 400 && refused.body.contains(says), "{bad}: {}", refused.body);
        assert!(!refused.body.contains("<b>"));
    }
    assert_eq!(viewer.get("/events/999999/what-if?margin=0.4&span=day").status, 404);

    let reported = printed(&site, &["report"]);
    let strangers = reported.lines().find(|line| line.starts_with("Visits of strangers")).unwrap();
    let all = viewer.get("/report?span=all").body;
    assert!(all.contains(&strangers.replace('\'', "&#39;")), "{strangers}: {all}");
    assert!(all.contains("<rect width=\"100\"") && all.contains("<dt>Visits</dt>\n<dd>3</dd>"), "{all}");
    let week = viewer.get("/report").body;
    assert!(week.contains("<dt>Visits</dt>\n<dd>2</dd>"), "{week}");
    assert!(week.contains(&format!("<th scope=\"row\">{SHOWN_NAME}</th><td>1</td>")), "{week}");
    assert_eq!(viewer.get("/report?span=%3Cb%3E").status, 400);
    assert_eq!(site.browser().get("/events").location(), "/sign-in?next=/events");
}

#[test]
fn new_events_are_told_until_the_account_ends() {
    let site = Site::new();
    let viewer = site.paired("Ada", "viewer");
    let mut stream = site.connect();
    let cookie = &viewer.cookies["__Host-session"];
    let request = format!(
        "GET /events/stream HTTP/1.1\r\nHost: localhost:{}\r\nCookie: __Host-session={cookie}\r\n\r\n",
        site.port
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut received = String::new();
    let mut read_until = |text: &str| {
        let mut part = [0; 1024];
        while !received.contains(text) {
            let length = stream.read(&mut part).unwrap();
            assert!(length > 0, "{received}");
            received += std::str::from_utf8(&part[..length]).unwrap();
        }
    };
    read_until("text/event-stream");
    read_until(":\n\n");
    let is_seen = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_seen.load(Ordering::Relaxed) {
                printed(&site, &["door", "open"]);
                thread::sleep(Duration::from_millis(200));
            }
        });
        read_until("data: ");
        is_seen.store(true, Ordering::Relaxed);
    });
    printed(&site, &["tokens", "revoke", "console Ada"]);
    read_until("event: ended");
}
