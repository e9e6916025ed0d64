use std::io::{BufRead, Read, Write};
use std::sync::atomic::AtomicUsize;
use std::time::Instant;

use varlink::{Call, CallTrait};

use super::*;
use crate::interface::{
    Call_FollowEvents, Call_ListEvents, Call_Reload, Error, EventFilter, Reload_Args, Reload_Reply,
    VarlinkClientInterface,
};
use crate::{CallError, Client};

/// Answers calls with the caller's role, with replies until the client has gone, and with much.
struct Echo {
    session: Session,
    followers: Arc<AtomicUsize>,
}

impl Interface for Echo {
    fn get_description(&self) -> &'static str {
        include_str!("../io.ostiary.Door.varlink")
    }

    fn get_name(&self) -> &'static str {
        "io.ostiary.Door"
    }

    fn call_upgraded(&self, _: &mut Call, _: &mut dyn BufRead) -> varlink::Result<Vec<u8>> {
        Ok(Vec::new())
    }

    fn call(&self, call: &mut Call) -> varlink::Result<()> {
        let request = call.request.unwrap();
        match request.method.as_ref() {
            "io.ostiary.Door.Reload" => {
                let detail = format!("{:?}", self.session.role());
                Call_Reload::reply(call, detail)
            }
            "io.ostiary.Door.FollowEvents" => {
                self.followers.fetch_add(1, Ordering::Relaxed);
                call.set_continues(true);
                Call_FollowEvents::reply(call, serde_json::json!({ "id": 1 }))?;
                while self.session.is_open() {
                    thread::sleep(Duration::from_millis(5));
                }
                self.followers.fetch_sub(1, Ordering::Relaxed);
                Ok(())
            }
            // More than a socket holds for a client that does not read.
            "io.ostiary.Door.ListEvents" => {
                Call_ListEvents::reply(call, vec![serde_json::Value::from("x".repeat(1 << 20)); 8])
            }
            method => call.reply_method_not_found(method.to_owned()),
        }
    }
}

struct Running {
    folder: tempfile::TempDir,
    path: PathBuf,
    followers: Arc<AtomicUsize>,
    server: Option<Server>,
}

/// The tokens of a folder. Another value for the same folder sees the same tokens.
fn tokens(folder: &Path) -> Tokens {
    Tokens::new(folder.join("tokens.json"), Box::new(|| Ok(jiff::Timestamp::now())))
}

fn start() -> Running {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("control");
    let followers = Arc::new(AtomicUsize::new(0));
    let counted = followers.clone();
    let service = move |session| -> Service { Box::new(Echo { session, followers: counted.clone() }) };
    let server =
        Server::start(&path, Path::new("/etc/group"), tokens(folder.path()), Box::new(service)).unwrap();
    Running { folder, path, followers, server: Some(server) }
}

fn ask(running: &Running) -> Result<String, CallError> {
    let mut client = Client::connect(&running.path)?.expect("a door runs");
    Ok(client.door().reload().call().map(|reply| reply.detail)?)
}

fn all() -> EventFilter {
    EventFilter {
        since: None,
        until: None,
        after: None,
        person: None,
        reason: None,
        before: None,
        kinds: None,
    }
}

/// Waits until this holds.
fn wait_for(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < deadline, "{what}");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn the_user_of_the_door_is_an_admin() {
    assert_eq!(ask(&start()).unwrap(), "Some(Admin)");
}

#[test]
fn the_door_describes_itself() {
    let running = start();
    let mut stream = UnixStream::connect(&running.path).unwrap();
    let call = r#"{"method":"org.varlink.service.GetInterfaceDescription","parameters":{"interface":"io.ostiary.Door"}}"#;
    stream.write_all(format!("{call}\0").as_bytes()).unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\0") {
        let mut buffer = [0; 4096];
        let length = stream.read(&mut buffer).unwrap();
        assert_ne!(length, 0, "the door ended the connection");
        answer.extend(&buffer[..length]);
    }
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.contains("method ListPeople() -> (people: []Person)"), "{answer}");
}

