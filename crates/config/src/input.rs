//! How a form asks for the value of a key.

use crate::key::Key;
use crate::rule::Kind;

/// How a form asks for a value. Whether the value is allowed is decided when the key is set.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// `true` or `false`.
    Flag,
    /// A number.
    Number {
        /// The least one that is allowed.
        least: f64,
        /// The largest one that is allowed.
        most: f64,
        /// Whether it has no digits after the point.
        is_whole: bool,
    },
    /// One of these.
    Choice(Vec<String>),
    /// TOML, or text that needs no quotes.
    Text,
}

impl Key {
    /// How a form asks for the value.
    pub fn input(&self) -> Input {
        match &self.rule.kind {
            Kind::Flag => Input::Flag,
            Kind::Integer(least, most) => {
                Input::Number { least: *least as f64, most: *most as f64, is_whole: true }
            }
            Kind::Number(least, most) => Input::Number { least: *least, most: *most, is_whole: false },
            Kind::OneOf(choices) => {
                Input::Choice(choices().iter().map(|&choice| choice.to_owned()).collect())
            }
            Kind::OneOfNumbers(choices) => Input::Choice(choices.iter().map(i64::to_string).collect()),
            _ => Input::Text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lookup::find;

    #[test]
    fn a_form_asks_for_what_the_rule_allows() {
        let input = |key: &str| find(key).unwrap().input();
        assert_eq!(input("camera.mirror"), Input::Flag);
        assert_eq!(input("camera.fps"), Input::Number { least: 1.0, most: 240.0, is_whole: true });
        assert_eq!(input("door.fpir"), Input::Number { least: 1e-6, most: 0.1, is_whole: false });
        assert_eq!(
            input("camera.rotate"),
            Input::Choice(["0", "90", "180", "270"].map(str::to_owned).into())
        );
        assert!(matches!(input("log.level"), Input::Choice(levels) if levels.contains(&"debug".to_owned())));
        assert_eq!(input("camera.region"), Input::Text);
    }
}
