//! The names that a person had: a search by any of them finds all events of the person.

use std::collections::{BTreeMap, HashSet};

use ostiary_core::fold_name;

use super::EventStore;
use crate::{Action, Administration, Event, EventKind};

/// The names of the people who have or had a name, each with the events in which it was theirs. A name that another person had
/// before or after is told apart by the numbers of the events.
#[derive(Debug)]
pub(super) struct PersonNames(Vec<Span>);

/// A name while one person had it.
#[derive(Debug)]
struct Span {
    /// As [`fold_name`] has it.
    name: String,
    /// The number of the person; it has no meaning but that it is the same after a renaming.
    person: usize,
    /// The id of the first event.
    first: u64,
    /// The id of the last event.
    last: u64,
}

impl EventStore {
    /// The names of the people who have or had this name, by the renamings and removals that the record has.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub(super) fn names_of(&self, name: &str) -> Result<PersonNames, rusqlite::Error> {
        let mut statement = self.connection.prepare_cached(
            r#"SELECT json FROM events WHERE instr(json, '"renamed"') OR instr(json, '"removed"') ORDER BY id"#,
        )?;
        let rows = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        let mut spans = Spans::default();
        for event in self.parsed(rows) {
            if let EventKind::Administered(change) = &event.kind {
                spans.follow(event.id, change);
            }
        }
        Ok(spans.of(name))
    }
}

impl PersonNames {
    /// Whether an event is of one of these people.
    pub fn fit(&self, event: &Event) -> bool {
        event.kind.person().map(fold_name).is_some_and(|name| {
            self.0.iter().any(|span| span.name == name && (span.first..=span.last).contains(&event.id))
        })
    }
}

/// All names of the changes so far.
#[derive(Default)]
struct Spans {
    all: Vec<Span>,
    /// The index of the last span of each name.
    newest: BTreeMap<String, usize>,
}

impl Spans {
    /// Follows a change, in the order of the ids.
    fn follow(&mut self, id: u64, change: &Administration) {
        let (Action::Renamed | Action::Removed, Some(person)) = (change.action, &change.person) else {
            return;
        };
        let name = fold_name(person);
        // Who has the name after this event is another person.
        let before = self.end(&name, id);
        self.begin(name, id + 1, None);
        if let Some(after) = change.name_after().map(fold_name) {
            self.end(&after, id);
            self.begin(after, id + 1, Some(before));
        }
    }

    /// Ends the span of a name with an event, and returns the person who had it.
    fn end(&mut self, name: &str, last: u64) -> usize {
        let index = match self.newest.get(name) {
            Some(index) => *index,
            None => self.begin(name.to_owned(), 0, None),
        };
        self.all.get_mut(index).map_or(index, |span| {
            span.last = last;
            span.person
        })
    }

    /// Begins a span with an event, of a person of an earlier one or of another person. Returns its index.
    fn begin(&mut self, name: String, first: u64, person: Option<usize>) -> usize {
        let index = self.all.len();
        self.newest.insert(name.clone(), index);
        self.all.push(Span { name, person: person.unwrap_or(index), first, last: u64::MAX });
        index
    }

    fn of(mut self, name: &str) -> PersonNames {
        let name = fold_name(name);
        if !self.newest.contains_key(&name) {
            self.begin(name.clone(), 0, None);
        }
        let had_it = self.all.iter().filter(|span| span.name == name && span.first <= span.last);
        let people: HashSet<usize> = had_it.map(|span| span.person).collect();
        self.all.retain(|span| people.contains(&span.person));
        PersonNames(self.all)
    }
}

#[cfg(test)]
mod tests {
    use ostiary_config as config;

    use super::super::{EventFilter, StoreError};
    use super::*;
    use crate::testing::{event, evidence};
    use crate::{Grant, User};

    /// The ids of the events of a person in a record of these events: `Ann`, `Ann -> Bea` and `Ann -> ` (removed).
    fn found(record: &[&str], person: &str) -> Vec<u64> {
        let folder = tempfile::tempdir().unwrap();
        let config =
            config::Events { path: folder.path().join("events.sqlite"), ..config::Events::default() };
        let mut store = EventStore::open(&config, true).unwrap();
        for text in record {
            let kind = match text.split_once(" -> ") {
                None => {
                    EventKind::Granted(Grant::Face { person: Some((*text).into()), evidence: evidence() })
                }
                Some((before, after)) => {
                    let (action, detail) = match after {
                        "" => (Action::Removed, None),
                        after => (Action::Renamed, Some(Administration::renamed_to(after))),
                    };
                    let (person, user) = (Some(before.into()), User::Process { uid: 0, sudo_uid: None });
                    EventKind::Administered(Administration { action, person, detail, user })
                }
            };
            store.append(&mut event(kind)).unwrap();
        }
        let mut ids = Vec::new();
        let filter = EventFilter { person: Some(person.into()), ..EventFilter::default() };
        store
            .find(&filter, None, |event| {
                ids.push(event.id);
                Ok::<_, StoreError>(())
            })
            .unwrap();
        ids
    }

    #[test]
    fn a_person_is_found_by_each_name() {
        let record = ["Ann", "Bob", "Ann -> Annabel", "Annabel", "Annabel -> Bea", "Bea"];
        for name in ["Ann", "annabel", "BEA"] {
            assert_eq!(found(&record, name), [1, 3, 4, 5, 6], "{name}");
        }
        assert_eq!(found(&record, "Bob"), [2]);
        assert_eq!(found(&record, "Zoe"), [0; 0]);
    }

    #[test]
    fn another_person_who_had_the_name_before_or_has_it_after_is_told_apart() {
        // 1-2: the first Bea. 3: Ann, who is Bea from then on. 6: the second Ann.
        let record = ["Bea", "Bea -> ", "Ann", "Ann -> Bea", "Bea", "Ann", "Bea -> ", "Bea"];
        assert_eq!(found(&record, "Ann"), [3, 4, 5, 6, 7], "all who had the name");
        assert_eq!(found(&record, "Bea"), [1, 2, 3, 4, 5, 7, 8]);
        // The removal of the first Bea is not in the record any longer.
        assert_eq!(found(&["Bea", "Ann -> Bea", "Bea"], "Ann"), [2, 3]);
        // Two people change their names over a third one.
        let swap = ["Ann", "Bob", "Ann -> Tom", "Bob -> Ann", "Tom -> Bob", "Ann", "Bob"];
        assert_eq!(found(&swap, "Tom"), [1, 3, 5, 7]);
    }

    #[test]
    fn a_name_that_is_written_in_another_way_is_the_same() {
        assert_eq!(found(&["ann", "ann -> Ann", "Ann"], "Ann"), [1, 2, 3]);
    }
}
