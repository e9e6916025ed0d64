use clap::{Parser, Subcommand};
mod evaluate;
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}
#[derive(Subcommand)]
enum Verb {
    Evaluate(evaluate::Args),
}
fn main() -> anyhow::Result<std::process::ExitCode> {
    match Cli::parse().verb {
        Verb::Evaluate(a) => evaluate::run(a),
    }
}
