//! A password that somebody chooses.

/// The shortest one, characters.
pub const MIN_LENGTH: usize = 10;
/// The longest one, characters.
const MAX_LENGTH: usize = 128;

/// Why a password cannot be chosen: the identifier of a text. `None` if it can.
pub fn problem(password: &str, again: &str, name: &str) -> Option<&'static str> {
    let length = password.chars().count();
    let is_one_character = password.chars().all(|character| password.starts_with(character));
    if length < MIN_LENGTH {
        Some("password-too-short")
    } else if length > MAX_LENGTH {
        Some("password-too-long")
    } else if is_one_character || password.eq_ignore_ascii_case(name) {
        Some("password-too-easy")
    } else if password != again {
        Some("password-differs")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_has_ten_characters() {
        assert_eq!(problem("correct horse", "correct horse", "Ada"), None);
        assert_eq!(problem("\u{1f600}234567890", "\u{1f600}234567890", "Ada"), None);
        assert_eq!(problem("123456789", "123456789", "Ada"), Some("password-too-short"));
        assert_eq!(problem(&"ab".repeat(65), &"ab".repeat(65), "Ada"), Some("password-too-long"));
        assert_eq!(problem("correct horse", "correct hors", "Ada"), Some("password-differs"));
        assert_eq!(problem("aaaaaaaaaaaa", "aaaaaaaaaaaa", "Ada"), Some("password-too-easy"));
        assert_eq!(problem("ADA LOVELACE", "ADA LOVELACE", "Ada Lovelace"), Some("password-too-easy"));
    }
}
