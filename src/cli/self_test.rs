//! `ostiary models-self-test`: the process in which models are tested. Only other commands and the daemon start it.

use std::io::{self, Write};
use std::process::ExitCode;

use ostiary_self_test::{SelfTest, SelfTestError, SelfTestRequest, perform};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to test, as JSON.
    #[arg(value_parser = parse_request)]
    request: SelfTestRequest,
}

pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    match test(&args.request) {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(error) => {
            eprintln!("error: {error}");
            let is_failed = error.is_refusal();
            Ok(ExitCode::from(if is_failed { SelfTest::EXIT_FAILED } else { SelfTest::EXIT_NOT_TESTED }))
        }
    }
}

fn test(request: &SelfTestRequest) -> Result<(), SelfTestError> {
    request.apply_limits()?;
    // A stage that cannot be reported does not end the test. Without the last line the test counts as failed.
    let mut report = |stage: &str| drop(writeln!(io::stdout(), "{stage}"));
    perform(request, &mut report)?;
    report(SelfTest::DONE);
    Ok(())
}

fn parse_request(text: &str) -> serde_json::Result<SelfTestRequest> {
    serde_json::from_str(text)
}
