//! Generates the types and traits of the control API from its description.

fn main() {
    varlink_generator::cargo_build("src/io.ostiary.Door.varlink");
}
