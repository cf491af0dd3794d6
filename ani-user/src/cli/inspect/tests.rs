//! What is printed of two messages, word for word, and what becomes of wrong input.

use std::{fs, path::Path};

use super::*;
use crate::{
    capture::{assembly::framing::MAX_MESSAGE, fixture},
    cli::exit::{Code, code},
};

const ARGS: Args = Args {
    file: PathBuf::new(),
    profile: None,
    country: None,
    config: None,
    trunk: None,
    untrusted: false,
};

/// Two messages of ours as people paste them, with lines that end in LF alone.
const CARRIER: &str = include_str!("golden/carrier.sip");
const BROKEN: &str = include_str!("golden/broken.sip");

fn crlf(text: &str) -> Vec<u8> {
    text.replace('\n', "\r\n").into_bytes()
}

fn read(message: &[u8], args: &Args) -> Value {
    record(message, configured(args).expect("configuration")).expect("INVITE")
}

/// What people are shown.
fn page(file: Vec<u8>, args: &Args) -> String {
    let config = configured(args).expect("configuration");
    let input = Input::of(file).expect("message");
    let mut record = record(&input.message, config.clone()).expect("INVITE");
    if input.lf_only {
        add_bare_lf(&mut record);
    }
    people::text(&record, &input, config.trunks.first())
}

fn words(list: &Value) -> Vec<&str> {
    output::items(list).iter().filter_map(Value::as_str).collect()
}

fn says(record: &Value) -> Vec<&str> {
    output::items(&record["steps"]).iter().filter_map(|step| step["says"].as_str()).collect()
}

#[test]
fn a_carriers_invite_for_people() {
    let args = Args { country: Some("us".to_owned()), ..ARGS };
    let page = page(crlf(CARRIER), &args);
    assert_eq!(page, include_str!("golden/carrier.txt"), "\n{page}");
}

#[test]
fn a_broken_pasted_invite_for_people() {
    let page = page(BROKEN.into(), &ARGS);
    assert!(!page.chars().any(|char| char.is_control() && char != '\n'));
    assert_eq!(page, include_str!("golden/broken.txt"), "\n{page}");
}

/// The lengths in it are those of the wire, and only the line ends are named.
#[test]
fn a_pasted_message_is_read_as_it_was_sent() {
    let input = Input::of(CARRIER.into()).expect("message");
    let sent = Input::of(crlf(CARRIER)).expect("message");
    assert_eq!((input.message, input.lf_only), (sent.message, true));
    assert!(!sent.lf_only);
    let mut record = read(&crlf(CARRIER), &ARGS);
    assert_eq!(record["kernel"]["plain"], false, "two values");
    assert_eq!(words(&record["malformed"]), [""; 0]);
    add_bare_lf(&mut record);
    add_bare_lf(&mut record);
    assert_eq!(words(&record["malformed"]), ["bare-lf"]);
}

/// Nothing that is known of a captured message only is made up.
#[test]
fn the_record_is_that_of_a_replay() {
    let message = fixture::invite("+14155551234", "b1");
    let ours = read(&message, &ARGS);
    let (mut replayed, mut fields) = (None, 0);
    let rules = Arc::new(Memory::new(&Config::one_trunk()));
    let config = Arc::new(Config::one_trunk());
    let bytes = fixture::ethernet(&message);
    let frame = Frame {
        number: 1,
        arrived: Timestamp(0),
        content: Content::Link {
            link: crate::capture::LinkType::Ethernet,
            bytes: &bytes,
            wire_len: bytes.len() as u32,
        },
        reach: Reach::Answer,
        kernel: None,
    };
    Pipeline::new(config, rules, Arc::default()).frame(&frame, &mut |invite| {
        replayed = serde_json::to_value(invite).ok();
    });
    for (name, value) in replayed.as_ref().and_then(Value::as_object).expect("INVITE") {
        fields += 1;
        assert!(ours[name] == *value || ours[name].is_null(), "{name}: {value} {}", ours[name]);
    }
    assert_eq!(ours.as_object().expect("record").len(), fields + 1);
    assert_eq!(ours["src"], Value::Null);
}

