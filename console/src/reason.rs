//! The reasons of decisions, as pages name them.

use ostiary_access::{DenialReason, Reason};
use serde_json::Value;

/// All reasons.
pub fn all() -> impl Iterator<Item = Reason> {
    let grants = [Reason::Granted, Reason::RequestToExit, Reason::Command];
    grants.into_iter().chain(DenialReason::ALL.map(Reason::Denied))
}

/// The reason with this name.
pub fn of(name: &str) -> Option<Reason> {
    serde_json::from_value(Value::String(name.to_owned())).ok()
}

/// The identifier of the text of a reason.
pub fn text(reason: Reason) -> &'static str {
    let denied = match reason {
        Reason::Granted => return "reason-granted",
        Reason::RequestToExit => return "reason-request-to-exit",
        Reason::Command => return "reason-command",
        Reason::Denied(denied) => denied,
    };
    match denied {
        DenialReason::Unknown => "reason-unknown",
        DenialReason::Ambiguous => "reason-ambiguous",
        DenialReason::LowQuality => "reason-low-quality",
        DenialReason::TooFar => "reason-too-far",
        DenialReason::StaticFace => "reason-static-face",
        DenialReason::Spoof => "reason-spoof",
        DenialReason::NotLive => "reason-not-live",
        DenialReason::SeveralFaces => "reason-several-faces",
        DenialReason::CoolDown => "reason-cool-down",
        DenialReason::SameVisit => "reason-same-visit",
        DenialReason::DisabledPerson => "reason-disabled-person",
        DenialReason::Alike => "reason-alike",
        DenialReason::OutsideHours => "reason-outside-hours",
        DenialReason::NoHours => "reason-no-hours",
        DenialReason::ClockImplausible => "reason-clock-implausible",
        DenialReason::Paused => "reason-paused",
        DenialReason::Locked => "reason-locked",
        DenialReason::LockedDown => "reason-locked-down",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_its_name_and_a_text_of_its_own() {
        let texts: std::collections::BTreeSet<_> = all().map(text).collect();
        assert_eq!(texts.len(), all().count());
        assert!(all().all(|reason| of(&reason.to_string()) == Some(reason)));
        assert_eq!(of("no_such_reason"), None);
    }
}
