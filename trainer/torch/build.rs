//! Passes the commit to the program. Links libtorch as a whole, because no symbol refers to its parts for a GPU, and with the path
//! from which it was linked. On another machine `LD_LIBRARY_PATH` names the libtorch of that machine.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rustc-env=OSTIARY_COMMIT={}", commit().unwrap_or_else(|| "unknown commit".into()));
    println!("cargo::rerun-if-changed=build.rs");
    // Cargo takes a missing file as changed at each build.
    for place in ["../../.git/HEAD", "../../.git/refs/heads"].iter().filter(|place| Path::new(place).exists())
    {
        println!("cargo::rerun-if-changed={place}");
    }
    if let Ok(folder) = std::env::var("DEP_TCH_LIBTORCH_LIB") {
        println!("cargo::rustc-link-arg=-Wl,-rpath,{folder}");
        println!("cargo::rustc-link-arg=-Wl,--no-as-needed");
        println!("cargo::rustc-link-arg=-ltorch");
    }
}

fn commit() -> Option<String> {
    let output = Command::new("git").args(["describe", "--always", "--dirty"]).output().ok()?;
    let name = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && !name.trim().is_empty()).then(|| name.trim().to_owned())
}
