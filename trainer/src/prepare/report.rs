//! The report of a run: counts of people and pictures, and the list of rejected pictures.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::journal::{Journal, Outcome};
use super::picture_check::RejectReason;
use super::split::Subset;
use crate::storage::write_atomic;

/// File name of the counts. It is written last: if it exists, the output is complete.
pub const REPORT: &str = "report.json";
/// File name of the rejected pictures, one JSON line for each.
const REJECTED: &str = "rejected.jsonl";

#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Report {
    pub people: u64,
    pub pictures: u64,
    pub kept: u64,
    pub train: SubsetCounts,
    pub val: SubsetCounts,
    /// People without a kept picture.
    pub people_without_picture: u64,
    pub rejected: BTreeMap<RejectReason, u64>,
}

/// Counts of one subset.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct SubsetCounts {
    pub people: u64,
    pub pictures: u64,
}

impl Report {
    /// Counts the entries of the journal, and writes the report and the list of rejected pictures.
    pub fn write(journal: &Journal, folder: &Path) -> Result<()> {
        let mut report = Self::default();
        write_atomic(&folder.join(REJECTED), |list| {
            let (mut person, mut has_any) = (None, false);
            for entry in journal.entries()? {
                let entry = entry?;
                if person.as_ref() != Some(&entry.person) {
                    report.people_without_picture += u64::from(person.is_some() && !has_any);
                    report.people += 1;
                    has_any = false;
                }
                report.pictures += 1;
                match &entry.outcome {
                    Outcome::Kept { subset, .. } => {
                        report.kept += 1;
                        let count = match subset {
                            Subset::Train => &mut report.train,
                            Subset::Val => &mut report.val,
                        };
                        count.pictures += 1;
                        count.people += u64::from(!has_any);
                        has_any = true;
                    }
                    Outcome::Rejected { rejected, .. } => {
                        *report.rejected.entry(*rejected).or_default() += 1;
                        serde_json::to_writer(&mut *list, &entry)?;
                        list.write_all(b"\n")?;
                    }
                }
                person = Some(entry.person);
            }
            report.people_without_picture += u64::from(person.is_some() && !has_any);
            Ok(())
        })?;
        write_atomic(&folder.join(REPORT), |file| {
            serde_json::to_writer_pretty(&mut *file, &report)?;
            Ok(file.write_all(b"\n")?)
        })
    }

    pub fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(REPORT);
        let damaged =
            || format!("{}: cannot be read; delete the file and give the same command again", path.display());
        serde_json::from_slice(&fs::read(&path).with_context(damaged)?).with_context(damaged)
    }

    pub fn print(&self, folder: &Path, json: bool) -> Result<()> {
        if json {
            println!("{}", serde_json::to_string(self)?);
            return Ok(());
        }
        let share = |count: u64| 100.0 * count as f64 / self.pictures.max(1) as f64;
        println!("{:<16} {:>9} {:>9}", "", "people", "pictures");
        println!("{:<16} {:>9} {:>9}", "in the set", self.people, self.pictures);
        for (name, count) in [("train", &self.train), ("val", &self.val)] {
            println!("{name:<16} {:>9} {:>9} {:>6.2} %", count.people, count.pictures, share(count.pictures));
        }
        for (reason, count) in &self.rejected {
            let name = serde_json::to_value(reason)?;
            let name = name.as_str().unwrap_or_default();
            println!("{name:<16} {:>9} {count:>9} {:>6.2} %", "-", share(*count));
        }
        if self.people_without_picture > 0 {
            println!("{} people have no kept picture", self.people_without_picture);
        }
        println!("rejected pictures and reasons: {}", folder.join(REJECTED).display());
        Ok(())
    }
}
