//! A signed release: a public key, a minisign signature, and the signed text.

use std::io::Cursor;

use anyhow::Result;
use minisign::KeyPair;
use ostiary_config::is_public_key;
use ostiary_models::{SignedRelease, TrustedKeys};

use super::{Target, joined, parts, release};

pub const TARGET: Target = Target {
    name: "signature",
    about: "signatures of releases, and public keys (minisign)",
    run,
    seeds,
    dictionary: &[
        b"untrusted comment: ",
        b"trusted comment: ",
        b"\n",
        b"\r\n",
        b"=",
        b"RW",
        b"RU",
        b"release ",
        b"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    ],
    max_len: 4 << 10,
};

fn run(data: &[u8]) {
    let [key, signature, text] = parts(data);
    let key = String::from_utf8_lossy(key).into_owned();
    let is_key = is_public_key(&key);
    let keys = TrustedKeys::parse(&[key]);
    assert_eq!(keys.is_ok(), is_key);
    let Ok(keys) = keys else { return };
    let signature = String::from_utf8_lossy(signature).into_owned();
    let _ = SignedRelease::verify(text.to_vec(), signature, &keys, "fuzz");
}

fn seeds() -> Result<Vec<Vec<u8>>> {
    let KeyPair { pk, sk } = KeyPair::generate_unencrypted_keypair()?;
    let text = serde_json::to_vec(&release::release()?)?;
    let comment = SignedRelease::trusted_comment(&text);
    let signature = minisign::sign(Some(&pk), &sk, Cursor::new(&text), Some(&comment), None)?.into_string();
    Ok(vec![joined(&[pk.to_base64().as_bytes(), signature.as_bytes(), &text])?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_seed_is_a_valid_signature() {
        let seed = seeds().unwrap().remove(0);
        let [key, signature, text] = parts(&seed).map(<[u8]>::to_vec);
        let keys = TrustedKeys::parse(&[String::from_utf8(key).unwrap()]).unwrap();
        SignedRelease::verify(text, String::from_utf8(signature).unwrap(), &keys, "seed").unwrap();
    }
}
