//! What a user of the control API may do.

use std::path::Path;
use std::{fmt, fs};

use serde_derive::{Deserialize, Serialize};

use crate::Peer;

/// What a user may do. Each role may do all that the ones before it may. The names are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Ask.
    Viewer,
    /// Open the door, hold it open and lock it down.
    Operator,
    /// Change people, models and the configuration.
    Admin,
}

impl Role {
    /// All roles, the one that may do least first.
    const ALL: [Self; 3] = [Self::Viewer, Self::Operator, Self::Admin];

    /// The name of the group whose members have the role.
    pub fn group(self) -> &'static str {
        match self {
            Self::Viewer => "ostiary-viewer",
            Self::Operator => "ostiary-operator",
            Self::Admin => "ostiary-admin",
        }
    }

    /// The role of this name: `viewer`, `operator` or `admin`.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.to_string() == name)
    }
}

/// `viewer`, `operator` or `admin`.
impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        })
    }
}

/// The ids of the groups whose members have a role.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RoleGroups(Vec<(u32, Role)>);

impl RoleGroups {
    /// Reads the ids from a file such as `/etc/group`. A group that is missing there gives nobody its role.
    ///
    /// These groups are made by the package, so that they are in the file, and no other source of groups has to be asked.
    pub fn read(file: &Path) -> Self {
        let text = fs::read_to_string(file).unwrap_or_default();
        let group = |line: &str| {
            let mut fields = line.split(':');
            let (name, _password, id) = (fields.next()?, fields.next()?, fields.next()?);
            let role = Role::ALL.into_iter().find(|role| role.group() == name)?;
            Some((id.parse().ok()?, role))
        };
        Self(text.lines().filter_map(group).collect())
    }

    /// The role of a user; `None` for one who may do nothing. `own` is the user id of the door.
    pub fn role(&self, peer: &Peer, own: u32) -> Option<Role> {
        if peer.uid == 0 || peer.uid == own {
            return Some(Role::Admin);
        }
        let is_member = |id: &u32| peer.gid == *id || peer.groups.contains(id);
        self.0.iter().filter(|(id, _)| is_member(id)).map(|(_, role)| *role).max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(uid: u32, gid: u32, groups: &[u32]) -> Peer {
        Peer { uid, gid, groups: groups.to_vec() }
    }

    #[test]
    fn a_user_has_the_highest_role_of_the_groups() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("group");
        let text = "root:x:0:\nostiary:x:998:\nostiary-viewer:x:997:ann,bob\nostiary-admin:x:995:ann\n\
                    ostiary-operator:x:996:\nostiary-adminx:x:5:\nbroken\n";
        fs::write(&file, text).unwrap();
        let groups = RoleGroups::read(&file);
        let role = |uid, gid, others: &[u32]| groups.role(&peer(uid, gid, others), 998);
        assert_eq!(role(0, 0, &[]), Some(Role::Admin));
        assert_eq!(role(998, 998, &[]), Some(Role::Admin), "the door itself");
        assert_eq!(role(1000, 1000, &[998]), None, "the door's group has no role");
        assert_eq!(role(1000, 1000, &[997]), Some(Role::Viewer));
        assert_eq!(role(1000, 1000, &[997, 996]), Some(Role::Operator));
        assert_eq!(role(1000, 995, &[]), Some(Role::Admin));
        assert_eq!(role(1000, 1000, &[5]), None);
        assert_eq!(role(1000, 1000, &[]), None);
    }

    #[test]
    fn without_the_file_only_root_and_the_door_have_a_role() {
        let groups = RoleGroups::read(Path::new("/does/not/exist"));
        assert_eq!(groups.role(&peer(1000, 1000, &[997]), 998), None);
        assert_eq!(groups.role(&peer(0, 0, &[]), 998), Some(Role::Admin));
    }

    #[test]
    fn roles_are_ordered() {
        assert!(Role::Viewer < Role::Operator && Role::Operator < Role::Admin);
    }
}
