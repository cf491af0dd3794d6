//! One message through the pipeline.

use ani_user::{
    cli::inspect,
    config::{Config, Lists, Trunk, countries},
};
use serde_json::Value;

/// The record of an INVITE from a trunk with this profile in this country; none for anything else.
///
/// # Panics
///
/// When there is no such profile or country.
pub(super) fn read(message: &[u8], profile: &str, country: Option<&str>) -> Option<Value> {
    let mut config = Config {
        lists: Lists { max_entries: 1, max_limited: 1, max_attempts: 0 },
        ..Config::default()
    };
    let profile = config.profiles.iter().find(|known| known.name == profile).expect("profile");
    let country = country.map(|code| countries::find(code).expect("country"));
    let trunk = Trunk::new("any".to_owned(), Vec::new(), profile.clone(), country);
    config.trunks = vec![trunk].into();
    inspect::record(message, config)
}

/// An INVITE with these header lines beside those that one must have.
pub(super) fn invite(request_uri: &str, headers: &[&str]) -> Vec<u8> {
    let has = |name: &str| headers.iter().any(|header| header.starts_with(name));
    let mut message = format!(
        "INVITE {request_uri} SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK-1\r\n\
         Max-Forwards: 70\r\nTo: <sip:callee@sbc.example>\r\nCall-ID: 1@carrier.example\r\n\
         CSeq: 1 INVITE\r\n"
    );
    if !has("From:") {
        message.push_str("From: <sip:caller@carrier.example>;tag=1\r\n");
    }
    for header in headers {
        message.push_str(header);
        message.push_str("\r\n");
    }
    message.push_str("Content-Length: 0\r\n\r\n");
    message.into_bytes()
}
