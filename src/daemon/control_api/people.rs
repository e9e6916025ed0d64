//! The enrolled people, as the control API lists and changes them.

use std::sync::{Arc, PoisonError};

use anyhow::Result;
use ostiary_config::{Config, Hours};
use ostiary_control::interface::Person;
use ostiary_events::{EventKind, User};
use ostiary_facebank::Facebank;

use super::ControlApi;
use crate::listed_person::{ListedPerson, gallery_in_use};
use crate::people_change::{MadeChange, PeopleChange, open_existing};

/// The list of people, kept until the facebank or the configuration changes: to compare all people takes a while.
#[derive(Default)]
pub struct PeopleCache(Option<CachedPeople>);

struct CachedPeople {
    /// Tells whether the file has changed since.
    facebank: Facebank,
    /// The configuration, with the models and thresholds that people are compared with.
    config: Arc<Config>,
    people: Arc<[Person]>,
}

impl ControlApi {
    /// All people, compared with each other.
    pub(super) fn list_people(&self) -> Result<Arc<[Person]>> {
        let mut cache = self.people.lock().unwrap_or_else(PoisonError::into_inner);
        let config = self.config();
        if let Some(cached) = &mut cache.0
            && Arc::ptr_eq(&cached.config, &config)
            && !cached.facebank.has_changed()?
        {
            return Ok(cached.people.clone());
        }
        let _call = self.heavy_calls.begin();
        let mut facebank = Facebank::open_read_only(&config.facebank.path)?;
        // Before the people are read: a later change is seen by the next call.
        facebank.has_changed()?;
        let gallery = gallery_in_use(&config, &facebank)
            .inspect_err(|error| log::warn!("people are not compared: {error:#}"))
            .ok();
        let people = facebank.people()?.into_iter();
        let people = people.map(|person| ListedPerson::new(person, gallery.as_ref()).to_api());
        let people: Arc<[Person]> = people.collect::<Result<Vec<_>>>()?.into();
        cache.0 = Some(CachedPeople { facebank, config, people: people.clone() });
        Ok(people)
    }

    /// One person, by a name that differs at most in case.
    pub(super) fn show_person(&self, name: &str) -> Result<Person> {
        let facebank = Facebank::open_read_only(&self.config().facebank.path)?;
        let id = facebank.show(name)?.person.id.0;
        match self.list_people()?.iter().find(|person| person.id == id) {
            Some(person) => Ok(person.clone()),
            // Changed between the two.
            None => ListedPerson::new(facebank.show(name)?, None).to_api(),
        }
    }

    /// Makes a change, records it, and returns the person.
    pub(super) fn change_person(&self, change: PeopleChange, user: User) -> Result<Person> {
        let (facebank, made) = self.make_change(change, user)?;
        ListedPerson::new(facebank.show(&made.name)?, None).to_api()
    }

    /// Removes a person, records it, and returns the name as it was stored.
    pub(super) fn remove_person(&self, name: String, user: User) -> Result<String> {
        Ok(self.make_change(PeopleChange::Remove { name }, user)?.1.name)
    }

    fn make_change(&self, change: PeopleChange, user: User) -> Result<(Facebank, MadeChange)> {
        let config = self.config();
        let mut facebank = open_existing(&config.facebank.path)?;
        let made = change.apply(&mut facebank, &Hours::parse(&config.hours)?)?;
        self.shared.emit(EventKind::Administered(made.administration(user)));
        Ok((facebank, made))
    }
}
