//! An event in one plain sentence.

use std::fmt::Write as _;

use ostiary_access::Reason;

use super::{Event, EventKind};

/// Says what happened, for logs, for `explain` and for people. One sentence, no line break, no biometrics.
pub fn sentence(event: &Event) -> String {
    let detail = event.detail.as_deref();
    let with = |said: &str| match detail {
        Some(detail) => format!("{said}: {}.", detail.trim_end_matches('.')),
        None => format!("{said}."),
    };
    match event.kind {
        EventKind::Started => with(&format!("Keeping the door \"{}\"", event.door)),
        EventKind::Stopped => with("Stopped, with the relay at rest"),
        EventKind::Granted => granted(event),
        EventKind::Denied => denied(event),
        EventKind::RelayOn => with("Relay on"),
        EventKind::RelayOff => with("Relay at rest"),
        EventKind::CameraLost => with("No frames come from the camera"),
        EventKind::CameraBack => with("The camera brings frames again"),
        EventKind::Reloaded => with("A new configuration is in force"),
        EventKind::ReloadRefused => with("Refused the new configuration and kept the old one"),
        EventKind::RolledBack => with("Went back to the models before"),
        EventKind::Locked => with("Locked the door, which now opens for nobody"),
        EventKind::DoorOpened => with("The door is open"),
        EventKind::DoorClosed => with("The door is closed"),
        EventKind::DoorForced => with("The door was forced: it opened, and nobody had been let in or out"),
        EventKind::DoorHeld => with("The door is held open"),
        EventKind::InputsLost => with("The exit button and the door contact cannot be read"),
        EventKind::InputsBack => with("The exit button and the door contact are read again"),
    }
}

fn granted(event: &Event) -> String {
    if event.reason == Some(Reason::RequestToExit) {
        return "Let somebody out: the exit button was pressed.".to_owned();
    }
    let mut said = format!("Let {} in", event.person.as_deref().unwrap_or("somebody"));
    let mut separator = ": ";
    if let Some(alike) = alike(event) {
        let _ = write!(said, "{separator}{alike}");
        separator = ", ";
    }
    if let Some(frames) = event.frames {
        let _ = write!(said, "{separator}{}", count(frames, "good frame"));
        separator = ", ";
    }
    if let Some(latency) = event.latency_ms {
        let _ = write!(said, "{separator}{:.2} s after the face came in view", latency / 1000.0);
    }
    said.push('.');
    said
}

fn denied(event: &Event) -> String {
    let known = event.person.as_deref();
    let person = known.unwrap_or("somebody");
    let alike = || alike(event).map(|alike| format!(", {alike}")).unwrap_or_default();
    let why = match event.reason {
        Some(Reason::Unknown) => {
            let best = match (event.similarity, event.threshold) {
                (Some(best), Some(threshold)) => format!(" (best {best:.2} below {threshold:.2})"),
                _ => String::new(),
            };
            format!("nobody known{best}")
        }
        Some(Reason::Ambiguous) => match (event.similarity, event.second) {
            (Some(best), Some(second)) => {
                format!("too alike to two people to tell which ({best:.2} and {second:.2})")
            }
            _ => "too alike to two people to tell which".to_owned(),
        },
        Some(Reason::LowQuality) => {
            "the face was never clear enough: blurred, too dark, too bright or turned away".to_owned()
        }
        Some(Reason::TooFar) => "the face was too small, too far from the camera".to_owned(),
        Some(Reason::SeveralFaces) => match event.faces_in_view {
            Some(faces) => format!("{} in view, and only one may be", count(faces, "face")),
            None => "more than one face in view, and only one may be".to_owned(),
        },
        Some(Reason::CoolDown) => format!("{person} was let in a moment ago{}", alike()),
        Some(Reason::DisabledPerson) => format!("{person} is known but disabled{}", alike()),
        Some(Reason::OutsideHours) => format!("{person} may not come in at this hour{}", alike()),
        Some(Reason::NoHours) => {
            format!("{person} is in a group without hours, and other groups have hours{}", alike())
        }
        Some(Reason::ClockImplausible) => {
            format!("the clock cannot be right, and the hours of {person} go by it{}", alike())
        }
        Some(Reason::Locked) => "the door is locked by a fault".to_owned(),
        // Not said of a denial by the decision; a record from elsewhere may hold it.
        Some(Reason::Granted | Reason::RequestToExit) | None => "no reason was given".to_owned(),
    };
    match &event.detail {
        Some(detail) => format!("Did not open: {why}; {}.", detail.trim_end_matches('.')),
        None => format!("Did not open: {why}."),
    }
}

fn alike(event: &Event) -> Option<String> {
    let similarity = event.similarity?;
    Some(match event.threshold {
        Some(threshold) => format!("{similarity:.2} alike ({threshold:.2} needed)"),
        None => format!("{similarity:.2} alike"),
    })
}

