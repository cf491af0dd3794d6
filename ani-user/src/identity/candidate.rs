//! Everybody an INVITE names as its caller, and why he is the one chosen or not.

use std::borrow::Cow;

use ani_ebpf::{dial_plan::DialPlan, scan::AniHeader};
use serde::Serialize;

use super::{Caller, Identity, LineType, Passport, Reading, caller, is_calling, oli};
use crate::{
    invite::AniStatus,
    sip::{self, Invite, NameAddr, Uri},
};

/// Somebody an INVITE names as its caller, or as one who was called before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Candidate<'a> {
    /// The header, in lower case; `passport` for `orig` of the PASSporT in Identity.
    pub header: &'static str,
    /// Which of its values, from 1.
    pub value: usize,
    /// The URI as it came; the number alone for a PASSporT's.
    pub uri: Cow<'a, str>,
    /// Display name, quotes and escapes removed.
    pub display: Option<Cow<'a, str>>,
    /// E.164 with `+`, or the user part as it came; none for one who is anonymous or not named.
    pub number: Option<Cow<'a, str>>,
    /// What `number` is.
    pub status: AniStatus,
    /// The same, finer; see [`Identity::form`].
    pub form: &'static str,
    /// The header's own parameters as they came, such as `party`, `screen` and `privacy` of
    /// Remote-Party-ID and `reason` and `counter` of Diversion; none for none.
    pub parameters: Option<Cow<'a, str>>,
    /// Whether he is the one, and why not.
    pub why: Why,
}

/// What the network says of the caller's line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line<'a> {
    /// `isup-oli`, `oli`, `ss7-oli` or `cpc`.
    pub parameter: &'static str,
    /// Its value as it came.
    pub value: Cow<'a, str>,
    /// The header it stood in.
    pub header: &'static str,
    /// What it means; none when nobody says.
    pub meaning: Option<&'static str>,
    /// The line it names; none when it names none.
    pub line_type: Option<LineType>,
}

/// Why a candidate is the caller, or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// The first that is there of the trunk's order.
    Chosen,
    /// A header that the trunk's order names before it is there.
    AfterChosen,
    /// Another value of the same header goes before it: a number before a name, a tel URI before a SIP
    /// URI, the first before others.
    OtherValue,
    /// The trunk's order does not name the header.
    NotInOrder,
    /// Remote-Party-ID speaks of another party than the one calling.
    NotCalling,
    /// Says who forwarded the call, not who makes it.
    Forwarded,
    /// The INVITE came from no configured trunk: only From is read.
    Untrusted,
    /// Headers are missing from the capture, and among them may be one that goes before it.
    HeadersCut,
}

impl Why {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Chosen,
        Self::AfterChosen,
        Self::OtherValue,
        Self::NotInOrder,
        Self::NotCalling,
        Self::Forwarded,
        Self::Untrusted,
        Self::HeadersCut,
    ];

    /// Stable word for JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Chosen => "chosen",
            Self::AfterChosen => "after-chosen",
            Self::OtherValue => "other-value",
            Self::NotInOrder => "not-in-order",
            Self::NotCalling => "not-calling",
            Self::Forwarded => "forwarded",
            Self::Untrusted => "untrusted",
            Self::HeadersCut => "headers-cut",
        }
    }

    /// The same for people.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Chosen => "the first that is there of the trunk's order",
            Self::AfterChosen => "the trunk's order names the chosen header before it",
            Self::OtherValue => {
                "another value goes before it: a number before a name, tel before sip"
            }
            Self::NotInOrder => "the trunk's order does not name this header",
            Self::NotCalling => "speaks of another party than the one calling",
            Self::Forwarded => "says who forwarded the call, not who makes it",
            Self::Untrusted => "from no configured trunk: only From is read",
            Self::HeadersCut => "a header that goes before it may be missing from the capture",
        }
    }
}

/// Headers that say whom the call was for before: no order may name them.
const DIVERSION: &str = "diversion";
const HISTORY_INFO: &str = "history-info";

/// All candidates, in the trunk's order, then those of headers it does not name.
pub fn candidates<'a>(
    invite: &Invite<'a>,
    passport: Option<&Passport>,
    identity: &Identity<'a>,
    reading: &Reading<'_>,
) -> Vec<Candidate<'a>> {
    let mut all = All { reading, identity, cut: invite.headers_cut, found: Vec::new() };
    let order = identity.order.headers();
    let rest = AniHeader::ALL.into_iter().filter(|header| !order.clone().any(|h| h == *header));
    for header in order.clone().chain(rest) {
        match header {
            AniHeader::PDcsBillingInfo => {
                let billing = invite.p_dcs_billing_info.iter();
                all.names(header, billing.flat_map(|info| info.calling.iter().chain(&info.charge)));
            }
            AniHeader::Passport => {
                if let Some(orig) = passport.and_then(|passport| passport.orig.as_deref()) {
                    all.passport(orig);
                }
            }
            name_addr => all.names(header, values(invite, name_addr).iter()),
        }
    }
    all.forwarded(DIVERSION, invite.diversion.iter());
    all.forwarded(HISTORY_INFO, invite.history_info.iter());
    all.found
}

