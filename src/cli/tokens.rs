//! `ostiary tokens`: creates, lists and revokes the tokens of the running door.

use std::process::ExitCode;

use anyhow::Context;
use clap::Subcommand;
use jiff::Timestamp;
use ostiary_control::CallError;
use ostiary_control::interface::{Token, VarlinkClientInterface};
use serde_json::json;

use super::Globals;
use super::clock::shown;
use super::output::{json_line, line};
use super::running_door::required_door;

/// The seconds of a day.
const DAY: i64 = 24 * 60 * 60;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  sudo ostiary tokens create Ada --role operator --days 90\n  ostiary tokens list\n  \
                        ostiary tokens revoke Ada\n\n\
                        With a token, a program such as a web console speaks for a person: it passes the token with each call to \
                        the running door (control.socket), which then allows what the role of the token does. These commands \
                        are for members of the group ostiary-admin.\n\
                        Exit code: 0 done, 1 the door refuses it, 2 an error."
)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Create a token, and print it. It cannot be shown again: the door keeps its hash only.
    ///
    /// Every event of what is done with the token has its name. Give each person and each program a token of their own.
    #[command(after_help = "Examples:\n  ostiary tokens create Ada --role operator\n  \
                            ostiary tokens create \"Ada's phone\" --role viewer --days 90")]
    Create {
        /// The name of the token, which is in the record of events.
        name: String,
        /// What its holder may do: that of the group ostiary-ROLE.
        #[arg(long, value_parser = ["viewer", "operator", "admin"])]
        role: String,
        /// The number of days after which it expires; by default it does not.
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=3650))]
        days: Option<u16>,
    },
    /// List all tokens, without what they are.
    #[command(after_help = "Example:\n  ostiary tokens list --json")]
    List,
    /// Revoke a token: it is not valid any longer.
    #[command(after_help = "Example:\n  ostiary tokens revoke Ada")]
    Revoke {
        /// The name of the token.
        name: String,
    },
}

pub fn run(globals: &Globals, args: Args) -> anyhow::Result<ExitCode> {
    let config = globals.config()?;
    let mut client = required_door(&config)?;
    let door = client.door();
    match args.verb {
        Verb::Create { name, role, days } => {
            let expires_s = days.map(|days| i64::from(days) * DAY);
            let created = door.create_token(name.clone(), role.clone(), expires_s).call();
            let token = created.map_err(CallError::from)?.token;
            if globals.json {
                json_line(&json!({ "name": name, "role": role, "token": token }))?;
            } else {
                eprintln!("Keep the token of {name} ({role}) safe: it is not shown again.");
                line(&token)?;
            }
        }
        Verb::List => {
            for token in door.list_tokens().call().map_err(CallError::from)?.tokens {
                match globals.json {
                    true => json_line(&token)?,
                    false => line(&in_words(&token)?)?,
                }
            }
        }
        Verb::Revoke { name } => {
            let revoked = door.revoke_token(name).call().map_err(CallError::from)?.revoked;
            match globals.json {
                true => json_line(&json!({ "revoked": revoked }))?,
                false => line(&format!("revoked the token {revoked}"))?,
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// `Ada: operator, created 2026-11-28 14:00 CET, expires 2027-02-26 14:00 CET`
fn in_words(token: &Token) -> anyhow::Result<String> {
    let Token { name, role, created, expires, expired } = token;
    let local = |time: &str| -> anyhow::Result<String> {
        let time: Timestamp = time.parse().with_context(|| format!("{time:?} is no time"))?;
        Ok(shown(time))
    };
    let end = match expires {
        None => "does not expire".to_owned(),
        Some(time) if *expired => format!("expired: {}", local(time)?),
        Some(time) => format!("expires {}", local(time)?),
    };
    Ok(format!("{name}: {role}, created {}, {end}", local(created)?))
}
