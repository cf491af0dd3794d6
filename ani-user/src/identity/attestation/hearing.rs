//! All that a message tells of its caller, in the order in which it depends on one another.

use std::borrow::Cow;

use ani_ebpf::scan::AniHeader;

use super::{
    Doubt, Told,
    kind::{self, Kind},
    token::{self, Verdict, least},
};
use crate::{
    identity::{
        Passport, is_anonymous,
        profile::{Outcome, Place, Source, Telling},
    },
    sip::{self, Invite, NameAddr, Parameters},
};

/// Things that are told and kept; of those beyond, only how many there were. They still count.
pub(super) const MAX_TOLD: usize = 16;

/// A message heard from beginning to end.
pub(super) struct Hearing<'r, 'a> {
    pub(super) invite: &'r Invite<'a>,
    pub(super) telling: &'r Telling,
    pub(super) doubt: Option<Doubt>,
    pub(super) told: Vec<Told<'a>>,
    pub(super) left_out: u32,
    /// The least of what is believed, and its token.
    pub(super) verstat: Option<(Verdict, Cow<'a, str>)>,
    /// The lowest level of all tokens that are believed; the least of them may have none.
    pub(super) lowest: Option<&'static str>,
    /// The lowest level in a header of its own.
    pub(super) header: Option<&'static str>,
    /// The level the signer claims.
    pub(super) identity: Option<&'static str>,
    /// Where the call began, and who says so.
    pub(super) origination: Option<(Cow<'a, str>, Source)>,
    pub(super) bypass: Option<Cow<'a, str>>,
}

impl<'r, 'a> Hearing<'r, 'a> {
    /// Nothing is heard yet; `doubt` says why nothing will be believed.
    pub(super) fn new(invite: &'r Invite<'a>, telling: &'r Telling, doubt: Option<Doubt>) -> Self {
        Self {
            invite,
            telling,
            doubt,
            told: Vec::new(),
            left_out: 0,
            verstat: None,
            lowest: None,
            header: None,
            identity: None,
            origination: None,
            bypass: None,
        }
    }

    fn keep(&mut self, told: Told<'a>) {
        if self.told.len() < MAX_TOLD {
            self.told.push(told);
        } else {
            self.left_out += 1;
        }
    }

    /// Values of the headers that have a URI, whether the profile names them or not.
    fn values(&self, header: AniHeader) -> &'r [NameAddr<'a>] {
        match header {
            AniHeader::PAssertedIdentity => &self.invite.p_asserted_identity,
            AniHeader::From => self.invite.from.as_slice(),
            AniHeader::RemotePartyId => &self.invite.remote_party_id,
            AniHeader::PPreferredIdentity => &self.invite.p_preferred_identity,
            AniHeader::PChargeInfo => self.invite.p_charge_info.as_slice(),
            AniHeader::PDcsBillingInfo | AniHeader::Passport => &[],
        }
    }

    /// `verstat` on the headers that have a URI.
    pub(super) fn parameters(&mut self) {
        let mut teller = None;
        for header in AniHeader::ALL {
            for value in self.values(header) {
                for place in Place::ALL {
                    let parameters = at(value, place);
                    // Hardly any has one.
                    if parameters.clone().get(VERSTAT).is_none() {
                        continue;
                    }
                    let teller = *teller.get_or_insert_with(|| self.teller());
                    let doubt = self
                        .doubt
                        .or((!self.is_source(Source::Verstat)).then_some(Doubt::NotASource))
                        .or(self.misplaced(header, place, teller));
                    let header = Cow::Borrowed(header.as_str());
                    self.verstat_in(parameters, &Stand { header, place: place.as_str(), doubt });
                }
            }
        }
    }

    /// The header whose `verstat` is the carrier's: the first of the profile's that names a caller.
    /// One who is anonymous there is named by the next, unless it is told of him as well.
    fn teller(&self) -> Option<AniHeader> {
        let tells = |value: &NameAddr<'a>| {
            let in_place = |place: &Place| at(value, *place).get(VERSTAT).is_some();
            !is_anonymous(&value.uri) || self.telling.verstat.iter().any(in_place)
        };
        let mut headers = self.telling.verstat_headers.iter().copied();
        headers.find(|header| self.values(*header).iter().any(tells))
    }

