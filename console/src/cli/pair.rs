//! `ostiary console pair`: a one-time code for a browser.

use anyhow::Context;
use ostiary_control::interface::{CreateToken_Reply, RevokeToken_Reply};
use ostiary_control::{CallError, Client};
use ostiary_core::{PersonName, fold_name};
use serde_json::{Value, json};

use super::globals::Globals;
use super::output::{Refusal, json_line, line};
use super::owner::{become_owner, connect};
use super::terminal_qr::qr_code;
use crate::certificate::Certificate;
use crate::clock;
use crate::code::Code;
use crate::sealing::{Key, Purpose};
use crate::store::{CODE_TIME, MAX_ACCOUNTS, Store};
use crate::token_name::token_name;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  sudo ostiary console pair\n  sudo ostiary console pair --name Ada --role operator\n\n\
                  Asks the running door for a token, and prints a code, with which a browser gets it. The code is valid for ten \
                  minutes, once. Scan the QR code with a phone, or open the address and type the code. The browser warns of a \
                  certificate that it does not know: compare the fingerprint.\n\
                  Exit code: 0 done, 1 refused, 2 an error."
)]
pub struct Args {
    /// The name of the account. It is in the record of what is done with it.
    #[arg(long, default_value = "owner")]
    name: String,
    /// What the account may do: that of the group ostiary-ROLE.
    #[arg(long, value_parser = ["viewer", "operator", "admin"], default_value = "admin")]
    role: String,
}

pub fn run(globals: &Globals, args: Args) -> anyhow::Result<()> {
    let config = globals.config()?;
    let folder = globals.state()?;
    let name = PersonName::new(&args.name).map_err(|error| Refusal(error.to_string()))?.to_string();
    let token_name = token_name(&name);
    PersonName::new(&token_name).map_err(|_| Refusal(format!("{name:?} is too long for a name")))?;
    let mut client = connect(&config)?;
    become_owner(&folder)?;
    let store = Store::open(&folder)?;
    let now = clock::now();
    remove_ended_codes(&store, &mut client, &name, now)?;
    let folded = fold_name(&name);
    if store.account(&folded)?.is_some() {
        return Err(Refusal(format!(
            "there is an account with the name {name}: remove it first with `ostiary console accounts remove`, or give \
             another name with --name"
        ))
        .into());
    }
    if store.accounts()?.len() >= MAX_ACCOUNTS {
        return Err(Refusal(format!("there are {MAX_ACCOUNTS} accounts already: remove some first")).into());
    }
    let certificate = Certificate::load(&config, &folder, now)?;
    let code = Code::new()?;
    let key = Key::of_password(code.as_str(), &store.salt()?)?;
    let parameters = json!({ "name": token_name, "role": args.role });
    let CreateToken_Reply { token } = client.call("CreateToken", parameters, None)?;
    let sealed = key.seal(&token, Purpose::Code, &name)?;
    if let Err(error) = store.add_pairing((&name, &folded), &args.role, &sealed, now) {
        // Nobody could use the token.
        let _ = revoke(&mut client, &name);
        return Err(error.into());
    }
    let address = config.console_address();
    if globals.json {
        let fingerprint = certificate.fingerprint().to_string();
        json_line(&json!({
            "name": name, "role": args.role, "url": format!("{address}/pair"), "code": code.to_string(),
            "valid_s": CODE_TIME, "fingerprint": fingerprint,
        }))?;
        return Ok(());
    }
    if let Some(warning) = certificate.warning(now) {
        eprintln!("warning: {warning}");
    }
    if let Some(qr) = qr_code(&format!("{address}/pair#{}", code.as_str())) {
        line(&qr)?;
    }
    line(&format!("address      {address}/pair"))?;
    line(&format!("code         {code}   (once, within {} minutes)", CODE_TIME / 60))?;
    line(&format!("account      {name}, {}", args.role))?;
    line(&format!("certificate  SHA-256 {}", certificate.fingerprint()))?;
    if certificate.is_own {
        line("The browser does not know this certificate: go on only if it shows the same fingerprint.")?;
    }
    Ok(())
}

/// Removes codes that are not valid any longer, and an older one for the same name, with their tokens.
pub(super) fn remove_ended_codes(
    store: &Store,
    client: &mut Client,
    name: &str,
    now: i64,
) -> anyhow::Result<()> {
    for pairing in store.pairings()? {
        if !pairing.is_valid(now) || fold_name(&pairing.name) == fold_name(name) {
            revoke(client, &pairing.name).context("the token of a code that has ended cannot be revoked")?;
            store.remove_pairing(pairing.id)?;
        }
    }
    Ok(())
}

/// Revokes the token of an account. Returns whether there was one.
pub(super) fn revoke(client: &mut Client, name: &str) -> Result<bool, CallError> {
    let listed: Value = client.call("ListTokens", Value::Null, None)?;
    let token = token_name(name);
    let is_there = listed.get("tokens").and_then(Value::as_array).is_some_and(|tokens| {
        let names = tokens.iter().filter_map(|token| token.get("name")?.as_str());
        names.into_iter().any(|listed| fold_name(listed) == fold_name(&token))
    });
    if is_there {
        let _: RevokeToken_Reply = client.call("RevokeToken", json!({ "name": token }), None)?;
    }
    Ok(is_there)
}
