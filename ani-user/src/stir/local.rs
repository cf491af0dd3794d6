//! Certificates in a folder that an operator fills, for hosts with no way out: a file is where its
//! URL says, `<host>/<path>`, or `<host>_8443/<path>`.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    os::unix::fs::MetadataExt as _,
    path::PathBuf,
    time::SystemTime,
};

use ::url::Url;
use hyper::body::Bytes;

use super::{fetch::MAX_BODY, url};

/// The folder.
#[derive(Debug)]
pub struct Local(PathBuf);

/// Tells that a file is another one than before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    modified: Option<SystemTime>,
    size: u64,
    inode: u64,
}

impl Local {
    /// The folder as it is named.
    pub fn new(folder: PathBuf) -> Self {
        Self(folder)
    }

    /// Where the file of a URL is; none where a URL names a folder.
    pub fn path(&self, url: &Url) -> Option<PathBuf> {
        let mut path = self.0.join(url::host_name(url));
        for segment in url.path_segments()? {
            // The URL has none of these, as it was read; a path must not depend on that.
            if matches!(segment, "" | "." | "..") || segment.contains(['/', '\0']) {
                return None;
            }
            path.push(segment);
        }
        Some(path)
    }

    /// The file of a URL as it is now; none when there is none.
    pub fn look(&self, url: &Url) -> Option<Stamp> {
        let meta = fs::metadata(self.path(url)?).ok().filter(fs::Metadata::is_file)?;
        Some(Stamp { modified: meta.modified().ok(), size: meta.len(), inode: meta.ino() })
    }

    /// What stands in it.
    pub fn read(&self, url: &Url) -> io::Result<Bytes> {
        let path = self.path(url).ok_or(io::ErrorKind::NotFound)?;
        let mut bytes = Vec::new();
        File::open(path)?.take(MAX_BODY as u64 + 1).read_to_end(&mut bytes)?;
        if bytes.len() > MAX_BODY {
            return Err(io::Error::other(format!("larger than {} KB", MAX_BODY / 1024)));
        }
        Ok(bytes.into())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_url_is_a_path_in_the_folder_and_never_beside_it() {
        let local = Local::new("/certs".into());
        for (text, path) in [
            ("https://a.example/b.pem", Some("/certs/a.example/b.pem")),
            ("https://a.example:8443/b/c.pem", Some("/certs/a.example_8443/b/c.pem")),
            ("https://a.example/../../etc/passwd", Some("/certs/a.example/etc/passwd")),
            ("https://a.example/%2e%2e/%2e%2e/etc/passwd", Some("/certs/a.example/etc/passwd")),
            (
                "https://a.example/..%2f..%2fetc/passwd",
                Some("/certs/a.example/..%2f..%2fetc/passwd"),
            ),
            ("https://a.example/%00", Some("/certs/a.example/%00")),
            ("https://a.example//etc/passwd", None),
            ("https://a.example/", None),
            ("https://a.example", None),
        ] {
            let url = url::check(text).expect("a URL");
            assert_eq!(local.path(&url).as_deref(), path.map(Path::new), "{text}");
        }
        for text in ["https://../b.pem", "https://%2e%2e/b.pem", "https://%2f/b.pem"] {
            assert!(url::check(text).is_err(), "{text}");
        }
    }

    #[test]
    fn another_file_has_another_stamp() {
        let folder = tempfile::tempdir().expect("a folder");
        let local = Local::new(folder.path().to_owned());
        let url = url::check("https://a.example/b.pem").expect("a URL");
        assert_eq!(local.look(&url), None);
        fs::create_dir(folder.path().join("a.example")).expect("a folder");
        assert_eq!(local.look(&url::check("https://a.example/").expect("a URL")), None);
        let path = local.path(&url).expect("a path");
        fs::write(&path, "one").expect("write");
        let stamp = local.look(&url).expect("there");
        assert_eq!(local.look(&url), Some(stamp));
        assert_eq!(local.read(&url).expect("read"), "one");
        fs::write(&path, "other").expect("write");
        assert_ne!(local.look(&url), Some(stamp));
        fs::write(&path, vec![b'x'; MAX_BODY + 1]).expect("write");
        assert!(local.read(&url).is_err());
    }
}
