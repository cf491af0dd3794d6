//! Values of Identity and what is within them, taken apart: all that can be said without the call.

use std::fmt;

use super::MAX_PASSPORTS;
use crate::{
    sip,
    stir::{
        Call, Judged, Outcome, Steps,
        claims::{Claim, Text},
        compact,
        identity_header::IdentityHeader,
        kind::Kind,
        passport::{self, Passport, SIGNATURE_LEN},
        steps::Teller,
    },
};

/// The only algorithm (RFC 8225 §4.1).
const ES256: &[u8] = b"ES256";

/// What `typ` says (RFC 8225 §4.2).
const TYP: &str = "passport";

/// A PASSporT, taken apart as far as it can be.
pub(super) struct Held<'a> {
    /// Its kind; none when it is not known or could not be read.
    pub kind: Option<Kind>,
    ppt: Option<Box<str>>,
    /// Where its certificate is, or what is wrong with that.
    pub url: Result<Box<str>, Outcome>,
    /// What it is, or why it is nothing.
    pub token: Result<Token<'a>, Outcome>,
    /// The one it stands in.
    pub within: Option<usize>,
}

/// A PASSporT in one of its two forms.
pub(super) enum Token<'a> {
    Full(Box<Passport<'a>>),
    Compact { signature: [u8; SIGNATURE_LEN], letters: Box<str> },
}

/// All of a call.
pub(super) fn all<'a>(call: &Call<'a>, steps: &mut dyn Steps) -> Vec<Held<'a>> {
    let mut all = Vec::with_capacity(call.identity.len().min(MAX_PASSPORTS));
    for value in call.identity.iter().take(MAX_PASSPORTS) {
        if all.len() == MAX_PASSPORTS {
            break;
        }
        let mut teller = Teller::new(steps, all.len());
        all.push(Held::of_value(value, &mut teller));
        nested(&mut all, steps);
    }
    all
}

/// Behind a diversion that has it within it, the PASSporT before that. Where there is no room for it
/// nothing leads to the diversion, and that is what is said of it.
fn nested(all: &mut Vec<Held<'_>>, steps: &mut dyn Steps) {
    while all.len() < MAX_PASSPORTS
        && let Some(inner) = all.last().and_then(Held::inner)
    {
        let within = Some(all.len() - 1);
        let mut teller = Teller::new(steps, all.len());
        teller.well("within", format_args!("it stands in PASSporT {}", all.len()));
        all.push(Held { within, ..Held::of_passport(inner, None, &mut teller) });
    }
}

impl<'a> Held<'a> {
    fn of_value(value: &'a [u8], teller: &mut Teller<'_>) -> Self {
        let header = match IdentityHeader::read(value) {
            Ok(header) => header,
            Err(outcome) => {
                let seen = sip::lossy(value);
                return Self::none(teller.found("header", outcome, format_args!("{seen}")), None);
            }
        };
        let ppt = Seen(header.ppt.as_deref());
        if header.ppt.as_ref().is_some_and(|ppt| Kind::find(ppt).is_none()) {
            let outcome =
                teller.found("header", Outcome::PptUnsupported, format_args!("ppt {ppt}"));
            return Self::none(outcome, header.ppt.as_deref().map(text_of));
        }
        let (alg, info) = (Seen(header.alg.as_deref()), header.info.as_deref());
        let info = Seen(info.map(str::as_bytes));
        teller.well("header", format_args!("ppt {ppt}, alg {alg}, info {info}"));
        if compact::is_compact(header.token) {
            return Self::compact(&header, teller);
        }
        Self::of_passport(Passport::read(header.token), Some(&header), teller)
    }

    fn none(outcome: Outcome, ppt: Option<Box<str>>) -> Self {
        let url = Err(Outcome::InfoMissing);
        Self { kind: None, ppt, url, token: Err(outcome), within: None }
    }

    fn compact(header: &IdentityHeader<'a>, teller: &mut Teller<'_>) -> Self {
        let ppt = header.ppt.as_deref().map(text_of);
        let kind = header.ppt.as_ref().map_or(Some(Kind::Plain), |ppt| Kind::find(ppt));
        let read = || {
            let letters = passport::unfolded(header.token)?;
            let letters = &letters[2..];
            if kind != Some(Kind::Plain) {
                return Err(Outcome::CompactUnsupported);
            }
            if header.alg.as_ref().is_some_and(|alg| **alg != *ES256) {
                return Err(Outcome::AlgUnsupported);
            }
            let signature = passport::signature(letters)?;
            Ok(Token::Compact { signature, letters: text_of(letters) })
        };
        let token = read();
        match &token {
            Ok(_) => {
                teller.well("token", format_args!("compact form: made again from the message"))
            }
            Err(outcome) => _ = teller.found("token", *outcome, format_args!("compact form")),
        }
        let url = header.info.as_deref().filter(|info| !info.is_empty());
        let url = url.map(Into::into).ok_or(Outcome::InfoMissing);
        Self { kind, ppt, url, token, within: None }
    }

