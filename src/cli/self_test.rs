//! `ostiary models-self-test`: the process in which models are tested. Only other commands and the daemon start it.

use std::io::{self, Write};
use std::process::ExitCode;

use ostiary_self_test::{SelfTest, SelfTestRequest, perform};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to test, as JSON.
    #[arg(value_parser = parse_order)]
    order: SelfTestRequest,
}

pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    args.order.apply_limits()?;
    // A stage that cannot be reported does not end the test. Without the last line the test counts as failed.
    let mut report = |stage: &str| drop(writeln!(io::stdout(), "{stage}"));
    perform(&args.order, &mut report)?;
    report(SelfTest::DONE);
    Ok(ExitCode::SUCCESS)
}

fn parse_order(text: &str) -> serde_json::Result<SelfTestRequest> {
    serde_json::from_str(text)
}
