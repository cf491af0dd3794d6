//! Messages and tokens on the command line.

use std::{fs, path::Path};

use super::*;
use crate::{
    cli::exit::code,
    stir::authority::{Authority, Leaf, NOW, Signer},
};

const X5U: &str = "https://cert.example:8443/a/1.pem";

/// A folder with anchors, a certificate at the place of its URL, and who signs with it.
fn ground() -> (tempfile::TempDir, Signer) {
    let folder = tempfile::tempdir().expect("folder");
    let root = Authority::root("Root");
    let signer = root.below("Issuing").issue(Leaf::spc("709J"));
    let place = folder.path().join("certs/cert.example_8443/a");
    for path in [folder.path().join("anchors"), place.clone()] {
        fs::create_dir_all(path).expect("folder");
    }
    fs::write(folder.path().join("anchors/root.pem"), root.pem()).expect("file");
    fs::write(place.join("1.pem"), signer.chain()).expect("file");
    (folder, signer)
}

fn args(folder: &Path, subject: &str) -> Args {
    Args {
        subject: subject.to_owned(),
        at: Some(Timestamp::new(NOW, 0)),
        anchors: Some(folder.join("anchors")),
        crls: None,
        certs: Some(folder.join("certs")),
        cert: None,
        max_age: None,
        caller: None,
        called: None,
        country: None,
        profile: None,
        config: None,
        trunk: None,
    }
}

fn told_of(args: &Args) -> Value {
    let subject = Subject::read(&args.subject).expect("a subject");
    let at = args.at.expect("a time");
    record(&told(args, &subject, at).expect("told"), at)
}

fn message(identity: &str) -> String {
    format!(
        "INVITE sip:+12155550199@b.example SIP/2.0\r\nVia: SIP/2.0/UDP a.example;branch=z9hG4bK1\r\n\
         From: <sip:+12155550111@a.example>;tag=1\r\nTo: <sip:+12155550199@b.example>\r\n\
         P-Asserted-Identity: <sip:+12155550100@a.example>\r\nCall-ID: 1@a.example\r\n\
         CSeq: 1 INVITE\r\nMax-Forwards: 70\r\ny: {identity}\r\nContent-Length: 0\r\n\r\n"
    )
}

#[test]
fn a_message_is_verified_as_a_live_call_is() {
    let (folder, signer) = ground();
    let token = signer.shaken(X5U, "12155550100", "12155550199", 'A', NOW);
    let file = folder.path().join("invite.sip");
    fs::write(&file, message(&Signer::identity(&token, X5U, "shaken"))).expect("file");
    let args = args(folder.path(), &file.display().to_string());
    let record = told_of(&args);
    assert_eq!((&record["outcome"], &record["signer"]), (&json!("valid"), &json!("709J")));
    let steps = output::items(&record["passports"][0]["steps"]);
    let words: Vec<_> = steps.iter().filter_map(|step| step["step"].as_str()).collect();
    assert_eq!(
        words,
        [
            "header",
            "token",
            "claims",
            "time",
            "caller",
            "called",
            "certificate",
            "chain",
            "numbers",
            "signature",
            "replay"
        ]
    );
    let page = people::text(&record);
    assert!(page.contains("orig 12155550100 is the caller"), "{page}");
    assert!(
        page.ends_with(
            "passed: valid: the signature and all that belongs to it hold for this call\n"
        )
    );

    let late = Args { at: Some(Timestamp::new(NOW + 61, 0)), ..args.clone() };
    let record = told_of(&late);
    assert_eq!((&record["outcome"], &record["code"]), (&json!("stale"), &json!(403)));
    let page = people::text(&record);
    for line in [
        "  time        stale: iat ",
        "failed: stale (403 Stale Date): ",
        "To do: compare both clocks",
    ] {
        assert!(page.contains(line), "{line} is not in\n{page}");
    }
    let hour = Args { max_age: Some(std::time::Duration::from_secs(3_600)), ..late };
    assert_eq!(told_of(&hour)["outcome"], "valid");
    let other = Args { caller: Some("+1 215 555 0111".to_owned()), ..args.clone() };
    assert_eq!(told_of(&other)["outcome"], "orig-mismatch");
    let none = Args { anchors: None, ..args.clone() };
    assert_eq!(told_of(&none)["outcome"], "no-anchors");
    let none = Args { certs: None, ..args.clone() };
    assert_eq!(told_of(&none)["outcome"], "fetch-off");
    let one = folder.path().join("one.pem");
    fs::write(&one, signer.chain()).expect("file");
    let one = Args { certs: None, cert: Some(one), ..args };
    assert_eq!(told_of(&one)["outcome"], "valid");
}

