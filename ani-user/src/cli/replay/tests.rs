//! Captures made here, replayed.

use serde_json::Value;

use super::*;
use crate::{capture::fixture, telemetry::Tally};

/// Replays files made of `captures`; what it wrote, and what it complained of.
fn run(captures: &[Vec<u8>], policy: Option<&str>, json: bool) -> (Summary, String, String) {
    let folder = tempfile::tempdir().expect("folder");
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).expect("file");
        path
    };
    let files = captures
        .iter()
        .enumerate()
        .map(|(index, bytes)| write(&format!("{index}.pcap"), bytes))
        .collect();
    let policy = policy.map(|text| write("policy", text.as_bytes()));
    let args = Args { files, config: None, policy, country: None, signatures: Default::default() };
    let (mut output, mut errors) = (Vec::new(), Vec::new());
    let summary = replay(&args, json, &mut output, &mut errors).expect("replay");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (summary, text(output), text(errors))
}

fn capture(messages: &[Vec<u8>]) -> Vec<u8> {
    let frames: Vec<_> = messages.iter().map(|message| fixture::ethernet(message)).collect();
    fixture::pcap(false, false, 1, &frames)
}

fn lines(output: &str) -> Vec<Value> {
    output.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn a_line_of_json_has_all_that_the_contract_names() {
    let (_, output, _) = run(&[capture(&[fixture::invite("+14155551234", "b1")])], None, true);
    let mut lines = lines(&output);
    let expected = serde_json::json!({
        "frame": 1, "ts": "1970-01-01T00:00:01.000123Z",
        "src": "203.0.113.9:5060", "dst": "198.51.100.20:5060", "transport": "udp", "reach": "answer",
        "vlan": [], "fragments": 1, "trunk": "any", "call_id": "1@h", "cseq": 1,
        "from_tag": "1", "to_tag": null, "retransmission": false,
        "request_uri": "sip:+18005550199@sbc.example", "request_user": "+18005550199",
        "from_user": "+14155551234", "from_display": null, "to_user": "+18005550199",
        "p_asserted_identity": [], "remote_party_id": [], "p_charge_info": null,
        "diversion": [], "privacy": [],
        "ani": "+14155551234", "ani_source": "from", "ani_status": "ok", "ani_form": "e164",
        "oli": null,
        "caller_id": "+14155551234", "caller_id_matches": true, "display_matches": null,
        "dnis": "+18005550199", "toll_free": true,
        "kernel": {"plain": true, "not_plain": null, "ani": "+14155551234", "attestation": "none", "lists": null, "rule": null},
        "held": null,
        "verdict": "pass", "answer": null, "rule": null, "observed": [], "malformed": []
    });
    let candidate = serde_json::json!({
        "header": "from", "value": 1, "uri": "sip:+14155551234@h", "display": null,
        "number": "+14155551234", "status": "ok", "form": "e164", "parameters": ";tag=1", "why": "chosen"
    });
    let attestation = serde_json::json!({
        "level": "none", "source": null, "signature": "absent", "reason": null, "signer": null,
        "passports": [],
        "verstat": null, "outcome": "unknown", "origination_id": null, "origination_source": null,
        "identity_bypass": null, "told": [], "told_left_out": 0
    });
    let mut line = lines.remove(0);
    let candidates = line.as_object_mut().and_then(|line| line.remove("candidates"));
    assert_eq!(candidates, Some(Value::Array(vec![candidate])));
    let told = line.as_object_mut().and_then(|line| line.remove("attestation"));
    assert_eq!(told, Some(attestation));
    assert_eq!(line, expected);
    assert!(lines.is_empty());
}

#[test]
fn the_block_list_stops_its_numbers_and_no_others() {
    let messages = [fixture::invite("+14155551234", "b1"), fixture::invite("+12125550000", "b2")];
    let (summary, output, _) = run(&[capture(&messages)], Some("+1 415 555 1234\n"), true);
    let verdicts: Vec<_> =
        lines(&output).iter().map(|line| (line["verdict"].clone(), line["rule"].clone())).collect();
    assert_eq!(verdicts, [("drop".into(), "list:block".into()), ("pass".into(), Value::Null)]);
    assert_eq!(summary.dropped, 1);
}

/// Replays one capture by a configuration, in which `FOLDER` stands for where `feed` is.
fn run_configured(
    messages: &[Vec<u8>],
    config: &str,
    feed: &str,
) -> (anyhow::Result<Vec<Value>>, String) {
    let folder = tempfile::tempdir().expect("folder");
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("0.pcap"), capture(messages)).expect("file");
    std::fs::write(path("feed"), feed).expect("file");
    let shown = folder.path().display().to_string();
    std::fs::write(path("ani.toml"), config.replace("FOLDER", &shown)).expect("file");
    let args = Args {
        files: vec![path("0.pcap")],
        config: Some(path("ani.toml")),
        policy: None,
        country: None,
        signatures: Default::default(),
    };
    let (mut output, mut errors) = (Vec::new(), Vec::new());
    let replayed = replay(&args, true, &mut output, &mut errors);
    let text = |bytes| String::from_utf8(bytes).expect("text").replace(&shown, "FOLDER");
    (replayed.map(|_| lines(&text(output))), text(errors))
}

