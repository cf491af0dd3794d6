//! The replay against what tshark reads, row by row.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::Path,
};

use ani_user::cli::replay::{self, Args};
use serde_json::Value;

use crate::{data, known};

type Row = HashMap<String, String>;

#[test]
fn every_row_agrees_or_is_a_known_difference() {
    let Some(folder) = data::folder() else { return };
    let mut captures: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    let mut outside = BTreeMap::new();
    for row in data::table(&folder.join("oracle_a.tsv")) {
        let reason =
            if row["in_icmp_error"] == "1" { Some("quoted in an ICMP error") } else { None };
        match reason {
            Some(reason) => *outside.entry(reason).or_insert(0) += 1,
            None => captures.entry(row["pcap"].clone()).or_default().push(row),
        }
    }

    let (mut rows, mut agree) = (0, 0);
    let mut differences = BTreeMap::new();
    for capture in data::files(&folder.join("pcap"))
        .into_iter()
        .chain(data::files(&folder.join("derived_pcap")))
        .filter(|path| path.extension().is_some_and(|extension| extension != "tsv"))
    {
        let name = capture.strip_prefix(&folder).expect("below").display().to_string();
        let expected = captures.remove(&format!("set_a/{name}")).unwrap_or_default();
        let mut found = replayed(&capture);
        for row in expected {
            rows += 1;
            let frame = key(&row["frame"], row["msg_no"].parse().expect("number"));
            let what = match found.remove(&frame) {
                None => vec![("missing", "no INVITE".to_owned())],
                Some(invite) => compare(&row, &invite),
            };
            if what.is_empty() {
                agree += 1;
            }
            for (column, what) in what {
                differences.insert(format!("{name} {frame} {column}"), what);
            }
        }
        for (frame, invite) in found {
            let what = format!("not in the oracle: {invite}");
            differences.insert(format!("{name} {frame} extra"), what);
        }
    }
    assert!(captures.is_empty(), "captures that are not there: {:?}", captures.keys());

    println!("{rows} rows within reach, {agree} agree; outside: {outside:?}");
    let known: BTreeSet<String> = known::DIFFERENCES
        .iter()
        .flat_map(|kind| kind.rows.iter().map(move |row| (kind.columns, row)))
        .flat_map(|(columns, (capture, frames))| {
            frames.iter().flat_map(move |frame| {
                columns.iter().map(move |column| format!("{capture} {frame} {column}"))
            })
        })
        .collect();
    let new: BTreeMap<_, _> = differences.iter().filter(|(row, _)| !known.contains(*row)).collect();
    let gone: Vec<_> = known.iter().filter(|row| !differences.contains_key(*row)).collect();
    assert!(new.is_empty(), "{} new differences: {new:#?}", new.len());
    assert!(gone.is_empty(), "differences that are no more: {gone:#?}");
    assert_eq!((rows, agree), known::ROWS_AND_AGREEING);
}

/// An INVITE's name: the frame, and for any but the first in it, which one.
fn key(frame: &str, number: u32) -> String {
    if number == 1 { frame.to_owned() } else { format!("{frame} message {number}") }
}

/// The INVITEs of a capture by frame number.
fn replayed(capture: &Path) -> BTreeMap<String, Value> {
    let args = Args { files: vec![capture.to_owned()], config: None, policy: None, country: None };
    let (mut output, mut errors) = (Vec::new(), Vec::new());
    replay::replay(&args, true, &mut output, &mut errors).expect("replay");
    eprint!("{}", String::from_utf8_lossy(&errors));
    let mut found = BTreeMap::new();
    for line in String::from_utf8(output).expect("JSON is UTF-8").lines() {
        let invite: Value = serde_json::from_str(line).expect("JSON");
        let frame = invite["frame"].to_string();
        let free = (1..).map(|number| key(&frame, number)).find(|key| !found.contains_key(key));
        found.insert(free.expect("there are enough numbers"), invite);
    }
    found
}

/// The columns that differ, each with `theirs / ours`.
fn compare(row: &Row, invite: &Value) -> Vec<(&'static str, String)> {
    let text = |field: &str| invite[field].as_str().unwrap_or_default().to_owned();
    let list = |field: &str| {
        let values = invite[field].as_array().expect("list");
        values.iter().filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>()
    };
    let endpoint = |address: &str, port: &str| {
        let (address, port) = (&row[address], &row[port]);
        if address.contains(':') {
            format!("[{address}]:{port}")
        } else {
            format!("{address}:{port}")
        }
    };
    let numbers =
        |text: &str| text.split('+').filter(|id| !id.is_empty()).map(str::to_owned).collect();
    let vlan: Vec<String> = numbers(&row["vlan"]);
    let our_vlan: Vec<String> =
        invite["vlan"].as_array().expect("list").iter().map(ToString::to_string).collect();
    let cseq = invite["cseq"].as_u64().map(|number| number.to_string()).unwrap_or_default();
    let their_cseq = row["cseq"].split(' ').next().unwrap_or_default();
    let tag = u8::from(invite["to_tag"].is_string()).to_string();

    let mut differing = Vec::new();
    let mut check = |column, theirs: String, ours: String| {
        if theirs != ours {
            differing.push((column, format!("{theirs} / {ours}")));
        }
    };
    check("transport", row["transport"].clone(), text("transport"));
    check("src", endpoint("src", "sport"), text("src"));
    check("dst", endpoint("dst", "dport"), text("dst"));
    check("vlan", vlan.join("+"), our_vlan.join("+"));
    let fragments = match row["fragments_in"].as_str() {
        "" => "1",
        fragments => fragments,
    };
    check("fragments", fragments.to_owned(), invite["fragments"].to_string());
    check("ruri", row["ruri"].clone(), text("request_uri"));
    check("ruri_user", row["ruri_user"].clone(), text("request_user"));
    check("from_user", row["from_user"].clone(), text("from_user"));
    check("to_user", row["to_user"].clone(), text("to_user"));
    check("pai", uris(&row["pai"]), list("p_asserted_identity").join(","));
    check("rpid", uris(&row["rpid"]), list("remote_party_id").join(","));
    check("call_id", row["call_id"].clone(), text("call_id"));
    check(
        "cseq",
        their_cseq.trim_start_matches('0').to_owned(),
        cseq.trim_start_matches('0').to_owned(),
    );
    check("to_tag", row["to_tag_present"].clone(), tag);
    differing
}

/// The URIs of a header as tshark shows it: whole values, where ours are the URIs alone.
fn uris(value: &str) -> String {
    let mut uris = Vec::new();
    let mut rest = value;
    while let Some((_, behind)) = rest.split_once('<') {
        let Some((uri, after)) = behind.split_once('>') else {
            break;
        };
        uris.push(uri);
        rest = after;
    }
    if uris.is_empty() { value.to_owned() } else { uris.join(",") }
}
