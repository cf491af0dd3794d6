//! A carrier's trunk: whose INVITEs, and how they are read.

use ani_ebpf::{
    abi::trunk::{AniOrder, Orders, Telling},
    dial_plan::DialPlan,
};
use ipnet::IpNet;

use super::{
    Refuse,
    countries::{self, Country},
    toll_free,
};
use crate::identity::{self, Profile, Reading};

/// A carrier's trunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trunk {
    /// Its name in output and metrics; unique.
    pub name: String,
    /// Networks its INVITEs come from; no two trunks share one.
    pub sources: Vec<IpNet>,
    /// ISO 3166 code of the country whose dial plan completes national numbers.
    pub country: Option<String>,
    /// What follows from the country.
    pub dial_plan: DialPlan,
    /// What its INVITEs say where, and what of it is believed.
    pub profile: Profile,
    /// The headers of the profile and the trunk's toll-free numbers, as the kernel has them.
    pub orders: Orders,
    /// What it believes of what tells the attestation, as the kernel has it.
    pub telling: Telling,
    /// For which outcomes of their verification its calls are refused.
    pub refuse: Refuse,
}

impl Trunk {
    /// A trunk of a carrier, in a country: what the profile says of both holds where the country is
    /// not named.
    pub fn new(
        name: String,
        sources: Vec<IpNet>,
        profile: Profile,
        country: Option<&'static Country>,
    ) -> Self {
        let country = country.or_else(|| countries::find(profile.country.as_deref()?));
        let mut dial_plan = country.map_or(DialPlan::NONE, Country::dial_plan);
        if let Some(digits) = profile.max_digits {
            dial_plan.max_digits = digits;
        }
        let calling_code = country.map(Country::calling_code);
        let orders = Orders {
            usual: AniOrder::new(&profile.ani),
            toll_free: AniOrder::new(&profile.ani_toll_free),
            toll_free_prefixes: toll_free::prefixes(calling_code.as_deref()),
        };
        let country = country.map(|country| country.code.to_owned());
        let telling = identity::compiled(&profile.telling);
        let refuse = Refuse::default();
        Self { name, sources, country, dial_plan, profile, orders, telling, refuse }
    }

    /// How its INVITEs are read.
    pub fn reading(&self) -> Reading<'_> {
        Reading {
            profile: &self.profile,
            orders: &self.orders,
            dial_plan: self.dial_plan,
            trusted: true,
        }
    }
}
