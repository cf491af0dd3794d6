//! Certificates on the disk, so that a restart needs no fetch: one file for each URL in a folder of
//! their own, named by the SHA-256 of the URL. Revocation lists are kept the same way, in another one.
//!
//! ```text
//! url: https://cert.example.org/a.pem
//! fetched: 2030-01-31T12:00:00.000000Z
//! expires: 2030-02-01T12:00:00.000000Z
//!
//! -----BEGIN CERTIFICATE-----
//! …
//! ```
//!
//! What stands before a PEM block is no part of it (RFC 7468 §5.2), so other tools read these files
//! too. One that was put there by hand `expires: never`.

use std::{
    ffi::OsStr,
    fmt::Write as _,
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use aws_lc_rs::digest;
use hyper::body::Bytes;

use super::{fetch::MAX_BODY, url};
use crate::time::Timestamp;

/// Name of the folder in that of the store.
pub const FOLDER: &str = "certificates";
/// Files of the folder that are looked at.
const MAX_FILES: usize = 100_000;
/// Bytes of the lines before the certificate.
const MAX_HEAD: usize = url::MAX_URL + 256;
const NEVER: &str = "never";
const TEMPORARY: &str = "tmp";

/// A certificate as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Where it is from, canonical.
    pub url: String,
    /// When it came.
    pub fetched: Timestamp,
    /// Until when it is used without being fetched again; none is for ever.
    pub expires: Option<Timestamp>,
    /// As it came.
    pub body: Bytes,
}

/// The folder.
#[derive(Debug)]
pub struct Disk {
    path: PathBuf,
    /// Bytes of a body.
    most: usize,
}

/// What a folder holds.
#[derive(Debug, Default)]
pub struct Content {
    /// Its certificates, those that came last first.
    pub kept: Vec<Kept>,
    /// What is there beside them, and why it is none of them.
    pub skipped: Vec<String>,
    /// Left over from a write that was cut off.
    torn: Vec<PathBuf>,
}

impl Disk {
    /// A folder of certificates, made where it is missing; it is then its owner's alone.
    pub fn open(folder: &Path) -> io::Result<Self> {
        Self::of(folder, MAX_BODY)
    }

