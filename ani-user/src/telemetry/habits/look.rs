//! What one INVITE shows.

use std::fmt;

use memchr::memchr2;

use super::traits::{Trait, Traits};
use crate::{
    identity,
    sip::{self, Header, Invite, NameAddr, Parameters, Scheme, Uri},
};

/// Digits of the longest number there is.
const MAX_DIGITS: u8 = 16;

/// Digits two numbers have in common at least that are one number, with and without its country.
const SAME_DIGITS: u8 = 7;

/// Toll-free area codes of North America (NANPA: 8YY), which an INVITE shows by itself; those of
/// other countries are known once a trunk has a country.
const NORTH_AMERICA_TOLL_FREE: [u64; 8] = [0x800, 0x822, 0x833, 0x844, 0x855, 0x866, 0x877, 0x888];

/// Country codes of two digits (ITU-T E.164 list of codes); 1 and 7 have one, all others three.
const TWO_DIGIT_CODES: [u64; 44] = [
    0x20, 0x27, 0x30, 0x31, 0x32, 0x33, 0x34, 0x36, 0x39, 0x40, 0x41, 0x43, 0x44, 0x45, 0x46, 0x47,
    0x48, 0x49, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x60, 0x61, 0x62, 0x63, 0x64, 0x65,
    0x66, 0x81, 0x82, 0x84, 0x86, 0x90, 0x91, 0x92, 0x93, 0x94, 0x95, 0x98,
];

/// What an INVITE shows of its sender's habits.
#[derive(Clone, Copy, Default)]
pub struct Habits<'a> {
    /// Which habits.
    pub traits: Traits,
    /// Digits of the caller's number, as far as it has no `+`: 1 to 16, 0 for none.
    pub bare_digits: u8,
    /// Country code of the caller's number behind a `+`, 0 for none.
    pub caller_code: u16,
    /// The same of the called number.
    pub called_code: u16,
    /// The `verstat` token, the value of X-Twilio-VerStat, that of a header with a level; empty for
    /// none.
    pub words: [&'a [u8]; 3],
    /// The headers, to find an example in.
    pub head: &'a [u8],
    /// Whether headers are missing from the capture.
    pub headers_cut: bool,
}

/// The same is what shows the same: what follows the headers in the message is none of the INVITE's.
impl PartialEq for Habits<'_> {
    fn eq(&self, other: &Self) -> bool {
        let shown = |habits: &Self| {
            let Self { traits, bare_digits, caller_code, called_code, words, .. } = *habits;
            (traits, bare_digits, caller_code, called_code, words, habits.headers_cut)
        };
        shown(self) == shown(other)
    }
}

impl fmt::Debug for Habits<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.traits.iter()).finish()
    }
}

impl<'a> Habits<'a> {
    /// Of an INVITE, whoever sent it. `toll_free` says that the trunk's country knows the called
    /// number for one.
    pub fn of(invite: &Invite<'a>, toll_free: bool) -> Self {
        let mut habits =
            Self { head: invite.head, headers_cut: invite.headers_cut, ..Self::default() };
        let traits = &mut habits.traits;
        for (there, habit) in [
            (!invite.p_preferred_identity.is_empty(), Trait::Preferred),
            (!invite.remote_party_id.is_empty(), Trait::RemoteParty),
            (invite.p_charge_info.is_some(), Trait::Charge),
            (invite.p_dcs_billing_info.is_some(), Trait::Billing),
            (!invite.diversion.is_empty(), Trait::Diversion),
            (!invite.history_info.is_empty(), Trait::History),
            (invite.privacy.iter().any(|word| word.eq_ignore_ascii_case(b"id")), Trait::PrivacyId),
        ] {
            traits.add_if(there, habit);
        }
        habits.signed(&invite.identity);
        habits.called(&invite.request, toll_free);
        habits.caller(invite);
        habits.verstat(invite);
        for header in &invite.vouching {
            habits.vouching(header);
        }
        habits
    }

    fn signed(&mut self, identity: &[&[u8]]) {
        if let Some(first) = identity.first() {
            self.traits.add(Trait::Signed);
            self.traits.add_if(identity.len() > 1, Trait::SignedTwice);
            // RFC 8224 §4: header and payload are left out.
            self.traits.add_if(first.starts_with(b".."), Trait::SignedCompact);
        }
    }

    fn called(&mut self, uri: &Uri<'_>, toll_free: bool) {
        let number = number(uri).unwrap_or_default();
        if number.len > 0 {
            self.traits.add_if(number.plus, Trait::CalledPlus);
            self.traits.add_if(!number.plus, Trait::CalledBare);
            self.called_code = number.country_code();
        }
        if toll_free || number.is_north_american_toll_free() {
            self.traits.add(Trait::TollFree);
            self.traits.add_if(self.traits.has(Trait::Charge), Trait::TollFreeCharge);
        }
    }