    fn misplaced(
        &self,
        header: AniHeader,
        place: Place,
        teller: Option<AniHeader>,
    ) -> Option<Doubt> {
        if !self.telling.verstat_headers.contains(&header) {
            Some(Doubt::OtherHeader)
        } else if !self.telling.verstat.contains(&place) {
            Some(Doubt::OtherPlace)
        } else {
            (teller != Some(header)).then_some(Doubt::AfterAnother)
        }
    }

    fn is_source(&self, source: Source) -> bool {
        self.telling.sources.contains(&source)
    }

    /// All `verstat` of one place, since a carrier may put its own behind the caller's; then, once,
    /// what stands beside them.
    fn verstat_in(&mut self, parameters: Parameters<'a>, stand: &Stand) {
        let named = parameters.clone().filter(|one| one.name.eq_ignore_ascii_case(VERSTAT));
        let tokens = named.map(|one| self.token(one.value.unwrap_or_default(), stand));
        let Some((mut verdict, token)) = tokens.min_by_key(|(verdict, _)| verdict.worth()) else {
            return;
        };
        for one in parameters {
            let value = || text(one.value.unwrap_or_default());
            self.beside(one.name, value, &mut verdict, stand);
        }
        self.settle(verdict, token, stand);
    }

    /// A token, and what stands behind it in the same value.
    fn token(&mut self, raw: &'a [u8], stand: &Stand) -> (Verdict, Cow<'a, str>) {
        let unquoted = sip::unquoted(raw);
        let decoded = sip::percent_decoded(&unquoted);
        let (word, behind) = token::split(&decoded);
        let mut verdict = token::verdict(word, &self.telling.tokens);
        let token = text(raw);
        self.keep(stand.told(token.clone(), verdict, None));
        for (name, value) in behind {
            let value = || Cow::Owned(text(value).into_owned());
            self.beside(name, value, &mut verdict, stand);
        }
        if stand.doubt.is_none() {
            self.lowest = least(self.lowest, verdict.level);
        }
        (verdict, token)
    }

    /// What stands beside a token: a level, an origin, or something that does not matter here.
    fn beside(
        &mut self,
        name: &[u8],
        value: impl FnOnce() -> Cow<'a, str>,
        verdict: &mut Verdict,
        stand: &Stand,
    ) {
        let Some((kind, named)) = Kind::of_parameter(name, self.telling) else { return };
        let value = value();
        let unpassed = kind == Kind::Level && verdict.outcome != Outcome::Passed;
        let doubt = stand
            .doubt
            .or((!named).then_some(Doubt::OtherPlace))
            .or(unpassed.then_some(Doubt::NotPassed));
        let level = token::level(value.as_bytes()).filter(|_| kind == Kind::Level);
        if doubt.is_none() {
            match kind {
                Kind::Level => verdict.level = least(verdict.level, level),
                _ => self.began(value.clone(), Source::Verstat),
            }
        }
        self.keep(stand.told(value, Verdict { level, ..Verdict::UNKNOWN }, doubt));
    }

    fn settle(&mut self, verdict: Verdict, token: Cow<'a, str>, stand: &Stand) {
        if stand.doubt.is_some() {
            return;
        }
        self.lowest = least(self.lowest, verdict.level);
        let known = self.verstat.as_ref();
        if known.is_none_or(|(known, _)| verdict.worth() < known.worth()) {
            self.verstat = Some((verdict, token));
        }
    }

    /// Where the call began; who says it in a header of its own goes first, then who says it beside
    /// the token.
    fn began(&mut self, id: Cow<'a, str>, source: Source) {
        let first = match self.origination {
            _ if id.is_empty() => false,
            None => true,
            Some((_, Source::Verstat)) => source == Source::Header,
            Some(_) => false,
        };
        if first {
            self.origination = Some((id, source));
        }
    }

    /// Headers of the carrier's own of one kind: those the parser keeps, then those it does not know.
    pub(super) fn headers(&mut self, kind: Kind) {
        let invite = self.invite;
        for header in &invite.vouching {
            if let Some((read, named)) = Kind::of_header(header.raw_name, self.telling)
                && read == kind
            {
                self.header(kind, named, header.raw_name, sip::trim(header.value));
            }
        }
        let telling = self.telling;
        for name in kind.headers(telling) {
            if !kind::is_kept(name) {
                for value in invite.header(name.as_bytes()) {
                    self.header(kind, true, name.as_bytes(), value);
                }
            }
        }
    }