    /// The same of what has at most so many bytes.
    pub fn of(folder: &Path, most: usize) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        Ok(Self { path: folder.to_owned(), most })
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.path
    }

    /// What it holds. Of what a write left that was cut off nothing stays.
    pub fn load(&self) -> io::Result<Content> {
        let content = read_within(&self.path, self.most)?;
        for path in &content.torn {
            fs::remove_file(path)?;
        }
        Ok(content)
    }

    /// Keeps one: whatever happens meanwhile, the file is the old one or the new one.
    pub fn write(&self, kept: &Kept) -> io::Result<()> {
        let path = self.path.join(file_name(&kept.url));
        let temporary = path.with_extension(TEMPORARY);
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&temporary)?;
        let expires = kept.expires.map_or_else(|| NEVER.to_owned(), |time| time.to_string());
        let head = format!("url: {}\nfetched: {}\nexpires: {expires}\n\n", kept.url, kept.fetched);
        file.write_all(head.as_bytes())?;
        file.write_all(&kept.body)?;
        file.sync_all()?;
        fs::rename(temporary, path)
    }

    /// Keeps one no longer; that there is none is no error.
    pub fn remove(&self, url: &str) -> io::Result<()> {
        match fs::remove_file(self.path.join(file_name(url))) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// What a folder holds, which is left as it is.
///
/// # Errors
///
/// When the folder itself cannot be read.
pub fn read(folder: &Path) -> io::Result<Content> {
    read_within(folder, MAX_BODY)
}

fn read_within(folder: &Path, most: usize) -> io::Result<Content> {
    let mut content = Content::default();
    for (at, file) in fs::read_dir(folder)?.enumerate() {
        if at == MAX_FILES {
            content.skipped.push(format!("more than {MAX_FILES} files: the rest is not looked at"));
            break;
        }
        let path = file?.path();
        if path.extension() == Some(OsStr::new(TEMPORARY)) {
            content.torn.push(path);
            continue;
        }
        match load(&path, most) {
            Ok(kept) => content.kept.push(kept),
            Err(error) => content.skipped.push(format!("{}: {error}", path.display())),
        }
    }
    content.kept.sort_by_key(|kept| std::cmp::Reverse((kept.expires.is_none(), kept.fetched)));
    Ok(content)
}

fn load(path: &Path, most: usize) -> Result<Kept, String> {
    // A pipe or a device would be waited for.
    let meta = fs::metadata(path).map_err(|error| error.to_string())?;
    if !meta.is_file() {
        return Err("no file".to_owned());
    }
    let mut bytes = Vec::new();
    let limit = MAX_HEAD + most;
    File::open(path)
        .and_then(|file| file.take(limit as u64 + 1).read_to_end(&mut bytes))
        .map_err(|error| error.to_string())?;
    if bytes.len() > limit {
        return Err(format!("larger than {limit} bytes"));
    }
    let kept = parse(&bytes, most).ok_or("damaged, or no file of this cache")?;
    if path.file_name() != Some(OsStr::new(&file_name(&kept.url))) {
        return Err(format!("its name is not that of {}", kept.url));
    }
    Ok(kept)
}

fn parse(bytes: &[u8], most: usize) -> Option<Kept> {
    let end = memchr::memmem::find(bytes, b"\n\n")?;
    let mut lines = str::from_utf8(bytes.get(..end)?).ok()?.lines();
    let mut value = |name: &str| lines.next()?.strip_prefix(name)?.strip_prefix(": ");
    let url = value("url")?;
    let fetched = value("fetched")?.parse().ok()?;
    let expires = match value("expires")? {
        NEVER => None,
        time => Some(time.parse().ok()?),
    };
    let body = bytes.get(end + 2..)?;
    let sound = url::check(url).is_ok_and(|canonical| canonical.as_str() == url)
        && !body.is_empty()
        && body.len() <= most;
    sound.then(|| Kept {
        url: url.to_owned(),
        fetched,
        expires,
        body: Bytes::copy_from_slice(body),
    })
}

/// Hexadecimal SHA-256 of the URL, `.pem`.
fn file_name(url: &str) -> String {
    let mut name = String::new();
    for byte in digest::digest(&digest::SHA256, url.as_bytes()).as_ref() {
        // Writing to a string cannot fail.
        let _ = write!(name, "{byte:02x}");
    }
    name + ".pem"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(url: &str, expires: Option<Timestamp>) -> Kept {
        let fetched = Timestamp::new(1_700_000_000, 123_456_000);
        Kept { url: url.to_owned(), fetched, expires, body: Bytes::from_static(b"a\n\nb") }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let disk = Disk::open(&folder.path().join(FOLDER)).expect("open");
        let one = kept("https://a.example/1", Some(Timestamp::new(1_700_000_001, 0)));
        let two = kept("https://a.example/2", None);
        for kept in [&one, &two, &one] {
            disk.write(kept).expect("write");
        }
        let content = disk.load().expect("load");
        assert_eq!(content.kept, [two.clone(), one.clone()]);
        assert!(content.skipped.is_empty(), "{:?}", content.skipped);
        disk.remove(&one.url).expect("remove");
        disk.remove(&one.url).expect("remove what is gone");
        assert_eq!(disk.load().expect("load").kept, [two]);
    }

    #[test]
    fn what_is_damaged_or_foreign_is_named_and_left() {
        let folder = tempfile::tempdir().expect("a folder");
        let disk = Disk::open(folder.path()).expect("open");
        let one = kept("https://a.example/1", None);
        disk.write(&one).expect("write");
        let path = |name: &str| folder.path().join(name);
        let good = fs::read(path(&file_name(&one.url))).expect("read");
        // Cut anywhere before the certificate, it is no file of ours.
        let head = memchr::memmem::find(&good, b"\n\n").expect("a head") + 2;
        for cut in 0..=head {
            assert_eq!(parse(&good[..cut], MAX_BODY), None, "cut at {cut}");
        }
        let large = [&good[..], &vec![b'x'; MAX_BODY + MAX_HEAD]].concat();
        for (name, bytes) in [
            ("README", &b"hello"[..]),
            ("empty.pem", b""),
            ("other-name.pem", &good),
            ("large.pem", &large),
            ("binary.pem", &[0xff; 100]),
        ] {
            fs::write(path(name), bytes).expect("write");
        }
        fs::create_dir(path("folder")).expect("a folder");
        fs::write(path("cut-off.tmp"), &good[..10]).expect("write");
        let content = disk.load().expect("load");
        assert_eq!(content.kept, [one]);
        assert_eq!(content.skipped.len(), 6, "{:?}", content.skipped);
        for name in ["README", "empty.pem", "other-name.pem", "large.pem", "binary.pem", "folder"] {
            assert!(content.skipped.iter().any(|text| text.contains(name)), "{name}");
            assert!(path(name).exists());
        }
        assert!(!path("cut-off.tmp").exists());
    }
}
