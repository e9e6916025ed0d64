//! Lists of pairs and file names in the format of Labeled Faces in the Wild (Huang et al. 2007, `pairs.txt`).
//!
//! The first line has the number of folds, and the number of pairs of one person in each fold. Each fold has as many pairs
//! of two people. A pair of one person is the line
//! `NAME TAB i TAB j`, a pair of two people `NAME TAB i TAB NAME TAB j`; `i`, from 1, is the picture `NAME/NAME_000i.jpg`.

use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

/// File name of a list.
pub const LIST: &str = "pairs.txt";

/// Two pictures, each by the person's name and a number from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair([(String, usize); 2]);

impl Pair {
    /// Two pictures of one person.
    pub fn genuine(name: String, first: usize, second: usize) -> Self {
        Self([(name.clone(), first), (name, second)])
    }

    /// Pictures of two people.
    pub fn impostor(first: (String, usize), second: (String, usize)) -> Self {
        Self([first, second])
    }

    /// Whether both pictures show one person.
    pub fn is_intra(&self) -> bool {
        self.0[0].0 == self.0[1].0
    }

    /// Name and number of both pictures.
    pub fn pictures(&self) -> [(&str, usize); 2] {
        self.0.each_ref().map(|(name, number)| (name.as_str(), *number))
    }
}

/// The file name of a picture.
pub fn file_name(name: &str, number: usize) -> String {
    format!("{name}_{number:04}.jpg")
}

/// Writes a list. `pairs` are ordered by fold, with equally many in each.
///
/// # Errors
/// If the file cannot be written.
pub fn write(file: &mut dyn Write, folds: usize, pairs: &[Pair]) -> Result<()> {
    let intra = pairs.iter().filter(|pair| pair.is_intra()).count();
    writeln!(file, "{folds}\t{}", intra / folds)?;
    for pair in pairs {
        let [(name, first), (other, second)] = pair.pictures();
        if pair.is_intra() {
            writeln!(file, "{name}\t{first}\t{second}")?;
        } else {
            writeln!(file, "{name}\t{first}\t{other}\t{second}")?;
        }
    }
    Ok(())
}

/// A list of pairs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List {
    /// Number of folds.
    pub folds: usize,
    /// Ordered by fold.
    pub pairs: Vec<Pair>,
}

/// Reads a list. If the first line has one number only, as in LFW's development lists, there is one fold.
///
/// # Errors
/// If the file cannot be read, a line has another format, or the counts of the first line are wrong.
pub fn read(path: &Path) -> Result<List> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut lines = text.lines();
    let head: Option<Vec<usize>> =
        lines.next().unwrap_or_default().split_whitespace().map(|word| word.parse().ok()).collect();
    let (folds, each) = match head.as_deref() {
        Some(&[folds, each]) if folds > 0 => (folds, each),
        Some(&[each]) => (1, each),
        _ => bail!("{}: the first line must have the number of folds and of pairs", path.display()),
    };
    let pair = |(index, line): (usize, &str)| {
        parse(line).with_context(|| {
            format!(
                "{}: line {} must be NAME, i, j or NAME, i, NAME, j, separated by tabs: {line:.60}",
                path.display(),
                index + 2
            )
        })
    };
    let pairs: Vec<Pair> = lines.enumerate().map(pair).collect::<Result<_>>()?;
    let intra = pairs.iter().filter(|pair| pair.is_intra()).count();
    ensure!(
        pairs.len().is_multiple_of(folds) && intra / folds == each,
        "{}: the first line says {folds} folds with {each} pairs of one person in each, but the file has {} pairs, {intra} of \
         one person; copy the file again",
        path.display(),
        pairs.len()
    );
    Ok(List { folds, pairs })
}

fn parse(line: &str) -> Option<Pair> {
    // Names become parts of paths, so a name must be a plain file name.
    let picture = |name: &str, number: &str| {
        let number: usize = number.parse().ok()?;
        (Path::new(name).file_name()? == name && number > 0).then(|| (name.to_owned(), number))
    };
    match line.trim_end().split('\t').collect::<Vec<_>>()[..] {
        [name, first, second] => {
            let ((name, first), (_, second)) = (picture(name, first)?, picture(name, second)?);
            Some(Pair::genuine(name, first, second))
        }
        [name, first, other, second] if name != other => {
            Some(Pair::impostor(picture(name, first)?, picture(other, second)?))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_written_list_is_read_back_and_a_wrong_list_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(LIST);
        let ada = |number| ("Ada Lovelace".to_owned(), number);
        let grace = |number| ("Grace_Hopper".to_owned(), number);
        let fold = |number| [Pair::genuine(ada(1).0, number, 4), Pair::impostor(ada(2), grace(number))];
        let pairs = [fold(1), fold(2)].concat();
        let mut list = Vec::new();
        write(&mut list, 2, &pairs).unwrap();
        fs::write(&path, list).unwrap();
        assert_eq!(read(&path).unwrap(), List { folds: 2, pairs });
        // A development list of LFW, with the line ends of Windows.
        fs::write(&path, "1\r\nA\t1\t2\r\nA\t1\tB\t1\r\n").unwrap();
        assert_eq!(read(&path).unwrap().folds, 1);

        for (text, part) in [
            ("", "first line"),
            ("ten\n", "first line"),
            ("0\t1\nA\t1\t2\n", "first line"),
            ("1\t1\nA\t1\n", "line 2"),
            ("1\t1\nA\t1\t0\n", "line 2"),
            ("1\t1\nA\t1\tA\t2\n", "line 2"),
            ("1\t1\n../A\t1\t2\n", "line 2"),
            ("1\t2\nA\t1\t2\n", "1 pairs, 1 of one person"),
            ("2\t1\nA\t1\t2\nA\t1\tB\t1\nA\t1\t3\n", "3 pairs, 2 of one person"),
        ] {
            fs::write(&path, text).unwrap();
            let why = read(&path).unwrap_err().to_string();
            assert!(why.contains(part) && why.contains(LIST), "{text:?}: {why}");
        }
    }

    #[test]
    fn lines_have_the_format_of_lfw() {
        let pairs = [
            Pair::genuine("Ada_Lovelace".into(), 1, 4),
            Pair::impostor(("Ada_Lovelace".into(), 2), ("Grace_Hopper".into(), 1)),
        ];
        let mut list = Vec::new();
        write(&mut list, 1, &pairs).unwrap();
        let wanted = "1\t1\nAda_Lovelace\t1\t4\nAda_Lovelace\t2\tGrace_Hopper\t1\n";
        assert_eq!(String::from_utf8(list).unwrap(), wanted);
        assert_eq!(file_name("Ada_Lovelace", 4), "Ada_Lovelace_0004.jpg");
    }
}
