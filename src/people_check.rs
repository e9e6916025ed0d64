//! What is wrong with the enrolled people, for the model in use: people who are alike, and people whose photos disagree.

use std::fmt;

use ostiary_config::AlikePeople;
use ostiary_facebank::Gallery;

/// A person, or two, whom the model does not recognize reliably.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PeopleProblem {
    /// Two people whom the model cannot tell apart.
    Alike {
        /// A person.
        one: String,
        /// The person whom the first is alike.
        other: String,
        /// `door.alike`.
        rule: AlikePeople,
    },
    /// A photo of a person disagrees with the others.
    Disagreement {
        /// The person.
        name: String,
    },
}

impl PeopleProblem {
    /// All problems of the people of a gallery whose thresholds are set.
    pub fn find(gallery: &Gallery, rule: AlikePeople) -> Vec<Self> {
        let alike = gallery.alike_pairs().map(|(one, other)| Self::Alike {
            one: one.name.clone(),
            other: other.name.clone(),
            rule,
        });
        let disagreements = gallery.people_with_disagreement();
        alike.chain(disagreements.map(|person| Self::Disagreement { name: person.name.clone() })).collect()
    }

    /// Whether the problem is this person's.
    pub fn concerns(&self, name: &str) -> bool {
        match self {
            Self::Alike { one, other, .. } => one == name || other == name,
            Self::Disagreement { name: own } => own == name,
        }
    }

    /// How to fix it.
    pub fn fix(&self) -> String {
        match self {
            Self::Alike { rule: AlikePeople::Refuse, .. } => {
                "add photos of both from other sides and in other light; remove one of them if both are the same person; or \
                 set door.alike = \"allow\", if each may be taken for the other"
                    .to_owned()
            }
            Self::Alike { rule: AlikePeople::Allow, .. } => {
                "add photos of both from other sides and in other light, or set door.alike = \"refuse\""
                    .to_owned()
            }
            Self::Disagreement { name } => {
                format!("remove {name} with `ostiary people remove`, and enroll {name} with photos of one person")
            }
        }
    }
}

/// What was found, without the fix.
impl fmt::Display for PeopleProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Alike { one, other, rule } => {
                write!(f, "{one} and {other} are alike: the model cannot tell them apart, and ")?;
                f.write_str(match rule {
                    AlikePeople::Refuse => "neither is let in by the face (door.alike)",
                    AlikePeople::Allow => "each can be let in as the other (door.alike)",
                })
            }
            Self::Disagreement { name } => {
                write!(
                    f,
                    "the photos of {name} disagree: one shows somebody else, or they show two people, who may both be \
                     let in"
                )
            }
        }
    }
}
