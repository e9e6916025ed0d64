//! Keys that an older version had. They are ignored with a warning, so that an update does not stop a door.

use std::fmt;

use crate::origin::Origin;

/// A key that an older version had.
struct RetiredKey {
    /// `section.key`.
    name: &'static str,
    /// Why it has no effect any more, and what has replaced it.
    reason: &'static str,
}

const RETIRED_KEYS: &[RetiredKey] = &[RetiredKey {
    name: "door.far",
    reason: "door.fpir has replaced it, the share of strangers' visits that may be let in",
}];

/// A key that is set and has no effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IgnoredKey {
    /// `section.key`.
    pub key: &'static str,
    /// Where it is set.
    pub origin: Origin,
    reason: &'static str,
}

impl IgnoredKey {
    /// The ignored key, if `name` is the name of a retired key.
    pub(crate) fn new(name: &str, origin: &Origin) -> Option<Self> {
        let retired = RETIRED_KEYS.iter().find(|retired| retired.name == name)?;
        Some(Self { key: retired.name, origin: origin.clone(), reason: retired.reason })
    }
}

impl fmt::Display for IgnoredKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, origin, reason } = self;
        write!(f, "{origin}: {key} is ignored: {reason}; remove it")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lookup;

    #[test]
    fn a_retired_key_is_no_key_of_this_version() {
        for retired in RETIRED_KEYS {
            assert!(lookup::find(retired.name).is_none(), "{}", retired.name);
        }
    }
}
