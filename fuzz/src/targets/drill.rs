//! Fails in each way that there is, to try the harness itself.

use std::time::Duration;

use super::Target;

pub const TARGET: Target = Target {
    name: "drill",
    about: "fails in each way that there is",
    run,
    seeds: || Ok(["fine", "panic", "abort", "overflow", "hang", "memory"].map(|way| way.into()).to_vec()),
    words: &[],
    most: 16,
};

fn run(data: &[u8]) {
    match data {
        b"panic" => panic!("a drill"),
        b"abort" => std::process::abort(),
        b"overflow" => println!("{}", depth(1)),
        b"hang" => std::thread::sleep(Duration::from_secs(3600)),
        b"memory" => println!("{}", vec![1u8; 1 << 44].len()),
        _ => {}
    }
}

/// Calls itself until the stack is full.
fn depth(from: u64) -> u64 {
    let deeper = if std::hint::black_box(from) == 0 { 0 } else { depth(from + 1) };
    std::hint::black_box(deeper) + 1
}