#[test]
fn without_a_door_there_is_no_client() {
    let mut running = start();
    running.server = None;
    assert!(Client::connect(&running.path).unwrap().is_none(), "the socket is removed");
    // A socket that a killed process has left.
    drop(UnixListener::bind(&running.path).unwrap());
    assert!(running.path.exists() && Client::connect(&running.path).unwrap().is_none());
    let again = Server::start(
        &running.path,
        Path::new("/etc/group"),
        tokens(running.folder.path()),
        Box::new(|_| unreachable!()),
    );
    assert!(again.is_ok(), "it is replaced");
}

#[test]
fn a_socket_in_use_and_a_file_are_left_alone() {
    let running = start();
    let service = || -> Box<ServiceOf> { Box::new(|_| unreachable!()) };
    let second =
        Server::start(&running.path, Path::new("/etc/group"), tokens(running.folder.path()), service());
    assert!(matches!(second, Err(ControlError::InUse { .. })));
    let file = running.path.with_file_name("file");
    fs::write(&file, "mine").unwrap();
    let refused = Server::start(&file, Path::new("/etc/group"), tokens(running.folder.path()), service());
    assert!(matches!(refused, Err(ControlError::NoSocket { .. })));
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
    let long = running.path.with_file_name("x".repeat(120));
    assert!(matches!(
        Server::start(&long, Path::new("/etc/group"), tokens(running.folder.path()), service()),
        Err(ControlError::TooLong { .. })
    ));
    assert!(ask(&running).is_ok());
}

#[test]
fn a_call_that_the_door_does_not_know_is_told_as_another_version() {
    let running = start();
    let connection = varlink::Connection::with_address(&format!("unix:{}", running.path.display())).unwrap();
    let mut call = varlink::MethodCall::<Reload_Args, Reload_Reply, Error>::new(
        connection,
        "io.ostiary.Door.OfTomorrow",
        Reload_Args {},
    );
    let error = CallError::from(call.call().unwrap_err());
    assert!(matches!(&error, CallError::OtherVersion { detail } if detail.contains("OfTomorrow")), "{error}");
}

