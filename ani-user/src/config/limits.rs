//! How many calls are too many, and of whom.

use ani_ebpf::{
    abi::{limit::Limit, number::MAX_DIGITS},
    gcra,
};

use super::{Numbered, Rate};
use crate::answer::Answer;

/// How many calls are too many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// For each caller; none for an empty table in the file.
    pub per_caller: Option<Rate>,
    /// `[[limit]]`, in file order: they are looked at after the one for each caller, in this order.
    pub named: Numbered<NamedLimit>,
}

impl Limits {
    /// As the program has them.
    pub fn compiled(&self) -> Vec<Limit> {
        let named = self.named.numbered();
        let named = named.filter_map(|(id, limit)| limit.compiled(id, limit.rate, limit.observed));
        self.per_caller.and_then(per_caller).into_iter().chain(named).collect()
    }
}

/// Id of the limit of each caller.
pub const PER_CALLER: u8 = 1;

/// A limit of those who share a budget.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedLimit {
    /// Its name; unique.
    pub name: String,
    /// How many calls.
    pub rate: Rate,
    /// Whose.
    pub per: Per,
    /// Whether only of callers on a gray list.
    pub gray: bool,
    /// Whether what it would do is only told, unless an operator says otherwise by command.
    pub observed: bool,
    /// What calls are told that it stops.
    pub answer: Answer,
}

impl NamedLimit {
    /// As the program has it. Calls that name a caller or a called number can be forged by anybody who
    /// reaches a trunk: who is attested does not pay for those who are not, nor one trunk for another.
    pub fn compiled(&self, id: u8, rate: Rate, observed: bool) -> Option<Limit> {
        let Per { caller, called, trunk, attestation } = self.per;
        let claimed = caller > 0 || called;
        let (interval_ns, tolerance_ns) = gcra_of(rate)?;
        Some(Limit {
            interval_ns,
            tolerance_ns,
            caller: Limit::digits(caller),
            called: if called { Limit::digits(MAX_DIGITS) } else { 0 },
            trunk: if trunk || claimed { u16::MAX } else { 0 },
            attestation: if attestation || claimed { u8::MAX } else { 0 },
            id,
            observed: u8::from(observed),
            gray: u8::from(self.gray),
            ..Limit::NONE
        })
    }
}

/// What those have in common who share a budget.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Per {
    /// Digits of the caller's number: 0 where he does not count, [`MAX_DIGITS`] for all of them.
    pub caller: u32,
    /// The dialled number.
    pub called: bool,
    /// The trunk.
    pub trunk: bool,
    /// The claimed attestation.
    pub attestation: bool,
}

impl Per {
    /// As it is written: `caller` or `prefix:N`, `called`, `trunk`, `attestation`.
    pub fn words(&self) -> Vec<String> {
        let caller = match self.caller {
            0 => None,
            MAX_DIGITS => Some("caller".to_owned()),
            digits => Some(format!("prefix:{digits}")),
        };
        let others =
            [(self.called, "called"), (self.trunk, "trunk"), (self.attestation, "attestation")];
        let others = others.into_iter().filter(|(counts, _)| *counts);
        let others = others.map(|(_, word)| word.to_owned());
        caller.into_iter().chain(others).collect()
    }
}

fn gcra_of(rate: Rate) -> Option<(u64, u64)> {
    gcra::parameters(rate.calls, u64::try_from(rate.within.as_nanos()).ok()?)
}

/// The limit of each caller over each trunk, by what is claimed of him.
pub fn per_caller(rate: Rate) -> Option<Limit> {
    let (interval_ns, tolerance_ns) = gcra_of(rate)?;
    Some(Limit {
        interval_ns,
        tolerance_ns,
        caller: Limit::digits(MAX_DIGITS),
        trunk: u16::MAX,
        attestation: u8::MAX,
        id: PER_CALLER,
        ..Limit::NONE
    })
}
