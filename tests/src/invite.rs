//! SIP INVITEs as text, and what follows them: one that is plain, and the ways to change it.

use std::fmt::Write as _;

/// An INVITE to be; [`Invite::text`] makes it. Values stand as they are written in the header.
#[derive(Clone, Debug)]
pub struct Invite {
    /// Request-URI.
    pub uri: String,
    /// From.
    pub from: String,
    /// To.
    pub to: String,
    /// P-Asserted-Identity, when there is one.
    pub pai: Option<String>,
    /// Remote-Party-ID, when there is one.
    pub rpid: Option<String>,
    /// Whole header lines behind the others, without their line ends.
    pub more: Vec<String>,
    /// Body, bytes of it; Content-Length says so.
    pub body: usize,
    /// Method; INVITE.
    pub method: &'static str,
    /// Call-ID.
    pub call_id: String,
}

impl Invite {
    /// From `caller` (a user part) to `+18005550199`, with no other identity.
    pub fn from(caller: &str) -> Self {
        Self {
            uri: "sip:+18005550199@sbc.example".into(),
            from: format!("<sip:{caller}@carrier.example>;tag=a1"),
            to: "<sip:+18005550199@sbc.example>".into(),
            pai: None,
            rpid: None,
            more: Vec::new(),
            body: 0,
            method: "INVITE",
            call_id: "1@carrier.example".into(),
        }
    }

    /// With P-Asserted-Identity `<sip:caller@…>`.
    #[must_use]
    pub fn pai(mut self, caller: &str) -> Self {
        self.pai = Some(format!("<sip:{caller}@carrier.example>"));
        self
    }

    /// With Remote-Party-ID of the calling party.
    #[must_use]
    pub fn rpid(mut self, caller: &str) -> Self {
        self.rpid = Some(format!("<sip:{caller}@carrier.example>;party=calling;screen=yes"));
        self
    }

    /// To `user` in Request-URI and To.
    #[must_use]
    pub fn to(mut self, user: &str) -> Self {
        self.uri = format!("sip:{user}@sbc.example");
        self.to = format!("<sip:{user}@sbc.example>");
        self
    }

    /// With one more header line.
    #[must_use]
    pub fn line(mut self, line: &str) -> Self {
        self.more.push(line.into());
        self
    }

    /// With an Identity header whose claims start as those of SHAKEN with `attest` `level` do.
    #[must_use]
    pub fn attested(self, level: char) -> Self {
        // `{"attest":"A"` in base64 is `eyJhdHRlc3QiOiJB`; the next levels are the next letters.
        let letter = match level {
            'A' => 'B',
            'B' => 'C',
            'C' => 'D',
            _ => 'E',
        };
        self.line(&format!(
            "Identity: eyJhbGciOiJFUzI1NiJ9.eyJhdHRlc3QiOiJ{letter}Iiwi.c2ln;\
             info=<https://certs.example/1.pem>;alg=ES256;ppt=shaken"
        ))
    }

    /// The message.
    pub fn text(&self) -> String {
        let Self { uri, from, to, method, call_id, .. } = self;
        let mut text = format!(
            "{method} {uri} SIP/2.0\r\n\
             Via: SIP/2.0/UDP gw.carrier.example;branch=z9hG4bK1\r\n\
             Max-Forwards: 70\r\n\
             From: {from}\r\n\
             To: {to}\r\n\
             Call-ID: {call_id}\r\n\
             CSeq: 1 {method}\r\n\
             Contact: <sip:gw.carrier.example>\r\n"
        );
        let optional = [("P-Asserted-Identity", &self.pai), ("Remote-Party-ID", &self.rpid)];
        for (name, value) in optional {
            if let Some(value) = value {
                let _ = write!(text, "{name}: {value}\r\n");
            }
        }
        for line in &self.more {
            let _ = write!(text, "{line}\r\n");
        }
        let _ = write!(text, "Content-Length: {}\r\n\r\n", self.body);
        text.extend(std::iter::repeat_n('v', self.body));
        text
    }

    /// The message as bytes.
    pub fn bytes(&self) -> Vec<u8> {
        self.text().into_bytes()
    }
}
