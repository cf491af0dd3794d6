//! Certificates of signers.

use std::{fs, num::NonZeroUsize, path::Path, sync::Arc};

use ani_user::stir::{
    Credential, Trust,
    cache::{Cache, Settings},
    disk,
};
use serde_json::{Value, json};

use crate::{
    config,
    rig::{self, Rig},
};

const URL: &str = "https://cert.example.org/a.pem";

/// A certificate, and an anchor that is itself.
fn certificate(name: &str) -> String {
    rcgen::generate_simple_self_signed([name.to_owned()]).expect("a certificate").cert.pem()
}

/// A rig that keeps certificates and fetches them, and the runtime it fetches with.
fn rig(anchors: &str, fetch: bool) -> (Rig, tokio::runtime::Runtime) {
    let rig = Rig::new(&config(""));
    let settings = Settings {
        fetch,
        roots: None,
        allow: Vec::new(),
        local: None,
        folder: Some(Path::new(&rig.path("store")).join(disk::FOLDER)),
        max_certificates: NonZeroUsize::new(2).expect("not zero"),
    };
    let trust = Trust::from_pem(anchors.as_bytes(), b"");
    let now = rig.clock.time();
    let (cache, requests) =
        Cache::new(settings, Arc::new(move |pem| Credential::read(pem, &trust)), now)
            .expect("a cache");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("runtime");
    if let Some(requests) = requests {
        let clock = Arc::clone(&rig.clock);
        runtime.spawn(requests.serve(Arc::clone(&cache), move || clock.time()));
    }
    rig.daemon().show_certificates(cache);
    (rig, runtime)
}

#[test]
fn a_certificate_is_added_listed_shown_and_removed() {
    let pem = certificate("signer");
    let (rig, _runtime) = rig(&pem, false);
    assert_eq!(rig.text(&["cert", "list"]), "no certificates\n");
    let file = rig.path("a.pem");
    fs::write(&file, &pem).expect("write");
    assert_eq!(
        rig.text(&["cert", "add", "HTTPS://Cert.example.org:443/a.pem", &file]),
        format!("added {URL}\n")
    );
    assert_eq!(rig.json(&["cert", "add", URL, &file]), json!({"url": URL, "replaced": true}));
    assert_eq!(
        rig.text(&["cert", "list"]),
        format!(
            "url                             state  origin  signer                  expires (UTC)  calls  trouble\n\
             {URL}  fresh  added   rcgen self signed cert  never              0  tn-auth-list-missing\n"
        )
    );
    let listed = rig.json(&["cert", "list"]);
    assert_eq!(listed["certificates"][0]["fetched"], "2023-11-14T22:13:20.000000Z");
    let text = rig.text(&["cert", "show", URL]);
    for line in [
        format!("url            {URL}\n"),
        "origin         added\n".to_owned(),
        "fetched        2023-11-14 22:13:20 UTC\n".to_owned(),
        "certificate 0  CN=rcgen self signed cert\n".to_owned(),
        "  key          P-256\n".to_owned(),
        "trusted        1975-01-01 00:00:00 to ".to_owned(),
        "defect         tn-auth-list-missing\n".to_owned(),
    ] {
        assert!(text.contains(&line), "{line}\n{text}");
    }
    let shown = rig.json(&["cert", "show", URL]);
    // The same from the file, and from the store without a daemon.
    let anchors = ["--anchors", &file];
    let from_file = rig::ani(&[&["cert", "show", &file, "--json"][..], &anchors].concat());
    assert_eq!((from_file.code, from_file.stderr.as_str()), (0, ""));
    let from_file: Value = serde_json::from_str(&from_file.stdout).expect("json");
    assert_eq!(from_file, json!({"signer": shown["signer"], "facts": shown["facts"]}));
    let store = rig.path("store");
    let from_store = ["cert", "show", URL, "--store", &store, "--json"];
    let from_store = rig::ani(&[&from_store[..], &anchors].concat());
    assert_eq!((from_store.code, from_store.stderr.as_str()), (0, ""));
    let from_store: Value = serde_json::from_str(&from_store.stdout).expect("json");
    assert_eq!(from_store["facts"], shown["facts"]);
    let listed = rig::ani(&["cert", "list", "--store", &store]);
    assert!(listed.stdout.contains(URL) && listed.code == 0, "{listed:?}");

    assert_eq!(
        rig.text(&["cert", "rm", URL, "https://cert.example.org/b"]),
        format!("removed {URL}\nnothing is known of https://cert.example.org/b\n")
    );
    assert_eq!(rig.text(&["cert", "list"]), "no certificates\n");
    assert_eq!(fs::read_dir(Path::new(&store).join(disk::FOLDER)).expect("a folder").count(), 0);
}

