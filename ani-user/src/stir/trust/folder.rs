//! Files of a folder, within bounds, and whether they have changed since.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

/// Files that are read of one folder. The STI-PA's list has some dozen roots.
pub const MAX_FILES: usize = 4_096;

/// Longest file, bytes. A list of all that was ever revoked has been seen with some megabytes.
pub const MAX_FILE: u64 = 16 << 20;

/// All files of one folder, bytes.
pub const MAX_FOLDER: u64 = 64 << 20;

/// Endings of names that are read; all else in the folder is somebody else's.
const ENDINGS: [&str; 5] = ["pem", "crt", "cer", "der", "crl"];

/// Something that could not be read, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The file or folder.
    pub path: PathBuf,
    /// What is wrong with it, and the remedy.
    pub what: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.what)
    }
}

/// Files as they were read.
#[derive(Debug, Default)]
pub(in crate::stir) struct Files {
    /// Paths and contents, in the order of the names.
    pub(in crate::stir) files: Vec<(PathBuf, Vec<u8>)>,
    /// What could not be read.
    pub(in crate::stir) warnings: Vec<Warning>,
}

impl Files {
    /// One that was not read from anywhere.
    pub(super) fn one(name: &str, contents: &[u8]) -> Self {
        let mut files = Self::default();
        if !contents.is_empty() {
            files.files.push((name.into(), contents.to_vec()));
        }
        files
    }

    /// Those of a folder, or the one file that `path` is.
    pub(super) fn read(path: &Path) -> Self {
        let mut files = Self::default();
        let stamp = match Stamp::of(path) {
            Ok(stamp) => stamp,
            Err(warning) => {
                files.warnings.push(warning);
                return files;
            }
        };
        let mut left = MAX_FOLDER;
        for File { path, len, .. } in stamp.0 {
            let read = if len > MAX_FILE.min(left) {
                Err(format!(
                    "{len} bytes are more than is read ({MAX_FILE} a file, {MAX_FOLDER} a folder); \
                     split it or move it away"
                ))
            } else {
                fs::read(&path).map_err(|error| format!("cannot be read: {error}"))
            };
            match read {
                Ok(contents) => {
                    left = left.saturating_sub(contents.len() as u64);
                    files.files.push((path, contents));
                }
                Err(what) => files.warnings.push(Warning { path, what }),
            }
        }
        files
    }

    pub(in crate::stir) fn contents(&self) -> impl Iterator<Item = &[u8]> {
        self.files.iter().map(|(_, contents)| contents.as_slice())
    }
}

/// What a folder looks like from outside: another one when a file came, went, grew or was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Stamp(Vec<File>);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct File {
    path: PathBuf,
    len: u64,
    written: Option<SystemTime>,
}

impl Stamp {
    /// Names, sizes and times of the files of a folder, or of the one file that `path` is.
    ///
    /// # Errors
    /// When the folder cannot be listed, or has more than [`MAX_FILES`] files.
    pub(super) fn of(folder: &Path) -> Result<Self, Warning> {
        let unreadable = |error: io::Error| Warning {
            path: folder.to_owned(),
            what: format!("cannot be read: {error}; create it or correct the configuration"),
        };
        if !fs::metadata(folder).map_err(unreadable)?.is_dir() {
            return Ok(Self(File::of(folder.to_owned()).into_iter().collect()));
        }
        let mut files = Vec::new();
        for entry in fs::read_dir(folder).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            let ending = path.extension().and_then(|ending| ending.to_str());
            let is_read = ending
                .is_some_and(|ending| ENDINGS.iter().any(|it| it.eq_ignore_ascii_case(ending)));
            if !is_read {
                continue;
            }
            // One that went meanwhile is one that is not there.
            files.extend(File::of(path));
            if files.len() > MAX_FILES {
                let what = format!("more than {MAX_FILES} files; put them into one bundle");
                return Err(Warning { path: folder.to_owned(), what });
            }
        }
        files.sort();
        Ok(Self(files))
    }
}

impl File {
    /// None for what is no file, or is not there any more. Links are followed.
    fn of(path: PathBuf) -> Option<Self> {
        let facts = fs::metadata(&path).ok().filter(|facts| facts.is_file())?;
        Some(Self { path, len: facts.len(), written: facts.modified().ok() })
    }
}
