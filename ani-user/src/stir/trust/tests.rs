//! Folders as operators keep them, and what happens to them.

use std::fs;

use super::*;
use crate::stir::authority::{Authority, Leaf, Signer};

#[test]
fn all_certificates_of_all_files_once() {
    let [one, two, three] = ["One", "Two", "Three"].map(Authority::root);
    let pinned = Signer::alone(Leaf::spc("709J"));
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, contents: &str| {
        fs::write(folder.path().join(name), contents).expect("written");
    };
    write("bundle.pem", &["# roots\n", &one.pem(), &two.pem(), &pinned.pem()].concat());
    write("one.CRT", &one.pem());
    write("three.cer", &three.pem());
    write("notes.txt", "not a certificate");
    fs::create_dir(folder.path().join("old.pem")).expect("a folder");
    let trust = Trust::read(Some(folder.path()), None);
    assert_eq!((trust.anchors.len(), trust.warnings()), (4, &[][..]));
    // One file alone.
    let trust = Trust::read(Some(&folder.path().join("bundle.pem")), None);
    assert_eq!(trust.anchors.len(), 3);
}

#[test]
fn what_cannot_be_read_is_named_and_the_rest_is_used() {
    let root = Authority::root("Root");
    let folder = tempfile::tempdir().expect("a folder");
    let (anchors, crls) = (folder.path().join("anchors"), folder.path().join("crls"));
    fs::create_dir(&anchors).expect("a folder");
    let write = |name: &str, contents: &[u8]| {
        fs::write(anchors.join(name), contents).expect("written");
    };
    let broken = "-----BEGIN CERTIFICATE-----\nMAAA\n-----END CERTIFICATE-----\n";
    write("a.pem", [&root.pem(), broken].concat().as_bytes());
    write("b.pem", b"");
    write("c.pem", root.crl(&[]).as_bytes());
    let large = fs::File::create(anchors.join("d.pem")).expect("a file");
    large.set_len(MAX_FILE + 1).expect("a hole");
    let trust = Trust::read(Some(&anchors), Some(&crls));
    assert_eq!((trust.anchors.len(), trust.crls.len()), (1, 0));
    let warnings: Vec<String> = trust.warnings().iter().map(ToString::to_string).collect();
    let names = [
        "d.pem: 16777217 bytes",
        "crls: cannot",
        "a.pem: certificate 2",
        "b.pem: has no",
        "c.pem: has no",
    ];
    assert_eq!(warnings.len(), names.len(), "{warnings:?}");
    for (warning, name) in warnings.iter().zip(names) {
        assert!(warning.contains(name), "{warning}");
    }

    let crl = Trust::from_pem(
        b"",
        [root.crl(&[]).as_str(), "-----BEGIN X509 CRL-----\nMAAA\n-----END X509 CRL-----\n"]
            .concat()
            .as_bytes(),
    );
    assert_eq!((crl.crls.len(), crl.warnings().len()), (1, 1));
}

#[test]
fn more_files_than_the_bound_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    for at in 0..=MAX_FILES {
        fs::write(folder.path().join(format!("{at}.pem")), "").expect("written");
    }
    let trust = Trust::read(Some(folder.path()), None);
    let [warning] = trust.warnings() else { panic!("{:?}", trust.warnings()) };
    assert!(warning.to_string().contains("more than 4096 files"), "{warning}");
}

#[test]
fn a_change_is_seen_and_a_folder_that_went_changes_nothing() {
    let [one, two] = ["One", "Two"].map(Authority::root);
    let folder = tempfile::tempdir().expect("a folder");
    let (anchors, next) = (folder.path().join("anchors"), folder.path().join("next"));
    for (path, root) in [(&anchors, &one), (&next, &two)] {
        fs::create_dir(path).expect("a folder");
        fs::write(path.join("root.pem"), root.pem()).expect("written");
    }
    let crls = folder.path().join("all.crl");
    fs::write(&crls, one.crl(&[])).expect("written");

    let mut watch = Watch::new(Some(&anchors), Some(&crls), None);
    let first = watch.trust().fingerprint();
    assert!(watch.poll().expect("readable").is_none());
    // Written again, the same: looked at, and nothing new.
    fs::write(anchors.join("root.pem"), one.pem()).expect("written");
    assert!(watch.poll().expect("readable").is_none());

    fs::rename(&anchors, folder.path().join("gone")).expect("renamed");
    let warning = watch.poll().expect_err("a folder that went");
    assert!(warning.to_string().contains("anchors: cannot be read"), "{warning}");
    assert_eq!((watch.trust().fingerprint(), watch.trust().anchors.len()), (first, 1));

    fs::rename(&next, &anchors).expect("renamed");
    let trust = watch.poll().expect("readable").expect("changed");
    assert_ne!(trust.fingerprint(), first);
    assert!(watch.poll().expect("readable").is_none());

    fs::write(&crls, one.crl(&[b"SP"])).expect("written");
    let revoked = watch.poll().expect("readable").expect("changed");
    assert_ne!(revoked.fingerprint(), trust.fingerprint());
    // Nothing but a warning is new.
    fs::write(anchors.join("empty.pem"), "").expect("written");
    let warned = watch.poll().expect("readable").expect("changed");
    assert_eq!((warned.anchors.len(), warned.warnings().len()), (1, 1));
}