    fn of_passport(
        read: Result<Passport<'a>, Outcome>,
        parameters: Option<&IdentityHeader<'_>>,
        teller: &mut Teller<'_>,
    ) -> Self {
        let parameter = parameters.and_then(|header| header.ppt.as_deref());
        let by_parameter = |outcome| {
            let kind = parameter.and_then(Kind::find);
            Self { kind, ..Self::none(outcome, parameter.map(text_of)) }
        };
        let passport = match read {
            Ok(passport) => passport,
            Err(outcome) => {
                teller.found("token", outcome, format_args!("not header.payload.signature"));
                return by_parameter(outcome);
            }
        };
        let header = match passport.header() {
            Ok(header) => header,
            Err(outcome) => {
                teller.found("token", outcome, format_args!("its header is no JSON object"));
                return by_parameter(outcome);
            }
        };
        teller.well(
            "token",
            format_args!(
                "alg {}, typ {}, ppt {}, x5u {}",
                Seen::of(&header.alg),
                Seen::of(&header.typ),
                Seen::of(&header.ppt),
                Seen::of(&header.x5u),
            ),
        );
        let ppt = header.ppt.get().map(|ppt| Box::from(&**ppt));
        let url = url(&header.x5u, parameters);
        let kind = match &header.ppt {
            Claim::Missing => Ok(Kind::Plain),
            Claim::Wrong => Err(Outcome::PptMismatch),
            Claim::Is(ppt) => Kind::find(ppt.as_bytes()).ok_or(Outcome::PptUnsupported),
        };
        let alg = parameters.and_then(|header| header.alg.as_deref()).unwrap_or(ES256);
        let is_es256 = header.alg.get().is_some_and(|alg| alg.as_bytes() == ES256) && alg == ES256;
        // RFC 8224 §4: what a PASSporT extension is must stand in the header as well.
        let same = parameters.is_none()
            || match (parameter, header.ppt.get()) {
                (None, None) => !header.ppt.is_wrong(),
                (Some(one), Some(other)) => one.eq_ignore_ascii_case(other.as_bytes()),
                _ => false,
            };
        let outcome = if !same {
            Some((Outcome::PptMismatch, "ppt"))
        } else if let Err(outcome) = kind {
            Some((outcome, "ppt"))
        } else if !is_es256 {
            Some((Outcome::AlgUnsupported, "alg"))
        } else if header.typ.get().is_none_or(|typ| typ != TYP) {
            Some((Outcome::TypWrong, "typ"))
        } else {
            None
        };
        drop(header);
        let by_parameter = parameter.and_then(Kind::find);
        let kind = kind.ok().or(by_parameter);
        let token = match outcome {
            Some((outcome, name)) => Err(teller.found(
                name,
                outcome,
                format_args!("header and token must agree, alg be ES256, typ passport"),
            )),
            None => Ok(Token::Full(Box::new(passport))),
        };
        Self { kind, ppt, url, token, within: None }
    }

    /// The one within it.
    fn inner(&self) -> Option<Result<Passport<'static>, Outcome>> {
        let Ok(Token::Full(outer)) = &self.token else { return None };
        let claims = outer.claims().ok().filter(|_| self.kind == Some(Kind::DivO))?;
        claims.opt.get().map(|opt| Passport::nested(opt))
    }

    /// What is known of it before it is judged.
    pub(super) fn judged(&self) -> Judged {
        let outcome = self.token.as_ref().err().copied().unwrap_or(Outcome::Pending);
        let url = self.url.as_ref().ok().cloned();
        Judged { ppt: self.ppt.clone(), url, ..Judged::of(outcome) }
    }

    /// Whether it is of a kind that is not known, and so as if it were not there (RFC 8224 §6.2).
    pub(super) fn is_ignored(&self) -> bool {
        matches!(self.token, Err(Outcome::PptUnsupported))
    }

    /// Letters of its signature.
    pub(super) fn letters(&self) -> Option<&str> {
        match self.token.as_ref().ok()? {
            Token::Full(passport) => passport.letters(),
            Token::Compact { letters, .. } => Some(letters),
        }
    }
}

/// `info` and `x5u` are the same (RFC 8224 §6.2, step 3); one within another has no `info`.
fn url(
    x5u: &Claim<Text<'_>>,
    parameters: Option<&IdentityHeader<'_>>,
) -> Result<Box<str>, Outcome> {
    let x5u = x5u.get().filter(|x5u| !x5u.is_empty()).ok_or(Outcome::InfoMissing)?;
    if let Some(header) = parameters {
        let info = header.info.as_deref().filter(|info| !info.is_empty());
        if info.ok_or(Outcome::InfoMissing)? != x5u {
            return Err(Outcome::InfoMismatch);
        }
    }
    Ok(Box::from(&**x5u))
}

/// A parameter or a claim as a step shows it: nothing is written of it where nobody watches.
struct Seen<'t>(Option<&'t [u8]>);

impl<'t> Seen<'t> {
    fn of(claim: &'t Claim<Text<'_>>) -> Self {
        match claim {
            Claim::Missing => Self(None),
            Claim::Wrong => Self(Some(b"of another type")),
            Claim::Is(text) => Self(Some(text.as_bytes())),
        }
    }
}

impl fmt::Display for Seen<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.map_or("none".into(), sip::lossy))
    }
}

fn text_of(bytes: &[u8]) -> Box<str> {
    sip::lossy(bytes).into()
}
