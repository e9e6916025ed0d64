//! An event in one plain sentence.

use std::fmt::Write as _;

use ostiary_access::{DenialReason, ModeName};

use super::{Administration, Denial, Event, EventKind, Evidence, Grant, LivenessReport, User};

/// What happened, as one sentence for logs and for people, without line breaks and biometrics.
pub fn sentence(event: &Event) -> String {
    let plain = |what: &str| format!("{what}.");
    let with = |what: &str, detail: &str| format!("{what}: {}.", detail.trim_end_matches('.'));
    let maybe_with = |what: &str, detail: &Option<String>| match detail {
        Some(detail) => with(what, detail),
        None => plain(what),
    };
    match &event.kind {
        EventKind::Started { detail } => with(&format!("Started the door \"{}\"", event.door), detail),
        EventKind::Stopped => plain("Stopped, with the relay at rest"),
        EventKind::Granted(grant) => granted(grant),
        EventKind::Denied(denial) => denied(denial, event.time),
        EventKind::RelayOn => plain("Relay on"),
        EventKind::RelayOff => plain("Relay at rest"),
        EventKind::CameraLost { detail } => with("No frames come from the camera", detail),
        EventKind::CameraBack => plain("Frames come from the camera again"),
        EventKind::Reloaded { detail, user, model: _ } => {
            with(&format!("A new configuration is in force{}", asked_by(user.as_ref())), detail)
        }
        EventKind::ReloadRefused { detail, user } => with(
            &format!("Refused the new configuration{} and kept the old one", asked_by(user.as_ref())),
            detail,
        ),
        EventKind::RolledBack { detail } => with("Went back to the previous models", detail),
        EventKind::Locked { detail } => with("Locked the door, which now opens for nobody", detail),
        EventKind::DoorOpened { detail } => maybe_with("The door is open", detail),
        EventKind::DoorClosed { detail } => maybe_with("The door is closed", detail),
        EventKind::DoorForced => plain("The door was forced: it opened, and nobody had been let in or out"),
        EventKind::DoorHeld { detail } => with("The door stays open", detail),
        EventKind::InputsLost { detail } => {
            with("The exit button and the door contact cannot be read", detail)
        }
        EventKind::InputsBack => plain("The exit button and the door contact are read again"),
        EventKind::Lockout { person: Some(person), detail } => {
            with(&format!("Paused the way in by face of {person}"), detail)
        }
        EventKind::Lockout { person: None, detail } => with("Everybody must be a clear match", detail),
        EventKind::LockoutEnded { person: Some(person) } => {
            plain(&format!("{person} can come in by face again"))
        }
        EventKind::LockoutEnded { person: None } => plain("The usual matches suffice again"),
        EventKind::ModeChanged { mode, until, user } => mode_changed(*mode, *until, user.as_ref()),
        EventKind::CommandRefused { command, detail, user } => {
            with(&format!("Refused the command `{command}` of {user}"), detail)
        }
        EventKind::Administered(change) => administered(change),
        EventKind::LivenessTested { report, user } => tested(report, user),
        EventKind::StoreLost { detail } => with("Events are not recorded", detail),
        EventKind::StoreBack { detail } => with("Events are recorded again", detail),
        EventKind::TrailBroken { detail } => with("The record of events was changed from outside", detail),
        EventKind::Erased => plain("What this event said was erased by a command"),
    }
}

/// Who asked for a reload.
fn asked_by(user: Option<&User>) -> String {
    user.map(|user| format!(" ({user})")).unwrap_or_default()
}

fn mode_changed(mode: ModeName, until: Option<jiff::Timestamp>, user: Option<&User>) -> String {
    let by = user.map(|user| format!(" by a command of {user}")).unwrap_or_default();
    match (mode, until) {
        (ModeName::HeldOpen, Some(until)) => format!("The door is held open until {until:.0}{by}."),
        (ModeName::HeldOpen, None) => format!("The door is held open{by}."),
        (ModeName::LockedDown, _) => {
            format!("The door is locked down{by}: faces do not open it, the exit button does.")
        }
        (ModeName::Normal, _) if user.is_none() => {
            "The door is in its normal mode: the hold has ended.".to_owned()
        }
        (ModeName::Normal, _) => format!("The door is in its normal mode{by}."),
    }
}

