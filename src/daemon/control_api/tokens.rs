//! The tokens, as the control API creates, lists and revokes them.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use ostiary_control::{Role, StoredToken, TokenError, TokenFileError, Tokens, interface};
use ostiary_events::{Action, Administration, EventKind};

use super::Connection;
use crate::daemon::shared::Shared;

/// The tokens beside this facebank. Those that expire are valid while the wall clock can be right.
pub(super) fn open(facebank: &Path, shared: Arc<Shared>) -> Tokens {
    let clock = move || shared.wall.plausible_time().map_err(|fault| format!("{fault}; {}", fault.fix()));
    let tokens = Tokens::new(StoredToken::path_beside(facebank), Box::new(clock));
    // So that the log tells of a damaged file before somebody needs a token.
    let _ = tokens.list();
    tokens
}

impl Connection {
    /// Creates a token, records it, and returns the token.
    pub(super) fn new_token(&self, name: &str, role: &str, expires_s: Option<i64>) -> Result<String> {
        let role = Role::of(role)
            .with_context(|| format!("{role:?} is no role: the roles are viewer, operator and admin"))?;
        // A negative number is as short as 0, which is refused.
        let lifetime =
            expires_s.map(|seconds| Duration::from_secs(u64::try_from(seconds).unwrap_or_default()));
        let bearer = self.session.bearer();
        let (token, stored) = self.session.tokens().create(name, role, lifetime, bearer.as_ref())?;
        let may = match stored.expires {
            None => role.to_string(),
            Some(expires) => format!("{role} until {expires:.0}"),
        };
        self.record(Action::TokenCreated, Administration::token_detail(&may, &stored.name));
        Ok(token)
    }

    /// All tokens.
    pub(super) fn all_tokens(&self) -> Result<Vec<interface::Token>, TokenFileError> {
        let tokens = self.session.tokens();
        let shown = |token: StoredToken| interface::Token {
            expired: tokens.is_expired(&token),
            role: token.role.to_string(),
            created: token.created.to_string(),
            expires: token.expires.map(|expires| expires.to_string()),
            name: token.name,
        };
        Ok(tokens.list()?.into_iter().map(shown).collect())
    }

    /// Revokes a token, records it, and returns its name.
    pub(super) fn end_token(&self, name: &str) -> Result<String, TokenError> {
        let bearer = self.session.bearer();
        let revoked = self.session.tokens().revoke(name, bearer.as_ref())?;
        let detail = Administration::token_detail(&revoked.role.to_string(), &revoked.name);
        self.record(Action::TokenRevoked, detail);
        Ok(revoked.name)
    }

    fn record(&self, action: Action, detail: String) {
        let change = Administration { action, person: None, detail: Some(detail), user: self.user() };
        self.api.shared.emit(EventKind::Administered(change));
    }
}
