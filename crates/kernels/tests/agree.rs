//! Compares all kernels that this host supports, including the reference, with the mathematical definition of the layers:
//! random shapes, strides, paddings, zero points and slopes.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a failure of a test helper fails the test")]

use ostiary_kernels::{
    Add, AlignedBytes, Conv, ConvShape, Depthwise, Epilogue, Gate, Isa, MaxPool, SqueezeExcite, Tensor,
    Window,
};
use proptest::collection::vec;
use proptest::prelude::*;

/// Pseudorandom random of a seed. Proptest draws the shapes; the values in them need no shrinking.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as u32
    }

    fn byte(&mut self) -> u8 {
        // Arithmetic errors show at the ends of the range.
        match self.next() % 8 {
            0 => 0,
            1 => 255,
            _ => self.next() as u8,
        }
    }

    /// `lowest`: the lowest weight, -128 or -127. The kernels of some instruction sets are others if no weight is -128.
    fn weight(&mut self, lowest: i8) -> i8 {
        match self.next() % 8 {
            0 => lowest,
            1 => i8::MAX,
            _ => (self.next() as i8).max(lowest),
        }
    }

    fn float(&mut self, from: f32, to: f32) -> f32 {
        from + (to - from) * (self.next() % 100_000) as f32 / 100_000.0
    }

    fn epilogue(&mut self, channels: usize, spread: f32) -> Epilogue {
        let linear = self.next().is_multiple_of(4);
        // Beyond the bounds of the faster rounding.
        let is_extreme = self.next().is_multiple_of(4);
        let mut lane = |from, to| (0..channels).map(|_| self.float(from, to)).collect::<Vec<_>>();
        let scale = lane(0.1 / spread, if is_extreme { 10_000.0 } else { 100.0 } / spread);
        let bias = if is_extreme {
            lane(-6e6, 6e6).into_iter().map(f64::from).collect()
        } else {
            scale.iter().zip(lane(-100.0, 100.0)).map(|(scale, bias)| f64::from(bias / scale)).collect()
        };
        Epilogue {
            scale,
            bias,
            // The slopes of trained networks.
            slope: if linear { vec![1.0; channels] } else { lane(-9.4, 8.9) },
            zero_point: (0..channels).map(|_| self.byte()).collect(),
        }
    }
}

/// A tensor and its memory: random values in the map and beyond the channels, `edge` in the border.
fn filled(
    random: &mut Random,
    mut tensor: Tensor,
    border: [usize; 4],
    edge: &[u8],
) -> (Tensor, AlignedBytes) {
    tensor.border = border;
    let mut values = AlignedBytes::new(tensor.buffer_len());
    values.iter_mut().for_each(|value| *value = random.byte());
    let mut pixel = edge.to_vec();
    pixel.resize(tensor.pitch, 0);
    tensor.fill_border(&mut values, &pixel);
    (tensor, values)
}

/// Values as the kernels of an instruction set keep them, or such values back.
fn stored(isa: Isa, values: &[u8]) -> Vec<u8> {
    values.iter().map(|value| value ^ isa.storage_mask()).collect()
}

/// The output value of a sum, by the definition.
fn requantized(epilogue: &Epilogue, channel: usize, sum: i64) -> u8 {
    let x = sum + epilogue.bias[channel].round_ties_even() as i64;
    let scale = epilogue.scale[channel] * if x < 0 { epilogue.slope[channel] } else { 1.0 };
    let y = x as f32 * scale;
    (f64::from(y) + f64::from(epilogue.zero_point[channel])).round_ties_even().clamp(0.0, 255.0) as u8
}

fn window() -> impl Strategy<Value = Window> {
    (1usize..=4, 1usize..=4, 1usize..=2, 1usize..=3, vec(0usize..=2, 4)).prop_map(
        |(kh, kw, sh, sw, padding)| Window {
            kernel: [kh, kw],
            stride: [sh, sw],
            padding: padding.try_into().unwrap(),
        },
    )
}

/// Runs a layer on all rows in two parts, as two threads do, and checks that it does not write the border. Returns the values
/// of the map.
fn run_in_two_parts<T: Copy + PartialEq + std::fmt::Debug>(
    to: &Tensor,
    untouched: T,
    mut run: impl FnMut(std::ops::Range<usize>, &mut [T]),
) -> Vec<T> {
    let mut output = vec![untouched; to.len()];
    let middle = to.total_rows() / 3;
    if to.total_rows() > 0 {
        let begin = to.row_start(middle);
        let (first, second) = output.split_at_mut(begin);
        if middle > 0 {
            run(0..middle, &mut first[to.row_start(0)..]);
        }
        run(middle..to.total_rows(), second);
    }
    let mut map = Vec::new();
    for image in 0..to.images {
        for row in 0..to.border[0] + to.height + to.border[2] {
            for column in 0..to.border[1] + to.width + to.border[3] {
                let pixel = &output[to.padded_offset(image, row, column)..][..to.pitch];
                let inside = (to.border[0]..to.border[0] + to.height).contains(&row)
                    && (to.border[1]..to.border[1] + to.width).contains(&column);
                match inside {
                    true => map.extend_from_slice(&pixel[..to.channels]),
                    false => assert!(pixel.iter().all(|value| *value == untouched), "the border was written"),
                }
            }
        }
    }
    map
}

