//! Links all of libtorch, whose parts for a GPU no symbol asks for, and lets the program find it where it was linked from. On
//! another machine `LD_LIBRARY_PATH` names that machine's.

fn main() {
    if let Ok(folder) = std::env::var("DEP_TCH_LIBTORCH_LIB") {
        println!("cargo::rustc-link-arg=-Wl,-rpath,{folder}");
        println!("cargo::rustc-link-arg=-Wl,--no-as-needed");
        println!("cargo::rustc-link-arg=-ltorch");
    }
}
