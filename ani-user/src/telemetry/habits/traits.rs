//! The habits there are, by name: one table, from which proposals, findings, JSON and the store take
//! their words.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser::SerializeMap};

use crate::sip::Name;

/// Which INVITEs a habit can be seen on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Base {
    /// All of them.
    Any,
    /// Those with P-Asserted-Identity.
    Asserted,
    /// Those with an Identity header.
    Signed,
    /// Those with a `verstat` parameter.
    Verstat,
    /// Those whose caller is digits without `+`.
    Bare,
    /// Those to a toll-free number.
    TollFree,
}

impl Base {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Any, Self::Asserted, Self::Signed, Self::Verstat, Self::Bare, Self::TollFree];

    /// What they are called, many of them.
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Any => "INVITEs",
            Self::Asserted => "INVITEs with P-Asserted-Identity",
            Self::Signed => "INVITEs with Identity",
            Self::Verstat => "INVITEs with verstat",
            Self::Bare => "INVITEs with a caller without +",
            Self::TollFree => "INVITEs to toll-free numbers",
        }
    }

    /// The habit that an INVITE of these has; none for all.
    pub const fn made_by(self) -> Option<Trait> {
        match self {
            Self::Any => None,
            Self::Asserted => Some(Trait::Asserted),
            Self::Signed => Some(Trait::Signed),
            Self::Verstat => Some(Trait::Verstat),
            Self::Bare => Some(Trait::Bare),
            Self::TollFree => Some(Trait::TollFree),
        }
    }

    /// The habits that can be seen on these.
    pub fn traits(self) -> Traits {
        const MASKS: [Traits; Base::ALL.len()] = {
            let mut masks = [Traits::NONE; Base::ALL.len()];
            let mut at = 0;
            while at < TRAITS.len() {
                masks[TRAITS[at].base as usize].0 |= 1 << at;
                at += 1;
            }
            masks
        };
        MASKS[self as usize]
    }
}

/// One row of [`TRAITS`].
#[derive(Clone, Copy, Debug)]
pub struct Definition {
    /// The habit described.
    pub habit: Trait,
    /// Stable word in JSON and in the store; a header's own name in lower case where it is one.
    pub name: &'static str,
    /// Which INVITEs it can be seen on.
    pub base: Base,
    /// The header an example of it is taken from; none for a Request-URI's.
    pub header: Option<Name>,
    /// What INVITEs with it do, behind `40 of 40 INVITEs`.
    pub verb: &'static str,
}

macro_rules! traits {
    ($($variant:ident, $name:literal, $base:ident, $header:expr, $verb:literal;)+) => {
        /// A habit.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Trait {
            $(#[doc = $verb] $variant,)+
        }

        /// Each habit at the index of its variant.
        pub const TRAITS: &[Definition] = &[
            $(Definition {
                habit: Trait::$variant,
                name: $name,
                base: Base::$base,
                header: $header,
                verb: $verb,
            },)+
        ];
    };
}

const FROM: Option<Name> = Some(Name::From);
const PAI: Option<Name> = Some(Name::PAssertedIdentity);
const VOUCHING: Option<Name> = Some(Name::Vouching);

