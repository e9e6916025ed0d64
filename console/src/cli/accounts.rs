//! `ostiary console accounts`: lists and removes accounts.

use clap::Subcommand;
use jiff::Timestamp;
use ostiary_core::fold_name;
use serde_json::json;

use super::globals::Globals;
use super::output::{Refusal, json_line, line};
use super::owner::{become_owner, connect};
use super::pair::{remove_ended_codes, revoke};
use crate::clock;
use crate::store::Store;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  sudo ostiary console accounts\n  sudo ostiary console accounts remove Ada\n\n\
                  Who has forgotten the password gets a new account: remove the old one, and pair the browser again.\n\
                  Exit code: 0 done, 1 refused, 2 an error."
)]
pub struct Args {
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List all accounts, and the codes that wait.
    List,
    /// Remove an account, and revoke its token: it cannot do anything from then on.
    Remove {
        /// The name of the account.
        #[arg(value_name = "NAME")]
        account: String,
    },
}

pub fn run(globals: &Globals, args: Args) -> anyhow::Result<()> {
    match args.verb {
        None | Some(Verb::List) => list(globals),
        Some(Verb::Remove { account }) => remove(globals, &account),
    }
}

fn list(globals: &Globals) -> anyhow::Result<()> {
    let folder = globals.state()?;
    become_owner(&folder)?;
    let store = Store::open(&folder)?;
    let time = |seconds| Timestamp::from_second(seconds).unwrap_or_default().to_string();
    for account in store.accounts()? {
        let (name, role, created) = (account.name, account.role, time(account.created));
        let used = store.sessions(account.id)?.first().map(|(_, used)| time(*used));
        match globals.json {
            true => json_line(&json!({ "name": name, "role": role, "created": created, "used": used }))?,
            false => {
                let used =
                    used.map_or_else(|| "not signed in".to_owned(), |used| format!("last used {used}"));
                line(&format!("{name}: {role}, created {created}, {used}"))?;
            }
        }
    }
    for pairing in store.pairings()?.into_iter().filter(|pairing| pairing.is_valid(clock::now())) {
        match globals.json {
            true => json_line(&json!({ "waits": pairing.name, "role": pairing.role }))?,
            false => line(&format!("{}: {}, a code waits for a browser", pairing.name, pairing.role))?,
        }
    }
    Ok(())
}

fn remove(globals: &Globals, name: &str) -> anyhow::Result<()> {
    let config = globals.config()?;
    let folder = globals.state()?;
    let mut client = connect(&config)?;
    become_owner(&folder)?;
    let store = Store::open(&folder)?;
    let waits = store.pairings()?.iter().any(|pairing| fold_name(&pairing.name) == fold_name(name));
    remove_ended_codes(&store, &mut client, name, clock::now())?;
    let account = store.account(&fold_name(name))?;
    if account.is_none() && !waits {
        let missing =
            format!("there is no account with the name {name:?}; `ostiary console accounts` lists all");
        return Err(Refusal(missing).into());
    }
    let name = account.as_ref().map_or(name, |account| &account.name).to_owned();
    if let Some(account) = account {
        // First at the door: without its token the account can do nothing.
        revoke(&mut client, &name)?;
        store.remove_account(account.id)?;
    }
    match globals.json {
        true => json_line(&json!({ "removed": name }))?,
        false => line(&format!("removed the account {name}"))?,
    }
    Ok(())
}
