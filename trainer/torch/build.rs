//! Says of what commit the program is; and links all of libtorch, whose parts for a GPU no symbol asks for, so that the program
//! finds it where it was linked from. On another machine `LD_LIBRARY_PATH` names that machine's.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rustc-env=OSTIARY_COMMIT={}", commit().unwrap_or_else(|| "of no commit".into()));
    println!("cargo::rerun-if-changed=build.rs");
    // A file that is not there would be taken for changed each time.
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
