//! A signed head of the event trail, and the text of the key that signs heads.

use anyhow::Result;
use ostiary_events::trail::{CompactRange, SignedHead, SigningKey};

use super::files::folder_with;
use super::{Target, joined, parts};

pub const TARGET: Target = Target {
    name: "event-head",
    about: "signed heads of the event trail, and the key that signs them (signed notes)",
    run,
    seeds,
    dictionary: &[b"\n\n", "\u{2014} ".as_bytes(), b"PRIVATE+KEY+", b"ostiary/", b"+", b"=", b"AAAA"],
    max_len: 4 << 10,
};

const KEY: &str = "events.sqlite.key";

fn run(data: &[u8]) {
    let [key, head, range] = parts(data);
    if let Some(range) = CompactRange::from_bytes(range) {
        assert_eq!(CompactRange::from_bytes(&range.to_bytes()), Some(range.clone()));
        let _ = range.root();
    }
    let folder = folder_with(&[(KEY, key)]);
    let Ok(key) = SigningKey::load(&folder.path().join(KEY)) else { return };
    let head = String::from_utf8_lossy(head);
    if let Ok(verified) = SignedHead::verify(&head, key.public()) {
        assert_eq!(verified.note(), head);
    }
}

fn seeds() -> Result<Vec<Vec<u8>>> {
    let folder = folder_with(&[]);
    let path = folder.path().join(KEY);
    let (key, _) = SigningKey::load_or_create(&path)?;
    let mut range = CompactRange::default();
    (0..5).for_each(|number| range.push([number; 32]));
    let head = SignedHead::sign(&range, &key);
    Ok(vec![joined(&[&std::fs::read(path)?, head.note().as_bytes(), &range.to_bytes()])?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_seed_is_a_signed_head() {
        let seed = seeds().unwrap().remove(0);
        let [key, head, range] = parts(&seed).map(<[u8]>::to_vec);
        let folder = folder_with(&[(KEY, &key)]);
        let key = SigningKey::load(&folder.path().join(KEY)).unwrap();
        let head = SignedHead::verify(std::str::from_utf8(&head).unwrap(), key.public()).unwrap();
        assert_eq!(*head.root(), CompactRange::from_bytes(&range).unwrap().root());
    }
}
