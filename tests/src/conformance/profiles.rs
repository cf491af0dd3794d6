//! One INVITE a built-in profile, as such a carrier sends it, and what is to be read of it.

use ani_user::config::Config;
use serde_json::{Value, json};

use super::{Known, Set, reading, row::Difference};

/// An INVITE of a carrier, and what it says.
struct Golden {
    profile: &'static str,
    country: Option<&'static str>,
    request_uri: &'static str,
    headers: &'static [&'static str],
    /// The caller, the header that names him, and what he is.
    ani: (Option<&'static str>, &'static str, &'static str),
    dnis: &'static str,
    /// Level, source and outcome of the attestation.
    attestation: (&'static str, Option<&'static str>, &'static str),
    /// Each candidate's header, value and why.
    candidates: &'static [(&'static str, u64, &'static str)],
}

/// One a profile, in the order of the profiles.
const GOLDEN: [Golden; 8] = [
    // Who is charged goes first for a toll-free number.
    Golden {
        profile: "generic",
        country: None,
        request_uri: "sip:+18005550199@sbc.example",
        headers: &[
            "From: \"A\" <sip:+12125550123@carrier.example>;tag=1",
            "P-Asserted-Identity: <sip:+14155551234;verstat=TN-Validation-Passed-B@carrier.example>",
            "P-Charge-Info: <sip:+13125550123@carrier.example>;npi=ISDN;noa=2",
        ],
        ani: (Some("+13125550123"), "p-charge-info", "ok"),
        dnis: "+18005550199",
        attestation: ("B", Some("verstat"), "passed"),
        candidates: &[
            ("p-charge-info", 1, "chosen"),
            ("p-asserted-identity", 1, "after-chosen"),
            ("from", 1, "after-chosen"),
        ],
    },
    // A SIP and a tel URI of the same caller, and verstat on the second (3GPP TS 24.229 §7.2A.20).
    Golden {
        profile: "3gpp",
        country: Some("DE"),
        request_uri: "sip:03098765432@sbc.example;user=phone",
        headers: &[
            "From: <sip:+493012345678@ims.example;user=phone>;tag=1",
            "P-Asserted-Identity: <sip:alice@ims.example>, \
             <tel:+493012345678;verstat=TN-Validation-Passed>",
        ],
        ani: (Some("+493012345678"), "p-asserted-identity", "ok"),
        dnis: "+493098765432",
        attestation: ("none", Some("verstat"), "passed"),
        candidates: &[
            ("p-asserted-identity", 1, "other-value"),
            ("p-asserted-identity", 2, "chosen"),
            ("from", 1, "after-chosen"),
        ],
    },
    Golden {
        profile: "bandwidth",
        country: Some("US"),
        request_uri: "sip:4155550199@sbc.example",
        headers: &[
            "From: <sip:+12125550123@192.0.2.1>;tag=1",
            "P-Asserted-Identity: <sip:+14155551234@192.0.2.1:5060>;verstat=TN-Validation-Passed",
            "Remote-Party-ID: <sip:+16175550123@192.0.2.1>;party=calling;screen=yes",
            "P-Attestation-Indicator: A",
        ],
        ani: (Some("+14155551234"), "p-asserted-identity", "ok"),
        dnis: "+14155550199",
        attestation: ("A", Some("header"), "passed"),
        candidates: &[
            ("p-asserted-identity", 1, "chosen"),
            ("remote-party-id", 1, "after-chosen"),
            ("from", 1, "after-chosen"),
        ],
    },
    Golden {
        profile: "telnyx",
        country: Some("US"),
        request_uri: "sip:14155550199@sbc.example",
        headers: &[
            "From: <sip:+14155551234@sip.carrier.example>;tag=1",
            "P-Asserted-Identity: \
             <sip:+14155551234@sip.carrier.example;verstat=TN-Validation-Passed-B>",
            "Remote-Party-ID: <sip:+14155550199@sbc.example>;party=called",
        ],
        ani: (Some("+14155551234"), "p-asserted-identity", "ok"),
        dnis: "+14155550199",
        attestation: ("B", Some("verstat"), "passed"),
        candidates: &[
            ("p-asserted-identity", 1, "chosen"),
            ("remote-party-id", 1, "not-calling"),
            ("from", 1, "after-chosen"),
        ],
    },
    Golden {
        profile: "twilio",
        country: None,
        request_uri: "sip:+14155550199@sbc.example",
        headers: &[
            "From: <sip:+14155551234@carrier.example>;tag=1",
            "P-Asserted-Identity: <sip:+14155551234@carrier.example>",
            "Diversion: <sip:+12065550123@carrier.example>;reason=unconditional",
            "X-Twilio-VerStat: TN-Validation-Passed-A",
        ],
        ani: (Some("+14155551234"), "p-asserted-identity", "ok"),
        dnis: "+14155550199",
        attestation: ("A", Some("verstat"), "passed"),
        candidates: &[
            ("p-asserted-identity", 1, "chosen"),
            ("from", 1, "after-chosen"),
            ("diversion", 1, "forwarded"),
        ],
    },
    // Who withholds his number is anonymous and vouched for all the same.
    Golden {
        profile: "oracle",
        country: Some("US"),
        request_uri: "sip:+14155550199@sbc.example",
        headers: &[
            "From: \"Anonymous\" <sip:anonymous@anonymous.invalid;verstat=TN-Validation-Passed>;tag=1",
            "History-Info: <sip:+12065550123@carrier.example>;index=1",
            "Privacy: id",
        ],
        ani: (None, "from", "anonymous"),
        dnis: "+14155550199",
        attestation: ("none", Some("verstat"), "passed"),
        candidates: &[("from", 1, "chosen"), ("history-info", 1, "forwarded")],
    },
    // Valid, but not A: another token than other carriers have for it.
    Golden {
        profile: "livevox",
        country: Some("US"),
        request_uri: "sip:+14155550199@sbc.example",
        headers: &[
            "From: <sip:4155551234@carrier.example>;tag=1",
            "Remote-Party-ID: <sip:+14155551234@carrier.example>;screen=yes",
            "P-Asserted-Identity: <sip:+14155551234;verstat=No-TN-Validation@carrier.example>",
        ],
        ani: (Some("+14155551234"), "p-asserted-identity", "ok"),
        dnis: "+14155550199",
        attestation: ("none", Some("verstat"), "passed"),
        candidates: &[
            ("p-asserted-identity", 1, "chosen"),
            ("remote-party-id", 1, "after-chosen"),
            ("from", 1, "after-chosen"),
        ],
    },
    // A portability prefix makes a number of 16 digits; the country comes with the profile.
    Golden {
        profile: "french-man",
        country: None,
        request_uri: "sip:0145678901@sbc.example",
        headers: &[
            "From: <sip:+33145678900@carrier.example>;tag=1",
            "P-Asserted-Identity: <sip:+3310200145678900@carrier.example>",
            "P-Identity-Bypass: AB12-34",
        ],
        ani: (Some("+3310200145678900"), "p-asserted-identity", "ok"),
        dnis: "+33145678901",
        attestation: ("none", None, "unknown"),
        candidates: &[("p-asserted-identity", 1, "chosen"), ("from", 1, "after-chosen")],
    },
];

/// One row a profile; one that has no INVITE here fails.
pub(super) fn set(known: &mut Known) -> Set {
    let mut set = Set::default();
    let profiles = Config::default().profiles;
    let mut golden = GOLDEN.iter();
    for profile in &profiles {
        let differences = match golden.next() {
            Some(golden) if golden.profile == profile.name => compare(golden),
            _ => vec![("profile", "has no INVITE here, or not at its place".to_owned())],
        };
        set.take(&profile.name, 1, differences, known);
    }
    set
}

fn compare(golden: &Golden) -> Vec<Difference> {
    let message = reading::invite(golden.request_uri, golden.headers);
    let Some(record) = reading::read(&message, golden.profile, golden.country) else {
        return vec![("missing", "no INVITE".to_owned())];
    };
    let attestation = &record["attestation"];
    let (ani, ani_source, ani_status) = golden.ani;
    let (level, source, outcome) = golden.attestation;
    let all = record["candidates"].as_array();
    let candidates: Vec<_> = all
        .into_iter()
        .flatten()
        .map(|one| json!([one["header"], one["value"], one["why"]]))
        .collect();
    let mut differences = Vec::new();
    let mut check = |column, expected: Value, found: &Value| {
        if expected != *found {
            differences.push((column, format!("{expected} / {found}")));
        }
    };
    check("ani", json!(ani), &record["ani"]);
    check("ani_source", json!(ani_source), &record["ani_source"]);
    check("ani_status", json!(ani_status), &record["ani_status"]);
    check("dnis", json!(golden.dnis), &record["dnis"]);
    check("level", json!(level), &attestation["level"]);
    check("source", json!(source), &attestation["source"]);
    check("outcome", json!(outcome), &attestation["outcome"]);
    check("candidates", json!(golden.candidates), &json!(candidates));
    check("malformed", json!([]), &record["malformed"]);
    differences
}