#[test]
fn what_cannot_be_fetched_is_said_with_its_remedy() {
    let (rig, _runtime) = rig("", true);
    let list = rig.path("urls.txt");
    fs::write(&list, "# ours\nhttps://10.0.0.1/a\n\n  https://localhost/b  \n").expect("write");
    let done = rig.ani(&["cert", "prefetch", "http://cert.example.org/", &list]);
    assert_eq!(done.code, 1);
    assert_eq!(done.stderr, "ani: 3 of 3 certificates could not be fetched\n");
    assert_eq!(
        done.stdout.lines().filter(|line| !line.starts_with(' ')).collect::<Vec<_>>(),
        [
            "http://cert.example.org/: url-refused: the certificate's URL is not https on port 443 or \
             8443, or has user information, a query or a fragment",
            "https://10.0.0.1/a: fetch-address: 10.0.0.1 is not asked",
            "https://localhost/b: fetch-address: 127.0.0.1 is not asked",
        ]
    );
    assert!(done.stdout.contains("stir.allow_addresses"), "{}", done.stdout);
    let listed = rig.text(&["cert", "list"]);
    assert!(listed.contains("https://10.0.0.1/a   failed  -       -       -"), "{listed}");
    let shown = rig.json(&["cert", "show", "https://localhost/b"]);
    assert_eq!((&shown["state"], &shown["outcome"]), (&json!("failed"), &json!("fetch-address")));
    // An operator who put it right need not wait.
    assert_eq!(rig.text(&["cert", "rm", "https://localhost/b"]), "removed https://localhost/b\n");
}

#[test]
fn slips_are_told() {
    let (rig, _runtime) = rig("", false);
    let (empty, file) = (rig.path("empty.pem"), rig.path("a.pem"));
    fs::write(&empty, "").expect("write");
    fs::write(&file, certificate("a")).expect("write");
    let missing = rig.path("missing.pem");
    let store = rig.path("no-store");
    for (arguments, code, sentence) in [
        (&["cert", "add", "http://cert.example.org/a", &file][..], 2, "is no URL of a certificate"),
        (&["cert", "add", URL, &empty], 2, "add a PEM file, leaf first"),
        (&["cert", "add", URL, &missing], 2, "missing.pem: No such file"),
        (&["cert", "show", URL], 1, "`ani cert prefetch` fetches it"),
        (&["cert", "show", "https://a.example/?b"], 2, "is no URL of a certificate"),
        (&["cert", "show", &empty], 1, "no PEM chain"),
        (&["cert", "show", &missing], 2, "No such file"),
        (&["cert", "show", URL, "--store", &store], 2, "name the folder of `store.path`"),
        (&["cert", "prefetch", URL], 1, "1 of 1 certificates"),
        (&["cert", "prefetch", &empty], 2, "no URL in what was named"),
        (&["cert", "prefetch"], 2, "<URL|FILE>..."),
        (&["cert", "rm"], 2, "<URL>..."),
    ] {
        let done = rig.ani(arguments);
        assert!(done.code == code && done.stderr.contains(sentence), "{arguments:?}: {done:?}");
    }
    for at in 0..2 {
        rig.text(&["cert", "add", &format!("{URL}{at}"), &file]);
    }
    let full = rig.ani(&["cert", "add", URL, &file]);
    assert!(full.code == 1 && full.stderr.contains("raise stir.max_certificates"), "{full:?}");
    let verifies_nothing = Rig::new(&config(""));
    let done = verifies_nothing.ani(&["cert", "list"]);
    assert!(done.code == 1 && done.stderr.contains("set stir.anchors"), "{done:?}");
    let urls: Vec<_> = (0..1001).map(|at| format!("{URL}{at}")).collect();
    let body = json!({ "urls": urls }).to_string();
    let (status, said) = rig.request("POST", "/v1/certificates/prefetch", body.as_bytes());
    assert_eq!((status, said.contains("at most 1000")), (400, true), "{said}");
}
