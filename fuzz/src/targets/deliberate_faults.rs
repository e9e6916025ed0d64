//! Fails in each way that the fuzzer must detect. For tests of the fuzzer.

use std::time::Duration;

use super::Target;

pub const TARGET: Target = Target {
    name: "deliberate-faults",
    about: "fails in each way that the fuzzer must detect",
    run,
    seeds: || Ok(["none", "panic", "abort", "overflow", "hang", "memory"].map(|fault| fault.into()).to_vec()),
    dictionary: &[],
    max_len: 16,
};

fn run(data: &[u8]) {
    match data {
        b"panic" => panic!("a deliberate panic"),
        b"abort" => std::process::abort(),
        b"overflow" => println!("{}", recurse(1)),
        b"hang" => std::thread::sleep(Duration::from_secs(3600)),
        b"memory" => println!("{}", vec![1u8; 1 << 44].len()),
        _ => {}
    }
}

/// Calls itself until the stack overflows.
fn recurse(depth: u64) -> u64 {
    let result = if std::hint::black_box(depth) == 0 { 0 } else { recurse(depth + 1) };
    std::hint::black_box(result) + 1
}