#[test]
fn a_token_is_compared_with_what_is_named() {
    let (folder, signer) = ground();
    let token = signer.shaken(X5U, "12155550100", "12155550199", 'B', NOW);
    let value = Signer::identity(&token, X5U, "shaken");
    for subject in
        [token.clone(), value.clone(), format!("Identity: {value}"), format!(" y :{value}\n")]
    {
        let args = args(folder.path(), &subject);
        assert_eq!(told_of(&args)["outcome"], "valid", "{subject}");
        let us = |caller: &str, called: &str| Args {
            caller: Some(caller.to_owned()),
            called: Some(called.to_owned()),
            country: Some("US".to_owned()),
            ..args.clone()
        };
        assert_eq!(told_of(&us("2155550100", "2155550199"))["outcome"], "valid");
        assert_eq!(told_of(&us("2155550199", "2155550199"))["outcome"], "orig-mismatch");
        assert_eq!(told_of(&us("2155550100", "2155550100"))["outcome"], "dest-mismatch");
        let named = Args { caller: Some("sip:a@b".to_owned()), ..args };
        assert_eq!(told_of(&named)["outcome"], "orig-mismatch");
    }
    let file = folder.path().join("token");
    fs::write(&file, &token).expect("file");
    assert_eq!(told_of(&args(folder.path(), &file.display().to_string()))["outcome"], "valid");
    assert_eq!(told_of(&args(folder.path(), "a.b.c"))["outcome"], "token-malformed");
}

#[test]
fn exit_codes_are_those_of_the_class() {
    let (folder, signer) = ground();
    let token = signer.shaken(X5U, "12155550100", "12155550199", 'B', NOW);
    let ends = |args: &Args| run(args, true).err().map(|error| code(&error));
    let args = args(folder.path(), &token);
    assert_eq!(ends(&args), None);
    let late = Args { at: Some(Timestamp::new(NOW + 61, 0)), ..args.clone() };
    assert_eq!(ends(&late), Some(Code::Failed));
    assert_eq!(ends(&Args { anchors: None, ..args.clone() }), Some(Code::Unable));
    for wrong in [
        Args { subject: "no.such-file".to_owned(), ..args.clone() },
        Args { caller: Some("bob".to_owned()), ..args.clone() },
        Args { country: Some("XX".to_owned()), ..args.clone() },
    ] {
        assert_eq!(ends(&wrong), Some(Code::Usage));
    }
    let file = folder.path().join("options.sip");
    fs::write(&file, "OPTIONS sip:a@h SIP/2.0\r\n\r\n").expect("file");
    let no_invite = Args { subject: file.display().to_string(), ..args.clone() };
    assert_eq!(ends(&no_invite), Some(Code::Failed));
    fs::write(&file, message("").replace("y: \r\n", "")).expect("file");
    let unsigned = Args { subject: file.display().to_string(), ..args };
    assert_eq!(ends(&unsigned), Some(Code::Unable));
}

#[test]
fn times_are_read() {
    assert_eq!(time("1767225600"), Ok(Timestamp::new(NOW, 0)));
    assert_eq!(time("2026-01-01T00:00:00Z"), Ok(Timestamp::new(NOW, 0)));
    assert!(time("yesterday").is_err_and(|error| error.contains("1970")));
}
