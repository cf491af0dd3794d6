//! How carriers tell what they know of the caller: each form by each profile that has it, and by some
//! that do not and must not believe it.

use serde_json::{Value, json};

use super::{Known, Set, reading, row::Difference};

/// Header lines in one of the forms, and what a profile makes of it.
struct Case {
    /// The form; ten of them.
    form: &'static str,
    profile: &'static str,
    header: &'static str,
    /// Token, header and place it is told in; none for what is no token.
    told: Option<(&'static str, &'static str, &'static str)>,
    believed: bool,
    /// Level and outcome it all comes to.
    level: &'static str,
    outcome: &'static str,
    /// A field of the attestation beside them, and its value.
    field: Option<(&'static str, &'static str)>,
}

const PAI: &str = "p-asserted-identity";
const PASSED: &str = "TN-Validation-Passed";
const FAILED: &str = "TN-Validation-Failed";
const NONE: &str = "No-TN-Validation";

const fn case(
    form: &'static str,
    profile: &'static str,
    header: &'static str,
    told: (&'static str, &'static str, &'static str),
    level: &'static str,
    outcome: &'static str,
) -> Case {
    Case { form, profile, header, told: Some(told), believed: true, level, outcome, field: None }
}

/// The same, where this carrier does not tell it, or tells otherwise elsewhere.
const fn forged(
    form: &'static str,
    profile: &'static str,
    header: &'static str,
    told: (&'static str, &'static str, &'static str),
    outcome: &'static str,
) -> Case {
    Case { believed: false, ..case(form, profile, header, told, "none", outcome) }
}

const fn field(
    form: &'static str,
    profile: &'static str,
    header: &'static str,
    outcome: &'static str,
    field: (&'static str, &'static str),
) -> Case {
    let (level, believed) = ("none", true);
    Case { form, profile, header, told: None, believed, level, outcome, field: Some(field) }
}

const TEL: &str = "P-Asserted-Identity: <tel:+14155551234;verstat=TN-Validation-Passed>";
const USER: &str =
    "P-Asserted-Identity: <sip:+14155551234;verstat=TN-Validation-Passed@192.0.2.1:5060>";
const URI: &str =
    "P-Asserted-Identity: <sip:+14155551234@carrier.example;verstat=TN-Validation-Passed>";
const URI_B: &str =
    "P-Asserted-Identity: <sip:+14155551234@carrier.example;verstat=TN-Validation-Passed-B>";
const URI_C: &str =
    "P-Asserted-Identity: <sip:+14155551234@carrier.example;verstat=TN-Validation-Passed-C>";
const URI_FAILED: &str =
    "P-Asserted-Identity: <sip:+14155551234@carrier.example;verstat=TN-Validation-Failed>";
const URI_NONE: &str =
    "P-Asserted-Identity: <sip:+14155551234@carrier.example;verstat=No-TN-Validation>";
const BEHIND: &str =
    "P-Asserted-Identity: <sip:+14155551234@192.0.2.1:5060>;verstat=TN-Validation-Passed";
const BEHIND_FAILED: &str =
    "P-Asserted-Identity: <sip:+14155551234@192.0.2.1:5060>;verstat=TN-Validation-Failed";
const BEHIND_MISSPELT: &str =
    "P-Asserted-Identity: <sip:+14155551234@192.0.2.1:5060>;verstat=TN-Verification-Passed";
const NESTED: &str = "P-Asserted-Identity: \
                      <sip:+14155551234;verstat=TN-Validation-Passed;attest=A;origid=9c-1@192.0.2.1>";
const NESTED_FAILED: &str =
    "P-Asserted-Identity: <sip:+14155551234;verstat=TN-Validation-Failed;attest=A@192.0.2.1>";
const FROM_USER: &str =
    "From: <sip:anonymous;verstat=TN-Validation-Passed@anonymous.invalid>;tag=1";
const FROM_HOST: &str =
    "From: <sip:anonymous@anonymous.invalid;verstat=TN-Validation-Passed>;tag=1";
/// The level beside verstat, and where it contradicts it.
const PASSED_B: &str = "P-Asserted-Identity: \
                        <sip:+14155551234@192.0.2.1:5060>;verstat=TN-Validation-Passed\r\n\
                        P-Attestation-Indicator: B";
const FAILED_A: &str = "P-Asserted-Identity: \
                        <sip:+14155551234@192.0.2.1:5060>;verstat=TN-Validation-Failed\r\n\
                        P-Attestation-Indicator: A";
const TWILIO: &str = "x-twilio-verstat";
const INDICATOR: &str = "p-attestation-indicator";

#[rustfmt::skip]
const CASES: &[Case] = &[
    case("tel URI", "3gpp", TEL, (PASSED, PAI, "user"), "none", "passed"),
    case("tel URI", "generic", TEL, (PASSED, PAI, "user"), "none", "passed"),
    forged("tel URI", "twilio", TEL, (PASSED, PAI, "user"), "none"),

    case("user part", "bandwidth", USER, (PASSED, PAI, "user"), "none", "passed"),
    case("user part", "generic", USER, (PASSED, PAI, "user"), "none", "passed"),
    case("user part", "livevox", USER, (PASSED, PAI, "user"), "A", "passed"),
    forged("user part", "telnyx", USER, (PASSED, PAI, "user"), "unknown"),

    case("URI parameter", "telnyx", URI, (PASSED, PAI, "uri"), "A", "passed"),
    case("URI parameter", "telnyx", URI_B, ("TN-Validation-Passed-B", PAI, "uri"), "B", "passed"),
    case("URI parameter", "telnyx", URI_C, ("TN-Validation-Passed-C", PAI, "uri"), "C", "passed"),
    case("URI parameter", "telnyx", URI_FAILED, (FAILED, PAI, "uri"), "none", "failed"),
    case("URI parameter", "telnyx", URI_NONE, (NONE, PAI, "uri"), "none", "none"),
    case("URI parameter", "3gpp", URI, (PASSED, PAI, "uri"), "none", "passed"),
    case("URI parameter", "generic", URI, (PASSED, PAI, "uri"), "none", "passed"),
    case("URI parameter", "livevox", URI_NONE, (NONE, PAI, "uri"), "none", "passed"),
    case("URI parameter", "livevox", URI_FAILED, (FAILED, PAI, "uri"), "none", "none"),
    forged("URI parameter", "bandwidth", URI, (PASSED, PAI, "uri"), "none"),

    case("header parameter", "bandwidth", BEHIND, (PASSED, PAI, "header"), "none", "passed"),
    case("header parameter", "bandwidth", BEHIND_FAILED, (FAILED, PAI, "header"), "none", "failed"),
    case("header parameter", "bandwidth", BEHIND_MISSPELT, ("TN-Verification-Passed", PAI, "header"), "none", "passed"),
    case("header parameter", "generic", BEHIND, (PASSED, PAI, "header"), "none", "passed"),
    forged("header parameter", "telnyx", BEHIND, (PASSED, PAI, "header"), "unknown"),
    forged("header parameter", "3gpp", BEHIND, (PASSED, PAI, "header"), "unknown"),

    Case { field: Some(("origination_id", "9c-1")),
        ..case("nested", "oracle", NESTED, (PASSED, PAI, "user"), "A", "passed") },
    case("nested", "oracle", NESTED_FAILED, (FAILED, PAI, "user"), "none", "failed"),

    case("on From", "oracle", FROM_USER, (PASSED, "from", "user"), "none", "passed"),
    case("on From", "oracle", FROM_HOST, (PASSED, "from", "uri"), "none", "passed"),
    case("on From", "generic", FROM_HOST, (PASSED, "from", "uri"), "none", "passed"),
    forged("on From", "twilio", FROM_HOST, (PASSED, "from", "uri"), "none"),

    case("own header", "twilio", "X-Twilio-VerStat: TN-Validation-Passed-A",
        ("TN-Validation-Passed-A", TWILIO, "value"), "A", "passed"),
    case("own header", "twilio", "X-Twilio-VerStat: TN-Validation-Passed-B",
        ("TN-Validation-Passed-B", TWILIO, "value"), "B", "passed"),
    case("own header", "twilio", "X-Twilio-VerStat: TN-Validation-Passed-C-Diverted",
        ("TN-Validation-Passed-C-Diverted", TWILIO, "value"), "C", "passed"),
    case("own header", "twilio", "X-Twilio-VerStat: TN-Validation-Failed-A",
        ("TN-Validation-Failed-A", TWILIO, "value"), "none", "failed"),
    forged("own header", "telnyx", "X-Twilio-VerStat: TN-Validation-Passed-A",
        ("TN-Validation-Passed-A", TWILIO, "value"), "unknown"),

    case("level header", "bandwidth", PASSED_B, ("B", INDICATOR, "value"), "B", "passed"),
    case("level header", "bandwidth", "P-Attestation-Indicator: B", ("B", INDICATOR, "value"), "B", "unknown"),
    forged("level header", "bandwidth", FAILED_A, ("A", INDICATOR, "value"), "failed"),
    case("level header", "3gpp", "Attestation-Info: C", ("C", "attestation-info", "value"), "C", "unknown"),
    case("level header", "oracle", "Attestation-Info: A", ("A", "attestation-info", "value"), "A", "unknown"),
    case("level header", "generic", "P-Attestation-Info: A", ("A", "p-attestation-info", "value"), "A", "unknown"),

    field("origin", "bandwidth", "P-Origination-ID: 9c-2", "none", ("origination_id", "9c-2")),
    field("origin", "3gpp", "Origination-Id: 9c-3", "unknown", ("origination_id", "9c-3")),
    field("origin", "oracle", "Origination-ID: 9c-4", "unknown", ("origination_id", "9c-4")),

    field("bypass", "french-man", "P-Identity-Bypass: AB12-34", "unknown", ("identity_bypass", "AB12-34")),
];

/// Forms there are.
const FORMS: usize = 10;

/// One row a case.
pub(super) fn set(known: &mut Known) -> Set {
    let mut set = Set::default();
    for (number, case) in (1..).zip(CASES) {
        let name = format!("{} by {}", case.form, case.profile);
        set.take(&name, number, compare(case), known);
    }
    let mut forms: Vec<_> = CASES.iter().map(|case| case.form).collect();
    forms.dedup();
    if forms.len() != FORMS {
        set.failures.push(format!("{} forms of {FORMS}: {forms:?}", forms.len()));
    }
    set
}

fn compare(case: &Case) -> Vec<Difference> {
    let message = reading::invite("sip:+14155550199@sbc.example", &[case.header]);
    let Some(record) = reading::read(&message, case.profile, Some("US")) else {
        return vec![("missing", "no INVITE".to_owned())];
    };
    let attestation = &record["attestation"];
    let mut differences = Vec::new();
    let mut check = |column, expected: Value, found: &Value| {
        if expected != *found {
            differences.push((column, format!("{expected} / {found}")));
        }
    };
    check("level", json!(case.level), &attestation["level"]);
    check("outcome", json!(case.outcome), &attestation["outcome"]);
    if let Some((token, header, place)) = case.told {
        let is_it = |told: &&Value| {
            told["token"] == token && told["header"] == header && told["place"] == place
        };
        let all = attestation["told"].as_array();
        match all.into_iter().flatten().find(is_it) {
            Some(told) => {
                check("by", json!("carrier"), &told["by"]);
                check("believed", json!(case.believed), &told["believed"]);
                check("why", json!(case.believed), &json!(told["why"].is_null()));
            }
            None => check("told", json!([token, header, place]), &attestation["told"]),
        }
    }
    if let Some((field, value)) = case.field {
        check("field", json!(value), &attestation[field]);
    }
    differences
}
