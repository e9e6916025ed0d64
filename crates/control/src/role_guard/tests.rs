use std::io::{BufReader, Cursor};
use std::sync::Mutex;

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::json;
use varlink::{ConnectionHandler, VarlinkService};

use super::*;
use crate::StoredToken;
use crate::limited_reader::MAX_REQUEST;

/// The name of a call that has reached the door, and the name of its token.
type SeenCall = (String, Option<String>);

/// Remembers the calls that reach the door.
struct Door {
    bearer: CurrentBearer,
    calls: Arc<Mutex<Vec<SeenCall>>>,
}

impl Interface for Door {
    fn get_description(&self) -> &'static str {
        include_str!("../io.ostiary.Door.varlink")
    }

    fn get_name(&self) -> &'static str {
        "io.ostiary.Door"
    }

    fn call_upgraded(&self, _: &mut Call<'_>, _: &mut dyn BufRead) -> varlink::Result<Vec<u8>> {
        Ok(Vec::new())
    }

    fn call(&self, call: &mut Call<'_>) -> varlink::Result<()> {
        let method = call.request.unwrap().method.strip_prefix(INTERFACE).unwrap().to_owned();
        self.calls.lock().unwrap().push((method, self.bearer.get().map(|bearer| bearer.name)));
        call.reply_struct(varlink::Reply::parameters(Some(json!({}))))
    }
}

/// A connection of a user with this role, and the tokens of its door.
struct Connection {
    _folder: tempfile::TempDir,
    service: VarlinkService,
    tokens: Arc<Tokens>,
    max_request: Arc<AtomicUsize>,
    calls: Arc<Mutex<Vec<SeenCall>>>,
}

impl Connection {
    fn new(role: Option<Role>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = StoredToken::path_beside(&folder.path().join("facebank.sqlite"));
        let tokens = Arc::new(Tokens::new(path, Box::new(|| Ok(Timestamp::UNIX_EPOCH))));
        let (bearer, calls) = (CurrentBearer::default(), Arc::default());
        let max_request = Arc::new(AtomicUsize::new(MAX_REQUEST));
        let door = Box::new(Door { bearer: bearer.clone(), calls: Arc::clone(&calls) });
        let guard = RoleGuard::new(door, (role, 1000), tokens.clone(), bearer, max_request.clone());
        let service = VarlinkService::new("", "", "", "", vec![Box::new(guard)]);
        Self { _folder: folder, service, tokens, max_request, calls }
    }

    fn token(&self, name: &str, role: Role) -> String {
        self.tokens.create(name, role, None, None).unwrap().0
    }

    /// The answers to calls, and whether the connection goes on.
    fn send(&self, requests: &[u8]) -> (Vec<Value>, bool) {
        let mut out = Vec::new();
        let ended = self.service.handle(&mut BufReader::new(Cursor::new(requests)), &mut out, None);
        let answers = out.split(|byte| *byte == 0).filter(|answer| !answer.is_empty());
        (answers.map(|answer| serde_json::from_slice(answer).unwrap()).collect(), ended.is_ok())
    }

    /// Makes a call with a token: the empty text if it is answered, or why not.
    fn call(&self, method: &str, token: Value) -> String {
        let request = json!({ "method": format!("{INTERFACE}{method}"), "parameters": { "token": token } });
        let (answers, _) = self.send(format!("{request}\0").as_bytes());
        match answers[0].get("error") {
            None => String::new(),
            Some(error) => format!("{error} {}", answers[0]["parameters"]),
        }
    }

    fn calls(&self) -> Vec<(String, Option<String>)> {
        std::mem::take(&mut self.calls.lock().unwrap())
    }
}

/// The calls of the description, each with the role that its comment names.
fn described() -> Vec<(String, Role)> {
    let mut comment = String::new();
    let mut calls = Vec::new();
    for line in include_str!("../io.ostiary.Door.varlink").lines() {
        if let Some(text) = line.strip_prefix("# ") {
            comment.push_str(text);
            comment.push(' ');
            continue;
        }
        if let Some(call) = line.strip_prefix("method ") {
            let name = call.split('(').next().unwrap().to_owned();
            let roles = [
                ("For viewers.", Role::Viewer),
                ("For operators.", Role::Operator),
                ("For admins.", Role::Admin),
            ];
            let role = roles.iter().find(|(words, _)| comment.contains(words));
            let (_, role) = role.unwrap_or_else(|| panic!("{name}: its comment names no role"));
            calls.push((name, *role));
        }
        comment.clear();
    }
    calls
}

#[test]
fn each_call_takes_the_role_that_its_description_names() {
    let described = described();
    assert_eq!(described.len(), ROLES.len());
    for (name, role) in described {
        assert_eq!(required_role(&format!("{INTERFACE}{name}")), Some(role), "{name}");
    }
    assert_eq!(required_role("io.ostiary.Door.OfTomorrow"), None);
    assert_eq!(required_role("io.ostiary.Other.Open"), None);
}