/// What the network says of the caller's line, by the chosen header if that says it, else by the first
/// of the order that does. Nothing where nothing is trusted.
pub fn line<'a>(
    invite: &Invite<'a>,
    identity: &Identity<'_>,
    reading: &Reading<'_>,
) -> Option<Line<'a>> {
    if !reading.trusted {
        return None;
    }
    let said = |header: AniHeader| {
        let oli = values(invite, header).iter().find_map(oli)?;
        Some(Line {
            parameter: oli.parameter,
            value: sip::lossy(oli.value),
            header: header.as_str(),
            meaning: oli.meaning,
            line_type: oli.line,
        })
    };
    identity.source().and_then(said).or_else(|| identity.order.headers().find_map(said))
}

/// The values of a header that is a name and a URI; none of another.
pub(super) fn values<'i, 'a>(invite: &'i Invite<'a>, header: AniHeader) -> &'i [NameAddr<'a>] {
    match header {
        AniHeader::From => invite.from.as_slice(),
        AniHeader::PAssertedIdentity => &invite.p_asserted_identity,
        AniHeader::PPreferredIdentity => &invite.p_preferred_identity,
        AniHeader::RemotePartyId => &invite.remote_party_id,
        AniHeader::PChargeInfo => invite.p_charge_info.as_slice(),
        AniHeader::PDcsBillingInfo | AniHeader::Passport => &[],
    }
}

struct All<'r, 'a> {
    reading: &'r Reading<'r>,
    identity: &'r Identity<'a>,
    cut: bool,
    found: Vec<Candidate<'a>>,
}

impl<'a> All<'_, 'a> {
    fn names<'i>(&mut self, header: AniHeader, names: impl Iterator<Item = &'i NameAddr<'a>>)
    where
        'a: 'i,
    {
        for (at, name) in names.enumerate() {
            let why = if header == AniHeader::RemotePartyId && !is_calling(name) {
                Why::NotCalling
            } else {
                self.why(header, at)
            };
            self.push(header.as_str(), at, name, why);
        }
    }

    fn forwarded<'i>(&mut self, header: &'static str, names: impl Iterator<Item = &'i NameAddr<'a>>)
    where
        'a: 'i,
    {
        for (at, name) in names.enumerate() {
            self.push(header, at, name, Why::Forwarded);
        }
    }

    fn push(&mut self, header: &'static str, at: usize, name: &NameAddr<'a>, why: Why) {
        let Caller { ani, status, form, .. } = caller(&name.uri, &self.reading.dial_plan);
        let parameters = sip::trim(name.parameters);
        self.found.push(Candidate {
            header,
            value: at + 1,
            uri: sip::lossy(name.uri.raw),
            display: sip::display(name),
            number: ani,
            status,
            form,
            parameters: (!parameters.is_empty()).then(|| sip::lossy(parameters)),
            why,
        });
    }

    fn passport(&mut self, orig: &str) {
        let Caller { ani, status, form, .. } = passport_caller(orig, &self.reading.dial_plan);
        self.found.push(Candidate {
            header: AniHeader::Passport.as_str(),
            value: 1,
            uri: Cow::Owned(orig.to_owned()),
            display: None,
            number: ani,
            status,
            form,
            parameters: None,
            why: self.why(AniHeader::Passport, 0),
        });
    }

    fn why(&self, header: AniHeader, at: usize) -> Why {
        let place = |wanted| self.identity.order.headers().position(|header| header == wanted);
        match self.identity.chosen {
            Some((chosen, value)) if chosen == header && value == at => Why::Chosen,
            Some((chosen, _)) if chosen == header => Why::OtherValue,
            _ if !self.reading.trusted => Why::Untrusted,
            _ if place(header).is_none() => Why::NotInOrder,
            None if self.cut => Why::HeadersCut,
            _ => Why::AfterChosen,
        }
    }
}

/// Whom `orig` of a PASSporT names: digits alone, without `+`, are E.164 (RFC 8225 §5.2.1), or a URI.
pub(super) fn passport_caller(orig: &str, plan: &DialPlan) -> Caller<'static> {
    let bare = orig.bytes().all(|byte| byte.is_ascii_digit());
    let uri = if bare { format!("tel:+{orig}") } else { format!("tel:{orig}") };
    let uri = if orig.contains(':') { orig.to_owned() } else { uri };
    let Caller { ani, number, status, form } = caller(&Uri::read(uri.as_bytes()), plan);
    Caller { ani: ani.map(|ani| Cow::Owned(ani.into_owned())), number, status, form }
}