fn administered(change: &Administration) -> String {
    let mut text = format!("By a command of {}: ", change.user);
    if let Some(person) = &change.person {
        let _ = write!(text, "{person} was ");
    }
    text += change.action.words();
    if let Some(detail) = &change.detail {
        let _ = write!(text, ", {}", detail.trim_end_matches('.'));
    }
    text + "."
}

fn tested(report: &LivenessReport, user: &User) -> String {
    let end = if report.is_complete { "" } else { "; ended early" };
    format!("Liveness was tested at this door by {user}: {report}{end}.")
}

fn granted(grant: &Grant) -> String {
    match grant {
        Grant::ExitButton => "Let somebody out: the exit button was pressed.".to_owned(),
        Grant::Command { user } => format!("Opened once by a command of {user}."),
        Grant::Face { person, evidence } => {
            let mut text = format!("Let {} in: ", name(person.as_deref()));
            if let Some(alike) = alike(evidence) {
                let _ = write!(text, "{alike}, ");
            }
            let (frames, latency) = (count(evidence.frames, "good frame"), evidence.latency.as_secs_f64());
            let _ = write!(text, "{frames}, {latency:.2} s after the face came in view.");
            text
        }
    }
}

fn denied(denial: &Denial, time: jiff::Timestamp) -> String {
    match denial {
        Denial::Repeated { reason, evidence, count, until } => {
            let seconds = until.duration_since(time).as_secs_f64().max(0.0).ceil();
            let why = refused(*reason, name(None), evidence);
            format!("Did not open {count} more times within {seconds:.0} s: {why}.")
        }
        Denial::ExitButton => {
            "Did not open: the door is locked by a fault; the exit button was pressed.".to_owned()
        }
        Denial::Face { reason, person, evidence, detail } => {
            let why = refused(*reason, name(person.as_deref()), evidence);
            match detail {
                Some(detail) => format!("Did not open: {why}; {}.", detail.trim_end_matches('.')),
                None => format!("Did not open: {why}."),
            }
        }
    }
}

/// Why a face was refused.
fn refused(reason: DenialReason, person: &str, evidence: &Evidence) -> String {
    let alike = || alike(evidence).map(|alike| format!(", {alike}")).unwrap_or_default();
    match reason {
        DenialReason::Unknown => {
            let best = match (evidence.similarity, evidence.threshold) {
                (Some(best), Some(threshold)) => format!(" (best {:.2}, {:.2} needed)", best.0, threshold.0),
                _ => String::new(),
            };
            format!("nobody known{best}")
        }
        DenialReason::Ambiguous => match (evidence.similarity, evidence.second) {
            (Some(best), Some(second)) => {
                format!("too alike to two people to tell which ({:.2} and {:.2})", best.0, second.0)
            }
            _ => "too alike to two people to tell which".to_owned(),
        },
        DenialReason::LowQuality => {
            "the face was never clear enough: blurred, too dark, too bright or turned away".to_owned()
        }
        DenialReason::TooFar => "the face was too small, too far from the camera".to_owned(),
        DenialReason::StaticFace => "the face does not move, as a picture".to_owned(),
        DenialReason::Spoof => format!("a picture of {person} was shown{}", alike()),
        DenialReason::NotLive => {
            format!("{person} was not shown to be more than a picture{}", alike())
        }
        DenialReason::SeveralFaces => {
            format!("{} in view, and only one may be", count(evidence.faces_in_view, "face"))
        }
        DenialReason::CoolDown => format!("{person} was let in a moment ago{}", alike()),
        DenialReason::SameVisit => {
            format!("{person} was let in before and has not been away since{}", alike())
        }
        DenialReason::DisabledPerson => format!("{person} is known but disabled{}", alike()),
        DenialReason::Alike => format!("{person} and another enrolled person look too much alike{}", alike()),
        DenialReason::OutsideHours => format!("{person} may not come in at this hour{}", alike()),
        DenialReason::NoHours => {
            format!("{person} is in a group without hours, and other groups have hours{}", alike())
        }
        DenialReason::ClockImplausible => {
            format!("the clock is not plausible, and {person} is in a group with hours{}", alike())
        }
        DenialReason::Paused => {
            format!("the way in by face of {person} pauses after too many attempts{}", alike())
        }
        DenialReason::Locked => "the door is locked by a fault".to_owned(),
        DenialReason::LockedDown => {
            format!("{person} is not let in, because the door is locked down{}", alike())
        }
    }
}

