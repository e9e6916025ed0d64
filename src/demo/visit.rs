//! Who comes to the door in the demo.

use ostiary_self_test::{DEMO_VISITORS, Portrait};

/// A visit to the door.
#[derive(Debug, Clone, Copy)]
pub enum DemoVisit {
    /// The person of this portrait.
    Person(Portrait),
    /// Somebody with a print of this portrait.
    Print(Portrait),
}

impl DemoVisit {
    /// The visits of the demo: a stranger, then a print of the enrolled person, then that person.
    pub const ALL: [Self; 3] = {
        let [stranger, known] = DEMO_VISITORS;
        [Self::Person(stranger), Self::Print(known), Self::Person(known)]
    };
}
