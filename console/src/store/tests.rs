use super::accounts::Account;
use super::*;

fn session(number: u8, now: i64) -> NewSession {
    NewSession { id: vec![number; 32], sealed: vec![1], now }
}

fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    (folder, store)
}

/// An account whose session 0 began at 1000.
fn account(store: &Store, name: &str) -> Account {
    store.add_pairing((name, &name.to_lowercase()), "viewer", &[1], 1000).unwrap();
    let pairing = store.pairings().unwrap().pop().unwrap();
    assert!(store.add_account(&pairing, &[7; SALT], &[2], &session(0, 1000)).unwrap());
    assert!(
        !store.add_account(&pairing, &[7; SALT], &[2], &session(1, 1000)).unwrap(),
        "a code is used once"
    );
    store.account(&name.to_lowercase()).unwrap().unwrap()
}

#[test]
fn a_code_ends_with_time_and_with_wrong_tries() {
    let (folder, store) = store();
    store.add_pairing(("Ada", "ada"), "admin", &[1, 2], 1000).unwrap();
    assert!(store.add_pairing(("ADA", "ada"), "admin", &[1, 2], 1000).is_err());
    let valid = |store: &Store, now| store.pairings().unwrap()[0].is_valid(now);
    assert!(valid(&store, 1000) && valid(&store, 1599));
    assert!(!valid(&store, 1600) && !valid(&store, 999) && !valid(&store, i64::MAX));
    for _ in 0..4 {
        store.count_wrong_code().unwrap();
    }
    let again = Store::open(folder.path()).unwrap();
    assert!(valid(&again, 1000));
    assert_eq!(again.salt().unwrap(), store.salt().unwrap());
    again.count_wrong_code().unwrap();
    assert!(!valid(&store, 1000));
}

#[test]
fn sessions_end_when_they_are_not_used_and_when_the_clock_is_set_back() {
    let (_folder, store) = store();
    let account = account(&store, "Ada");
    let found = |now| store.session(&[0; 32], now).unwrap().map(|session| session.name);
    assert_eq!(found(1000).as_deref(), Some("Ada"));
    assert_eq!(found(999), None);
    let month = 30 * 24 * 3600;
    assert_eq!(found(1000 + month), None);
    assert!(found(1000 + month - 1).is_some(), "a use");
    assert!(found(1000 + month + 100).is_some(), "it was used since");
    assert_eq!(store.session(&[9; 32], 1000).unwrap(), None);
    store.remove_sessions(account.id).unwrap();
    assert_eq!(found(2000), None);
}

#[test]
fn an_account_has_a_limited_number_of_sessions_and_they_end_with_it() {
    let (_folder, store) = store();
    let account = account(&store, "Ada");
    for number in 1..=20 {
        store.add_session(account.id, &session(number, 1000 + i64::from(number))).unwrap();
    }
    assert_eq!(store.sessions(account.id).unwrap().len(), 16);
    assert!(
        store.session(&[20; 32], 2000).unwrap().is_some() && store.session(&[1; 32], 2000).unwrap().is_none()
    );
    store.change_password(account.id, &[8; SALT], &[3], &session(21, 3000)).unwrap();
    assert_eq!(store.sessions(account.id).unwrap(), [(3000, 3000)]);
    store.set_language(account.id, Some("de")).unwrap();
    assert_eq!(store.session(&[21; 32], 3000).unwrap().unwrap().language.as_deref(), Some("de"));
    store.remove_account(account.id).unwrap();
    assert_eq!(store.session(&[21; 32], 3000).unwrap(), None);
    assert_eq!(store.accounts().unwrap(), []);
}

#[test]
fn other_files_are_refused() {
    let (folder, store) = store();
    store.change(|connection| connection.execute_batch("CREATE TABLE more (x)")).unwrap();
    assert!(matches!(Store::open(folder.path()), Err(StoreError::Foreign { .. })));
    let path = folder.path().join("console.sqlite");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    fs::write(&path, "no database, but long enough to be looked at as one".repeat(40)).unwrap();
    assert!(matches!(Store::open(folder.path()), Err(StoreError::Sql { .. })));
}