traits! {
    Asserted, "p-asserted-identity", Any, PAI, "have P-Asserted-Identity";
    Preferred, "p-preferred-identity", Any, Some(Name::PPreferredIdentity), "have P-Preferred-Identity";
    RemoteParty, "remote-party-id", Any, Some(Name::RemotePartyId), "have Remote-Party-ID";
    Charge, "p-charge-info", Any, Some(Name::PChargeInfo), "have P-Charge-Info";
    Billing, "p-dcs-billing-info", Any, Some(Name::PDcsBillingInfo), "have P-DCS-Billing-Info";
    Diversion, "diversion", Any, Some(Name::Diversion), "have Diversion";
    History, "history-info", Any, Some(Name::HistoryInfo), "have History-Info";
    Signed, "identity", Any, Some(Name::Identity), "have Identity";
    PrivacyId, "privacy-id", Any, Some(Name::Privacy), "have Privacy: id";
    AttestationIndicator, "p-attestation-indicator", Any, VOUCHING, "have P-Attestation-Indicator";
    PAttestationInfo, "p-attestation-info", Any, VOUCHING, "have P-Attestation-Info";
    AttestationInfo, "attestation-info", Any, VOUCHING, "have Attestation-Info";
    POrigination, "p-origination-id", Any, VOUCHING, "have P-Origination-ID";
    Origination, "origination-id", Any, VOUCHING, "have Origination-ID";
    Bypass, "p-identity-bypass", Any, VOUCHING, "have P-Identity-Bypass";
    TwilioVerstat, "x-twilio-verstat", Any, VOUCHING, "have X-Twilio-VerStat";
    Verstat, "verstat", Any, None, "have a verstat parameter";

    AssertedTwice, "p-asserted-identity-two", Asserted, PAI, "have two values or more in it";
    AssertedTel, "p-asserted-identity-tel", Asserted, PAI, "have a tel: URI in it";
    AssertedPlus, "p-asserted-identity-plus", Asserted, PAI, "have a number with + in it";
    AssertedTen, "p-asserted-identity-ten-digits", Asserted, PAI, "have ten digits without + in it";
    AssertedDigits, "p-asserted-identity-digits", Asserted, PAI, "have digits without + in it, not ten of them";
    AssertedAnonymous, "p-asserted-identity-anonymous", Asserted, PAI, "have an anonymous caller in it";
    AssertedOther, "p-asserted-identity-no-number", Asserted, PAI, "have no number in it";
    FromAsserted, "from-is-p-asserted-identity", Asserted, FROM, "have the same number in From";

    FromTel, "from-tel", Any, FROM, "have a tel: URI in From";
    FromPlus, "from-plus", Any, FROM, "have a number with + in From";
    FromTen, "from-ten-digits", Any, FROM, "have ten digits without + in From";
    FromDigits, "from-digits", Any, FROM, "have digits without + in From, not ten of them";
    FromAnonymous, "from-anonymous", Any, FROM, "have an anonymous caller in From";
    FromOther, "from-no-number", Any, FROM, "have no number in From";

    Bare, "bare", Any, None, "have a caller without +";
    BareNanp, "bare-north-american", Bare, None, "have one of North America's form";
    BareZero, "bare-zero", Bare, None, "have one that starts with 0";
    Long, "sixteen-digits", Any, None, "have a caller of 16 digits behind a +";

    AssertedVerstatUser, "verstat-user", Verstat, PAI, "have it in the user part of P-Asserted-Identity";
    AssertedVerstatUri, "verstat-uri", Verstat, PAI, "have it on the URI of P-Asserted-Identity";
    AssertedVerstatHeader, "verstat-header", Verstat, PAI, "have it behind the bracket of P-Asserted-Identity";
    FromVerstatUser, "from-verstat-user", Verstat, FROM, "have it in the user part of From";
    FromVerstatUri, "from-verstat-uri", Verstat, FROM, "have it on the URI of From";
    FromVerstatHeader, "from-verstat-header", Verstat, FROM, "have it behind the bracket of From";
    OtherVerstat, "verstat-elsewhere", Verstat, None, "have it on another header only";
    VerstatAttest, "verstat-attest", Verstat, None, "have attest beside it";
    TokenPassed, "verstat-passed", Verstat, None, "say TN-Validation-Passed alone";
    TokenLevel, "verstat-passed-level", Verstat, None, "say TN-Validation-Passed and a level";
    TokenFailed, "verstat-failed", Verstat, None, "say TN-Validation-Failed";
    TokenNone, "verstat-none", Verstat, None, "say No-TN-Validation";
    TokenOther, "verstat-other", Verstat, None, "say something else";

    SignedTwice, "identity-several", Signed, Some(Name::Identity), "have several of them";
    SignedCompact, "identity-compact", Signed, Some(Name::Identity), "have a PASSporT in its compact form";

    CalledPlus, "called-plus", Any, None, "call a number with +";
    CalledBare, "called-bare", Any, None, "call digits without +";
    TollFree, "toll-free", Any, None, "call a toll-free number";
    TollFreeCharge, "toll-free-charge", TollFree, Some(Name::PChargeInfo), "have P-Charge-Info";
}

