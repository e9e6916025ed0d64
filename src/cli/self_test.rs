//! `ostiary models-self-test`: the process in which models are tested. Other verbs and the daemon start it; people do not.

use std::io::{self, Write};
use std::process::ExitCode;

use ostiary_self_test::{SelfTest, SelfTestRequest, perform};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to test, as JSON.
    #[arg(value_parser = order)]
    order: SelfTestRequest,
}

pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    args.order.apply_limits()?;
    // That nobody reads a stage is no reason to end; without the last line the test counts as failed.
    let mut say = |stage: &str| drop(writeln!(io::stdout(), "{stage}"));
    perform(&args.order, &mut say)?;
    say(SelfTest::DONE);
    Ok(ExitCode::SUCCESS)
}

fn order(text: &str) -> serde_json::Result<SelfTestRequest> {
    serde_json::from_str(text)
}
