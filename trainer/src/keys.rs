//! `ostiary-trainer keys`: a key pair to sign bundles with, in minisign's own files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use minisign::{KeyPair, PublicKey, SecretKey, SecretKeyBox};
use ostiary_core::durable;
use serde_json::json;

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  ostiary-trainer keys -o publisher.key --password-file password\n\n\
    The secret key goes to the file, readable by its owner alone; the public one is printed, and goes beside it as .pub. \
    Both are minisign's own files. Without a password whoever reads the file can sign.")]
pub struct Args {
    /// The new file of the secret key.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// A file whose first line is the password to lock the key with.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> Result<ExitCode> {
    let public_file = args.output.with_added_extension("pub");
    for file in [&args.output, &public_file] {
        // A key that is overwritten is lost, and every door with it that trusts no other.
        ensure!(!file.exists(), "{} is there already; choose another name", file.display());
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
        println!("{public}\n\nfor each door's configuration:\n\n[models]\nkeys = [\"{public}\"]");
    }
    Ok(ExitCode::SUCCESS)
}

/// A secret key from its file, with its public one.
pub fn read(file: &Path, password_file: Option<&Path>) -> Result<(SecretKey, PublicKey)> {
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let key = || SecretKeyBox::from_string(&text);
    let secret = match password(password_file)? {
        Some(password) => key()?.into_secret_key(Some(password)),
        None => key()?.into_unencrypted_secret_key(),
    };
    let secret = secret.with_context(|| {
        let mend = "--password-file is for keys that have a password, and for those alone";
        format!("{} gives no secret key; {mend}", file.display())
    })?;
    let public = PublicKey::from_secret_key(&secret)?;
    Ok((secret, public))
}

/// The first line of a file.
fn password(file: Option<&Path>) -> Result<Option<String>> {
    let Some(file) = file else { return Ok(None) };
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let line = text.lines().next().unwrap_or_default();
    ensure!(!line.is_empty(), "{}: there is no password in its first line", file.display());
    Ok(Some(line.to_owned()))
}
