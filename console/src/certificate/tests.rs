use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::*;

const NOW: i64 = 1_800_000_000;
const DAY: i64 = 24 * 3600;

fn load(config: &Config, folder: &Path, now: i64) -> String {
    let certificate = Certificate::load(config, folder, now).unwrap();
    assert_eq!(certificate.warning(now), None);
    certificate.fingerprint().to_string()
}

#[test]
fn the_consoles_own_certificate_is_kept_until_it_expires_soon() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::default();
    let first = load(&config, folder.path(), NOW);
    assert_eq!(first.len(), 32 * 3 - 1);
    let mode = |name| fs::metadata(folder.path().join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("key.pem"), 0o600);
    assert_eq!(load(&config, folder.path(), NOW + 600 * DAY), first);
    let second = load(&config, folder.path(), NOW + 700 * DAY);
    assert_ne!(second, first, "renewed a month before it expires");
    assert_ne!(load(&config, folder.path(), NOW), second, "the clock was ahead when it was made");
    config.door.name = "back".into();
    let renamed = load(&config, folder.path(), NOW);
    assert_eq!(load(&config, folder.path(), NOW), renamed);
    fs::write(folder.path().join("certificate.pem"), "").unwrap();
    assert_ne!(load(&config, folder.path(), NOW), renamed, "a damaged file is replaced");
}

#[test]
fn an_owners_certificate_that_expired_is_used_and_told() {
    let folder = tempfile::tempdir().unwrap();
    Certificate::load(&Config::default(), folder.path(), NOW).unwrap();
    let mut config = Config::default();
    config.console.certificate = Some(folder.path().join("certificate.pem"));
    config.console.key = Some(folder.path().join("key.pem"));
    let certificate = Certificate::load(&config, folder.path(), NOW + 1000 * DAY).unwrap();
    let told = |days: i64| certificate.warning(NOW + days * DAY).unwrap_or_default();
    assert!(
        told(1000).contains("expired at") && told(1000).contains("console.certificate"),
        "{}",
        told(1000)
    );
    assert!(told(720).contains("expires at") && told(-5).contains("check the clock"));
    assert_eq!(told(0), "");
    let other = tempfile::tempdir().unwrap();
    Certificate::load(&Config::default(), other.path(), NOW).unwrap();
    config.console.key = Some(other.path().join("key.pem"));
    let wrong = Certificate::load(&config, folder.path(), NOW).unwrap_err().to_string();
    assert!(wrong.contains("is not the key of the certificate"), "{wrong}");
    config.console.key = Some(folder.path().join("certificate.pem"));
    assert!(Certificate::load(&config, folder.path(), NOW).is_err());
    config.console.key = Some(folder.path().join("none.pem"));
    assert!(Certificate::load(&config, folder.path(), NOW).unwrap_err().to_string().contains("none.pem"));
}
