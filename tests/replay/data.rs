//! Where the data is, and its tables.

use std::{
    collections::HashMap,
    env, fs,
    path::{Path, PathBuf},
};

/// The folder of the shared data; none when it is not there, which is said on standard error.
pub(crate) fn folder() -> Option<PathBuf> {
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

/// A table with a header line, as one map from column to field a row.
pub(crate) fn table(path: &Path) -> Vec<HashMap<String, String>> {
    let text = String::from_utf8_lossy(&fs::read(path).expect("table")).into_owned();
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().expect("header line").split('\t').collect();
    lines
        .map(|line| {
            names.iter().map(ToString::to_string).zip(line.split('\t').map(str::to_owned)).collect()
        })
        .collect()
}

/// All files below a folder, in a fixed order.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("folder") {
            let path = entry.expect("entry").path();
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