    fn caller(&mut self, invite: &Invite<'_>) {
        let traits = &mut self.traits;
        let from = invite.from.as_ref().map(|from| {
            traits.add_if(from.uri.scheme == Scheme::Tel, Trait::FromTel);
            let number = number(&from.uri);
            traits.add(match Form::of(&from.uri, number) {
                Form::Plus => Trait::FromPlus,
                Form::Ten => Trait::FromTen,
                Form::Digits => Trait::FromDigits,
                Form::Anonymous => Trait::FromAnonymous,
                Form::Other => Trait::FromOther,
            });
            number
        });
        let values = &invite.p_asserted_identity;
        // Of two values one is the number and the other may be a name.
        let named = || values.iter().map(|value| (value, number(&value.uri)));
        let asserted = named().find(|(_, number)| number.is_some()).or_else(|| named().next());
        if let Some((value, number)) = asserted {
            traits.add(Trait::Asserted);
            traits.add_if(values.len() > 1, Trait::AssertedTwice);
            let tel = values.iter().any(|value| value.uri.scheme == Scheme::Tel);
            traits.add_if(tel, Trait::AssertedTel);
            traits.add(match Form::of(&value.uri, number) {
                Form::Plus => Trait::AssertedPlus,
                Form::Ten => Trait::AssertedTen,
                Form::Digits => Trait::AssertedDigits,
                Form::Anonymous => Trait::AssertedAnonymous,
                Form::Other => Trait::AssertedOther,
            });
            let same = matches!((number, from), (Some(a), Some(Some(b))) if a.is_same(b));
            traits.add_if(same, Trait::FromAsserted);
        }
        let number = asserted.and_then(|(_, number)| number).or(from.flatten());
        let Some(number) = number.filter(|number| number.len > 0) else { return };
        if number.plus {
            self.caller_code = number.country_code();
            traits.add_if(number.len == MAX_DIGITS, Trait::Long);
        } else {
            self.bare_digits = number.len;
            traits.add(Trait::Bare);
            traits.add_if(number.is_north_american(), Trait::BareNanp);
            traits.add_if(number.first(1) == 0, Trait::BareZero);
        }
    }

    fn verstat(&mut self, invite: &Invite<'a>) {
        const ASSERTED: [Trait; 3] =
            [Trait::AssertedVerstatUser, Trait::AssertedVerstatUri, Trait::AssertedVerstatHeader];
        const FROM: [Trait; 3] =
            [Trait::FromVerstatUser, Trait::FromVerstatUri, Trait::FromVerstatHeader];
        for value in &invite.p_asserted_identity {
            self.verstat_on(value, Some(ASSERTED));
        }
        if let Some(from) = &invite.from {
            self.verstat_on(from, Some(FROM));
        }
        let elsewhere = invite.remote_party_id.iter().chain(&invite.p_preferred_identity);
        for value in elsewhere.chain(&invite.p_charge_info) {
            self.verstat_on(value, None);
        }
    }

    /// `places` are those of the user part, the URI and the header; none for other headers, which
    /// count where no other has it.
    fn verstat_on(&mut self, value: &NameAddr<'a>, places: Option<[Trait; 3]>) {
        let places_raw = [value.uri.user_parameters, value.uri.parameters, value.parameters];
        for (at, raw) in places_raw.into_iter().enumerate() {
            // Most have `user=phone` and a tag: without the letter they need not be read.
            if memchr2(b'v', b'V', raw).is_none() {
                continue;
            }
            let (mut token, mut attest) = (None, false);
            for parameter in Parameters::new(raw) {
                if parameter.name.eq_ignore_ascii_case(b"verstat") {
                    token = token.or(parameter.value);
                } else if parameter.name.eq_ignore_ascii_case(b"attest") {
                    attest = true;
                }
            }
            let Some(token) = token else { continue };
            match places {
                Some(places) => self.traits.add(places[at]),
                None if self.traits.has(Trait::Verstat) => {}
                None => self.traits.add(Trait::OtherVerstat),
            }
            self.traits.add(Trait::Verstat);
            self.traits.add_if(attest, Trait::VerstatAttest);
            if self.words[0].is_empty() {
                self.words[0] = unquoted(token);
                self.traits.add(token_class(unquoted(token)));
            }
        }
    }

    fn vouching(&mut self, header: &Header<'a>) {
        for (name, habit, word) in [
            (&b"P-Attestation-Indicator"[..], Trait::AttestationIndicator, Some(2)),
            (b"P-Attestation-Info", Trait::PAttestationInfo, Some(2)),
            (b"Attestation-Info", Trait::AttestationInfo, Some(2)),
            (b"P-Origination-ID", Trait::POrigination, None),
            (b"Origination-ID", Trait::Origination, None),
            (b"P-Identity-Bypass", Trait::Bypass, None),
            (b"X-Twilio-VerStat", Trait::TwilioVerstat, Some(1)),
        ] {
            if name.eq_ignore_ascii_case(header.raw_name) {
                self.traits.add(habit);
                if let Some(word) = word.and_then(|at: usize| self.words.get_mut(at)) {
                    *word = sip::trim(header.value);
                }
            }
        }
    }
}

