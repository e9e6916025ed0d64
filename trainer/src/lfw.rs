//! Pairs in the format of Labeled Faces in the Wild (Huang et al. 2007, `pairs.txt`), and its names of files.
//!
//! The first line has the number of folds and, for each, the number of pairs of one person, which is also that of pairs of
//! two. A pair of one person is `NAME TAB i TAB j`, of two `NAME TAB i TAB NAME TAB j`; `i` is the picture
//! `NAME/NAME_000i.jpg`, from 1.

use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

/// What a list is called.
pub const LIST: &str = "pairs.txt";

/// Two pictures: each a name and a number from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair([(String, usize); 2]);

impl Pair {
    /// Two pictures of one person.
    pub fn intra(name: String, first: usize, second: usize) -> Self {
        Self([(name.clone(), first), (name, second)])
    }

    /// Pictures of two people.
    pub fn inter(first: (String, usize), second: (String, usize)) -> Self {
        Self([first, second])
    }

    /// Whether both are of one person.
    pub fn is_intra(&self) -> bool {
        self.0[0].0 == self.0[1].0
    }

    pub fn pictures(&self) -> [(&str, usize); 2] {
        self.0.each_ref().map(|(name, number)| (name.as_str(), *number))
    }
}

/// What a picture's file is called.
pub fn file_name(name: &str, number: usize) -> String {
    format!("{name}_{number:04}.jpg")
}

/// Writes a list. In each fold there are as many pairs as in any other.
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

/// A list that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List {
    pub folds: usize,
    /// Fold by fold.
    pub pairs: Vec<Pair>,
}

/// Reads a list. One whose first line has one number is of one fold, as LFW's lists for development are.
pub fn read(path: &Path) -> Result<List> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut lines = text.lines();
    let head: Option<Vec<usize>> =
        lines.next().unwrap_or_default().split_whitespace().map(|word| word.parse().ok()).collect();
    let (folds, each) = match head.as_deref() {
        Some(&[folds, each]) if folds > 0 => (folds, each),
        Some(&[each]) => (1, each),
        _ => bail!("{}: its first line has not the number of folds and of pairs", path.display()),
    };
    let pair = |(index, line): (usize, &str)| {
        parse(line).with_context(|| {
            format!(
                "{}: line {} is neither NAME, i, j nor NAME, i, NAME, j: {line:.60}",
                path.display(),
                index + 2
            )
        })
    };
    let pairs: Vec<Pair> = lines.enumerate().map(pair).collect::<Result<_>>()?;
    let intra = pairs.iter().filter(|pair| pair.is_intra()).count();
    ensure!(
        pairs.len().is_multiple_of(folds) && intra / folds == each,
        "{}: its first line tells of {folds} folds with {each} pairs of one person in each, and there are {} pairs, {intra} of \
         one person; copy it again",
        path.display(),
        pairs.len()
    );
    Ok(List { folds, pairs })
}

fn parse(line: &str) -> Option<Pair> {
    // Names become parts of paths: they must be names and nothing else.
    let picture = |name: &str, number: &str| {
        let number: usize = number.parse().ok()?;
        (Path::new(name).file_name()? == name && number > 0).then(|| (name.to_owned(), number))
    };
    match line.trim_end().split('\t').collect::<Vec<_>>()[..] {
        [name, first, second] => {
            let ((name, first), (_, second)) = (picture(name, first)?, picture(name, second)?);
            Some(Pair::intra(name, first, second))
        }
        [name, first, other, second] if name != other => {
            Some(Pair::inter(picture(name, first)?, picture(other, second)?))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_what_cannot_be_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(LIST);
        let ada = |number| ("Ada Lovelace".to_owned(), number);
        let grace = |number| ("Grace_Hopper".to_owned(), number);
        let fold = |number| [Pair::intra(ada(1).0, number, 4), Pair::inter(ada(2), grace(number))];
        let pairs = [fold(1), fold(2)].concat();
        let mut list = Vec::new();
        write(&mut list, 2, &pairs).unwrap();
        fs::write(&path, list).unwrap();
        assert_eq!(read(&path).unwrap(), List { folds: 2, pairs });
        // As LFW has its lists for development, with the ends of lines of another system.
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
    fn lines_are_as_lfw_has_them() {
        let pairs = [
            Pair::intra("Ada_Lovelace".into(), 1, 4),
            Pair::inter(("Ada_Lovelace".into(), 2), ("Grace_Hopper".into(), 1)),
        ];
        let mut list = Vec::new();
        write(&mut list, 1, &pairs).unwrap();
        let wanted = "1\t1\nAda_Lovelace\t1\t4\nAda_Lovelace\t2\tGrace_Hopper\t1\n";
        assert_eq!(String::from_utf8(list).unwrap(), wanted);
        assert_eq!(file_name("Ada_Lovelace", 4), "Ada_Lovelace_0004.jpg");
    }
}
