//! A set of outcomes. It is stored as the list of their names, because the order of the reasons can change.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{DenialReason, Outcome, Reason};

/// A set of outcomes, one bit for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outcomes(u32);

impl Outcomes {
    /// Adds an outcome.
    pub fn insert(&mut self, outcome: Outcome) {
        self.0 |= bit(outcome);
    }

    /// Whether the set has this outcome.
    pub fn contains(self, outcome: Outcome) -> bool {
        self.0 & bit(outcome) != 0
    }

    /// Whether the set is empty.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

fn bit(outcome: Outcome) -> u32 {
    match outcome {
        Outcome::Granted => 1,
        Outcome::Denied(reason) => 2 << reason as u32,
    }
}

impl Serialize for Outcomes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let denials = DenialReason::ALL.into_iter().map(Outcome::Denied);
        let all = std::iter::once(Outcome::Granted).chain(denials);
        serializer.collect_seq(all.filter(|outcome| self.contains(*outcome)).map(Reason::from))
    }
}

impl<'de> Deserialize<'de> for Outcomes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut outcomes = Self::default();
        for reason in Vec::<Reason>::deserialize(deserializer)? {
            let outcome = Outcome::of(reason);
            outcomes
                .insert(outcome.ok_or_else(|| D::Error::custom(format!("{reason} is not about a face")))?);
        }
        Ok(outcomes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_stored_by_names() {
        let mut outcomes = Outcomes::default();
        assert!(outcomes.is_empty());
        outcomes.insert(Outcome::Granted);
        outcomes.insert(Outcome::Denied(DenialReason::Locked));
        outcomes.insert(Outcome::Denied(DenialReason::Unknown));
        let json = serde_json::to_string(&outcomes).unwrap();
        assert_eq!(json, r#"["granted","unknown","locked"]"#);
        assert_eq!(serde_json::from_str::<Outcomes>(&json).unwrap(), outcomes);
        assert!(!outcomes.contains(Outcome::Denied(DenialReason::CoolDown)));
        assert!(serde_json::from_str::<Outcomes>(r#"["request_to_exit"]"#).is_err());
    }
}
