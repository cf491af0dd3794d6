//! Messages and captures of other projects: where they are, and their tables. They lie beside the
//! checkout in `../shared/data` (or in `ANI_SHARED_DATA`) and are not part of it.

use std::{
    collections::HashMap,
    env, fs,
    path::{Path, PathBuf},
};

/// The folder of the shared data; none when it is not there, which is said on standard error.
pub fn folder() -> Option<PathBuf> {
    let folder = env::var_os("ANI_SHARED_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"),
        PathBuf::from,
    );
    if folder.join("oracle_a.tsv").is_file() {
        return Some(folder);
    }
    eprintln!("skipped: no shared data at {} (ANI_SHARED_DATA names it)", folder.display());
    None
}

/// A row of a table: its fields by the names of their columns.
pub type Row = HashMap<String, String>;

/// A table with a header line; empty when it cannot be read.
pub fn table(path: &Path) -> Vec<Row> {
    let text = String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned();
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().unwrap_or_default().split('\t').collect();
    lines
        .map(|line| {
            names.iter().map(ToString::to_string).zip(line.split('\t').map(str::to_owned)).collect()
        })
        .collect()
}

/// All files below a folder, in a fixed order; none of a folder that cannot be read.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}
