//! One-time codes, which people type.

use std::fmt;

use crate::sealing::{SealingError, random};

/// Letters and digits that are not taken for one another: no I, L, O, U. 32 of them, so that each has 5 bits.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// The characters of a code: 50 bits.
const LENGTH: usize = 10;

/// A one-time code.
pub struct Code(String);

impl Code {
    /// A random one.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub fn new() -> Result<Self, SealingError> {
        let bytes: [u8; LENGTH] = random()?;
        let character = |byte: u8| ALPHABET.get(usize::from(byte % 32)).copied().map(char::from);
        Ok(Self(bytes.into_iter().filter_map(character).collect()))
    }

    /// Reads what a person typed: small letters, spaces and dashes too, and O, I and L for the digits that they look like.
    pub fn read(typed: &str) -> Option<Self> {
        if typed.len() > 64 {
            return None;
        }
        let read = |character: char| match character.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        };
        let is_kept = |character: &char| !character.is_whitespace() && *character != '-';
        let code: String = typed.chars().filter(is_kept).map(read).collect();
        let is_good = code.len() == LENGTH && code.bytes().all(|byte| ALPHABET.contains(&byte));
        is_good.then_some(Self(code))
    }

    /// The characters without the dash, from which the key is derived.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// In two groups: `ABCDE-FGHJK`
impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, second) = self.0.split_at(LENGTH / 2);
        write!(f, "{first}-{second}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_as_people_type_it() {
        let code = Code::new().unwrap();
        assert_eq!(Code::read(&code.to_string()).unwrap().as_str(), code.as_str());
        assert_eq!(
            Code::read(&format!(" {} ", code.to_string().to_lowercase())).unwrap().as_str(),
            code.as_str()
        );
        assert_eq!(Code::read("oil23-abcde").unwrap().as_str(), "01123ABCDE");
        for wrong in
            ["", "ABCDE", "ABCDE-FGHJKM", "ABCDE-FGHJU", "\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}", &"A".repeat(1000)]
        {
            assert!(Code::read(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn codes_differ() {
        let codes: std::collections::BTreeSet<_> =
            (0..100).map(|_| Code::new().unwrap().to_string()).collect();
        assert_eq!(codes.len(), 100);
    }
}
