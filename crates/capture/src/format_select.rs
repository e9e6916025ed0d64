//! The choice among the formats, sizes and rates that a camera offers.

use std::cmp::Reverse;

use ostiary_config::{Camera, PixelFormat};

/// The formats that can be converted, with their FourCC. Preferred formats first: least computation and least loss.
pub const FORMATS: [(PixelFormat, &[u8; 4]); 5] = [
    (PixelFormat::Yuyv, b"YUYV"),
    (PixelFormat::Nv12, b"NV12"),
    (PixelFormat::Rgb3, b"RGB3"),
    (PixelFormat::Grey, b"GREY"),
    (PixelFormat::Mjpg, b"MJPG"),
];

/// A format with a size and its rates.
#[derive(Debug, Clone, PartialEq)]
pub struct FormatOffer {
    pub format: PixelFormat,
    pub width: u32,
    pub height: u32,
    /// Frames per second; empty if the camera does not list them.
    pub rates: Vec<f64>,
}

/// A range of sizes that a camera scales to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct SizeRange {
    /// Pixels.
    pub min_width: u32,
    /// Pixels.
    pub max_width: u32,
    /// Pixels between two widths.
    pub step_width: u32,
    /// Pixels.
    pub min_height: u32,
    /// Pixels.
    pub max_height: u32,
    /// Pixels between two heights.
    pub step_height: u32,
}

impl SizeRange {
    /// The size in the range that is nearest to the wanted one, width and height.
    pub fn nearest(&self, width: u32, height: u32) -> (u32, u32) {
        (
            nearest_step(width, self.min_width, self.max_width, self.step_width),
            nearest_step(height, self.min_height, self.max_height, self.step_height),
        )
    }
}

fn nearest_step(wanted: u32, min: u32, max: u32, step: u32) -> u32 {
    let (max, step) = (max.max(min), step.max(1));
    let above = wanted.clamp(min, max) - min;
    let steps = (above / step) + u32::from(above % step > step / 2);
    min + steps.min((max - min) / step) * step
}

/// A rate of at least this share of the wanted one is enough: cameras report 29.97 for 30.
const RATE_TOLERANCE: f64 = 0.95;

/// The best offer, and the rate to request; `None` if no offer has the wanted format.
///
/// The size nearest to the wanted one is best. Among offers of that size, those that reach the wanted rate are better, in the
/// order of [`FORMATS`]. If none reaches it, the fastest is best.
pub fn choose<'a>(offers: &'a [FormatOffer], wanted: &Camera) -> Option<(&'a FormatOffer, f64)> {
    let allowed = |offer: &&FormatOffer| match wanted.format {
        PixelFormat::Auto => true,
        format => offer.format == format,
    };
    let fps = f64::from(wanted.fps.max(1));
    let rank = |(offer, rate): &(&FormatOffer, f64)| {
        let distance =
            u64::from(offer.width.abs_diff(wanted.width)) + u64::from(offer.height.abs_diff(wanted.height));
        let reached = if *rate >= fps * RATE_TOLERANCE { u64::MAX } else { (rate * 1000.0) as u64 };
        let order = FORMATS.iter().position(|(format, _)| *format == offer.format);
        (distance, Reverse(reached), order)
    };
    offers.iter().filter(allowed).map(|offer| (offer, best_rate(&offer.rates, fps))).min_by_key(rank)
}

/// The slowest rate that reaches the wanted one, otherwise the fastest.
fn best_rate(rates: &[f64], fps: f64) -> f64 {
    let reaching = rates.iter().copied().filter(|rate| *rate >= fps * RATE_TOLERANCE);
    reaching.min_by(f64::total_cmp).or_else(|| rates.iter().copied().max_by(f64::total_cmp)).unwrap_or(fps)
}

