//! An error rate that was counted, with its exact interval, in words.

use std::fmt;

use ostiary_core::clopper_pearson;
use ostiary_events::{AttackCount, VisitCount};
use serde_json::{Value, json};

/// Errors among trials, for example attacks that were let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorRate {
    /// Number of errors.
    pub errors: u32,
    /// Number of trials.
    pub trials: u32,
}

impl ErrorRate {
    /// The ends of the 95 % interval (Clopper-Pearson), 0 to 1.
    pub fn interval(self) -> [f64; 2] {
        clopper_pearson(self.errors as usize, self.trials as usize)
    }

    /// The rate with its interval: `0 % (0 to 16.8 %)`.
    pub fn percent(self) -> String {
        let [low, high] = self.interval().map(percent);
        format!("{} % ({low} to {high} %)", percent(f64::from(self.errors) / f64::from(self.trials.max(1))))
    }

    /// The upper end of the interval: `16.8 %`.
    pub fn at_most(self) -> String {
        let [_, high] = self.interval();
        format!("{} %", percent(high))
    }

    /// As a JSON object.
    pub fn json(self, part: &str, rate: &str) -> Value {
        let Self { errors, trials } = self;
        json!({ "part": part, "rate": rate, "errors": errors, "trials": trials, "interval": self.interval() })
    }
}

impl From<&AttackCount> for ErrorRate {
    fn from(count: &AttackCount) -> Self {
        Self { errors: count.let_in, trials: count.presentations }
    }
}

impl From<&VisitCount> for ErrorRate {
    fn from(count: &VisitCount) -> Self {
        Self { errors: count.refused, trials: count.visits }
    }
}

/// `0 of 20`.
impl fmt::Display for ErrorRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.errors, self.trials)
    }
}

/// A share in percent, with one digit after the point unless it is 0.
fn percent(share: f64) -> String {
    let text = format!("{:.1}", 100.0 * share);
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// What attacks of one kind prove.
pub fn attack_sentence(count: &AttackCount) -> String {
    let rate = ErrorRate::from(count);
    let meaning = match rate.errors {
        0 => format!("this proves only that at most {} of such attacks are let in", rate.at_most()),
        _ => "such an attack opens this door".to_owned(),
    };
    format!("{}: {rate} let in, APCER {}: {meaning}.", count.kind.words(), rate.percent())
}

/// What the household's own visits prove.
pub fn visit_sentence(count: &VisitCount) -> String {
    let rate = ErrorRate::from(count);
    format!(
        "{}: {rate} refused, BPCER {}: at most {} of such visits are refused.",
        count.time.words(),
        rate.percent(),
        rate.at_most()
    )
}

#[cfg(test)]
mod tests {
    use ostiary_events::{AttackKind, VisitTime};

    use super::*;

    #[test]
    fn counts_prove_no_more_than_their_interval() {
        let none = |trials| ErrorRate { errors: 0, trials };
        assert_eq!(none(20).percent(), "0 % (0 to 16.8 %)");
        assert_eq!(none(59).at_most(), "6.1 %");
        assert_eq!(none(0).percent(), "0 % (0 to 100 %)");
        assert_eq!(ErrorRate { errors: 3, trials: 20 }.percent(), "15 % (3.2 to 37.9 %)");
        assert_eq!(ErrorRate { errors: 20, trials: 20 }.percent(), "100 % (83.2 to 100 %)");
    }

    #[test]
    fn a_sentence_says_what_the_counts_prove() {
        let attack = |let_in| AttackCount { kind: AttackKind::SmallPrint, presentations: 20, let_in };
        assert_eq!(
            attack_sentence(&attack(0)),
            "small print: 0 of 20 let in, APCER 0 % (0 to 16.8 %): this proves only that at most 16.8 % of such attacks are let in."
        );
        assert_eq!(
            attack_sentence(&attack(3)),
            "small print: 3 of 20 let in, APCER 15 % (3.2 to 37.9 %): such an attack opens this door."
        );
        assert_eq!(
            visit_sentence(&VisitCount { time: VisitTime::Day, visits: 20, refused: 1 }),
            "own visits by day: 1 of 20 refused, BPCER 5 % (0.1 to 24.9 %): at most 24.9 % of such visits are refused."
        );
    }
}
