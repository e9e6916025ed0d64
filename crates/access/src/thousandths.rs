//! Numbers for the record, as short as their use allows.

/// A number rounded to thousandths. More digits would only make the record of a visit longer, which has room for 4 kB.
pub fn thousandths(number: f32) -> f32 {
    (number * 1000.0).round() / 1000.0
}
