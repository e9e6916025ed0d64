//! People whose names an earlier program allowed and today's rule does not.

use std::fmt;

use ostiary_core::{NameError, Person, PersonName};

use super::look_alike::LookAlikes;
use super::{Facebank, FacebankError};

/// A person whose name should be changed.
#[derive(Debug)]
pub struct NameProblem {
    /// The name as it is stored.
    pub name: String,
    /// Number in the facebank.
    pub person: ostiary_core::PersonId,
    why: Why,
}

#[derive(Debug)]
enum Why {
    NotAllowed(NameError),
    LooksAlike(String),
}

impl Facebank {
    /// The people whose names are not allowed, or look like that of a person who was enrolled earlier.
    ///
    /// # Errors
    /// The facebank cannot be read.
    pub fn name_problems(&self) -> Result<Vec<NameProblem>, FacebankError> {
        let mut people: Vec<Person> = self.people()?.into_iter().map(|listed| listed.person).collect();
        people.sort_by_key(|person| person.id);
        let (mut names, mut problems) = (LookAlikes::default(), Vec::new());
        for Person { id, name, .. } in people {
            let why = match PersonName::new(&name).map(|checked| names.add(&checked)) {
                Err(error) => Why::NotAllowed(error),
                Ok(Err(FacebankError::LooksAlike { other, .. })) => Why::LooksAlike(other),
                Ok(Err(other)) => return Err(other),
                Ok(Ok(())) => continue,
            };
            problems.push(NameProblem { name, person: id, why });
        }
        Ok(problems)
    }
}

impl fmt::Display for NameProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.why {
            Why::NotAllowed(error) => {
                write!(f, "an enrolled person has a name that is no longer allowed: {error}")
            }
            Why::LooksAlike(other) => {
                write!(f, "the names of two enrolled people look alike: {:?} and {other:?}", self.name)
            }
        }
    }
}
