//! Reads the guides and the commands in them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The README and all guides by path. `root` is the root of the repository.
pub fn pages(root: &Path) -> BTreeMap<String, String> {
    let guides = fs::read_dir(root.join("docs/guide")).unwrap().map(|entry| entry.unwrap().path());
    let guides = guides.filter(|path| path.is_file());
    let page = |path: PathBuf| (path.display().to_string(), fs::read_to_string(path).unwrap());
    guides.chain([root.join("README.md")]).map(page).collect()
}

/// The lines of command blocks, and the text between single backticks.
pub fn lines(page: &str) -> Vec<String> {
    let fences: Vec<&str> = page.split("```").collect();
    let blocks = fences.iter().skip(1).step_by(2).filter_map(|block| block.strip_prefix("sh\n"));
    let prose: String = fences.iter().step_by(2).copied().collect();
    let spans: Vec<String> = prose.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    blocks.flat_map(str::lines).map(str::to_owned).chain(spans).collect()
}
