use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use proptest::prelude::*;

use super::*;

/// Tokens with a clock that is set by hand; a negative second cannot be right.
struct Fixture {
    folder: tempfile::TempDir,
    second: Arc<AtomicI64>,
    tokens: Tokens,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let second = Arc::new(AtomicI64::new(1_000_000));
        let tokens = Self::open(&folder, second.clone());
        Self { folder, second, tokens }
    }

    fn open(folder: &tempfile::TempDir, second: Arc<AtomicI64>) -> Tokens {
        let clock = move || match second.load(Ordering::Relaxed) {
            second @ 0.. => Ok(Timestamp::from_second(second).unwrap()),
            _ => Err("the clock is wrong".to_owned()),
        };
        Tokens::new(Self::path(folder), Box::new(clock))
    }

    fn path(folder: &tempfile::TempDir) -> PathBuf {
        StoredToken::path_beside(&folder.path().join("facebank.sqlite"))
    }

    fn file(&self) -> PathBuf {
        Self::path(&self.folder)
    }

    fn create(&self, name: &str, role: Role) -> String {
        self.tokens.create(name, role, None, None).unwrap().0
    }

    fn refusal(&self, token: &str) -> String {
        self.tokens.check(token).unwrap_err().to_string()
    }
}

#[test]
fn a_token_is_valid_after_a_restart_until_it_is_revoked() {
    let fixture = Fixture::new();
    let (one, other) = (fixture.create("Ada", Role::Operator), fixture.create("Zo\u{eb}", Role::Admin));
    assert_eq!(one.len(), 43, "256 bits in base64");
    let again = Fixture::open(&fixture.folder, fixture.second.clone());
    let bearer = again.check(&one).unwrap();
    assert_eq!((bearer.name.as_str(), bearer.role, bearer.expires), ("Ada", Role::Operator, None));
    let names: Vec<_> = again.list().unwrap().into_iter().map(|token| token.name).collect();
    assert_eq!(names, ["Ada", "Zo\u{eb}"]);
    assert_eq!(again.revoke("ADA", None).unwrap().name, "Ada");
    assert!(fixture.refusal(&one).contains("was revoked"), "also for others who use the file");
    assert!(fixture.tokens.recheck(&bearer).is_err());
    assert!(fixture.tokens.check(&other).is_ok());
    assert!(matches!(again.revoke("Ada", None), Err(TokenError::Missing { .. })));
    let text = fs::read_to_string(fixture.file()).unwrap();
    assert!(!text.contains(&other), "only the hash is kept: {text}");
    assert_eq!(fixture.file().metadata().unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_token_expires_and_is_not_valid_while_the_clock_cannot_be_right() {
    let fixture = Fixture::new();
    let forever = fixture.create("forever", Role::Admin);
    let hour = Duration::from_hours(1);
    let (token, stored) = fixture.tokens.create("Ada", Role::Admin, Some(hour), None).unwrap();
    assert!(fixture.tokens.check(&token).is_ok() && !fixture.tokens.is_expired(&stored));
    fixture.second.fetch_add(3599, Ordering::Relaxed);
    assert!(fixture.tokens.check(&token).is_ok());
    fixture.second.fetch_add(1, Ordering::Relaxed);
    assert!(fixture.refusal(&token).contains("\"Ada\" expired at 1970-01-12T14:46:40Z"));
    assert!(fixture.tokens.is_expired(&stored) && fixture.tokens.check(&forever).is_ok());
    fixture.second.store(-1, Ordering::Relaxed);
    assert!(fixture.refusal(&token).contains("not known whether it has: the clock is wrong"));
    assert!(fixture.tokens.check(&forever).is_ok());
    let without_clock = fixture.tokens.create("Ben", Role::Viewer, Some(hour), None);
    assert!(matches!(without_clock, Err(TokenError::ClockImplausible { .. })));
    for lifetime in
        [Duration::ZERO, Duration::from_millis(999), Duration::from_hours(3651 * 24), Duration::MAX]
    {
        let refused = fixture.tokens.create("Ben", Role::Viewer, Some(lifetime), None);
        assert!(matches!(refused, Err(TokenError::Lifetime)), "{lifetime:?}");
    }
}

#[test]
fn names_are_unique_and_tokens_are_bounded() {
    let fixture = Fixture::new();
    fixture.create("Ada", Role::Viewer);
    for same in ["Ada", "aDA", "\u{ff21}da"] {
        let refused = fixture.tokens.create(same, Role::Admin, None, None);
        assert!(matches!(refused, Err(TokenError::Exists { .. })), "{same}");
    }
    for bad in ["", " ", "a\nb", "\u{202e}b", &"x".repeat(65)] {
        assert!(matches!(fixture.tokens.create(bad, Role::Admin, None, None), Err(TokenError::Name(_))));
    }
    for number in 1..MAX_TOKENS {
        fixture.create(&format!("token {number}"), Role::Viewer);
    }
    assert!(matches!(fixture.tokens.create("more", Role::Viewer, None, None), Err(TokenError::TooMany)));
    fixture.tokens.revoke("token 7", None).unwrap();
    fixture.create("more", Role::Viewer);
}

#[test]
fn the_holder_of_a_token_creates_and_revokes_no_higher_one() {
    let fixture = Fixture::new();
    let tokens = &fixture.tokens;
    let operator = tokens.check(&fixture.create("operator", Role::Operator)).unwrap();
    fixture.create("admin", Role::Admin);
    let create = |role, hours: Option<u64>, creator: &Bearer| {
        tokens
            .create("new", role, hours.map(Duration::from_hours), Some(creator))
            .map(|_| tokens.revoke("new", None).unwrap())
    };
    assert!(matches!(create(Role::Admin, None, &operator), Err(TokenError::Exceeds { .. })));
    assert!(create(Role::Operator, None, &operator).is_ok());
    assert!(matches!(tokens.revoke("admin", Some(&operator)), Err(TokenError::RevokesHigher { .. })));
    assert_eq!(tokens.list().unwrap().len(), 2);
    let (day, _) = tokens.create("day", Role::Admin, Some(Duration::from_hours(24)), None).unwrap();
    let day = tokens.check(&day).unwrap();
    for later in [None, Some(25)] {
        assert!(matches!(create(Role::Viewer, later, &day), Err(TokenError::Exceeds { .. })), "{later:?}");
    }
    assert!(create(Role::Admin, Some(24), &day).is_ok());
    assert!(tokens.revoke("admin", Some(&day)).is_ok());
}

#[test]
fn with_a_damaged_file_no_token_is_valid() {
    let fixture = Fixture::new();
    let token = fixture.create("Ada", Role::Admin);
    let good = fs::read_to_string(fixture.file()).unwrap();
    let hash = sha256(token.as_bytes());
    for damaged in [
        "",
        "{}",
        "[]",
        &good[..good.len() - 1],
        &good.replace("\"format\":1", "\"format\":2"),
        &good.replace("admin", "owner"),
        &good.replace(&hash, &hash[1..]),
        &good.replace(&hash, &hash.to_uppercase()),
        &good.replace("Ada", "A\u{7}da"),
        &good.replace("\"expires\":null", "\"expires\":\"soon\""),
        &format!("{good}{}", " ".repeat(1 << 16)),
    ] {
        fs::write(fixture.file(), damaged).unwrap();
        let refused = fixture.refusal(&token);
        assert!(
            refused.contains("no token is valid") && refused.contains("is damaged"),
            "{damaged}: {refused}"
        );
        assert!(refused.contains("move the file away"), "{refused}");
        assert!(fixture.tokens.list().is_err());
        let created = fixture.tokens.create("Ben", Role::Admin, None, None);
        assert!(matches!(created, Err(TokenError::File(_))), "the file is not replaced");
        assert!(matches!(fixture.tokens.revoke("Ada", None), Err(TokenError::File(_))));
    }
    fs::write(fixture.file(), &good).unwrap();
    assert!(fixture.tokens.check(&token).is_ok(), "without a restart");
    fs::remove_file(fixture.file()).unwrap();
    assert!(matches!(fixture.tokens.check(&token), Err(TokenRefusal::Unknown)), "tokens end with the file");
    fs::create_dir(fixture.file()).unwrap();
    assert!(fixture.refusal(&token).contains("cannot be read"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_text_and_no_file_is_taken_for_a_token(token: String, name: String, file: Vec<u8>, cut in 0..200_usize) {
        let fixture = Fixture::new();
        let good = fixture.create("Ada", Role::Admin);
        prop_assert!(fixture.tokens.check(&token).is_err());
        let _ = fixture.tokens.create(&name, Role::Viewer, None, None);
        let _ = fixture.tokens.revoke(&name, None);
        let written = fs::read(fixture.file()).unwrap();
        let end = cut.min(written.len() - 1);
        fs::write(fixture.file(), [&written[..end], &file[..]].concat()).unwrap();
        // A file that is not whole is not used in part.
        prop_assert!(fixture.tokens.check(&good).is_err());
        prop_assert!(fixture.tokens.check(&token).is_err());
    }
}