/// A rate rounded to two decimals, for messages: 30, 29.97.
pub fn rounded_rate(rate: f64) -> f64 {
    (rate * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn offer(format: PixelFormat, width: u32, height: u32, rates: &[f64]) -> FormatOffer {
        FormatOffer { format, width, height, rates: rates.to_vec() }
    }

    fn wanted(width: u32, height: u32, fps: u32) -> Camera {
        Camera { width, height, fps, ..Camera::default() }
    }

    /// The offers of a common USB 2 camera: large uncompressed video is slow.
    fn webcam() -> Vec<FormatOffer> {
        vec![
            offer(PixelFormat::Mjpg, 640, 480, &[30.0, 15.0]),
            offer(PixelFormat::Mjpg, 1280, 720, &[60.0, 30.0]),
            offer(PixelFormat::Yuyv, 640, 480, &[30.0, 15.0, 5.0]),
            offer(PixelFormat::Yuyv, 1280, 720, &[10.0, 5.0]),
        ]
    }

    #[test]
    fn an_uncompressed_format_is_chosen_if_it_is_fast_enough() {
        let offers = webcam();
        let (chosen, rate) = choose(&offers, &wanted(640, 480, 30)).unwrap();
        assert_eq!((chosen.format, chosen.width, rate), (PixelFormat::Yuyv, 640, 30.0));
        let (chosen, rate) = choose(&offers, &wanted(640, 480, 10)).unwrap();
        assert_eq!((chosen.format, rate), (PixelFormat::Yuyv, 15.0));
    }

    #[test]
    fn mjpg_is_chosen_if_only_it_is_fast_enough() {
        let offers = webcam();
        let (chosen, rate) = choose(&offers, &wanted(1280, 720, 30)).unwrap();
        assert_eq!((chosen.format, chosen.width, rate), (PixelFormat::Mjpg, 1280, 30.0));
        let (chosen, rate) = choose(&offers, &wanted(640, 480, 120)).unwrap();
        assert_eq!(
            (chosen.format, rate),
            (PixelFormat::Yuyv, 30.0),
            "none reaches the rate: same rate, and uncompressed"
        );
    }

    #[test]
    fn a_configured_format_is_chosen_with_the_nearest_size() {
        let offers = webcam();
        let camera = Camera { format: PixelFormat::Yuyv, ..wanted(1200, 700, 30) };
        let (chosen, rate) = choose(&offers, &camera).unwrap();
        assert_eq!((chosen.format, chosen.width, rate), (PixelFormat::Yuyv, 1280, 10.0));
        assert!(choose(&offers, &Camera { format: PixelFormat::Nv12, ..camera }).is_none());
    }

    #[test]
    fn ntsc_rates_are_enough_and_unknown_rates_are_assumed_to_be() {
        let offers = [
            offer(PixelFormat::Yuyv, 640, 480, &[30000.0 / 1001.0]),
            offer(PixelFormat::Mjpg, 640, 480, &[60.0]),
        ];
        assert_eq!(choose(&offers, &wanted(640, 480, 30)).unwrap().0.format, PixelFormat::Yuyv);
        let offers = [offer(PixelFormat::Grey, 640, 480, &[])];
        assert_eq!(choose(&offers, &wanted(640, 480, 30)).unwrap().1, 30.0);
    }

    proptest! {
        #[test]
        fn the_nearest_size_is_in_the_range(
            min in 1u32..500, span in 0u32..3000, step in 0u32..70, wanted in 0u32..5000,
        ) {
            let range = SizeRange {
                min_width: min, max_width: min + span, step_width: step,
                min_height: min, max_height: min + span, step_height: step,
            };
            let (width, height) = range.nearest(wanted, wanted);
            prop_assert_eq!(width, height);
            prop_assert!((min..=min + span).contains(&width));
            prop_assert_eq!((width - min) % step.max(1), 0);
            let best = (min..=min + span).step_by(step.max(1) as usize).map(|at| at.abs_diff(wanted)).min();
            prop_assert_eq!(Some(width.abs_diff(wanted)), best);
        }

        #[test]
        fn no_offer_has_a_nearer_size_than_the_chosen_one(
            sizes in prop::collection::vec((1u32..2000, 1u32..2000, 1.0f64..90.0), 1..10),
            width in 1u32..2000, height in 1u32..2000, fps in 0u32..60,
        ) {
            let offers: Vec<FormatOffer> =
                sizes.iter().map(|(w, h, rate)| offer(PixelFormat::Mjpg, *w, *h, &[*rate])).collect();
            let (chosen, _) = choose(&offers, &wanted(width, height, fps)).unwrap();
            let distance = |offer: &FormatOffer| offer.width.abs_diff(width) + offer.height.abs_diff(height);
            prop_assert!(offers.iter().all(|offer| distance(chosen) <= distance(offer)));
        }
    }
}