fn count(number: u32, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: EventKind) -> Event {
        Event::new(kind, jiff::Timestamp::UNIX_EPOCH, "front")
    }

    fn denied(reason: Reason) -> Event {
        Event {
            reason: Some(reason),
            similarity: Some(0.22),
            second: Some(0.2),
            threshold: Some(0.56),
            frames: Some(8),
            faces_in_view: Some(2),
            ..event(EventKind::Denied)
        }
    }

    fn anna(reason: Reason) -> Event {
        Event { person: Some("Anna".into()), similarity: Some(0.71), ..denied(reason) }
    }

    #[test]
    fn a_grant_says_how_sure_it_was() {
        let granted = Event {
            reason: Some(Reason::Granted),
            person: Some("Anna".into()),
            similarity: Some(0.71),
            threshold: Some(0.56),
            frames: Some(3),
            latency_ms: Some(213.0),
            ..event(EventKind::Granted)
        };
        assert_eq!(
            sentence(&granted),
            "Let Anna in: 0.71 alike (0.56 needed), 3 good frames, 0.21 s after the face came in view."
        );
        let exit = Event { reason: Some(Reason::RequestToExit), ..event(EventKind::Granted) };
        assert_eq!(sentence(&exit), "Let somebody out: the exit button was pressed.");
        let bare = Event { person: Some("Anna".into()), ..event(EventKind::Granted) };
        assert_eq!(sentence(&bare), "Let Anna in.");
    }

    #[test]
    fn every_reason_has_its_sentence() {
        let cases = [
            (denied(Reason::Unknown), "Did not open: nobody known (best 0.22 below 0.56)."),
            (
                denied(Reason::Ambiguous),
                "Did not open: too alike to two people to tell which (0.22 and 0.20).",
            ),
            (
                denied(Reason::LowQuality),
                "Did not open: the face was never clear enough: blurred, too dark, too bright or turned away.",
            ),
            (denied(Reason::TooFar), "Did not open: the face was too small, too far from the camera."),
            (denied(Reason::SeveralFaces), "Did not open: 2 faces in view, and only one may be."),
            (anna(Reason::CoolDown), "Did not open: Anna was let in a moment ago, 0.71 alike (0.56 needed)."),
            (
                anna(Reason::DisabledPerson),
                "Did not open: Anna is known but disabled, 0.71 alike (0.56 needed).",
            ),
            (
                anna(Reason::OutsideHours),
                "Did not open: Anna may not come in at this hour, 0.71 alike (0.56 needed).",
            ),
            (
                anna(Reason::NoHours),
                "Did not open: Anna is in a group without hours, and other groups have hours, 0.71 alike (0.56 needed).",
            ),
            (
                anna(Reason::ClockImplausible),
                "Did not open: the clock cannot be right, and the hours of Anna go by it, 0.71 alike (0.56 needed).",
            ),
            (denied(Reason::Locked), "Did not open: the door is locked by a fault."),
        ];
        for (event, expected) in cases {
            assert_eq!(sentence(&event), expected);
        }
        let press = Event { detail: Some("the exit button was pressed".into()), ..event(EventKind::Denied) };
        let locked = Event { reason: Some(Reason::Locked), ..press };
        assert_eq!(
            sentence(&locked),
            "Did not open: the door is locked by a fault; the exit button was pressed."
        );
    }

    #[test]
    fn every_kind_has_its_sentence() {
        let cases = [
            (EventKind::Started, "Keeping the door \"front\"."),
            (EventKind::Stopped, "Stopped, with the relay at rest."),
            (EventKind::Granted, "Let somebody in."),
            (EventKind::Denied, "Did not open: no reason was given."),
            (EventKind::RelayOn, "Relay on."),
            (EventKind::RelayOff, "Relay at rest."),
            (EventKind::CameraLost, "No frames come from the camera."),
            (EventKind::CameraBack, "The camera brings frames again."),
            (EventKind::Reloaded, "A new configuration is in force."),
            (EventKind::ReloadRefused, "Refused the new configuration and kept the old one."),
            (EventKind::RolledBack, "Went back to the models before."),
            (EventKind::Locked, "Locked the door, which now opens for nobody."),
            (EventKind::DoorOpened, "The door is open."),
            (EventKind::DoorClosed, "The door is closed."),
            (EventKind::DoorForced, "The door was forced: it opened, and nobody had been let in or out."),
            (EventKind::DoorHeld, "The door is held open."),
            (EventKind::InputsLost, "The exit button and the door contact cannot be read."),
            (EventKind::InputsBack, "The exit button and the door contact are read again."),
        ];
        assert_eq!(cases.map(|(kind, _)| kind), EventKind::ALL);
        for (kind, expected) in cases {
            assert_eq!(sentence(&event(kind)), expected);
        }
        let lost = Event { detail: Some("unplugged.".into()), ..event(EventKind::CameraLost) };
        assert_eq!(sentence(&lost), "No frames come from the camera: unplugged.");
    }
}
