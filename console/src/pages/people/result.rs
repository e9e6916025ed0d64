//! What became of an enrollment, as pages show it.

use askama::Template;

use crate::enrollment::{Acceptable, EnrollOptions, Enrollment, Problem};
use crate::visit::Layout;

/// Somebody was enrolled.
#[derive(Template)]
#[template(path = "enrolled.html")]
pub struct EnrolledPage {
    /// The frame.
    pub layout: Layout,
    /// What became of it.
    pub enrollment: Enrollment,
    /// What the door says about it: advice and warnings.
    pub messages: Vec<String>,
}

/// Why nobody was enrolled.
#[derive(Debug, Default)]
pub struct Refusal {
    /// A reason for each picture, or one for all.
    pub reasons: Vec<Reason>,
    /// What the person can accept.
    pub offers: Vec<Offer>,
}

/// A reason.
#[derive(Debug)]
pub struct Reason {
    /// The picture; empty for all.
    pub picture: String,
    /// Why it is refused.
    pub why: Why,
}

/// Why a picture is refused.
#[derive(Debug)]
pub enum Why {
    /// In the words of the door.
    Door(String),
    /// In those of a text with this identifier.
    Text(&'static str),
}

/// A checkbox for what the person can accept.
#[derive(Debug)]
pub struct Offer {
    /// The name of the field, and of the option of the door.
    pub field: &'static str,
    /// The identifier of its text.
    pub text: &'static str,
    /// The identifier of the text that says what it means.
    pub meaning: &'static str,
    /// Whether it was accepted before.
    pub is_checked: bool,
}

impl Refusal {
    /// That of the door, which had these options.
    pub fn of(problems: &[Problem], options: EnrollOptions) -> Self {
        let reasons = problems.iter().map(|problem| Reason {
            picture: problem.photo.clone(),
            why: Why::Door(problem.parts().0.to_owned()),
        });
        let offers = offers(options).into_iter().filter(|(acceptable, offer)| {
            offer.is_checked || problems.iter().any(|problem| problem.parts().1 == Some(*acceptable))
        });
        Self { reasons: reasons.collect(), offers: offers.map(|(_, offer)| offer).collect() }
    }

    /// For a reason about all pictures.
    pub fn for_all(why: Why) -> Self {
        Self { reasons: vec![Reason { picture: String::new(), why }], offers: Vec::new() }
    }

    /// Offers again what was accepted before.
    pub fn offering(self, options: EnrollOptions) -> Self {
        let checked = offers(options).into_iter().map(|(_, offer)| offer).filter(|offer| offer.is_checked);
        Self { offers: checked.collect(), ..self }
    }
}

fn offers(options: EnrollOptions) -> [(Acceptable, Offer); 3] {
    let offer = |field, text, meaning, is_checked| Offer { field, text, meaning, is_checked };
    let EnrollOptions { force, allow_similar, allow_unlike, .. } = options;
    [
        (Acceptable::LowQuality, offer("force", "accept-force", "accept-force-meaning", force)),
        (
            Acceptable::Similar,
            offer("allow_similar", "accept-similar", "accept-similar-meaning", allow_similar),
        ),
        (Acceptable::Unlike, offer("allow_unlike", "accept-unlike", "accept-unlike-meaning", allow_unlike)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_would_help_is_offered() {
        let problem = |text: &str| Problem { photo: "a.jpg".to_owned(), problem: text.to_owned() };
        let fields =
            |refusal: &Refusal| -> Vec<&str> { refusal.offers.iter().map(|offer| offer.field).collect() };
        let options = EnrollOptions { allow_unlike: true, ..EnrollOptions::default() };
        let refusal = Refusal::of(&[problem("come closer (accept it with --force)")], options);
        assert_eq!(fields(&refusal), ["force", "allow_unlike"]);
        assert!(matches!(&refusal.reasons[0].why, Why::Door(why) if why == "come closer"));
        let refusal = Refusal::of(&[problem("no face found")], EnrollOptions::default());
        assert!(fields(&refusal).is_empty());
        assert_eq!(fields(&Refusal::for_all(Why::Text("x")).offering(options)), ["allow_unlike"]);
    }
}
