//! On the way of a plain INVITE nothing is allocated: not for the message, and not for the choice of
//! the caller.

use allocation_counter::measure;
use ani_user::{
    config::Trunk,
    identity::{self, Profile},
    sip,
};

/// An INVITE with these headers of its own.
fn invite(headers: &str) -> String {
    format!(
        "INVITE sip:+12025550100@198.51.100.20:5060;user=phone SIP/2.0\r\n\
         Via: SIP/2.0/UDP 203.0.113.9:5060;branch=z9hG4bK1;rport\r\n\
         Via: SIP/2.0/UDP 192.0.2.17;received=192.0.2.17;branch=z9hG4bK2\r\n\
         Record-Route: <sip:203.0.113.9;lr>\r\n\
         Max-Forwards: 69\r\n\
         From: \"Caller\" <sip:+14155550101@203.0.113.9;user=phone>;tag=a1\r\n\
         To: <sip:+12025550100@198.51.100.20;user=phone>\r\n\
         Call-ID: 1@203.0.113.9\r\n\
         CSeq: 1 INVITE\r\n\
         Contact: <sip:+14155550101@192.0.2.17:5060;transport=udp>\r\n\
         {headers}Content-Type: application/sdp\r\n\
         Content-Length: 5\r\n\r\nv=0\r\n"
    )
}

#[test]
fn a_plain_invite_is_read_without_an_allocation() {
    let trunk = Trunk::new("carrier".to_owned(), Vec::new(), Profile::generic(), None);
    let identity = "Identity: eyJhbGciOiJFUzI1NiJ9.eyJhdHRlc3QiOiJBIn0.c2ln;\
                    info=<https://certs.example.org/1.pem>;alg=ES256;ppt=shaken\r\n";
    let asserted = "P-Asserted-Identity: \"Caller\" <sip:+14155550101@203.0.113.9>\r\n";
    for headers in [
        String::new(),
        format!("{asserted}{identity}"),
        format!("{asserted}P-Asserted-Identity: <tel:+14155550101>\r\n{identity}{identity}"),
        "P-Asserted-Identity: <sip:+14155550101@h>, <tel:+14155550101>\r\nPrivacy: id;header\r\n"
            .to_owned(),
        "Remote-Party-ID: \"Caller\" <sip:+14155550101@h>;party=calling;screen=yes;privacy=off\r\n\
         P-Charge-Info: <sip:+14155550199@h>;noa=3\r\nP-Attestation-Indicator: A\r\n\
         Diversion: <sip:+14155550102@h>;reason=unconditional;counter=1\r\n\
         History-Info: <sip:+14155550102@h>;index=1\r\nX-Twilio-VerStat: TN-Validation-Passed-A\r\n"
            .to_owned(),
        // What the kernel leaves alone and the parser reads with more care.
        "p-asserted-identity :\r\n \"C \\\" D\" <sip:+14155550101;verstat=No-TN-Validation@h>\r\n"
            .to_owned(),
    ] {
        let message = invite(&headers);
        let mut number = None;
        let counted = measure(|| {
            let invite = sip::invite(message.as_bytes(), false);
            number = invite.map(|invite| {
                assert!(invite.faults.is_empty() && !invite.body.is_empty(), "{message}");
                identity::identify(&invite, None, &trunk.reading()).number
            });
        });
        assert_eq!(counted.count_total, 0, "{message}");
        assert_eq!(number.map(|number| number.to_string()).as_deref(), Some("14155550101"));
    }
}

/// That the counter counts: of a list that is longer than the room for it.
#[test]
fn more_values_than_usual_are_allocated_for() {
    let message = invite(&"P-Asserted-Identity: <sip:+14155550101@h>\r\n".repeat(5));
    let counted = measure(|| {
        let invite = sip::invite(message.as_bytes(), false);
        assert_eq!(invite.map_or(0, |invite| invite.p_asserted_identity.len()), 5);
    });
    assert!(counted.count_total > 0);
}