#[test]
fn each_way_to_a_number_is_told() {
    let us = Args { country: Some("US".to_owned()), ..ARGS };
    for (user, args, expected) in [
        ("+14155551234", &ARGS, "+14155551234 is E.164 as it came"),
        ("+1-415-555-1234", &ARGS, "+1-415-555-1234 is +14155551234: visual separators taken out"),
        (
            "4155551234",
            &ARGS,
            "4155551234 stays as it came: digits without +, and no country is known that \
             completes them",
        ),
        (
            "4155551234",
            &us,
            "4155551234 is +14155551234: +1 put before it, as it is dialled in United States",
        ),
        (
            "14155551234",
            &us,
            "14155551234 is +14155551234: the country code is there, + put before it, as it is \
             dialled in United States",
        ),
        (
            "011442079460000",
            &us,
            "011442079460000 is +442079460000: 011 taken off, + put before it, as it is dialled \
             in United States",
        ),
        ("911", &us, "911 stays as it came: no number as it is dialled in United States"),
        ("bob", &us, "bob is no telephone number: a name, or more than digits and separators"),
        ("anonymous", &us, "anonymous at h: the number is withheld"),
        ("5551234;phone-context=+1415", &us, "5551234 is +14155551234: within phone-context +1415"),
    ] {
        let record = read(&fixture::invite(user, "b1"), args);
        let steps = says(&record);
        assert_eq!(steps[steps.len() - 2], expected);
    }
}

#[test]
fn an_untrusted_invite_is_read_by_from_alone() {
    let args = Args { untrusted: true, ..ARGS };
    let record = read(&crlf(CARRIER), &args);
    assert_eq!(
        (&record["ani"], &record["ani_status"]),
        (&json!("+12125550000"), &json!("untrusted"))
    );
    assert_eq!((&record["trunk"], &record["attestation"]["level"]), (&Value::Null, &json!("none")));
    assert_eq!(says(&record)[1], "it came from no configured trunk: only from is read");
}

#[test]
fn a_trunk_or_a_profile_of_a_configuration_reads_it() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("ani.toml");
    let text = "[[profile]]\nname = \"mine\"\nani = [\"from\"]\n[[trunk]]\nname = \"a\"\n\
                sources = [\"192.0.2.0/24\"]\nani = [\"from\"]\ncountry = \"US\"\n";
    fs::write(&path, text).expect("file");
    let with = Args { config: Some(path), ..ARGS };
    for args in [
        Args { trunk: Some("a".to_owned()), ..with.clone() },
        Args { profile: Some("mine".to_owned()), ..with.clone() },
    ] {
        assert_eq!(read(&crlf(CARRIER), &args)["ani"], "+12125550000");
    }
    let refused = |args: &Args| {
        let error = configured(args).expect_err("refused");
        assert_eq!(code(&error), Code::Usage);
        error.to_string()
    };
    assert!(refused(&with).contains("--trunk"));
    let unknown = Args { trunk: Some("b".to_owned()), ..with.clone() };
    assert_eq!(refused(&unknown), "there is no trunk `b`; write one of a");
    let unknown = Args { profile: Some("b".to_owned()), ..with };
    assert!(refused(&unknown).ends_with("livevox, french-man, mine"));
    assert!(refused(&Args { country: Some("XX".to_owned()), ..ARGS }).contains("`XX`"));
}

#[test]
fn wrong_input_is_an_error_that_says_what_it_is() {
    let refused = |bytes: Vec<u8>| format!("{:#}", Input::of(bytes).err().expect("refused"));
    assert!(refused(Vec::new()).starts_with("empty"));
    assert!(refused(fixture::pcap(false, false, 1, &[])).contains("`ani replay`"));
    assert!(refused(fixture::pcapng(true, &[])).contains("`ani replay`"));
    assert!(refused(vec![0; 1 << 20]).starts_with("more than 65535 bytes"));
    assert!(refused(vec![b'x'; MAX_MESSAGE + 1]).starts_with("more than 65535 bytes"));
    let folder = tempfile::tempdir().expect("folder");
    let missing = folder.path().join("none");
    for path in [folder.path(), &missing, Path::new("/dev/zero")] {
        let error = Input::read(path).err().expect("refused");
        assert_eq!(code(&error), Code::Failed);
        assert!(format!("{error:#}").contains(&name(path)), "{error:#}");
    }
}

#[test]
fn what_is_no_invite_says_what_it_is() {
    for (message, expected) in [
        ("OPTIONS sip:a@h SIP/2.0\r\n\r\n", "a request with method OPTIONS"),
        ("\r\n\r\nBYE sip:a@h SIP/2.0\r\n\r\n", "a request with method BYE"),
        ("SIP/2.0 200 OK\r\n\r\n", "a response, `SIP/2.0 200 OK`"),
        (
            "GET / HTTP/1.1\r\n\u{1b}[31m\r\n",
            "no SIP message: it starts with `GET / HTTP/1.1`, and not with a method, a URI and \
             SIP/2.0 in one line",
        ),
    ] {
        assert!(record(message.as_bytes(), configured(&ARGS).expect("configuration")).is_none());
        assert_eq!(input::what(message.as_bytes()), expected);
    }
    for bytes in [&[0; 9_999][..], b"\n\n\n", &[0xff; 70], b"INVITE", b"\x1b]0;x\x07 \x1b[2J"] {
        assert!(!input::what(bytes).chars().any(char::is_control));
    }
}

fn name(path: &Path) -> String {
    input::name(path)
}