/// Without the quotes; what is escaped in it stays so.
fn unquoted(token: &[u8]) -> &[u8] {
    match token {
        [b'"', inner @ .., b'"'] => inner,
        bare => bare,
    }
}

/// 3GPP TS 24.229 §7.2A.20, and the level that some carriers put behind it.
fn token_class(token: &[u8]) -> Trait {
    const PASSED: &[u8] = b"TN-Validation-Passed";
    let (known, level) = token.split_at_checked(PASSED.len()).unwrap_or((token, &[]));
    match level {
        [] if known.eq_ignore_ascii_case(PASSED) => Trait::TokenPassed,
        [b'-', b'A' | b'B' | b'C'] if known.eq_ignore_ascii_case(PASSED) => Trait::TokenLevel,
        _ if token.eq_ignore_ascii_case(b"TN-Validation-Failed") => Trait::TokenFailed,
        _ if token.eq_ignore_ascii_case(b"No-TN-Validation") => Trait::TokenNone,
        _ => Trait::TokenOther,
    }
}

/// How a caller is written.
enum Form {
    Plus,
    Ten,
    Digits,
    Anonymous,
    Other,
}

impl Form {
    fn of(uri: &Uri<'_>, number: Option<Digits>) -> Self {
        match number {
            Some(Digits { plus: true, .. }) => Self::Plus,
            Some(Digits { len: 10, .. }) => Self::Ten,
            Some(_) => Self::Digits,
            None if identity::is_anonymous(uri) => Self::Anonymous,
            None => Self::Other,
        }
    }
}

/// A number as it came: at most sixteen digits.
#[derive(Clone, Copy, Default)]
struct Digits {
    /// A digit a nibble, the last one lowest.
    nibbles: u64,
    len: u8,
    plus: bool,
}

/// The user of a URI, when it is one to sixteen digits with or without `+` and visual separators
/// (RFC 3966 §5.1.1).
fn number(uri: &Uri<'_>) -> Option<Digits> {
    let user = uri.user?;
    let mut digits = Digits::default();
    let rest = match user {
        [b'+', rest @ ..] => {
            digits.plus = true;
            rest
        }
        rest => rest,
    };
    for byte in rest {
        match byte {
            b'0'..=b'9' if digits.len < MAX_DIGITS => {
                digits.nibbles = digits.nibbles << 4 | u64::from(byte - b'0');
                digits.len += 1;
            }
            b'-' | b'.' | b'(' | b')' => {}
            _ => return None,
        }
    }
    (digits.len > 0).then_some(digits)
}

impl Digits {
    /// The first ones, or all.
    fn first(self, count: u8) -> u64 {
        self.nibbles >> (4 * self.len.saturating_sub(count))
    }

    /// Of a number of North America, with or without its country code: area code, and the rest.
    fn north_american_parts(self) -> Option<(u64, u64)> {
        let national = match (self.len, self.plus) {
            (10, false) => self.nibbles,
            (11, _) if self.first(1) == 1 => self.nibbles & 0xff_ffff_ffff,
            _ => return None,
        };
        Some((national >> 28, national & 0xfff_ffff))
    }

    /// Area code and exchange start with 2 to 9 (NANPA).
    fn is_north_american(self) -> bool {
        self.north_american_parts().is_some_and(|(area, rest)| area >= 0x200 && rest >> 24 >= 2)
    }

    fn is_north_american_toll_free(self) -> bool {
        self.north_american_parts().is_some_and(|(area, _)| NORTH_AMERICA_TOLL_FREE.contains(&area))
    }

    /// Of a number with `+`.
    fn country_code(self) -> u16 {
        if !self.plus || self.len < 7 {
            return 0;
        }
        let digits = match self.first(1) {
            1 | 7 => 1,
            _ if TWO_DIGIT_CODES.contains(&self.first(2)) => 2,
            _ => 3,
        };
        let bcd = self.first(digits);
        // At most three digits.
        ((bcd >> 8) * 100 + (bcd >> 4 & 15) * 10 + (bcd & 15)) as u16
    }

    /// The same number, one of the two perhaps without its country code.
    fn is_same(self, other: Self) -> bool {
        let len = self.len.min(other.len);
        let mask = u64::MAX >> (64 - 4 * u32::from(len.max(1)));
        let both = self.nibbles & mask == other.nibbles & mask;
        both && (len >= SAME_DIGITS || self.len == other.len)
    }
}
