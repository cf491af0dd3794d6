//! One row of tshark's against one line of ours.

use serde_json::Value;

use crate::data::Row;

/// A column that differs, with `theirs / ours`.
pub(super) type Difference = (&'static str, String);

/// What differs in an INVITE of a capture.
pub(super) fn capture(row: &Row, invite: &Value) -> Vec<Difference> {
    let mut differing = way(row, invite);
    differing.extend(message(row, invite));
    differing
}

/// What differs in how it came.
fn way(row: &Row, invite: &Value) -> Vec<Difference> {
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
        invite["vlan"].as_array().into_iter().flatten().map(ToString::to_string).collect();
    let mut differing = Vec::new();
    let mut check = |column, theirs: String, ours: String| {
        if theirs != ours {
            differing.push((column, format!("{theirs} / {ours}")));
        }
    };
    let text = |field: &str| invite[field].as_str().unwrap_or_default().to_owned();
    check("transport", row["transport"].clone(), text("transport"));
    check("src", endpoint("src", "sport"), text("src"));
    check("dst", endpoint("dst", "dport"), text("dst"));
    check("vlan", vlan.join("+"), our_vlan.join("+"));
    let fragments = match row["fragments_in"].as_str() {
        "" => "1",
        fragments => fragments,
    };
    check("fragments", fragments.to_owned(), invite["fragments"].to_string());
    differing
}

/// What differs in the message itself.
pub(super) fn message(row: &Row, invite: &Value) -> Vec<Difference> {
    let text = |field: &str| invite[field].as_str().unwrap_or_default().to_owned();
    let list = |field: &str| {
        let values = invite[field].as_array();
        values
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let cseq = invite["cseq"].as_u64().map(|number| number.to_string()).unwrap_or_default();
    let their_cseq = row["cseq"].split(' ').next().unwrap_or_default();
    let tag = u8::from(invite["to_tag"].is_string()).to_string();

    let named = |header: &str| {
        let all = invite["candidates"].as_array();
        let those = all.into_iter().flatten().filter(|candidate| candidate["header"] == header);
        those.filter_map(|candidate| candidate["uri"].as_str()).collect::<Vec<_>>().join(",")
    };
    let mut differing = Vec::new();
    let mut check = |column, theirs: String, ours: String| {
        if theirs != ours {
            differing.push((column, format!("{theirs} / {ours}")));
        }
    };
    check("ruri", row["ruri"].clone(), text("request_uri"));
    check("ruri_user", row["ruri_user"].clone(), text("request_user"));
    check("from_user", row["from_user"].clone(), text("from_user"));
    check("to_user", row["to_user"].clone(), text("to_user"));
    check("pai", uris(&row["pai"]), list("p_asserted_identity").join(","));
    check("rpid", uris(&row["rpid"]), list("remote_party_id").join(","));
    check("diversion", uris(&row["diversion"]), list("diversion").join(","));
    check("ppi", uris(&row["ppi"]), named("p-preferred-identity"));
    check("history_info", uris(&row["history_info"]), named("history-info"));
    check("privacy", words(&row["privacy"]), list("privacy").join(";"));
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

/// The words of Privacy, which tshark leaves as they come.
fn words(value: &str) -> String {
    value
        .split([';', '|'])
        .map(str::trim)
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(";")
}
