//! Verification sets in the format of InsightFace (lfw.bin, cfp_fp.bin, agedb_30.bin, ...): a Python pickle of a tuple of a
//! list of encoded pictures and a list of bools. Pictures 2i and 2i + 1 are pair i, and bool i says whether they show one
//! person.

use std::fs::File;
use std::io::{BufReader, Seek, Write};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde_pickle::{DeOptions, SerOptions, Value};

use crate::pickle_depth::check_depth;

/// The largest file that is read, bytes: a pickle is read into memory as a whole. The largest published set has a tenth of
/// this size.
const MAX_FILE_BYTES: u64 = 2 << 30;

/// Pairs of pictures, and whether each shows one person.
#[derive(Debug, Clone, PartialEq)]
pub struct VerificationSet {
    /// Encoded pictures, usually JPEG; two for each pair.
    pub pictures: Vec<Vec<u8>>,
    /// For each pair whether it shows one person.
    pub same: Vec<bool>,
}

impl VerificationSet {
    /// Reads a pickle of Python 2 or 3 with any protocol. No code in the pickle is executed.
    ///
    /// # Errors
    /// If the file cannot be read, is too large, or is not such a pickle.
    pub fn read(path: &Path) -> Result<Self> {
        let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
        let length = file.metadata()?.len();
        ensure!(
            length <= MAX_FILE_BYTES,
            "{}: is larger than 2 GiB, so it is not a verification set",
            path.display()
        );
        let mut file = BufReader::new(file);
        check_depth(&mut file).with_context(|| path.display().to_string())?;
        file.rewind()?;
        let value = serde_pickle::value_from_reader(file, DeOptions::new()).with_context(|| {
            format!("{}: is not a pickle, or is damaged; copy the file again", path.display())
        })?;
        Self::from_pickle(value)
            .with_context(|| format!("{}: is not a verification set of InsightFace", path.display()))
    }

    fn from_pickle(value: Value) -> Result<Self> {
        let (Value::Tuple(parts) | Value::List(parts)) = value else {
            bail!("it is not a pair of two lists")
        };
        let Ok([Value::List(pictures), Value::List(same)]) = <[Value; 2]>::try_from(parts) else {
            bail!("it is not a pair of two lists")
        };
        let pictures = pictures.into_iter().map(|picture| match picture {
            Value::Bytes(bytes) => Ok(bytes),
            _ => bail!("a picture is not a string of bytes"),
        });
        let same = same.into_iter().map(|same| match same {
            Value::Bool(same) => Ok(same),
            Value::I64(number @ 0..=1) => Ok(number == 1),
            _ => bail!("an answer is neither true nor false"),
        });
        let set = Self { pictures: pictures.collect::<Result<_>>()?, same: same.collect::<Result<_>>()? };
        ensure!(
            set.pictures.len() == 2 * set.same.len(),
            "it has {} pictures for {} pairs",
            set.pictures.len(),
            set.same.len()
        );
        Ok(set)
    }

    /// Writes a pickle that Python 3 and the evaluation of InsightFace can read.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(self, mut file: impl Write) -> Result<()> {
        let pictures = self.pictures.into_iter().map(Value::Bytes).collect();
        let same = self.same.into_iter().map(Value::Bool).collect();
        let value = Value::Tuple(vec![Value::List(pictures), Value::List(same)]);
        Ok(serde_pickle::value_to_writer(&mut file, &value, SerOptions::new())?)
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn set() -> VerificationSet {
        let pictures = (0..6u8).map(|number| vec![number, 255, 0, b'\n', 128]).collect();
        VerificationSet { pictures, same: vec![true, false, true] }
    }

    #[test]
    fn a_written_set_is_read_back() {
        let file = tempfile::NamedTempFile::new().unwrap();
        set().write(&mut file.as_file()).unwrap();
        assert_eq!(VerificationSet::read(file.path()).unwrap(), set());
    }

    #[test]
    fn sets_are_exchanged_with_python() {
        let folder = tempfile::tempdir().unwrap();
        let python = |script: &str| match Command::new("python3")
            .arg("-c")
            .arg(script)
            .current_dir(folder.path())
            .output()
        {
            Ok(output) => {
                assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
                true
            }
            Err(error) => {
                eprintln!("SKIPPED: python3 cannot be run ({error}), its pickles are not tested");
                false
            }
        };
        let values = "import pickle\npictures = [bytes([n, 255, 0, 10, 128]) for n in range(6)]\n\
                      same = [True, False, True]\n";
        for protocol in 0..=5 {
            let dump = format!(
                "{values}pickle.dump((pictures, same), open('python.bin', 'wb'), protocol={protocol})"
            );
            if !python(&dump) {
                return;
            }
            let read = VerificationSet::read(&folder.path().join("python.bin")).unwrap();
            assert_eq!(read, set(), "protocol {protocol}");
        }
        set().write(&mut File::create(folder.path().join("ours.bin")).unwrap()).unwrap();
        python(&format!("{values}assert pickle.load(open('ours.bin', 'rb')) == (pictures, same)"));
    }

    #[test]
    fn strings_of_python_2_are_bytes() {
        // (['\xff', 'b'], [True]), pickled by Python 2 with protocol 2.
        let pickle = b"\x80\x02]q\x00(U\x01\xffq\x01U\x01bq\x02e]q\x03\x88a\x86q\x04.";
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), pickle).unwrap();
        let read = VerificationSet::read(file.path()).unwrap();
        assert_eq!(read, VerificationSet { pictures: vec![vec![255], b"b".to_vec()], same: vec![true] });
    }

    #[test]
    fn other_files_are_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let refused = |bytes: &[u8], part: &str| {
            std::fs::write(file.path(), bytes).unwrap();
            let why = format!("{:#}", VerificationSet::read(file.path()).unwrap_err());
            assert!(why.contains(part), "{why}");
        };
        // Deep enough to overflow a thread's stack.
        refused(&[&b"]".repeat(200_000)[..], &b"a".repeat(199_999), b"."].concat(), "nests lists");
        refused(b"", "not a pickle");
        refused(b"\xff\xd8\xff", "not a pickle");
        refused(b"K\x01.", "not a pair of two lists");
        refused(b"]K\x01a]\x88a\x86.", "not a string of bytes");
        refused(b"]U\x01aa]\x88a\x86.", "1 pictures for 1 pairs");
        refused(b"]]K\x02a\x86.", "neither true nor false");
        // A pickle can name any Python function. The reader knows none.
        refused(b"cos\nsystem\n(S'true'\ntR.", "");
    }
}
