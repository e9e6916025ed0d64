//! Checks the role of the caller before a call is read, and the token that came with it.

use std::io::BufRead;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use varlink::{Call, CallTrait, Interface, Request};

use crate::Role;
use crate::interface::VarlinkCallError;
use crate::limited_reader::MAX_REQUEST_OF_ADMIN;
use crate::session::CurrentBearer;
use crate::tokens::{Bearer, TokenRefusal, Tokens};

/// The name of the interface with a dot.
const INTERFACE: &str = "io.ostiary.Door.";
/// The parameter with a token, which every call can have.
const TOKEN: &str = "token";
/// The wrong tokens after which a connection ends.
const MAX_WRONG_TOKENS: u32 = 3;
/// The time until a wrong token is answered.
const WRONG_TOKEN_DELAY: Duration = Duration::from_millis(200);

/// The role that each call takes; one that is not here is refused for everybody.
const ROLES: &[(&str, Role)] = &[
    ("SetSudoUser", Role::Admin),
    ("GetRole", Role::Viewer),
    ("CreateToken", Role::Admin),
    ("ListTokens", Role::Admin),
    ("RevokeToken", Role::Admin),
    ("GetState", Role::Viewer),
    ("Open", Role::Operator),
    ("TestRelay", Role::Admin),
    ("HoldOpen", Role::Operator),
    ("LockDown", Role::Operator),
    ("SetNormal", Role::Operator),
    ("ListPeople", Role::Viewer),
    ("ShowPerson", Role::Viewer),
    ("SendPhoto", Role::Admin),
    ("EnrollPhotos", Role::Admin),
    ("EnrollFromCamera", Role::Admin),
    ("RenamePerson", Role::Admin),
    ("RemovePerson", Role::Admin),
    ("EnablePerson", Role::Admin),
    ("SetPersonGroup", Role::Admin),
    ("ListEvents", Role::Viewer),
    ("FollowEvents", Role::Viewer),
    ("ListSnapshots", Role::Operator),
    ("GetSnapshot", Role::Operator),
    ("DeleteSnapshot", Role::Admin),
    ("EnrollSnapshot", Role::Admin),
    ("GetReport", Role::Viewer),
    ("ExplainDecision", Role::Viewer),
    ("GetLiveness", Role::Viewer),
    ("GetLivenessParts", Role::Admin),
    ("TestLiveness", Role::Admin),
    ("EndLivenessTest", Role::Admin),
    ("Replay", Role::Viewer),
    ("WatchLive", Role::Viewer),
    ("GetConfiguration", Role::Admin),
    ("SetKey", Role::Admin),
    ("ResetKey", Role::Admin),
    ("Reload", Role::Admin),
    ("ListModels", Role::Viewer),
    ("VerifyModels", Role::Admin),
    ("ActivateModels", Role::Admin),
    ("RollbackModels", Role::Admin),
    ("Doctor", Role::Admin),
];

/// An interface whose calls are answered only for callers with the role for them. The parameters of others are not read.
pub struct RoleGuard {
    interface: Box<dyn Interface + Send + Sync>,
    role: Option<Role>,
    /// The user id of the caller, for messages.
    uid: u32,
    tokens: Arc<Tokens>,
    /// The token of the call that is being answered.
    bearer: CurrentBearer,
    /// The longest request of the connection, bytes.
    max_request: Arc<AtomicUsize>,
    /// The wrong tokens of the connection.
    wrong_tokens: AtomicU32,
}

impl RoleGuard {
    /// Guards an interface against what the user with this id and role, or the holder of a token, may not call. `bearer` has the
    /// holder while a call is answered; `max_request` is raised when an admin's token was given.
    pub fn new(
        interface: Box<dyn Interface + Send + Sync>,
        (role, uid): (Option<Role>, u32),
        tokens: Arc<Tokens>,
        bearer: CurrentBearer,
        max_request: Arc<AtomicUsize>,
    ) -> Self {
        Self { interface, role, uid, tokens, bearer, max_request, wrong_tokens: AtomicU32::new(0) }
    }

