//! The connection to the broker and its check: passwords, addresses and TLS.

use super::*;

#[test]
fn a_wrong_password_is_refused_and_the_right_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let users = folder.path().join("users");
    run("mosquitto_passwd", &["-c", "-b", users.to_str().unwrap(), "door", "right"], folder.path());
    let settings = format!("allow_anonymous false\npassword_file {}", users.display());
    let broker = Broker::start(free_port(), &settings, folder);
    let secret = broker.folder().join("secret");
    let with = |password: &str| {
        fs::write(&secret, password).unwrap();
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
        config::Mqtt {
            username: Some("door".into()),
            password_file: Some(secret.clone()),
            ..broker_at(broker.port())
        }
    };
    mqtt::check(&with("right\n"), "front", Path::new("events.sqlite")).unwrap();
    let message = mqtt::check(&with("wrong"), "front", Path::new("events.sqlite")).unwrap_err().to_string();
    assert!(message.contains("refused the credentials") && message.contains("mqtt.username"), "{message}");
    let message =
        mqtt::check(&broker_at(broker.port()), "front", Path::new("events.sqlite")).unwrap_err().to_string();
    assert!(message.contains("refused the credentials"), "{message}");
}

#[test]
fn a_check_does_not_disconnect_the_running_daemon() {
    let broker = Broker::open();
    let subscriber = Subscriber::new(broker.port());
    let mut door = Door::new(broker.port());
    assert_eq!(&subscriber.next(AVAILABILITY).payload[..], b"online");
    mqtt::check(&broker_at(broker.port()), "front", Path::new("events.sqlite")).unwrap();
    door.report(unknown());
    loop {
        let message = subscriber.received.recv_timeout(TIMEOUT).unwrap();
        assert_ne!(message.topic, AVAILABILITY);
        if message.topic.ends_with(b"/event") {
            break;
        }
    }
}

#[test]
fn an_unreachable_and_a_silent_broker_are_reported() {
    let message =
        mqtt::check(&broker_at(free_port()), "front", Path::new("events.sqlite")).unwrap_err().to_string();
    assert!(message.contains("not reachable") && message.contains("mqtt.port"), "{message}");
    // Accepts a connection and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let message = mqtt::check(&broker_at(port), "front", Path::new("events.sqlite")).unwrap_err().to_string();
    assert!(message.contains("no answer"), "{message}");
    let nowhere = config::Mqtt { host: "broker.invalid".into(), ..broker_at(1883) };
    let message = mqtt::check(&nowhere, "front", Path::new("events.sqlite")).unwrap_err().to_string();
    assert!(message.contains("not reachable") && message.contains("mqtt.host"), "{message}");
}

#[test]
fn tls_is_checked_both_ways() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    authority(folder.path(), "ca");
    authority(folder.path(), "other");
    certificate(folder.path(), "ca", "server", "subjectAltName=DNS:localhost");
    certificate(folder.path(), "ca", "client", "subjectAltName=DNS:door");
    let server = format!(
        "allow_anonymous true\ncafile {}\ncertfile {}\nkeyfile {}",
        at("ca.pem").display(),
        at("server.pem").display(),
        at("server.key").display()
    );
    let broker = Broker::start(free_port(), &server, tempfile::tempdir().unwrap());
    let good = config::Mqtt {
        host: "localhost".into(),
        tls: true,
        ca_file: Some(at("ca.pem")),
        ..broker_at(broker.port())
    };
    mqtt::check(&good, "front", Path::new("events.sqlite")).unwrap();
    let fails = |config: config::Mqtt, fix: &str| {
        let message = mqtt::check(&config, "front", Path::new("events.sqlite")).unwrap_err().to_string();
        assert!(message.contains(fix), "{message}");
    };
    fails(config::Mqtt { ca_file: Some(at("other.pem")), ..good.clone() }, "set mqtt.ca_file");
    fails(config::Mqtt { host: "127.0.0.1".into(), ..good.clone() }, "set mqtt.host");
    fails(broker_at(broker.port()), "set mqtt.tls = true");
    let plain = Broker::open();
    fails(config::Mqtt { port: plain.port(), ..good.clone() }, "check that mqtt.port");

    let strict = Broker::start(
        free_port(),
        &format!("{server}\nrequire_certificate true"),
        tempfile::tempdir().unwrap(),
    );
    let strict_good = config::Mqtt {
        port: strict.port(),
        cert_file: Some(at("client.pem")),
        key_file: Some(at("client.key")),
        ..good.clone()
    };
    mqtt::check(&strict_good, "front", Path::new("events.sqlite")).unwrap();
    fails(config::Mqtt { port: strict.port(), ..good.clone() }, "set mqtt.cert_file");
    fails(config::Mqtt { key_file: None, ..strict_good }, "set both");
}

fn run(program: &str, arguments: &[&str], folder: &Path) {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap_or_else(|error| panic!("{program} does not start ({error}): run scripts/setup"));
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
}

fn openssl(folder: &Path, command: &str) {
    run("openssl", &command.split_whitespace().collect::<Vec<_>>(), folder);
}

fn authority(folder: &Path, name: &str) {
    openssl(
        folder,
        &format!(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN={name} \
             -keyout {name}.key -out {name}.pem -addext basicConstraints=critical,CA:TRUE"
        ),
    );
}

fn certificate(folder: &Path, authority: &str, name: &str, extension: &str) {
    openssl(
        folder,
        &format!(
            "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN={name} -keyout {name}.key \
             -out {name}.csr"
        ),
    );
    fs::write(folder.join(format!("{name}.ext")), extension).unwrap();
    openssl(
        folder,
        &format!(
            "x509 -req -in {name}.csr -CA {authority}.pem -CAkey {authority}.key -CAcreateserial -days 2 \
             -extfile {name}.ext -out {name}.pem"
        ),
    );
}