const TRUNK: &str = "[[trunk]]\nname = 'a'\nsources = ['203.0.113.0/24']\n";

#[test]
fn the_lists_of_the_configuration_decide_by_their_files() {
    let callers = ["+14155551234", "+12125550000", "+12125550001", "+442079460000"];
    let messages = callers.map(|caller| fixture::invite(caller, &caller[1..]));
    let lists = "[[list]]\nname = 'spam'\naction = 'block'\nmode = 'enforce'\nfile = 'FOLDER/feed'\n\
                 [[list]]\nname = 'watched'\naction = 'block'\nfile = 'FOLDER/feed'\n\
                 [[list]]\nname = 'by-command'\naction = 'allow'\nmode = 'enforce'\n";
    // The last of two entries of one subject counts, and it had ended before the capture began; another
    // ends long after.
    let feed = "number,trunk,attestation,expires,reason,added\n\
                +1415555*,,,,,\n\
                +12125550000,,,,,\n\
                +12125550000,,,1960-01-01T00:00:00Z,,\n\
                +12125550001,,,2060-01-01T00:00:00Z,,\n\
                +442079460000,b,,,,\n";
    let (lines, errors) = run_configured(&messages, &format!("{TRUNK}{lists}"), feed);
    let told: Vec<_> = lines
        .expect("replayed")
        .iter()
        .map(|line| (line["rule"].clone(), line["observed"].clone()))
        .collect();
    let (none, stopped) = (serde_json::json!([]), Value::from("list:spam"));
    assert_eq!(
        told,
        [
            (stopped.clone(), none.clone()),
            (Value::Null, none.clone()),
            (stopped, none.clone()),
            (Value::Null, none),
        ]
    );
    assert_eq!(
        errors,
        "ani: 2 entries are for trunks that are not configured, and not in force until they are; the \
         first is +442079460000 on list `spam` for trunk `b`\n"
    );
    let observed = format!("{TRUNK}{}", lists.replace("'enforce'", "'observe'"));
    let (lines, _) = run_configured(&messages[..1], &observed, feed);
    let line = lines.expect("replayed").remove(0);
    assert_eq!((&line["verdict"], &line["rule"]), (&Value::from("pass"), &Value::Null));
    assert_eq!(line["observed"], serde_json::json!(["list:spam"]));
}

