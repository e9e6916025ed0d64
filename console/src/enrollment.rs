//! What the door says about an enrollment.

use ostiary_control::CallError;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What is accepted in pictures, as the door takes it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct EnrollOptions {
    /// Never: people have photos, not crops of faces.
    pub aligned: bool,
    /// Faces of low quality.
    pub force: bool,
    /// A face that is similar to another enrolled person.
    pub allow_similar: bool,
    /// Pictures of one person that are not similar to each other.
    pub allow_unlike: bool,
}

/// What became of an enrollment. A refusal has only the problems.
#[derive(Debug, Clone, Deserialize)]
pub struct Enrollment {
    /// The name, as it is stored.
    pub person: String,
    /// Whether the person is enrolled now.
    pub enrolled: bool,
    /// The number of the person.
    #[serde(default)]
    pub id: i64,
    /// How many pictures were added.
    #[serde(default)]
    pub added: usize,
    /// How many pictures there are in all.
    #[serde(default)]
    pub templates: usize,
    /// The refused pictures.
    #[serde(default)]
    pub problems: Vec<Problem>,
}

/// A refused picture, and why.
#[derive(Debug, Clone, Deserialize)]
pub struct Problem {
    /// Its name, or its number.
    pub photo: String,
    /// Why.
    pub problem: String,
}

/// What a person can accept in refused pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acceptable {
    /// Low quality.
    LowQuality,
    /// The similarity with another person.
    Similar,
    /// Pictures that are not similar to each other.
    Unlike,
}

impl Enrollment {
    /// The one that the door describes.
    ///
    /// # Errors
    /// It is a door of another version.
    pub fn of(result: Value) -> Result<Self, CallError> {
        serde_json::from_value(result)
            .map_err(|error| CallError::OtherVersion { detail: format!("an enrollment: {error}") })
    }
}

impl Problem {
    /// Why the picture was refused, and what would accept it. The door names the option of the command for it.
    pub fn parts(&self) -> (&str, Option<Acceptable>) {
        let options = [
            ("--force", Acceptable::LowQuality),
            ("--allow-similar", Acceptable::Similar),
            ("--allow-unlike", Acceptable::Unlike),
        ];
        let found = options.into_iter().find_map(|(option, acceptable)| {
            let ending = format!(" (accept it with {option})");
            self.problem.strip_suffix(&ending).map(|why| (why, acceptable))
        });
        found.map_or((&self.problem, None), |(why, acceptable)| (why, Some(acceptable)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_can_be_accepted() {
        let parts = |problem: &str| {
            let problem = Problem { photo: String::new(), problem: problem.to_owned() };
            let (why, acceptable) = problem.parts();
            (why.to_owned(), acceptable)
        };
        assert_eq!(
            parts("come closer (accept it with --force)"),
            ("come closer".to_owned(), Some(Acceptable::LowQuality))
        );
        assert_eq!(parts("no face found"), ("no face found".to_owned(), None));
        assert_eq!(parts("looks like A (accept it with --allow-similar)").1, Some(Acceptable::Similar));
        assert_eq!(parts("differs (accept it with --allow-unlike)").1, Some(Acceptable::Unlike));
    }
}
