//! Which events a person asks for: the form of the page, which is its address.

use form_urlencoded::Serializer;
use ostiary_control::interface::EventFilter;
use ostiary_events::EventName;
use serde::Deserialize;

use crate::local_time::{self, Edge};
use crate::reason;

/// The longest name of a person that is looked for, bytes.
const MAX_NAME: usize = 256;

/// Kinds of events that a person chooses together.
pub struct Kinds {
    /// The value in the form.
    pub name: &'static str,
    /// The identifier of the text.
    pub text: &'static str,
    /// Whether an event is one of these.
    is_one: fn(EventName) -> bool,
}

/// What can be chosen.
pub const KINDS: [Kinds; 3] = [
    Kinds {
        name: "decisions",
        text: "events-decisions",
        is_one: |name| matches!(name, EventName::Granted | EventName::Denied),
    },
    Kinds { name: "faults", text: "events-faults", is_one: |name| name.is_fault() || is_notice(name) },
    Kinds {
        name: "changes",
        text: "events-changes",
        is_one: |name| {
            matches!(
                name,
                EventName::Administered
                    | EventName::ModeChanged
                    | EventName::Reloaded
                    | EventName::ReloadRefused
                    | EventName::CommandRefused
                    | EventName::LivenessTested
                    | EventName::Erased
            )
        },
    },
];

/// Which events a person asks for. A field that is empty does not matter.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    /// At this local time or later.
    pub from: String,
    /// Before this local time.
    pub until: String,
    /// Of the person with this name.
    pub person: String,
    /// Grants and denials for this reason.
    pub reason: String,
    /// The name of one of the [`KINDS`].
    pub kind: String,
    /// With a lower id: the events after those of a page.
    pub before: String,
}

impl Asked {
    /// The filter as the door takes it.
    ///
    /// # Errors
    /// The identifier of a text that says what is wrong.
    pub fn filter(&self) -> Result<EventFilter, &'static str> {
        let time = |text: &str, edge, problem| match text {
            "" => Ok(None),
            text => local_time::parse(text, edge).map(Some).ok_or(problem),
        };
        let since = time(&self.from, Edge::From, "events-bad-from")?;
        let until = time(&self.until, Edge::Until, "events-bad-until")?;
        if let (Some(since), Some(until)) = (since, until)
            && since >= until
        {
            return Err("events-bad-span");
        }
        let person = self.person.trim();
        if person.len() > MAX_NAME {
            return Err("events-bad-person");
        }
        if !self.reason.is_empty() && reason::of(&self.reason).is_none() {
            return Err("events-bad-reason");
        }
        let kinds = match self.kind.as_str() {
            "" => None,
            name => Some(KINDS.iter().find(|kinds| kinds.name == name).ok_or("events-bad-kind")?.names()),
        };
        let before = match self.before.as_str() {
            "" => None,
            id => Some(id.parse().ok().filter(|id: &i64| *id > 0).ok_or("events-bad-page")?),
        };
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Ok(EventFilter {
            since: since.map(|time| time.to_string()),
            until: until.map(|time| time.to_string()),
            after: None,
            person: text(person),
            reason: text(&self.reason),
            before,
            kinds,
        })
    }

    /// The address of a page with these events, from those with a lower id than `before` on.
    pub fn address(&self, path: &str, before: Option<u64>) -> String {
        let before = before.map(|before| before.to_string()).unwrap_or_default();
        let fields = [
            ("from", &self.from),
            ("until", &self.until),
            ("person", &self.person),
            ("reason", &self.reason),
            ("kind", &self.kind),
            ("before", &before),
        ];
        let mut query = Serializer::new(String::new());
        query.extend_pairs(fields.into_iter().filter(|(_, value)| !value.is_empty()));
        match query.finish() {
            query if query.is_empty() => path.to_owned(),
            query => format!("{path}?{query}"),
        }
    }
}

impl Kinds {
    fn names(&self) -> Vec<String> {
        EventName::ALL.into_iter().filter(|name| (self.is_one)(*name)).map(|name| name.to_string()).collect()
    }
}

/// Whether the door began or ended its work, or something works again: how long a fault lasted is seen from these.
fn is_notice(name: EventName) -> bool {
    matches!(
        name,
        EventName::Started
            | EventName::Stopped
            | EventName::CameraBack
            | EventName::InputsBack
            | EventName::LockoutEnded
            | EventName::StoreBack
    )
}

/// The names of the kinds that tell of faults.
pub fn faults() -> Vec<String> {
    EventName::ALL.into_iter().filter(|name| name.is_fault()).map(|name| name.to_string()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_as_it_was_written() {
        let asked = Asked { person: "Zo\u{eb} & <Co>".into(), kind: "faults".into(), ..Asked::default() };
        let address = asked.address("/events", Some(7));
        assert_eq!(address, "/events?person=Zo%C3%AB+%26+%3CCo%3E&kind=faults&before=7");
        assert_eq!(Asked::default().address("/events", None), "/events");
        let filter = Asked { before: "7".into(), ..asked }.filter().unwrap();
        assert_eq!((filter.person.as_deref(), filter.before), (Some("Zo\u{eb} & <Co>"), Some(7)));
        assert!(filter.kinds.unwrap().contains(&"camera_lost".to_owned()));
    }

    #[test]
    fn what_cannot_be_meant_is_named() {
        let problem = |set: fn(&mut Asked)| {
            let mut asked = Asked::default();
            set(&mut asked);
            asked.filter().err()
        };
        assert_eq!(problem(|_| {}), None);
        assert_eq!(problem(|asked| asked.from = "soon".into()), Some("events-bad-from"));
        assert_eq!(problem(|asked| asked.until = "2026-02-30".into()), Some("events-bad-until"));
        let span = |asked: &mut Asked| {
            (asked.from, asked.until) = ("2026-02-03T10:00".into(), "2026-02-03T10:00".into());
        };
        assert_eq!(problem(span), Some("events-bad-span"));
        assert_eq!(problem(|asked| asked.person = "x".repeat(257)), Some("events-bad-person"));
        assert_eq!(problem(|asked| asked.reason = "nothing".into()), Some("events-bad-reason"));
        assert_eq!(problem(|asked| asked.kind = "kinds".into()), Some("events-bad-kind"));
        for page in ["x", "-1", "0", "99999999999999999999"] {
            let asked = Asked { before: page.into(), ..Asked::default() };
            assert_eq!(asked.filter().err(), Some("events-bad-page"), "{page}");
        }
    }
}
