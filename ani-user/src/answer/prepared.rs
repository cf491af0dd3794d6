//! What is answered, ready to be sent: the status line and the headers that are the same for every call.

use rsip::{
    Header, StatusCode,
    headers::{CallInfo, RetryAfter, UntypedHeader as _},
};

use super::{Answer, Refusal};
use crate::{
    config,
    stir::{Judgement, Outcome, outcome::phrase},
};

/// An answer with its headers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// Its code.
    pub code: u16,
    /// Code and phrase. rsip's names for codes have no spaces, so every code is one of no name.
    pub(super) status: StatusCode,
    /// Reason, Retry-After, Call-Info.
    pub(super) headers: Vec<Header>,
}

impl Prepared {
    /// From an answer; none where nothing is said.
    pub fn new(answer: &Answer, settings: &config::Answers) -> Option<Self> {
        let Answer::Refuse(refusal) = answer else { return None };
        let code = refusal.code();
        let reason = |value| Header::Other("Reason".to_owned(), value);
        let mut headers = Vec::new();
        headers.extend(stir_reason(refusal).map(reason));
        if refusal.is_network_blocked() {
            headers.push(reason(settings.redress.reason()));
        }
        if code == 503 {
            let seconds = settings.retry_after.as_secs().to_string();
            headers.push(RetryAfter::new(seconds).into());
        }
        // RFC 8688 §3.2: whom to turn to. Who has no signed card leaves it away.
        if let (608, Some(url)) = (code, &settings.card) {
            headers.push(CallInfo::new(format!("<{url}>;purpose=jwscard")).into());
        }
        let status = StatusCode::Other(code, refusal.phrase().to_owned());
        Some(Self { code, status, headers })
    }

    /// Of a call that is refused for what its signatures came to, with a Reason for each PASSporT with
    /// which something is wrong; none for what has no code.
    pub fn refusal(outcome: Outcome, judgement: Option<&Judgement>) -> Option<Self> {
        let code = outcome.code()?;
        let mut reasons: Vec<_> = judgement.into_iter().flat_map(Judgement::reasons).collect();
        if reasons.is_empty() && speaks_of_passports(code) {
            reasons.push(reason_of(code));
        }
        let headers =
            reasons.into_iter().map(|value| Header::Other("Reason".to_owned(), value)).collect();
        let status = StatusCode::Other(code, phrase(code).to_owned());
        Some(Self { code, status, headers })
    }
}

/// 433 is about the caller's anonymity (RFC 5079), and a 403 may be about anything.
const fn speaks_of_passports(code: u16) -> bool {
    matches!(code, 428 | 436 | 437 | 438)
}

fn reason_of(code: u16) -> String {
    format!("STIR ;cause={code} ;text=\"{}\"", phrase(code))
}

/// For codes that speak of a PASSporT (RFC 9410 §3), where the phrase is that of the code: a 403 may
/// mean anything.
fn stir_reason(refusal: &Refusal) -> Option<String> {
    let code = refusal.code();
    let speaks = speaks_of_passports(code) || (code == 403 && refusal.phrase() == phrase(code));
    speaks.then(|| reason_of(code))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Redress;

    fn headers(text: &str, settings: &config::Answers) -> Vec<String> {
        let answer = text.parse().expect(text);
        let prepared = Prepared::new(&answer, settings).expect("an answer");
        let status = text.split(' ').next().expect("a code");
        assert!(prepared.status.to_string().starts_with(&format!("{status} ")), "{text}");
        prepared.headers.iter().map(Header::to_string).collect()
    }

    #[test]
    fn each_code_has_its_headers() {
        let settings = config::Answers {
            redress: Redress {
                url: Some("https://example.net/blocked".to_owned()),
                tel: Some("+12025550123".to_owned()),
                email: Some("redress@example.net".to_owned()),
                ..Redress::default()
            },
            card: Some("https://example.net/card.jws".to_owned()),
            ..config::Answers::default()
        };
        let blocked = "Reason: SIP;cause=603;text=\"v=analytics1;url=https://example.net/blocked;\
                       tel=+12025550123;email=redress@example.net\";location=RLN";
        for (text, expected) in [
            ("603 Network Blocked", vec![blocked]),
            ("603", vec![]),
            ("503", vec!["Retry-After: 30"]),
            ("438", vec!["Reason: STIR ;cause=438 ;text=\"Invalid Identity Header\""]),
            ("428", vec!["Reason: STIR ;cause=428 ;text=\"Use Identity Header\""]),
            ("403 Stale Date", vec!["Reason: STIR ;cause=403 ;text=\"Stale Date\""]),
            ("403", vec![]),
            ("433", vec![]),
            ("608", vec!["Call-Info: <https://example.net/card.jws>;purpose=jwscard"]),
        ] {
            assert_eq!(headers(text, &settings), expected, "{text}");
        }
        assert!(headers("608", &config::Answers::default()).is_empty());
        assert_eq!(Prepared::new(&Answer::Drop, &settings), None);
    }
}