    fn header(&mut self, kind: Kind, named: bool, name: &[u8], value: &'a [u8]) {
        let header = kind::lower_case(name);
        let source = match kind {
            Kind::Status => Some(Source::Verstat),
            Kind::Level => Some(Source::Header),
            Kind::Origination | Kind::Bypass => None,
        };
        let doubt = self
            .doubt
            .or((!named).then_some(Doubt::OtherHeader))
            .or(source.and_then(|one| (!self.is_source(one)).then_some(Doubt::NotASource)));
        if kind == Kind::Status {
            let stand = Stand { header, place: VALUE, doubt };
            let (verdict, token) = self.token(value, &stand);
            return self.settle(verdict, token, &stand);
        }
        let (mut doubt, mut level) = (doubt, None);
        let token = text(value);
        if kind == Kind::Level {
            level = token::level(value);
            doubt = doubt.or((!self.may_have_passed()).then_some(Doubt::NotPassed));
        }
        if doubt.is_none() && !token.is_empty() {
            match kind {
                Kind::Status | Kind::Level => self.header = least(self.header, level),
                Kind::Origination => self.began(token.clone(), Source::Header),
                Kind::Bypass => self.bypass = self.bypass.take().or_else(|| Some(token.clone())),
            }
        }
        let stand = Stand { header, place: VALUE, doubt };
        self.keep(stand.told(token, Verdict { level, ..Verdict::UNKNOWN }, None));
    }

    /// Whether a level can be the carrier's: it does not give one to what it found wrong, or did not
    /// look at. Where it says nothing of that, the level is all it says.
    fn may_have_passed(&self) -> bool {
        self.verstat.as_ref().is_none_or(|(verdict, _)| verdict.outcome == Outcome::Passed)
    }

    pub(super) fn passport(&mut self, passport: &Passport) {
        let failed =
            self.verstat.as_ref().is_some_and(|(verdict, _)| verdict.outcome == Outcome::Failed);
        let doubt = self.doubt.or((!self.is_source(Source::Identity)).then_some(Doubt::NotASource));
        if doubt.is_none()
            && self.origination.is_none()
            && let Some(id) = &passport.origid
        {
            self.origination = Some((Cow::Owned(id.to_string()), Source::Identity));
        }
        let doubt = doubt.or(failed.then_some(Doubt::NotPassed));
        let token = match (passport.level, &passport.odd_level) {
            (Some(level), _) => Cow::Borrowed(level),
            (None, Some(odd)) => Cow::Owned(odd.to_string()),
            (None, None) => return,
        };
        if doubt.is_none() {
            self.identity = passport.level;
        }
        self.keep(Told {
            token,
            header: Cow::Borrowed("identity"),
            place: VALUE,
            by: "signer",
            believed: doubt.is_none(),
            why: doubt,
            outcome: Outcome::Unknown.as_str(),
            level: passport.level,
        });
    }
}

const VERSTAT: &[u8] = b"verstat";

/// Place of what is the whole value of a header.
const VALUE: &str = "value";

/// The parameters of one place.
fn at<'a>(value: &NameAddr<'a>, place: Place) -> Parameters<'a> {
    match place {
        Place::User => value.uri.user_parameters(),
        Place::Uri => value.uri.parameters(),
        Place::Header => value.parameters(),
    }
}

/// As it came, without the quotes around it.
fn text(value: &[u8]) -> Cow<'_, str> {
    match sip::unquoted(value) {
        Cow::Borrowed(value) => sip::lossy(value),
        Cow::Owned(value) => Cow::Owned(sip::lossy(&value).into_owned()),
    }
}

/// Where words stand, and why the carrier would not tell them there.
struct Stand {
    header: Cow<'static, str>,
    place: &'static str,
    doubt: Option<Doubt>,
}

impl Stand {
    /// A word of the carrier's; `doubt` is one about this word.
    fn told<'a>(&self, token: Cow<'a, str>, verdict: Verdict, doubt: Option<Doubt>) -> Told<'a> {
        let why = self.doubt.or(doubt);
        Told {
            token,
            header: self.header.clone(),
            place: self.place,
            by: "carrier",
            believed: why.is_none(),
            why,
            outcome: verdict.outcome.as_str(),
            level: verdict.level,
        }
    }
}
