//! Constraints as authorities write them, and claims that keep to them or not.

use serde_json::json;

use super::*;

fn claims(value: &Value) -> &Map<String, Value> {
    value.as_object().expect("an object")
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(ToString::to_string).collect()
}

fn allow(claim: &str, values: &[&str]) -> Permitted {
    Permitted { claim: claim.to_owned(), values: strings(values) }
}

#[test]
fn der_as_the_rfcs_have_it() {
    // mustInclude { "attest" }, permittedValues { attest: "A" }.
    let plain = b"\x30\x1f\xa0\x0a\x30\x08\x16\x06attest\
        \xa1\x11\x30\x0f\x30\x0d\x16\x06attest\x30\x03\x0c\x01A";
    let read = Constraints::read(plain).expect("constraints");
    assert_eq!(read.must_include, ["attest"]);
    assert_eq!(read.permitted, [allow("attest", &["A"])]);
    assert_eq!(read.write().expect("DER"), plain);

    // mustExclude { "rph" }.
    let enhanced = b"\x30\x09\xa2\x07\x30\x05\x16\x03rph";
    let read = Constraints::read_enhanced(enhanced).expect("constraints").expect("in force");
    assert_eq!(read.must_exclude, ["rph"]);
    assert_eq!(read.write_enhanced().expect("DER"), enhanced);
    assert_eq!(Constraints::read(enhanced), Err(Malformed), "the plain one excludes nothing");
    for der in [&b""[..], b"\x30", b"\x16\x03rph", b"\x30\x07\xa2\x05\x16\x03rph", b"\x30\x00\x00"]
    {
        assert_eq!(Constraints::read_enhanced(der), Err(Malformed), "{der:02x?}");
    }
}

#[test]
fn excluding_a_claim_of_every_passport_is_void() {
    for claim in BASELINE {
        let constraints =
            Constraints { must_exclude: strings(&["rph", claim]), ..Constraints::default() };
        let der = constraints.write_enhanced().expect("DER");
        assert_eq!(Constraints::read_enhanced(&der), Ok(None), "{claim}");
    }
}

#[test]
fn claims_that_keep_to_them() {
    let constraints = Constraints {
        must_include: strings(&["attest"]),
        permitted: vec![
            allow("attest", &["B", "C"]),
            allow("rcd", &[r#"{"nam": "Acme", "icn": "https://h/i"}"#, "{"]),
            allow("level", &["1", "true"]),
        ],
        must_exclude: strings(&["rph"]),
    };
    for (value, permitted) in [
        (json!({"attest": "B"}), true),
        (json!({"attest": "A"}), false),
        (json!({"attest": "b"}), false),
        (json!({}), false),
        (json!({"attest": ["B"]}), false),
        (json!({"attest": "B", "rph": {}}), false),
        (json!({"attest": "B", "rph": null}), false),
        (json!({"attest": "B", "rcd": {"icn": "https://h/i", "nam": "Acme"}}), true),
        (json!({"attest": "B", "rcd": {"nam": "Acme"}}), false),
        (json!({"attest": "B", "level": 1}), true),
        (json!({"attest": "B", "level": "1"}), true),
        (json!({"attest": "B", "level": true}), true),
        (json!({"attest": "B", "level": 2}), false),
    ] {
        assert_eq!(constraints.permit(claims(&value)), permitted, "{value}");
    }
}