#[test]
fn parameters_of_tomorrow_are_passed_over_and_broken_requests_end_their_connection_only() {
    let running = start();
    let send = |request: &str| {
        let mut stream = UnixStream::connect(&running.path).unwrap();
        stream.write_all(format!("{request}\0").as_bytes()).unwrap();
        let mut answer = vec![0; 4096];
        let length = stream.read(&mut answer).unwrap();
        String::from_utf8_lossy(&answer[..length]).into_owned()
    };
    let newer = send(r#"{"method":"io.ostiary.Door.Reload","parameters":{"new":1},"newer":true}"#);
    assert!(newer.contains("Admin"), "{newer}");
    // These end the connection, and nothing else.
    for broken in ["", "{", "null", "[]", "\u{1}\u{2}", r#"{"method":5}"#, r#"{"method":"x"}"#] {
        send(broken);
    }
    assert!(ask(&running).is_ok());
}

#[test]
fn a_client_that_has_gone_ends_its_call() {
    let running = start();
    let mut client = Client::connect(&running.path).unwrap().unwrap();
    {
        let mut call = client.door().follow_events(all());
        let replies = call.more().unwrap();
        assert_eq!(replies.next().unwrap().unwrap().event["id"], 1);
        assert_eq!(running.followers.load(Ordering::Relaxed), 1);
    }
    drop(client);
    wait_for("the call ends", || running.followers.load(Ordering::Relaxed) == 0);
}

#[test]
fn a_call_ends_when_its_token_is_revoked() {
    let running = start();
    let tokens = tokens(running.folder.path());
    let (token, _) = tokens.create("Ada", Role::Viewer, None, None).unwrap();
    let mut stream = UnixStream::connect(&running.path).unwrap();
    let call = serde_json::json!({
        "method": "io.ostiary.Door.FollowEvents", "more": true, "parameters": { "filter": {}, "token": token },
    });
    stream.write_all(format!("{call}\0").as_bytes()).unwrap();
    wait_for("the call is answered", || running.followers.load(Ordering::Relaxed) == 1);
    tokens.revoke("Ada", None).unwrap();
    let mut answers = String::new();
    stream.read_to_string(&mut answers).unwrap();
    let answers: Vec<_> = answers.split_terminator('\0').collect();
    assert!(answers[0].contains("\"id\":1"), "{answers:?}");
    assert!(answers[1].contains("NotAllowed") && answers[1].contains("was revoked"), "{answers:?}");
    assert_eq!(answers.len(), 2, "and the connection ends");
}

#[test]
fn the_end_of_the_server_ends_calls() {
    let mut running = start();
    let mut client = Client::connect(&running.path).unwrap().unwrap();
    let mut call = client.door().follow_events(all());
    let replies = call.more().unwrap();
    assert!(replies.next().unwrap().is_ok());
    running.server = None;
    let error = CallError::from(replies.next().unwrap().unwrap_err());
    assert!(matches!(error, CallError::Disconnected { .. }), "{error}");
}

#[test]
fn a_client_that_never_reads_and_one_that_never_ends_its_request_keep_nobody_out() {
    let running = start();
    let mut never_reads = UnixStream::connect(&running.path).unwrap();
    never_reads.write_all(b"{\"method\":\"io.ostiary.Door.ListEvents\",\"parameters\":{}}\0").unwrap();
    let mut half = UnixStream::connect(&running.path).unwrap();
    half.write_all(b"{\"method\":").unwrap();
    let start = Instant::now();
    assert!(ask(&running).is_ok());
    assert!(start.elapsed() < WRITE_TIMEOUT, "nobody waits for them");
}

#[test]
fn connections_are_limited_for_each_user_and_in_all() {
    let connections = Connections::default();
    let take = |caller| Slot::take(&connections, caller);
    let without_role: Vec<_> = std::iter::from_fn(|| take(Caller::WithoutRole)).collect();
    assert_eq!(without_role.len(), MAX_CONNECTIONS_WITHOUT_ROLE, "they keep no member out");
    let of_one: Vec<_> = std::iter::from_fn(|| take(Caller::Member(1000))).collect();
    assert_eq!(of_one.len(), MAX_CONNECTIONS_OF_USER);
    let of_others: Vec<_> = (1001..1100).filter_map(|uid| take(Caller::Member(uid))).collect();
    assert_eq!(of_one.len() + of_others.len(), MAX_CONNECTIONS_OF_MEMBERS);
    let of_owner: Vec<_> = std::iter::from_fn(|| take(Caller::Owner)).collect();
    assert_eq!(of_owner.len(), MAX_CONNECTIONS_OF_USER, "an admin can always connect");
    drop(of_one);
    assert!(take(Caller::Member(1000)).is_some() && take(Caller::Owner).is_some());
}

#[test]
fn one_connection_too_many_is_told_so() {
    let running = start();
    let open: Vec<_> = (0..MAX_CONNECTIONS).map(|_| UnixStream::connect(&running.path).unwrap()).collect();
    wait_for("a connection is refused", || {
        // The connections before are accepted in the order in which they were made.
        let mut stream = UnixStream::connect(&running.path).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
        let mut text = [0; 512];
        matches!(stream.read(&mut text), Ok(1..))
    });
    // A client that sends its request late still reads why.
    let mut stream = UnixStream::connect(&running.path).unwrap();
    thread::sleep(Duration::from_millis(300));
    stream.write_all(b"{\"method\":\"io.ostiary.Door.Reload\"}\0").unwrap();
    let mut answer = [0; 512];
    let length = stream.read(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer[..length]);
    assert!(answer.contains("too many connections"), "{answer}");
    drop(open);
    wait_for("others can connect again", || ask(&running).is_ok());
}
