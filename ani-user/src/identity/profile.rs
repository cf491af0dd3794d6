//! What a carrier's INVITEs say where, and what of it may be believed.

use ani_ebpf::{abi::trunk::Orders, dial_plan::DialPlan, scan::AniHeader};

/// Name of the profile of a trunk that names none.
pub const GENERIC: &str = "generic";

/// A carrier's habits, as the configuration tells them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Its name in the configuration.
    pub name: String,
    /// What it is for, in a sentence.
    pub about: String,
    /// ISO 3166 code of the country whose numbers its trunks complete, unless a trunk names one.
    pub country: Option<String>,
    /// Longest number taken for E.164 on its trunks, digits, unless a trunk says otherwise.
    pub max_digits: Option<u8>,
    /// Headers a caller is read from, the most trusted first.
    pub ani: Vec<AniHeader>,
    /// The same for calls to toll-free numbers; empty for no difference.
    pub ani_toll_free: Vec<AniHeader>,
    /// Where it tells what it knows of the caller, and what that means.
    pub telling: Telling,
}

/// Where a carrier tells how far it vouches for the caller, and what its words mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Telling {
    /// What says the level, the first that does.
    pub sources: Vec<Source>,
    /// Places of the `verstat` parameter. Where several have one, the least counts.
    pub verstat: Vec<Place>,
    /// Headers it stands on, the first that names the caller: what stands on another one is not the
    /// carrier's.
    pub verstat_headers: Vec<AniHeader>,
    /// Parameters beside it that hold a level, as `attest`; names in lower case.
    pub level_parameters: Vec<String>,
    /// Parameters beside it that identify the origin, as `origid`; names in lower case.
    pub origination_parameters: Vec<String>,
    /// Headers whose value is such a token, as `X-Twilio-VerStat`; names in lower case.
    pub status_headers: Vec<String>,
    /// Headers whose value is a level, as `P-Attestation-Indicator`; names in lower case.
    pub level_headers: Vec<String>,
    /// Headers whose value identifies the origin, as `P-Origination-ID`; names in lower case.
    pub origination_headers: Vec<String>,
    /// Headers whose value says that the call is not signed, and by whose leave, as
    /// `P-Identity-Bypass`; names in lower case.
    pub bypass_headers: Vec<String>,
    /// What tokens mean; a token with `-A`, `-B` or `-C` behind it, that does not stand here itself,
    /// is the one before that, with that level.
    pub tokens: Vec<(String, Meaning)>,
    /// What it means when nothing is told.
    pub absent: Outcome,
}

/// What the level of the attestation may be read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// `attest` of the PASSporT in Identity: what the signer claims.
    Identity,
    /// The `verstat` parameter or a header with such a token: what the carrier says it found.
    Verstat,
    /// A header with the level alone.
    Header,
}

impl Source {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Identity, Self::Verstat, Self::Header];

    /// Word in configuration and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Verstat => "verstat",
            Self::Header => "header",
        }
    }
}

/// Where the `verstat` parameter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// `<sip:+1…;verstat=…@host>`, `<tel:+1…;verstat=…>`
    User,
    /// `<sip:+1…@host;verstat=…>`
    Uri,
    /// `<sip:+1…@host>;verstat=…`
    Header,
}

impl Place {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::User, Self::Uri, Self::Header];

    /// Word in configuration and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Uri => "uri",
            Self::Header => "header",
        }
    }
}

/// What a carrier says became of the verification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The number is vouched for.
    Passed,
    /// It was looked at and found wrong.
    Failed,
    /// There was nothing to look at.
    None,
    /// Nothing is told, or not in words that are known.
    Unknown,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Passed, Self::Failed, Self::None, Self::Unknown];

    /// Word in configuration and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::None => "none",
            Self::Unknown => "unknown",
        }
    }
}

/// What a token means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meaning {
    /// What became of the verification.
    pub outcome: Outcome,
    /// `A`, `B` or `C`; none when the token does not say. Only what passed has one.
    pub level: Option<&'static str>,
}

impl Profile {
    /// Of a carrier that keeps to the standards: an identity asserted by the network, else From;
    /// for toll-free numbers, whose owner pays, the number that is charged goes first.
    pub fn generic() -> Self {
        use AniHeader::{From, PAssertedIdentity, PChargeInfo, RemotePartyId};
        Self {
            name: GENERIC.to_owned(),
            about: "a carrier that keeps to the standards".to_owned(),
            country: None,
            max_digits: None,
            ani: vec![PAssertedIdentity, RemotePartyId, From],
            ani_toll_free: vec![PChargeInfo, PAssertedIdentity, RemotePartyId, From],
            telling: Telling::generic(),
        }
    }

    /// Of whom nothing is known and nothing believed: only From is read.
    pub const UNTRUSTED: Self = Self {
        name: String::new(),
        about: String::new(),
        country: None,
        max_digits: None,
        ani: Vec::new(),
        ani_toll_free: Vec::new(),
        telling: Telling::NOTHING,
    };
}

impl Telling {
    /// 3GPP TS 24.229 §7.2A.20 and its dialects: in every place, and with the level behind the token
    /// where a carrier tells it. The bare `TN-Validation-Passed` says nothing of the level: it is A to
    /// some carriers, and any level to others.
    pub fn generic() -> Self {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let token = |token: &str, outcome| (token.to_owned(), Meaning { outcome, level: None });
        Self {
            sources: Source::ALL.to_vec(),
            verstat: Place::ALL.to_vec(),
            verstat_headers: vec![AniHeader::PAssertedIdentity, AniHeader::From],
            level_parameters: names(&["attest"]),
            origination_parameters: names(&["origid"]),
            status_headers: Vec::new(),
            level_headers: names(&[
                "p-attestation-indicator",
                "p-attestation-info",
                "attestation-info",
            ]),
            origination_headers: names(&["p-origination-id", "origination-id"]),
            bypass_headers: Vec::new(),
            tokens: vec![
                token("No-TN-Validation", Outcome::None),
                token("TN-Validation-Failed", Outcome::Failed),
                token("TN-Validation-Passed", Outcome::Passed),
            ],
            absent: Outcome::Unknown,
        }
    }

    /// Nothing is told.
    pub const NOTHING: Self = Self {
        sources: Vec::new(),
        verstat: Vec::new(),
        verstat_headers: Vec::new(),
        level_parameters: Vec::new(),
        origination_parameters: Vec::new(),
        status_headers: Vec::new(),
        level_headers: Vec::new(),
        origination_headers: Vec::new(),
        bypass_headers: Vec::new(),
        tokens: Vec::new(),
        absent: Outcome::Unknown,
    };
}

/// How the INVITEs of a trunk are read: its carrier's profile and its country's numbers.
#[derive(Clone, Copy, Debug)]
pub struct Reading<'a> {
    /// The carrier's habits.
    pub profile: &'a Profile,
    /// The headers of the profile, as the kernel has them.
    pub orders: &'a Orders,
    /// How numbers are completed.
    pub dial_plan: DialPlan,
    /// Whether the INVITE came from a configured trunk; if not, only From is read.
    pub trusted: bool,
}

impl Reading<'_> {
    /// For an INVITE from no configured trunk.
    pub const UNTRUSTED: Reading<'static> = {
        static PROFILE: Profile = Profile::UNTRUSTED;
        static ORDERS: Orders = Orders::one(&[AniHeader::From]);
        Reading { profile: &PROFILE, orders: &ORDERS, dial_plan: DialPlan::NONE, trusted: false }
    };
}
