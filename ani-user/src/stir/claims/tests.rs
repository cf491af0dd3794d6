//! Claims of all types, where others belong.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn text(claim: &Claim<Text<'_>>) -> Option<String> {
    claim.get().map(|text| text.clone().into_owned())
}

#[test]
fn a_shaken_passport_is_read_without_a_copy() {
    let json = br#"{"attest":"A","dest":{"tn":["12025550100"]},"iat":1700000000,
        "orig":{"tn":"12015550101"},"origid":"2b1e5ad0"}"#;
    let claims = Claims::read(json).expect("claims");
    assert_eq!(text(&claims.attest).as_deref(), Some("A"));
    assert_eq!(claims.iat, Claim::Is(1_700_000_000));
    let dest = claims.dest.get().and_then(|dest| dest.tn.get()).expect("dest");
    assert!(matches!(dest.as_slice(), [Cow::Borrowed("12025550100")]));
    let orig = claims.orig.get().expect("orig");
    assert_eq!((text(&orig.tn).as_deref(), &orig.uri), (Some("12015550101"), &Claim::Missing));
    assert_eq!(claims.div, Claim::Missing);
    let header = br#"{"alg":"ES256","typ":"passport","x5u":"https:\/\/h\/c","ppt":7}"#;
    let header = Header::read(header).expect("header");
    assert_eq!(text(&header.x5u).as_deref(), Some("https://h/c"));
    assert_eq!(header.ppt, Claim::Wrong);
}

#[test]
fn what_is_no_object_is_nothing() {
    for json in [
        "",
        "[]",
        "7",
        "null",
        "\"x\"",
        "{",
        "{}{}",
        "{\"iat\":}",
        "{\"iat\":1e999}",
        "{iat:1}",
        "\u{feff}{}",
    ] {
        assert_eq!(Claims::read(json.as_bytes()), None, "{json}");
        assert_eq!(map(json.as_bytes()), None, "{json}");
    }
    assert_eq!(Claims::read(b"{\"origid\":\"\xff\"}"), None);
}

#[test]
fn nesting_takes_no_stack() {
    for name in ["x", "orig", "rcd", "dest"] {
        let deep = format!("{{\"{name}\":{}{}}}", "[".repeat(8_000), "]".repeat(8_000));
        assert!(Claims::read(deep.as_bytes()).is_some(), "{name}");
        assert_eq!(map(deep.as_bytes()), None, "{name}");
    }
}

#[test]
fn a_claim_of_another_type_or_twice_is_wrong() {
    for value in ["7", "null", "true", "\"x\"", "[1]", "{\"a\":{}}", "-1.5"] {
        let all = ["attest", "crn", "dest", "div", "iat", "opt", "orig", "origid", "rcd", "rph"];
        let members: Vec<_> = all.iter().map(|name| format!("\"{name}\":{value}")).collect();
        let json = format!("{{{}}}", members.join(","));
        let claims = Claims::read(json.as_bytes()).expect("an object");
        let (is_text, is_object) = (value.starts_with('"'), value.starts_with('{'));
        assert_eq!(claims.attest.is_wrong(), !is_text, "{json}");
        assert_eq!(claims.iat.is_wrong(), !["7", "-1.5"].contains(&value), "{json}");
        for wrong in [claims.orig.is_wrong(), claims.dest.is_wrong(), claims.rph.is_wrong()] {
            assert_eq!(wrong, !is_object, "{json}");
        }
    }
    let twice = br#"{"attest":"A","attest":"A","orig":{"tn":"1","tn":"2"}}"#;
    let claims = Claims::read(twice).expect("an object");
    assert!(claims.attest.is_wrong());
    assert!(claims.orig.get().is_some_and(|orig| orig.tn.is_wrong()));
    // However it is written.
    let twice = br#"{"attest":"A","\u0061ttest":"B"}"#;
    assert!(Claims::read(twice).is_some_and(|claims| claims.attest.is_wrong()));
    assert_eq!(map(twice), None);
    let list = Claims::read(br#"{"dest":{"tn":["1",2]}}"#).expect("an object").dest;
    assert!(list.get().is_some_and(|dest| dest.tn.is_wrong()));
}

#[test]
fn a_time_is_any_number() {
    for (json, expected) in [
        ("1443208345", Claim::Is(1_443_208_345)),
        ("1443208345.9", Claim::Is(1_443_208_345)),
        ("1.443208345e9", Claim::Is(1_443_208_345)),
        ("-0.5", Claim::Is(-1)),
        ("9223372036854775807", Claim::Is(i64::MAX)),
        ("18446744073709551615", Claim::Wrong),
        ("1e300", Claim::Wrong),
        ("\"1443208345\"", Claim::Wrong),
        ("null", Claim::Wrong),
    ] {
        let text = format!("{{\"iat\":{json}}}");
        assert_eq!(Claims::read(text.as_bytes()).expect("an object").iat, expected, "{json}");
    }
}

#[test]
fn constraints_see_every_claim() {
    let all = map(br#"{"iat":1,"x":[{}],"orig":{"tn":"1"}}"#).expect("an object");
    assert_eq!(Value::Object(all), json!({ "iat": 1, "x": [{}], "orig": { "tn": "1" } }));
}

proptest! {
    #[test]
    fn whatever_comes_is_read_or_not(json in "[\\[\\]{}\":,0-9a-z\\\\ .e-]{0,60}") {
        let claims = Claims::read(json.as_bytes());
        let value = serde_json::from_str::<Value>(&json).ok();
        // All that the library takes for an object is read, and nothing else.
        prop_assert_eq!(claims.is_some(), value.is_some_and(|value| value.is_object()));
    }
}