/// Number of shapes that each test draws; `PROPTEST_CASES` lowers it for an emulated processor.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(300)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]

    #[test]
    fn convolutions_match_the_definition(
        window in window(), inputs in 1usize..70, narrow: bool, outputs in 1usize..150, images in 1usize..3,
        height in 1usize..9, width in 1usize..20, border in vec(0usize..2, 4), lowest in -128i8..=-127, seed: u64,
    ) {
        let [rows, columns] = window.output_size(height, width);
        prop_assume!(rows > 0 && columns > 0);
        let mut random = Random(seed);
        let mut from = Tensor::new(images, height, width, inputs);
        if narrow {
            from.pitch = inputs.next_multiple_of(4);
        }
        let edge: Vec<u8> = (0..inputs).map(|_| random.byte()).collect();
        let total_border = std::array::from_fn(|side| window.padding[side] + border[side]);
        let (from, input) = filled(&mut random, from, total_border, &edge);
        let mut to = Tensor::new(images, rows, columns, outputs);
        to.border = border.clone().try_into().unwrap();

        let depth = window.kernel[0] * window.kernel[1] * inputs;
        let weights: Vec<i8> = (0..outputs * depth).map(|_| random.weight(lowest)).collect();
        let epilogue = random.epilogue(outputs, 100.0 * 60.0 * (depth as f32).sqrt());
        let identity = Epilogue {
            scale: vec![1.0; outputs], bias: vec![0.0; outputs], slope: vec![1.0; outputs],
            zero_point: vec![0; outputs],
        };

        let mut sums = Vec::new();
        for image in 0..images {
            for row in 0..rows {
                for column in 0..columns {
                    for output in 0..outputs {
                        let mut sum = 0i64;
                        for tap in 0..window.kernel[0] * window.kernel[1] {
                            let (y, x) = (tap / window.kernel[1], tap % window.kernel[1]);
                            let pixel = from.padded_offset(
                                image,
                                row * window.stride[0] + y + from.border[0] - window.padding[0],
                                column * window.stride[1] + x + from.border[1] - window.padding[1],
                            );
                            for channel in 0..inputs {
                                let weight = weights[output * depth + tap * inputs + channel];
                                sum += i64::from(input[pixel + channel]) * i64::from(weight);
                            }
                        }
                        sums.push(sum);
                    }
                }
            }
        }
        let expected: Vec<u8> = sums.iter().enumerate()
            .map(|(at, sum)| requantized(&epilogue, at % outputs, *sum)).collect();
        let expected_sums: Vec<f32> = sums.iter().map(|sum| *sum as f32).collect();

        let shape = ConvShape { inputs, pitch: from.pitch, outputs, window };
        for isa in Isa::available() {
            let input = stored(isa, &input);
            let conv = Conv::new(shape, &weights, &epilogue, isa).unwrap();
            let output = run_in_two_parts(&to, 77, |rows, output| conv.run(&from, &input, &to, rows, output));
            prop_assert_eq!(stored(isa, &output), &expected[..], "{}", isa);
            let conv = Conv::new(shape, &weights, &identity, isa).unwrap();
            let output = run_in_two_parts(&to, 0.5, |rows, output| conv.run_float(&from, &input, &to, rows, output));
            prop_assert_eq!(&output, &expected_sums, "{}", isa);
        }
    }

    #[test]
    fn depthwise_convolutions_match_the_definition(
        window in window(), common: bool, channels in 1usize..200, images in 1usize..3, height in 1usize..9,
        width in 1usize..12, border in vec(0usize..2, 4), lowest in -128i8..=-127, seed: u64,
    ) {
        let window = if common { Window { kernel: [3, 3], ..window } } else { window };
        let [rows, columns] = window.output_size(height, width);
        prop_assume!(rows > 0 && columns > 0);
        let mut random = Random(seed);
        let edge: Vec<u8> = (0..channels).map(|_| random.byte()).collect();
        let total_border = std::array::from_fn(|side| window.padding[side] + border[side]);
        let (from, input) = filled(&mut random, Tensor::new(images, height, width, channels), total_border, &edge);
        let mut to = Tensor::new(images, rows, columns, channels);
        to.border = border.clone().try_into().unwrap();
        let kernel_size = window.kernel[0] * window.kernel[1];
        let weights: Vec<i8> = (0..channels * kernel_size).map(|_| random.weight(lowest)).collect();
        let epilogue = random.epilogue(channels, 100.0 * 60.0 * (kernel_size as f32).sqrt());

        let mut expected = Vec::new();
        for image in 0..images {
            for row in 0..rows {
                for column in 0..columns {
                    for channel in 0..channels {
                        let sum = (0..kernel_size).map(|tap| {
                            let (y, x) = (tap / window.kernel[1], tap % window.kernel[1]);
                            let pixel = from.padded_offset(
                                image,
                                row * window.stride[0] + y + from.border[0] - window.padding[0],
                                column * window.stride[1] + x + from.border[1] - window.padding[1],
                            );
                            i64::from(input[pixel + channel]) * i64::from(weights[channel * kernel_size + tap])
                        }).sum();
                        expected.push(requantized(&epilogue, channel, sum));
                    }
                }
            }
        }
        for isa in Isa::available() {
            let depthwise = Depthwise::new(channels, window, &weights, &epilogue, isa).unwrap();
            let input = stored(isa, &input);
            let output = run_in_two_parts(&to, 77, |rows, output| depthwise.run(&from, &input, &to, rows, output));
            prop_assert_eq!(stored(isa, &output), &expected[..], "{}", isa);
        }
    }

    #[test]
    fn sums_match_the_definition(
        channels in 1usize..100, images in 1usize..3, height in 1usize..6, width in 1usize..8,
        borders in vec(0usize..2, 12), largest in prop_oneof![Just(1.99f32), Just(100.0)], seed: u64,
    ) {
        let mut random = Random(seed);
        let plain = Tensor::new(images, height, width, channels);
        let border = |first: usize| <[usize; 4]>::try_from(&borders[first..first + 4]).unwrap();
        let edge = vec![9; channels];
        let (a, a_values) = filled(&mut random, plain, border(0), &edge);
        let (b, b_values) = filled(&mut random, plain, border(4), &edge);
        let to = Tensor { border: border(8), ..plain };
        let mut lane = |from, to| (0..channels).map(|_| random.float(from, to)).collect::<Vec<_>>();
        let (a_scale, b_scale, offset) = (lane(0.0, largest), lane(0.0, largest), lane(-200.0, 200.0));
        let largest = a_scale.iter().chain(&b_scale).fold(0.0f32, |largest, scale| largest.max(*scale));
        // Scales have 16 bits with the sign: as many after the point as fit, and at most 14.
        let fits = |unit: &f64| (f64::from(largest) * unit).round() < 32768.0;
        let unit = (0..15).rev().map(|bits| f64::from(1 << bits)).find(fits).unwrap();

        let mut expected = Vec::new();
        for image in 0..images {
            for (row, column) in (0..height).flat_map(|row| (0..width).map(move |column| (row, column))) {
                for c in 0..channels {
                    let [x, y] = [a_values[a.pixel_offset(image, row, column) + c], b_values[b.pixel_offset(image, row, column) + c]]
                        .map(f64::from);
                    let [a_scale, b_scale, offset] = [a_scale[c], b_scale[c], offset[c]]
                        .map(|value| (f64::from(value) * unit).round() / unit);
                    let sum = x * a_scale + y * b_scale + offset;
                    expected.push((sum + 0.5).floor().clamp(0.0, 255.0) as u8);
                }
            }
        }
        for isa in Isa::available() {
            let add = Add::new(&a_scale, &b_scale, &offset, isa).unwrap();
            let [a_values, b_values] = [&a_values, &b_values].map(|values| stored(isa, values));
            let output = run_in_two_parts(&to, 77, |rows, output| {
                add.run([(&a, &a_values), (&b, &b_values)], &to, rows, output);
            });
            prop_assert_eq!(stored(isa, &output), &expected[..], "{}", isa);
        }
    }

    #[test]
    fn pools_give_the_maximum(
        kernel in 1usize..4, stride in 1usize..3, reach in 0usize..2, channels in 1usize..70, height in 2usize..9,
        width in 2usize..9, seed: u64,
    ) {
        let mut random = Random(seed);
        let padding = [0, 0, reach.min(kernel - 1), reach.min(kernel - 1)];
        let window = Window { kernel: [kernel, kernel], stride: [stride, stride], padding };
        let [rows, columns] = window.output_size(height, width);
        prop_assume!(rows > 0 && columns > 0);
        let (from, input) = filled(&mut random, Tensor::new(2, height, width, channels), [1, 0, 2, 1], &vec![255; channels]);
        let to = Tensor { border: [1, 1, 0, 0], ..Tensor::new(2, rows, columns, channels) };
        let mut expected = Vec::new();
        for image in 0..2 {
            for (row, column) in (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column))) {
                for c in 0..channels {
                    let lines = row * stride..(row * stride + kernel).min(height);
                    let maximum = lines.flat_map(|line| {
                        (column * stride..(column * stride + kernel).min(width)).map(move |x| (line, x))
                    }).map(|(line, x)| input[from.pixel_offset(image, line, x) + c]).max();
                    expected.push(maximum.unwrap_or(0));
                }
            }
        }
        for isa in Isa::available() {
            let input = stored(isa, &input);
            let pool = MaxPool::new(window, isa);
            let output = run_in_two_parts(&to, 77, |rows, output| pool.run(&from, &input, &to, rows, output));
            prop_assert_eq!(stored(isa, &output), &expected[..], "{}", isa);
        }
    }

    #[test]
    fn gates_match_the_definition_and_are_equal_on_all_instruction_sets(
        channels in 1usize..100, hidden in 1usize..40, images in 1usize..3, height in 1usize..6, width in 1usize..8,
        borders in vec(0usize..2, 8), seed: u64,
    ) {
        let mut random = Random(seed);
        let plain = Tensor::new(images, height, width, channels);
        let border = |first: usize| <[usize; 4]>::try_from(&borders[first..first + 4]).unwrap();
        let (from, input) = filled(&mut random, plain, border(0), &vec![9; channels]);
        let to = Tensor { border: border(4), ..plain };
        let mut floats = |count: usize, from, to| (0..count).map(|_| random.float(from, to)).collect::<Vec<_>>();
        let gate = Gate {
            squeeze: floats(channels * hidden, -0.02, 0.02),
            squeeze_bias: floats(hidden, -1.0, 1.0),
            excite: floats(channels * hidden, -1.0, 1.0),
            excite_bias: floats(channels, -2.0, 2.0),
            scale: floats(channels, 0.1, 2.0),
            zero_point: floats(channels, 0.0, 255.0),
            output_zero_point: floats(channels, 0.0, 255.0),
        };

        let mut expected = Vec::new();
        for image in 0..images {
            let positions = || (0..height).flat_map(|row| (0..width).map(move |column| (row, column)));
            let value = |(row, column), c| f64::from(input[from.pixel_offset(image, row, column) + c]);
            let means: Vec<f64> = (0..channels)
                .map(|c| positions().map(|position| value(position, c)).sum::<f64>() / (height * width) as f64)
                .collect();
            let product = |matrix: &[f32], values: &[f64], bias: &[f32]| -> Vec<f64> {
                let rows = matrix.chunks_exact(values.len()).zip(bias);
                rows.map(|(weights, bias)| {
                    weights.iter().zip(values).map(|(weight, value)| f64::from(*weight) * value).sum::<f64>()
                        + f64::from(*bias)
                }).collect()
            };
            let squeezed = product(&gate.squeeze, &means, &gate.squeeze_bias);
            let squeezed: Vec<f64> = squeezed.iter().map(|value| value.max(0.0)).collect();
            let excited = product(&gate.excite, &squeezed, &gate.excite_bias);
            for position in positions() {
                for (c, excited) in excited.iter().enumerate() {
                    let factor = f64::from(gate.scale[c]) / (1.0 + (-excited).exp());
                    let y = (value(position, c) - f64::from(gate.zero_point[c])) * factor;
                    expected.push((y + f64::from(gate.output_zero_point[c])).clamp(0.0, 255.0));
                }
            }
        }
        let mut reference = None;
        for isa in Isa::available() {
            let layer = SqueezeExcite::new(&gate, isa).unwrap();
            let input = stored(isa, &input);
            let output = run_in_two_parts(&to, 77, |rows, output| layer.run(&from, &input, &to, rows, output));
            let output = stored(isa, &output);
            for (value, expected) in output.iter().zip(&expected) {
                // The definition is computed in 64 bits, and a value between two bytes can be rounded to either.
                prop_assert!((f64::from(*value) - expected).abs() < 0.51, "{} is not {} ({})", value, expected, isa);
            }
            prop_assert_eq!(&output, reference.get_or_insert_with(|| output.clone()), "{}", isa);
        }
    }
}

#[test]
fn the_requested_instruction_set_is_tested() {
    // The tests must not pass because an emulated processor lacks the instruction set that they are meant to test.
    if let Ok(requested) = std::env::var("OSTIARY_TEST_ISA") {
        assert_eq!(Isa::best().to_string(), requested);
    }
}

#[test]
fn a_processor_with_avx2_also_tests_the_kernels_for_those_without_it() {
    let available: Vec<Isa> = Isa::available().collect();
    assert!(!available.contains(&Isa::Avx2) || available.contains(&Isa::Sse41), "{available:?}");
}