    /// Refuses a call because the token that came with it is not valid. A connection that guesses is slowed down, and ends.
    fn refuse_token(&self, call: &mut Call<'_>, needed: Role, why: &TokenRefusal) -> varlink::Result<()> {
        let is_wrong = matches!(why, TokenRefusal::Unknown);
        if is_wrong {
            self.tokens.log_wrong(self.uid);
            thread::sleep(WRONG_TOKEN_DELAY);
        }
        call.reply_not_allowed(needed.group().to_owned(), why.to_string())?;
        if is_wrong && self.wrong_tokens.fetch_add(1, Ordering::Relaxed) + 1 >= MAX_WRONG_TOKENS {
            return Err(closed());
        }
        Ok(())
    }

    /// Answers a call of somebody who may make it.
    fn answer(&self, call: &mut Call<'_>, needed: Role, bearer: Option<Bearer>) -> varlink::Result<()> {
        let Some(bearer) = bearer else { return self.interface.call(call) };
        if bearer.role == Role::Admin {
            self.max_request.fetch_max(MAX_REQUEST_OF_ADMIN, Ordering::Relaxed);
        }
        self.bearer.set(Some(bearer.clone()));
        let answered = self.interface.call(call);
        self.bearer.set(None);
        answered?;
        // A call with many replies ends when its token does. The client would wait for the next one.
        if call.wants_more()
            && let Err(why) = self.tokens.recheck(&bearer)
        {
            call.set_continues(false);
            call.reply_not_allowed(needed.group().to_owned(), why.to_string())?;
            return Err(closed());
        }
        Ok(())
    }
}

/// Ends the connection.
fn closed() -> varlink::Error {
    varlink::Error(varlink::ErrorKind::ConnectionClosed, None, None)
}

/// The token that came with a call; the name of the parameter that is wrong if it is no text, or if the parameters are no object:
/// a token in them would be passed over.
fn token_of<'a>(request: &'a Request<'_>) -> Result<Option<&'a str>, &'static str> {
    let parameters = match request.parameters.as_ref() {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Object(parameters)) => parameters,
        Some(_) => return Err("parameters"),
    };
    match parameters.get(TOKEN) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(token)) => Ok(Some(token)),
        Some(_) => Err(TOKEN),
    }
}

impl Interface for RoleGuard {
    fn get_description(&self) -> &'static str {
        self.interface.get_description()
    }

    fn get_name(&self) -> &'static str {
        self.interface.get_name()
    }

    /// No call upgrades its connection.
    fn call_upgraded(&self, _call: &mut Call<'_>, _reader: &mut dyn BufRead) -> varlink::Result<Vec<u8>> {
        Ok(Vec::new())
    }

    fn call(&self, call: &mut Call<'_>) -> varlink::Result<()> {
        let Some(request) = call.request else {
            return call.reply_method_not_found(String::new());
        };
        let Some(needed) = required_role(&request.method) else {
            return call.reply_method_not_found(request.method.clone().into_owned());
        };
        let (group, uid) = (needed.group(), self.uid);
        let token = match token_of(request) {
            Ok(token) => token,
            Err(wrong) => return call.reply_invalid_parameter(wrong.to_owned()),
        };
        // A user without a role cannot use a token, nor try one.
        let bearer = match token.filter(|_| self.role.is_some()).map(|token| self.tokens.check(token)) {
            None => None,
            Some(Ok(bearer)) => Some(bearer),
            Some(Err(why)) => return self.refuse_token(call, needed, &why),
        };
        let message = match &bearer {
            None if self.role >= Some(needed) => return self.answer(call, needed, None),
            Some(bearer) if bearer.role >= needed => return self.answer(call, needed, Some(bearer.clone())),
            None if token.is_some() => format!(
                "user {uid} may not use tokens: only members of the group {viewers} may; to become one, run `sudo usermod -aG \
                 {viewers} NAME` and log in again",
                viewers = Role::Viewer.group()
            ),
            None => format!(
                "user {uid} may not do this: only members of the group {group} may; to become one, run `sudo usermod -aG \
                 {group} NAME` and log in again"
            ),
            Some(Bearer { name, role, .. }) => format!(
                "the token {name:?} may not do this: its role is {role}, and this takes the role {needed}"
            ),
        };
        call.reply_not_allowed(group.to_owned(), message)
    }
}

/// The role that a call takes, by its full name; `None` for a name that is not a call of the door.
fn required_role(method: &str) -> Option<Role> {
    let name = method.strip_prefix(INTERFACE)?;
    ROLES.iter().find(|(call, _)| *call == name).map(|(_, role)| *role)
}

#[cfg(test)]
mod tests;
