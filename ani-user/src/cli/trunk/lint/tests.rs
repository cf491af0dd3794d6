//! A capture in which a carrier changes.

use std::fs;

use super::*;
use crate::capture::fixture;

/// A pcap file of Ethernet frames, one a second.
fn capture(frames: impl Iterator<Item = Vec<u8>>) -> Vec<u8> {
    let mut file = Vec::new();
    for word in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65_535, 1] {
        file.extend(word.to_le_bytes());
    }
    for (second, frame) in (1_714_557_600_u32..).zip(frames) {
        let len = frame.len() as u32;
        for word in [second, 0, len, len] {
            file.extend(word.to_le_bytes());
        }
        file.extend(frame);
    }
    file
}

fn invite(call: u32, asserted: &str) -> Vec<u8> {
    let message = fixture::invite("+14155551234", &format!("z9hG4bK{call}"));
    let message = String::from_utf8(message).expect("text");
    fixture::ethernet(message.replace("CSeq", &format!("{asserted}CSeq")).as_bytes())
}

#[test]
fn it_says_what_changed_and_since_when() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("calls.pcap");
    let asserted = "P-Asserted-Identity: <sip:+14155551234@h>\r\n";
    let calls = (0..300).map(|call| invite(call, if call < 130 { asserted } else { "" }));
    fs::write(&file, capture(calls)).expect("a file");
    let config = "[[trunk]]\nname = 'carrier-a'\nsources = ['203.0.113.9']\n\
                  [[trunk]]\nname = 'carrier-b'\nsources = ['203.0.113.10']\n";
    let config = Config::parse(config, "test").expect("a configuration");
    let mut trunks = BTreeMap::<String, Watched>::new();
    captures::each(&[file], config.clone(), &mut |invite| {
        trunks.entry(invite.trunk.as_deref().expect("a trunk").to_owned()).or_default().add(invite);
    })
    .and_then(|read| read.whole())
    .expect("read");
    assert_eq!(
        text(&document(&config, trunks.clone(), None)),
        "carrier-a: 300 INVITEs that started a call, 2024-05-01 10:00:00 to 2024-05-01 10:04:59 UTC\n\
         \x20 changed since 2024-05-01 10:02:10 UTC:\n\
         \x20   INVITEs that have P-Asserted-Identity: 100 of 100 before, 0 of 150 since\n\
         \x20 0 of 150 INVITEs have P-Asserted-Identity, which the trunk's order names first: callers \
         are read from the headers behind it\n\
         \x20 0 of 300 INVITEs to toll-free numbers have P-Charge-Info, which the order for those \
         names\n\
         carrier-b: nothing seen yet\n"
    );
    let json = document(&config, trunks, Some("carrier-a"));
    let change = &json["trunks"][0]["changes"][0];
    assert_eq!(change["habit"], "p-asserted-identity");
    assert_eq!(change["since"], "2024-05-01T10:02:10.000000Z");
    assert_eq!(change["until"], Value::Null);
}
