//! Checks the role of the caller before a call is read.

use std::io::BufRead;

use varlink::{Call, CallTrait, Interface, Request};

use crate::Role;
use crate::interface::VarlinkCallError;

/// The name of the interface with a dot.
const INTERFACE: &str = "io.ostiary.Door.";

/// The role that each call takes; one that is not here is refused for everybody.
const ROLES: &[(&str, Role)] = &[
    ("SetSudoUser", Role::Admin),
    ("GetState", Role::Viewer),
    ("Open", Role::Operator),
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
}

impl RoleGuard {
    /// Guards an interface against what the user with this id and role may not call.
    pub fn new(interface: Box<dyn Interface + Send + Sync>, role: Option<Role>, uid: u32) -> Self {
        Self { interface, role, uid }
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
        let Some(method) = call.request.map(|request: &Request<'_>| request.method.clone().into_owned())
        else {
            return call.reply_method_not_found(String::new());
        };
        let Some(needed) = required_role(&method) else {
            return call.reply_method_not_found(method);
        };
        if self.role >= Some(needed) {
            return self.interface.call(call);
        }
        let (group, uid) = (needed.group(), self.uid);
        let message = format!(
            "user {uid} may not do this: only members of the group {group} may; to become one, run `sudo usermod -aG \
             {group} NAME` and log in again"
        );
        call.reply_not_allowed(group.to_owned(), message)
    }
}

/// The role that a call takes, by its full name; `None` for a name that is not a call of the door.
fn required_role(method: &str) -> Option<Role> {
    let name = method.strip_prefix(INTERFACE)?;
    ROLES.iter().find(|(call, _)| *call == name).map(|(_, role)| *role)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The calls of the description, each with the role that its comment names.
    fn described() -> Vec<(String, Role)> {
        let mut comment = String::new();
        let mut calls = Vec::new();
        for line in include_str!("io.ostiary.Door.varlink").lines() {
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
}
