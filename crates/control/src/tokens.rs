//! Tokens: by one, a process that is connected speaks for a person. It passes the person's token with a call, which then has the
//! role of the token.
//!
//! A token is 256 random bits, and the door keeps its SHA-256 only. A plain hash suffices: nobody can guess so many bits, however
//! fast the hash is. A slow hash or a salt is for what people choose.

mod file;

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jiff::Timestamp;
use ostiary_core::{NameError, PersonName, fold_name, sha256};
use subtle::{Choice, ConstantTimeEq};

use self::file::TokenFile;
pub use self::file::{StoredToken, TokenFileError};
use crate::Role;

/// The most tokens of a door.
pub const MAX_TOKENS: usize = 64;
/// The random bytes of a token.
const TOKEN_BYTES: usize = 32;
/// The longest text that is looked for among the tokens, bytes.
const MAX_LENGTH: usize = 128;
/// The longest time for which a token can be created: ten years.
const MAX_LIFETIME: Duration = Duration::from_hours(10 * 365 * 24);
/// The least time between two lines in the log about wrong tokens.
const LOG_INTERVAL: Duration = Duration::from_mins(1);

/// The wall clock; an error says why its time cannot be right.
pub type WallTime = dyn Fn() -> Result<Timestamp, String> + Send + Sync;

/// The tokens of a door, in a file of their own. Each use sees the file as it is: tokens end with the file.
pub struct Tokens {
    file: Mutex<TokenFile>,
    clock: Box<WallTime>,
    wrong: Mutex<WrongTokens>,
}

/// The holder of a valid token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bearer {
    /// The name of the token.
    pub name: String,
    /// What the holder may do.
    pub role: Role,
    /// When the token expires.
    pub expires: Option<Timestamp>,
    sha256: String,
}

/// Why a token is not valid.
#[derive(Debug, thiserror::Error)]
pub enum TokenRefusal {
    /// It is none of the tokens.
    #[error(
        "the token is not valid: this door has no such token, or it was revoked; an admin creates one with `ostiary tokens create \
         NAME --role ROLE`"
    )]
    Unknown,
    /// It has expired.
    #[error(
        "the token {name:?} expired at {expires:.0}: an admin creates another one with `ostiary tokens create`"
    )]
    Expired {
        /// The name of the token.
        name: String,
        /// When.
        expires: Timestamp,
    },
    /// It expires, and the clock cannot be right.
    #[error("the token {name:?} expires, and it is not known whether it has: {why}")]
    ClockImplausible {
        /// The name of the token.
        name: String,
        /// Why the clock cannot be right.
        why: String,
    },
    /// The file cannot be used.
    #[error("{error}; {fix}", error = .0, fix = .0.fix())]
    File(#[from] TokenFileError),
}

/// Why the tokens are not changed.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The name cannot be that of a token.
    #[error(transparent)]
    Name(#[from] NameError),
    /// There is a token of this name.
    #[error(
        "there is a token with the name {name:?}: revoke it first with `ostiary tokens revoke`, or choose another name"
    )]
    Exists {
        /// The name of that token.
        name: String,
    },
    /// There is no token of this name.
    #[error("there is no token with the name {name:?}; `ostiary tokens list` lists all tokens")]
    Missing {
        /// The name.
        name: String,
    },
    /// There are as many tokens as a door can have.
    #[error("there are {MAX_TOKENS} tokens already: revoke some that are not needed any longer")]
    TooMany,
    /// The time is too short or too long.
    #[error("a token expires after 1 s to 3650 days")]
    Lifetime,
    /// The token would expire, and the clock cannot be right.
    #[error("when the token expires cannot be said: {why}; a token that does not expire can be created")]
    ClockImplausible {
        /// Why the clock cannot be right.
        why: String,
    },
    /// The holder of a token would create one that may do more or expires later.
    #[error(
        "the holder of the token {creator:?} cannot create a token that may do more or expires later than it does"
    )]
    Exceeds {
        /// The name of the token of who asks.
        creator: String,
    },
    /// The token of who asks may do less than the one that would be revoked.
    #[error("the holder of the token {creator:?} cannot revoke a token that may do more")]
    RevokesHigher {
        /// The name of the token of who asks.
        creator: String,
    },
    /// There are no random numbers.
    #[error("the system gives no random numbers: {why}")]
    Random {
        /// The error of the system.
        why: getrandom::Error,
    },
    /// The file cannot be used.
    #[error("{error}; {fix}", error = .0, fix = .0.fix())]
    File(#[from] TokenFileError),
}

/// The wrong tokens of which the log does not tell yet.
#[derive(Default)]
struct WrongTokens {
    count: u64,
    logged: Option<Instant>,
}

impl Tokens {
    /// The tokens of the file at `path`, which need not exist. Tokens that expire are valid while `clock` gives a time.
    pub fn new(path: PathBuf, clock: Box<WallTime>) -> Self {
        Self { file: Mutex::new(TokenFile::new(path)), clock, wrong: Mutex::default() }
    }

    /// Who holds this token.
    ///
    /// # Errors
    /// It is not valid.
    pub fn check(&self, token: &str) -> Result<Bearer, TokenRefusal> {
        if token.len() > MAX_LENGTH {
            return Err(TokenRefusal::Unknown);
        }
        self.find(&sha256(token.as_bytes()))
    }