const _: () = assert!(TRAITS.len() <= u64::BITS as usize, "a habit is a bit");

impl Trait {
    /// Its row.
    pub fn definition(self) -> &'static Definition {
        &TRAITS[self as usize]
    }

    /// The habit of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        TRAITS.iter().find(|row| row.name == name).map(|row| row.habit)
    }
}

impl fmt::Display for Trait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.definition().name)
    }
}

impl Serialize for Trait {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.definition().name)
    }
}

impl<'de> Deserialize<'de> for Trait {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::from_name(&name).ok_or_else(|| de::Error::custom(format!("no habit `{name}`")))
    }
}

/// A set of habits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traits(u64);

impl Traits {
    /// None of them.
    pub const NONE: Self = Self(0);

    /// Puts one in.
    pub fn add(&mut self, habit: Trait) {
        self.0 |= 1 << habit as u8;
    }

    /// Puts one in where `there` says so.
    pub fn add_if(&mut self, there: bool, habit: Trait) {
        self.0 |= u64::from(there) << habit as u8;
    }

    /// Whether one is in it.
    pub const fn has(self, habit: Trait) -> bool {
        self.0 >> habit as u8 & 1 == 1
    }

    /// Whether these INVITEs are among those of a base.
    pub fn are(self, base: Base) -> bool {
        base.made_by().is_none_or(|habit| self.has(habit))
    }

    /// Those of both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Those of either.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Those of this one alone.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Those of one of the two only.
    #[must_use]
    pub const fn differing(self, other: Self) -> Self {
        Self(self.0 ^ other.0)
    }

    /// One after the other.
    pub fn iter(self) -> impl Iterator<Item = Trait> {
        let mut left = self.0;
        std::iter::from_fn(move || {
            let row = TRAITS.get(left.trailing_zeros() as usize)?;
            left &= left - 1;
            Some(row.habit)
        })
    }
}

impl Serialize for Traits {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Traits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut traits = Self::NONE;
        for name in Vec::<String>::deserialize(deserializer)? {
            if let Some(habit) = Trait::from_name(&name) {
                traits.add(habit);
            }
        }
        Ok(traits)
    }
}

/// Something for each habit; written by name, so that what an older version kept is still read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PerTrait<T>([T; TRAITS.len()]);

impl<T: Copy + Default> Default for PerTrait<T> {
    fn default() -> Self {
        Self([T::default(); TRAITS.len()])
    }
}

impl<T> PerTrait<T> {
    /// That of a habit.
    pub fn get(&self, habit: Trait) -> &T {
        &self.0[habit as usize]
    }

    /// That of a habit, to change it.
    pub fn get_mut(&mut self, habit: Trait) -> &mut T {
        &mut self.0[habit as usize]
    }
}

impl<T: Copy + Default + PartialEq + Serialize> Serialize for PerTrait<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (row, value) in TRAITS.iter().zip(&self.0).filter(|(_, value)| **value != T::default())
        {
            map.serialize_entry(row.name, value)?;
        }
        map.end()
    }
}

impl<'de, T: Copy + Default + Deserialize<'de>> Deserialize<'de> for PerTrait<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let by_name = std::collections::BTreeMap::<String, T>::deserialize(deserializer)?;
        let mut all = Self::default();
        for (name, value) in by_name {
            if let Some(habit) = Trait::from_name(&name) {
                *all.get_mut(habit) = value;
            }
        }
        Ok(all)
    }
}
