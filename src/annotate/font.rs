//! Text in the bitmap fonts of `embedded-graphics`.

use std::convert::Infallible;

use embedded_graphics::mono_font::{
    MonoFont, MonoTextStyle, iso_8859_1, iso_8859_2, iso_8859_4, iso_8859_5, iso_8859_7, iso_8859_9,
    iso_8859_16,
};
use embedded_graphics::pixelcolor::Rgb888;
use embedded_graphics::prelude::*;
use embedded_graphics::text::Baseline;
use embedded_graphics::text::renderer::TextRenderer;

use super::canvas::Canvas;

/// Latin of western, central, northern and south-eastern Europe and of Turkey, Cyrillic and Greek. All have the same size and
/// design, so that a name can use several.
const FONTS: [&MonoFont<'static>; 7] = [
    &iso_8859_1::FONT_10X20,
    &iso_8859_2::FONT_10X20,
    &iso_8859_4::FONT_10X20,
    &iso_8859_16::FONT_10X20,
    &iso_8859_9::FONT_10X20,
    &iso_8859_5::FONT_10X20,
    &iso_8859_7::FONT_10X20,
];
/// The size of every character.
const CHARACTER_SIZE: Size = iso_8859_1::FONT_10X20.character_size;
/// The character that the fonts draw for one that they do not have.
const REPLACEMENT: char = '?';
/// Longer labels are truncated. A name with its score is shorter.
const MAX_CHARACTERS: usize = 1000;

/// The size of a text.
pub fn size(text: &str) -> Size {
    Size::new(characters(text).count() as u32 * CHARACTER_SIZE.width, CHARACTER_SIZE.height)
}

/// Writes a text with its top-left corner at `at`.
pub fn write(canvas: &mut Canvas, text: &str, mut at: Point, color: Rgb888) -> Result<(), Infallible> {
    for character in characters(text) {
        let style = MonoTextStyle::new(font_of(character), color);
        at = style.draw_string(character.encode_utf8(&mut [0; 4]), at, Baseline::Top, canvas)?;
    }
    Ok(())
}

/// The characters that are drawn. Combining accents are left out, because the fonts do not have them.
fn characters(text: &str) -> impl Iterator<Item = char> {
    text.chars().filter(|character| !('\u{300}'..='\u{36f}').contains(character)).take(MAX_CHARACTERS)
}

/// The first font that has the character; otherwise the first font, which draws [`REPLACEMENT`].
fn font_of(character: char) -> &'static MonoFont<'static> {
    let has = |font: &MonoFont| {
        font.glyph_mapping.index(character) != font.glyph_mapping.index(REPLACEMENT)
            || character == REPLACEMENT
    };
    FONTS.into_iter().find(|font| has(font)).unwrap_or(&iso_8859_1::FONT_10X20)
}

#[cfg(test)]
mod tests {
    use ostiary_core::Frame;

    use super::*;

    fn written(text: &str) -> Vec<u8> {
        let mut frame = Frame::from_rgb(100, 20, vec![0; 6000]).unwrap();
        write(&mut Canvas::new(&mut frame), text, Point::zero(), Rgb888::WHITE).unwrap();
        frame.rgb().to_vec()
    }

    #[test]
    fn names_of_many_languages_are_written() {
        let missing = written("?");
        for name in ["Zoë", "Łukasz", "Dvořák", "Jürgen", "Ģirts", "Țepeș", "Işık", "Женя", "Ελένη"]
        {
            for letter in name.chars() {
                let letter = written(&letter.to_string());
                assert!(letter != missing && letter.contains(&255), "a letter of {name}");
            }
        }
        assert_ne!(written("Zoë"), written("Zoe"));
    }

    #[test]
    fn a_missing_character_is_replaced_and_a_combining_accent_is_left_out() {
        assert_eq!(written("美\n"), written("??"));
        assert_eq!(written("Zoe\u{308}"), written("Zoe"));
        assert_eq!(size("Zoe\u{308}"), Size::new(30, 20));
    }

    #[test]
    fn all_fonts_have_the_same_size() {
        assert!(
            FONTS.iter().all(|font| font.character_size == CHARACTER_SIZE && font.character_spacing == 0)
        );
    }
}