#[test]
fn a_call_has_the_role_of_its_token_and_no_other() {
    let viewer = Connection::new(Some(Role::Viewer));
    let [low, middle, high] =
        [Role::Viewer, Role::Operator, Role::Admin].map(|role| viewer.token(&format!("the {role}"), role));
    assert!(
        viewer.call("Open", Value::Null).contains("user 1000 may not do this: only members of the group")
    );
    let refused = viewer.call("Open", json!(low));
    assert!(refused.contains("\"the viewer\\\" may not do this: its role is viewer"), "{refused}");
    assert_eq!(viewer.calls(), []);
    for (call, token) in [("GetState", &low), ("Open", &middle), ("Open", &high), ("RenamePerson", &high)] {
        assert_eq!(viewer.call(call, json!(token)), "", "{call}");
    }
    assert!(viewer.call("RenamePerson", json!(middle)).contains("NotAllowed"));
    assert_eq!(viewer.call("GetState", Value::Null), "", "the token of one call is not that of the next");
    let name = |name: &str| Some(name.to_owned());
    let expected = [
        ("GetState", name("the viewer")),
        ("Open", name("the operator")),
        ("Open", name("the admin")),
        ("RenamePerson", name("the admin")),
        ("GetState", None),
    ];
    assert_eq!(viewer.calls(), expected.map(|(call, name)| (call.to_owned(), name)));
    // Also less than the user's own.
    let admin = Connection::new(Some(Role::Admin));
    let low = admin.token("low", Role::Viewer);
    assert!(admin.call("Open", json!(low)).contains("its role is viewer"));
    assert_eq!(admin.call("Open", Value::Null), "");
}

#[test]
fn a_token_that_is_not_valid_is_refused_even_where_none_is_needed() {
    let admin = Connection::new(Some(Role::Admin));
    let ended = admin.token("Ada", Role::Admin);
    admin.tokens.revoke("ada", None).unwrap();
    let again = admin.token("Ada", Role::Admin);
    assert!(admin.call("GetState", json!(ended)).contains("NotAllowed"), "the name is in use again");
    assert_eq!(admin.call("GetState", json!(again)), "");
    assert_ne!(ended, again);
    for no_text in [json!(7), json!(true), json!([again]), json!({ "token": again })] {
        assert!(admin.call("GetState", no_text).contains("InvalidParameter"));
    }
    for wrong in ["", &again[1..], &format!("{again} "), &again.to_uppercase(), &"x".repeat(60_000)] {
        let refused = admin.call("GetState", json!(wrong));
        assert!(refused.contains("NotAllowed") && refused.contains("the token is not valid"), "{refused}");
        assert!(wrong.is_empty() || !refused.contains(wrong), "the token is not in the answer");
    }
}

#[test]
fn parameters_in_which_a_token_would_be_passed_over_are_refused() {
    let admin = Connection::new(Some(Role::Admin));
    let low = admin.token("low", Role::Viewer);
    for parameters in [json!([low]), json!(low), json!([{ "token": low }]), json!(7)] {
        let request = json!({ "method": format!("{INTERFACE}Open"), "parameters": parameters });
        let (answers, _) = admin.send(format!("{request}\0").as_bytes());
        assert!(
            answers.iter().all(|answer| answer["error"] == "org.varlink.service.InvalidParameter"),
            "{answers:?}"
        );
    }
    assert_eq!(admin.calls(), []);
}

#[test]
fn the_third_wrong_token_ends_the_connection_and_each_waits() {
    let viewer = Connection::new(Some(Role::Viewer));
    let call = r#"{"method":"io.ostiary.Door.GetState","parameters":{"token":"guess"}}"#;
    let start = std::time::Instant::now();
    let (answers, goes_on) = viewer.send(format!("{call}\0").repeat(9).as_bytes());
    assert_eq!((answers.len(), goes_on), (3, false));
    assert!(start.elapsed() >= 3 * WRONG_TOKEN_DELAY);
    assert!(answers.iter().all(|answer| answer["error"] == "io.ostiary.Door.NotAllowed"));
}

#[test]
fn a_user_without_a_role_cannot_use_or_try_tokens() {
    let nobody = Connection::new(None);
    let token = nobody.token("Ada", Role::Admin);
    let start = std::time::Instant::now();
    for token in [json!(token), json!("guess")] {
        assert!(nobody.call("Open", token).contains("only members of the group ostiary-viewer"));
    }
    assert!(start.elapsed() < WRONG_TOKEN_DELAY);
    assert_eq!(nobody.calls(), []);
}

#[test]
fn only_the_token_of_an_admin_makes_room_for_photos() {
    let viewer = Connection::new(Some(Role::Viewer));
    let (low, high) = (viewer.token("low", Role::Operator), viewer.token("high", Role::Admin));
    let max_request = || viewer.max_request.load(Ordering::Relaxed);
    viewer.call("GetRole", json!(low));
    assert_eq!(max_request(), MAX_REQUEST);
    viewer.call("GetRole", json!(high));
    assert_eq!(max_request(), MAX_REQUEST_OF_ADMIN);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_is_sent_reaches_the_door_only_if_it_may(bytes: Vec<u8>, token in "[^\"]{0,40}", call in 0..ROLES.len()) {
        let nobody = Connection::new(None);
        nobody.send(&bytes);
        let viewer = Connection::new(Some(Role::Viewer));
        viewer.send(&bytes);
        let (name, needed) = ROLES[call];
        // No wait for a wrong token.
        if !token.is_empty() && nobody.call(name, json!(token)).is_empty() {
            prop_assert!(false, "a user without a role was answered");
        }
        prop_assert_eq!(viewer.call(name, Value::Null).is_empty(), needed == Role::Viewer);
        prop_assert_eq!(nobody.calls(), []);
    }
}
