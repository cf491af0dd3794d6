//! Captures of signed calls, replayed.

use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::{
    capture::fixture,
    cli::replay::{self, replay},
    stir::authority::{Authority, Leaf, Signer, TO},
};

const URL: &str = "https://certs.example.org/1.pem";
const CALLER: &str = "14155551234";
const CALLED: &str = "18005550199";

/// Anchors, certificates, and who signs: for captures, which begin a second after 1970.
struct Ground {
    folder: TempDir,
    signer: Signer,
}

impl Ground {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let root = Authority::root("Root");
        let signer = root.issue(Leaf { valid: (0, TO), ..Leaf::spc("709J") });
        let certs = folder.path().join("certs/certs.example.org");
        std::fs::create_dir_all(&certs).expect("folder");
        std::fs::create_dir(folder.path().join("anchors")).expect("folder");
        std::fs::write(folder.path().join("anchors/root.pem"), root.pem()).expect("anchor");
        std::fs::write(certs.join("1.pem"), signer.chain()).expect("certificate");
        Self { folder, signer }
    }

    /// An INVITE of a call of its own, signed for `caller` at `iat`, with its certificate at `url`.
    fn invite(&self, call: &str, caller: &str, iat: i64, url: &str) -> Vec<u8> {
        let token = self.signer.shaken(url, caller, CALLED, 'A', iat);
        let identity = format!("Identity: {}\r\nCSeq", Signer::identity(&token, url, "shaken"));
        let message = fixture::invite(&format!("+{CALLER}"), call);
        let message = String::from_utf8(message).expect("UTF-8");
        message.replace("CSeq", &identity).replace("1@h", &format!("{call}@h")).into_bytes()
    }

    fn replay(&self, messages: &[Vec<u8>], args: Args) -> (Vec<Value>, String) {
        let frames: Vec<_> = messages.iter().map(|message| fixture::ethernet(message)).collect();
        let file = self.folder.path().join("calls.pcap");
        std::fs::write(&file, fixture::pcap(false, false, 1, &frames)).expect("capture");
        let args = replay::Args {
            files: vec![file],
            config: None,
            policy: None,
            country: None,
            signatures: args,
        };
        let (mut output, mut errors) = (Vec::new(), Vec::new());
        replay(&args, true, &mut output, &mut errors).expect("replay");
        let output = String::from_utf8(output).expect("text");
        let lines = output.lines().map(|line| serde_json::from_str(line).expect("JSON"));
        (lines.collect(), String::from_utf8(errors).expect("text"))
    }

    fn args(&self) -> Args {
        let path = |name| Some(self.folder.path().join(name));
        Args { anchors: path("anchors"), certs: path("certs"), ..Args::default() }
    }
}

/// The reason of each, `valid` where there is none.
fn reasons(lines: &[Value]) -> Vec<&str> {
    lines.iter().map(|line| line["attestation"]["reason"].as_str().unwrap_or("valid")).collect()
}

#[test]
fn each_call_is_judged_by_the_time_of_the_capture() {
    let ground = Ground::new();
    let elsewhere = "https://certs.example.org/2.pem";
    let first = ground.invite("a", CALLER, 1, URL);
    let messages = [
        first.clone(),
        first.clone(),
        ground.invite("b", "14155559999", 1, URL),
        ground.invite("c", CALLER, 100, URL),
        ground.invite("d", CALLER, 1, elsewhere),
        // The signature of the first with another call.
        String::from_utf8(first).expect("UTF-8").replace("a@h", "e@h").into_bytes(),
        fixture::invite("+14155551234", "f"),
    ];
    let (lines, errors) = ground.replay(&messages, ground.args());
    assert_eq!(errors, "");
    let expected = ["valid", "valid", "orig-mismatch", "future", "fetch-off", "replayed", "valid"];
    assert_eq!(reasons(&lines), expected);
    let attestation = &lines[0]["attestation"];
    assert_eq!(attestation["signature"], "valid");
    assert_eq!((&attestation["signer"], &attestation["level"]), (&json!("709J"), &json!("A")));
    let passport = &attestation["passports"][0];
    for (name, value) in [
        ("ppt", json!("shaken")),
        ("outcome", json!("valid")),
        ("code", Value::Null),
        ("signer", json!("709J")),
        ("url", json!(URL)),
        ("iat", json!(1)),
        ("attest", json!("A")),
        ("orig", json!(CALLER)),
    ] {
        assert_eq!(passport[name], value, "{name}");
    }
    let [other, .., unsigned] = &lines[2..] else { panic!("all lines") };
    assert_eq!(other["attestation"]["signature"], "invalid");
    assert_eq!(other["attestation"]["passports"][0]["code"], 438);
    assert_eq!(lines[4]["attestation"]["signature"], "unverified");
    assert_eq!(unsigned["attestation"]["signature"], "absent");
}

#[test]
fn with_the_clock_of_this_host_an_old_capture_is_stale() {
    let ground = Ground::new();
    let call = [ground.invite("a", CALLER, 1, URL)];
    let (lines, _) = ground.replay(&call, Args { at_now: true, ..ground.args() });
    assert_eq!(reasons(&lines), ["stale"]);
    let (lines, _) = ground.replay(&call, Args { at_capture_time: true, ..ground.args() });
    assert_eq!(reasons(&lines), ["valid"]);
}

#[test]
fn without_anchors_it_is_said_why_nothing_is_verified() {
    let ground = Ground::new();
    let call = [ground.invite("a", CALLER, 1, URL)];
    let (lines, errors) = ground.replay(&call, Args::default());
    assert_eq!((reasons(&lines), errors.as_str()), (vec!["no-anchors"], ""));
    assert_eq!(lines[0]["attestation"]["signature"], "unverified");
    let empty = ground.folder.path().join("empty");
    std::fs::create_dir(&empty).expect("folder");
    let args = Args { anchors: Some(empty.clone()), ..ground.args() };
    let (lines, errors) = ground.replay(&call, args);
    assert_eq!(reasons(&lines), ["no-anchors"]);
    let said = format!("no trust anchor in {}: no signature is verified", empty.display());
    assert!(errors.contains(&said), "{errors}");
}
