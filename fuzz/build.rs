//! Lets the program find libtorch where the workspace is built with the trainer's feature torch: what a build script says of
//! linking holds for its own package alone, so that the trainer's does not reach here.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=LIBTORCH");
    if let Ok(folder) = std::env::var("LIBTORCH") {
        println!("cargo::rustc-link-arg=-Wl,-rpath,{folder}/lib");
    }
}
