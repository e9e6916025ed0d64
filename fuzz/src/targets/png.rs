//! PNG files with correct checksums. Without correct checksums, a decoder refuses a mutated file before it decodes it.

use anyhow::Result;
use flate2::Crc;

use super::{Target, picture};

pub const TARGET: Target = Target {
    name: "png",
    about: "PNG files with correct checksums",
    run,
    seeds,
    dictionary: &[
        b"IHDR",
        b"PLTE",
        b"IDAT",
        b"IEND",
        b"tRNS",
        b"eXIf",
        b"iCCP",
        b"sRGB",
        b"gAMA",
        b"cHRM",
        b"tEXt",
        b"zTXt",
        b"iTXt",
        b"acTL\0\0\0\x02\0\0\0\0",
        b"fcTL",
        b"fdAT",
        b"\0\0\0\0",
        b"\0\0\0\x0d",
        b"\x78\x9c",
        b"\x08\x03\0\0\0",
        b"\x10\x06\0\0\x01",
        b"\x01\0\0\0\x01",
    ],
    max_len: 16 << 10,
};

/// Length of the signature before the first chunk, bytes.
const SIGNATURE: usize = 8;

fn run(data: &[u8]) {
    picture::run(&fix_checksums(data));
}

/// Corrects the checksum of each chunk.
fn fix_checksums(data: &[u8]) -> Vec<u8> {
    let mut bytes = data.to_vec();
    let mut at = SIGNATURE;
    while let Some(length) = bytes.get(at..at + 4).and_then(|length| length.try_into().ok()) {
        let end = at.saturating_add(8).saturating_add(u32::from_be_bytes(length) as usize);
        let Some(chunk) = bytes.get(at + 4..end) else { break };
        let mut crc = Crc::new();
        crc.update(chunk);
        let Some(checksum) = bytes.get_mut(end..end + 4) else { break };
        checksum.copy_from_slice(&crc.sum().to_be_bytes());
        at = end + 4;
    }
    bytes
}

fn seeds() -> Result<Vec<Vec<u8>>> {
    picture::pngs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_checksum_is_corrected() {
        let valid = picture::pngs().unwrap().remove(0);
        let mut damaged = valid.clone();
        damaged[SIGNATURE + 8 + 13] ^= 0xff;
        assert_eq!(fix_checksums(&damaged), valid);
    }
}