    /// Checks again that the token of this holder is valid.
    ///
    /// # Errors
    /// It is not valid any longer.
    pub fn recheck(&self, bearer: &Bearer) -> Result<Bearer, TokenRefusal> {
        self.find(&bearer.sha256)
    }

    /// All tokens, in the order in which they were created.
    ///
    /// # Errors
    /// The file cannot be used.
    pub fn list(&self) -> Result<Vec<StoredToken>, TokenFileError> {
        Ok(self.file().read()?.to_vec())
    }

    /// Creates a token; without a lifetime it does not expire. `creator` is whose token was given with the call. Returns the token,
    /// which nobody can read again, and what is kept of it.
    ///
    /// # Errors
    /// The name is not allowed or in use, there are too many tokens, the token would exceed that of its creator, or the file cannot
    /// be written.
    pub fn create(
        &self,
        name: &str,
        role: Role,
        lifetime: Option<Duration>,
        creator: Option<&Bearer>,
    ) -> Result<(String, StoredToken), TokenError> {
        let name = PersonName::new(name)?.to_string();
        let expires = lifetime.map(|lifetime| self.expiry(lifetime)).transpose()?;
        if let Some(creator) = creator
            && (role > creator.role || creator.expires.is_some_and(|end| expires.is_none_or(|own| own > end)))
        {
            return Err(TokenError::Exceeds { creator: creator.name.clone() });
        }
        let mut bytes = [0; TOKEN_BYTES];
        getrandom::fill(&mut bytes).map_err(|why| TokenError::Random { why })?;
        let token = BASE64_URL_SAFE_NO_PAD.encode(bytes);
        let created = (self.clock)().unwrap_or_else(|_| Timestamp::now());
        let stored = StoredToken { name, role, sha256: sha256(token.as_bytes()), created, expires };
        let mut file = self.file();
        let mut tokens = file.read()?.to_vec();
        if let Some(same) = tokens.iter().find(|other| is_named(other, &stored.name)) {
            return Err(TokenError::Exists { name: same.name.clone() });
        }
        if tokens.len() >= MAX_TOKENS {
            return Err(TokenError::TooMany);
        }
        tokens.push(stored.clone());
        file.write(tokens)?;
        Ok((token, stored))
    }

    /// Revokes the token of a name, which may differ in case. It is not valid from then on, also for calls that still answer.
    ///
    /// # Errors
    /// There is none, it may do more than that of `revoker`, or the file cannot be written.
    pub fn revoke(&self, name: &str, revoker: Option<&Bearer>) -> Result<StoredToken, TokenError> {
        let mut file = self.file();
        let mut tokens = file.read()?.to_vec();
        let Some(index) = tokens.iter().position(|token| is_named(token, name)) else {
            return Err(TokenError::Missing { name: name.to_owned() });
        };
        let revoked = tokens.remove(index);
        if let Some(revoker) = revoker
            && revoked.role > revoker.role
        {
            return Err(TokenError::RevokesHigher { creator: revoker.name.clone() });
        }
        file.write(tokens)?;
        Ok(revoked)
    }

    /// Whether this token has expired, or may have.
    pub fn is_expired(&self, token: &StoredToken) -> bool {
        self.expired(token).is_err()
    }

    /// Tells the log of a wrong token of a user, at most once a minute.
    pub(crate) fn log_wrong(&self, uid: u32) {
        let mut wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        wrong.count += 1;
        if wrong.logged.is_none_or(|logged| logged.elapsed() >= LOG_INTERVAL) {
            log::warn!(
                "user {uid} has given a wrong token to the control API ({} since the last line)",
                wrong.count
            );
            *wrong = WrongTokens { count: 0, logged: Some(Instant::now()) };
        }
    }

    fn file(&self) -> MutexGuard<'_, TokenFile> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who holds the token with this hash. The time does not depend on how much of a hash is right.
    fn find(&self, hash: &str) -> Result<Bearer, TokenRefusal> {
        let mut file = self.file();
        let mut found = None;
        for token in file.read()? {
            let is_equal: Choice = token.sha256.as_bytes().ct_eq(hash.as_bytes());
            if is_equal.into() {
                found = Some(token);
            }
        }
        let token = found.ok_or(TokenRefusal::Unknown)?;
        self.expired(token)?;
        let StoredToken { name, role, sha256, expires, .. } = token.clone();
        Ok(Bearer { name, role, expires, sha256 })
    }

    /// Refuses a token that has expired, or that may have, because the clock cannot be right.
    fn expired(&self, token: &StoredToken) -> Result<(), TokenRefusal> {
        let Some(expires) = token.expires else { return Ok(()) };
        let name = token.name.clone();
        match (self.clock)() {
            Ok(now) if now < expires => Ok(()),
            Ok(_) => Err(TokenRefusal::Expired { name, expires }),
            Err(why) => Err(TokenRefusal::ClockImplausible { name, why }),
        }
    }

    fn expiry(&self, lifetime: Duration) -> Result<Timestamp, TokenError> {
        if lifetime < Duration::from_secs(1) || lifetime > MAX_LIFETIME {
            return Err(TokenError::Lifetime);
        }
        let now = (self.clock)().map_err(|why| TokenError::ClockImplausible { why })?;
        now.checked_add(lifetime).map_err(|_| TokenError::Lifetime)
    }
}

/// Whether a token has this name, which may differ in case.
fn is_named(token: &StoredToken, name: &str) -> bool {
    fold_name(&token.name) == fold_name(name)
}

#[cfg(test)]
mod tests;