#[test]
fn a_list_whose_file_cannot_be_used_refuses_the_replay() {
    let list = |file: &str| {
        format!("{TRUNK}[[list]]\nname = 'spam'\naction = 'block'\nfile = 'FOLDER/{file}'\n")
    };
    for (config, feed, expected) in [
        (list("none"), "", "/none: cannot be read: No such file"),
        (
            list("feed"),
            "+14155551234\nnobody\n",
            "/feed: nothing was imported: 1 line is wrong\nline 2",
        ),
        (
            format!("{}[lists]\nmax_entries = 1\n", list("feed")),
            "+14155551234\n+14155551235\n",
            "the lists are full at 1 entries; raise lists.max_entries",
        ),
    ] {
        let (lines, _) = run_configured(&[], &config, feed);
        let error = format!("{:#}", lines.expect_err("refused"));
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn repeated_invites_are_told_from_new_ones() {
    let messages = ["b1", "b1", "b2", "b1"].map(|branch| fixture::invite("+14155551234", branch));
    let (summary, output, _) = run(&[capture(&messages)], None, true);
    let repeated: Vec<_> =
        lines(&output).iter().map(|line| line["retransmission"].clone()).collect();
    assert_eq!(repeated, [false, true, false, true]);
    assert_eq!((summary.retransmissions, summary.tallies.value(Tally::Invites)), (2, 4));
}

#[test]
fn only_invites_come_out_and_the_rest_is_counted() {
    let messages = [
        b"\r\n\r\n".to_vec(),
        b"OPTIONS sip:a@h SIP/2.0\r\n\r\n".to_vec(),
        b"SIP/2.0 200 OK\r\nCSeq: 1 INVITE\r\n\r\n".to_vec(),
        fixture::invite("+14155551234", "b1"),
    ];
    let mut fragment = fixture::ethernet(&messages[3]);
    fragment[14 + 6] = 0x20;
    let mut frames: Vec<_> = messages.iter().map(|message| fixture::ethernet(message)).collect();
    frames.push(fragment);
    frames.push(vec![0; 9]);
    let (summary, output, errors) = run(&[fixture::pcapng(false, &frames)], None, true);
    assert_eq!(lines(&output).len(), 1);
    assert_eq!(lines(&output)[0]["frame"], 4);
    for (tally, count) in [
        (Tally::Frames, 6),
        (Tally::Invites, 1),
        (Tally::NotInvite, 2),
        (Tally::Keepalives, 1),
        (Tally::Fragments, 1),
        (Tally::Damaged, 1),
    ] {
        assert_eq!(summary.tallies.value(tally), count, "{tally:?}");
    }
    assert_eq!(summary.records, 6);
    assert_eq!(errors, "");
}

#[test]
fn a_file_that_cannot_be_read_does_not_stop_the_rest() {
    let good = capture(&[fixture::invite("+14155551234", "b1")]);
    let files = [b"no capture".to_vec(), good.clone(), good[..good.len() - 1].to_vec()];
    let (summary, output, errors) = run(&files, None, true);
    assert_eq!((lines(&output).len(), summary.failed_files), (1, 2));
    assert!(errors.contains("0.pcap: neither pcap nor pcapng"), "{errors}");
    assert!(errors.contains("2.pcap: cut short in the record after record 0"), "{errors}");
}

#[test]
fn people_get_a_table_and_a_summary_without_control_characters() {
    let message = String::from_utf8(fixture::invite("+14155551234", "b1")).expect("text");
    let message = message.replace("Call-ID: 1@h", "Call-ID: \u{1b}[2J1@h");
    let (_, output, _) = run(&[capture(&[message.into_bytes()])], None, false);
    let row = output.lines().nth(1).expect("row");
    let columns: Vec<_> = row.split_whitespace().collect();
    assert_eq!(
        columns,
        [
            "1970-01-01T00:00:01.000123Z",
            "203.0.113.9:5060",
            "+14155551234",
            "ok",
            "+18005550199",
            "none",
            "pass",
            "\u{fffd}[2J1@h"
        ]
    );
    assert!(output.contains("1 records, 1 INVITEs (0 repeated, 0 dropped)"), "{output}");
    let together = "put together: 0 packets from 0 IP fragments, 0 messages from 0 TCP segments";
    assert!(output.contains(together), "{output}");
    assert!(!output.contains("lost"), "{output}");
}

#[test]
fn fragments_are_put_together_and_losses_named() {
    let udp = fixture::udp(&fixture::invite("+14155551234", "b1"));
    let piece = |id, offset, more, part: &[u8]| {
        fixture::fragment_v4([203, 0, 113, 9], 17, id, offset, more, part)
    };
    let packets = [
        piece(1, 64, false, &udp[64..]),
        piece(1, 0, true, &udp[..64]),
        piece(2, 0, true, &udp[..64]),
        piece(2, 56, true, &udp[56..72]),
        piece(3, 0, true, &udp[..64]),
    ];
    let file = fixture::pcap(false, false, 101, &packets);
    let (_, output, _) = run(std::slice::from_ref(&file), None, true);
    let line = &lines(&output)[0];
    assert_eq!((&line["frame"], &line["fragments"]), (&2.into(), &2.into()));
    let (_, output, _) = run(std::slice::from_ref(&file), None, false);
    let together = "put together: 1 packets from 5 IP fragments";
    assert!(output.contains(together), "{output}");
    let lost = "\nlost: 1 fragments overlapping, 1 fragments timed out\n";
    assert!(output.ends_with(lost), "{output}");
    // What one file of a rotated capture begins, the next one ends.
    let rest = fixture::pcap(false, false, 101, &[piece(3, 64, false, &udp[64..])]);
    let (_, output, _) = run(&[file, rest], None, false);
    assert!(output.contains("put together: 2 packets from 6 IP fragments"), "{output}");
    assert!(output.ends_with("\nlost: 1 fragments overlapping\n"), "{output}");
}

#[test]
fn a_broken_block_list_is_refused_with_its_line() {
    let folder = tempfile::tempdir().expect("folder");
    let policy = folder.path().join("policy");
    std::fs::write(&policy, "+14155551234\nnobody\n").expect("file");
    let args = Args {
        files: vec![],
        config: None,
        policy: Some(policy),
        country: None,
        signatures: Default::default(),
    };
    let error = replay(&args, true, &mut Vec::new(), &mut Vec::new()).expect_err("no number");
    assert!(format!("{error:#}").contains("line 2: `nobody` is no telephone number"), "{error:#}");
}
