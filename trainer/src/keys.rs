//! `ostiary-trainer keys`: makes a key pair for signing bundles, as files in minisign's format.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use minisign::{KeyPair, PublicKey, SecretKey, SecretKeyBox};
use ostiary_core::durable;
use serde_json::json;

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  ostiary-trainer keys -o publisher.key --password-file password\n\n\
    The secret key is written to the file, readable by its owner only. The public key is printed, and written beside it as \
    .pub. Both files have minisign's format. Without a password, everybody who can read the secret key can sign.")]
/// Arguments of `ostiary-trainer keys`.
pub struct Args {
    /// The file to write the secret key to; it must not exist.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// A file whose first line is the password that encrypts the key.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// If a file exists already or cannot be written, or the password cannot be read.
pub fn run(args: &Args) -> Result<ExitCode> {
    let public_file = args.output.with_added_extension("pub");
    for file in [&args.output, &public_file] {
        // A key that is overwritten is lost. A door that trusts no other key could then take no new models.
        ensure!(!file.exists(), "{} exists; choose another name", file.display());
    }
    let KeyPair { pk: public, sk: secret } = match password(args.password_file.as_deref())? {
        Some(password) => KeyPair::generate_encrypted_keypair(Some(password)),
        None => KeyPair::generate_unencrypted_keypair(),
    }?;
    let secret = secret.to_box(Some("Ostiary's bundles, secret key"))?.into_string();
    let write = |file: &Path, text: &str, mode| {
        durable::write(file, text.as_bytes(), mode)
            .with_context(|| format!("cannot write {}", file.display()))
    };
    write(&args.output, &secret, 0o600)?;
    write(&public_file, &public.to_box()?.into_string(), 0o644)?;
    let public = public.to_base64();
    if args.json {
        println!("{}", json!({ "secret": args.output, "public": public }));
    } else {
        println!("{public}\n\nin the configuration of each door:\n\n[models]\nkeys = [\"{public}\"]");
    }
    Ok(ExitCode::SUCCESS)
}

/// Reads a secret key, and computes its public key.
///
/// # Errors
/// If a file cannot be read, the file is not a secret key, or the password does not fit.
pub fn read(file: &Path, password_file: Option<&Path>) -> Result<(SecretKey, PublicKey)> {
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let key = || SecretKeyBox::from_string(&text);
    let secret = match password(password_file)? {
        Some(password) => key()?.into_secret_key(Some(password)),
        None => key()?.into_unencrypted_secret_key(),
    };
    let secret = secret.with_context(|| {
        let hint = "give --password-file if the key has a password, and leave it out otherwise";
        format!("{}: the secret key cannot be read; {hint}", file.display())
    })?;
    let public = PublicKey::from_secret_key(&secret)?;
    Ok((secret, public))
}

/// The first line of a file.
fn password(file: Option<&Path>) -> Result<Option<String>> {
    let Some(file) = file else { return Ok(None) };
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let line = text.lines().next().unwrap_or_default();
    ensure!(!line.is_empty(), "{}: the first line is empty; it must be the password", file.display());
    Ok(Some(line.to_owned()))
}