fn name(person: Option<&str>) -> &str {
    person.unwrap_or("somebody")
}

fn alike(evidence: &Evidence) -> Option<String> {
    let (similarity, threshold) = (evidence.similarity?.0, evidence.threshold?.0);
    Some(format!("{similarity:.2} alike ({threshold:.2} needed)"))
}

fn count(number: u32, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use ostiary_access::CommandName;
    use ostiary_core::Similarity;

    use super::*;
    use crate::testing::{event, evidence, liveness_report};

    fn denied(reason: DenialReason, person: Option<&str>, similarity: f32) -> Event {
        let evidence = Evidence {
            similarity: Some(Similarity(similarity)),
            second: Some(Similarity(0.2)),
            ..evidence()
        };
        let person = person.map(str::to_owned);
        event(EventKind::Denied(Denial::Face { reason, person, evidence, detail: None }))
    }

    #[test]
    fn a_grant_says_how_sure_it_was() {
        let granted =
            |person: Option<String>, evidence| event(EventKind::Granted(Grant::Face { person, evidence }));
        assert_eq!(
            sentence(&granted(Some("Anna".into()), evidence())),
            "Let Anna in: 0.71 alike (0.56 needed), 3 good frames, 0.21 s after the face came in view."
        );
        assert_eq!(
            sentence(&granted(None, Evidence { similarity: None, frames: 1, ..evidence() })),
            "Let somebody in: 1 good frame, 0.21 s after the face came in view."
        );
        let exit = event(EventKind::Granted(Grant::ExitButton));
        assert_eq!(sentence(&exit), "Let somebody out: the exit button was pressed.");
    }

    #[test]
    fn every_reason_has_its_sentence() {
        let stranger = |reason| denied(reason, None, 0.22);
        let anna = |reason| denied(reason, Some("Anna"), 0.71);
        let cases = [
            (stranger(DenialReason::Unknown), "Did not open: nobody known (best 0.22, 0.56 needed)."),
            (
                stranger(DenialReason::Ambiguous),
                "Did not open: too alike to two people to tell which (0.22 and 0.20).",
            ),
            (
                stranger(DenialReason::LowQuality),
                "Did not open: the face was never clear enough: blurred, too dark, too bright or turned away.",
            ),
            (
                stranger(DenialReason::TooFar),
                "Did not open: the face was too small, too far from the camera.",
            ),
            (stranger(DenialReason::StaticFace), "Did not open: the face does not move, as a picture."),
            (stranger(DenialReason::SeveralFaces), "Did not open: 2 faces in view, and only one may be."),
            (
                anna(DenialReason::CoolDown),
                "Did not open: Anna was let in a moment ago, 0.71 alike (0.56 needed).",
            ),
            (
                anna(DenialReason::SameVisit),
                "Did not open: Anna was let in before and has not been away since, 0.71 alike (0.56 needed).",
            ),
            (
                anna(DenialReason::DisabledPerson),
                "Did not open: Anna is known but disabled, 0.71 alike (0.56 needed).",
            ),
            (
                anna(DenialReason::Alike),
                "Did not open: Anna and another enrolled person look too much alike, 0.71 alike (0.56 needed).",
            ),
            (
                anna(DenialReason::OutsideHours),
                "Did not open: Anna may not come in at this hour, 0.71 alike (0.56 needed).",
            ),
            (
                anna(DenialReason::NoHours),
                "Did not open: Anna is in a group without hours, and other groups have hours, 0.71 alike (0.56 needed).",
            ),
            (
                anna(DenialReason::ClockImplausible),
                "Did not open: the clock is not plausible, and Anna is in a group with hours, 0.71 alike (0.56 needed).",
            ),
            (
                anna(DenialReason::Paused),
                "Did not open: the way in by face of Anna pauses after too many attempts, 0.71 alike (0.56 needed).",
            ),
            (stranger(DenialReason::Locked), "Did not open: the door is locked by a fault."),
            (
                anna(DenialReason::LockedDown),
                "Did not open: Anna is not let in, because the door is locked down, 0.71 alike (0.56 needed).",
            ),
        ];
        for (event, expected) in cases {
            assert_eq!(sentence(&event), expected);
        }
        let locked = event(EventKind::Denied(Denial::ExitButton));
        assert_eq!(
            sentence(&locked),
            "Did not open: the door is locked by a fault; the exit button was pressed."
        );
    }

    #[test]
    fn a_lockout_says_whom_it_is_about() {
        let (anna, detail) = (Some("Anna".to_owned()), "5 attempts".to_owned());
        for (kind, expected) in [
            (
                EventKind::Lockout { person: anna.clone(), detail: detail.clone() },
                "Paused the way in by face of Anna: 5 attempts.",
            ),
            (EventKind::Lockout { person: None, detail }, "Everybody must be a clear match: 5 attempts."),
            (EventKind::LockoutEnded { person: anna }, "Anna can come in by face again."),
            (EventKind::LockoutEnded { person: None }, "The usual matches suffice again."),
        ] {
            assert_eq!(sentence(&event(kind)), expected);
        }
    }

    #[test]
    fn a_command_says_whose_it_was() {
        let user = User::Process { uid: 0, sudo_uid: Some(1000) };
        let plain = User::Process { uid: 0, sudo_uid: None };
        let changed = |mode, until, user| EventKind::ModeChanged { mode, until, user };
        let until = Some("2026-11-24T09:15:00.25Z".parse().unwrap());
        for (kind, expected) in [
            (
                EventKind::Granted(Grant::Command { user: user.clone() }),
                "Opened once by a command of user 1000 by sudo as user 0.",
            ),
            (
                changed(ModeName::HeldOpen, until, Some(user.clone())),
                "The door is held open until 2026-11-24T09:15:00Z by a command of user 1000 by sudo as user 0.",
            ),
            (
                changed(ModeName::LockedDown, None, Some(plain.clone())),
                "The door is locked down by a command of user 0: faces do not open it, the exit button does.",
            ),
            (
                changed(ModeName::Normal, None, Some(plain.clone())),
                "The door is in its normal mode by a command of user 0.",
            ),
            (changed(ModeName::Normal, None, None), "The door is in its normal mode: the hold has ended."),
            (
                EventKind::CommandRefused {
                    command: CommandName::Open,
                    detail: "no relay is configured".into(),
                    user: plain.clone(),
                },
                "Refused the command `open` of user 0: no relay is configured.",
            ),
        ] {
            assert_eq!(sentence(&event(kind)), expected);
        }
    }

    #[test]
    fn a_test_of_liveness_says_what_was_counted() {
        let user = User::Process { uid: 998, sudo_uid: Some(1000) };
        let report = LivenessReport { visits: Vec::new(), is_complete: false, ..liveness_report() };
        assert_eq!(
            sentence(&event(EventKind::LivenessTested { report, user })),
            "Liveness was tested at this door by user 1000 by sudo as user 998: small print 0 of 20 let in, large print 3 of 20 let \
             in; ended early."
        );
    }

    #[test]
    fn a_detail_ends_the_sentence_with_one_full_stop() {
        let lost = event(EventKind::CameraLost { detail: "unplugged.".into() });
        assert_eq!(sentence(&lost), "No frames come from the camera: unplugged.");
    }
}
