//! Entries of lists that have an answer of their own: the kernel says of a stopped call which list
//! stopped it, and not by which entry.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, PoisonError, RwLock},
};

use ani_ebpf::abi::number::Number;

use super::{Answer, Prepared};
use crate::{
    config,
    policy::{Listing, lists::Span},
};

/// Entries with an answer of their own at most; those of a list are told by the list's answer.
pub const MAX_ENTRIES: usize = 10_000;

/// A call that a list stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopped {
    /// The list.
    pub list: u8,
    /// Whether it did by a prefix or a range.
    pub ranged: bool,
    /// Whose call.
    pub caller: Number,
    /// The trunk it came over.
    pub trunk: u16,
    /// The attestation that was claimed, by its number.
    pub attestation: u8,
}

/// Entries with an answer of their own, as the daemon's commands last left them.
#[derive(Default)]
pub struct Entries(RwLock<Index>);

#[derive(Default)]
struct Index {
    /// Numbers and prefixes.
    exact: HashMap<(u8, Span), Vec<Own>>,
    /// Ranges, each with its list: looked through one by one.
    ranges: Vec<(u8, Number, Number, Own)>,
    /// Lists that have a prefix or range here.
    ranged: HashSet<u8>,
}

/// What an entry says to its calls.
struct Own {
    trunk: Option<u16>,
    attestations: u8,
    says: Option<Arc<Prepared>>,
}

impl Own {
    fn holds_for(&self, call: &Stopped) -> bool {
        let attested = self.attestations >> call.attestation & 1 != 0;
        attested && self.trunk.is_none_or(|trunk| trunk == call.trunk)
    }

    /// One for fewer calls goes before one for more.
    fn breadth(&self) -> (bool, u32) {
        (self.trunk.is_none(), self.attestations.count_ones())
    }
}

impl Entries {
    /// Makes these all that have an answer of their own; the first [`MAX_ENTRIES`] of them. Returns
    /// how many were left out.
    pub fn set(
        &self,
        entries: impl IntoIterator<Item = (Listing, Answer)>,
        settings: &config::Answers,
    ) -> usize {
        let mut index = Index::default();
        // As many answers as there are words for them.
        let mut known: HashMap<Answer, Option<Arc<Prepared>>> = HashMap::new();
        let mut entries = entries.into_iter();
        for (listing, answer) in entries.by_ref().take(MAX_ENTRIES) {
            let says = known
                .entry(answer)
                .or_insert_with_key(|answer| Prepared::new(answer, settings).map(Arc::new));
            index.add(&listing, says.clone());
        }
        index.sort();
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = index;
        entries.count()
    }

    /// What the entry that stopped a call says: `None` where none has anything to say of its own,
    /// `Some(None)` where one says that nothing is answered. Where several hold for the call, a longer
    /// prefix goes before a shorter one, and one for fewer calls before one for more.
    pub(super) fn find(&self, call: &Stopped) -> Option<Option<Arc<Prepared>>> {
        let index = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let own = if call.ranged {
            index.ranged(call)
        } else {
            index.exact(Span::Number(call.caller), call)
        };
        own.map(|own| own.says.clone())
    }
}

impl Index {
    fn add(&mut self, listing: &Listing, says: Option<Arc<Prepared>>) {
        let Listing { list, span, trunk, attestations, .. } = *listing;
        let own = Own { trunk, attestations, says };
        if !matches!(span, Span::Number(_)) {
            self.ranged.insert(list);
        }
        match span {
            Span::Range(first, last) => self.ranges.push((list, first, last, own)),
            Span::Number(_) | Span::Prefix(_) => {
                self.exact.entry((list, span)).or_default().push(own);
            }
        }
    }

    fn sort(&mut self) {
        for owns in self.exact.values_mut() {
            owns.sort_by_key(Own::breadth);
        }
        self.ranges.sort_by_key(|(_, _, _, own)| own.breadth());
    }

    fn exact(&self, span: Span, call: &Stopped) -> Option<&Own> {
        self.exact.get(&(call.list, span))?.iter().find(|own| own.holds_for(call))
    }

    fn ranged(&self, call: &Stopped) -> Option<&Own> {
        if !self.ranged.contains(&call.list) {
            return None;
        }
        let caller = call.caller;
        let prefixes = (1..=caller.len()).rev().map(|len| Number::from_nibbles(caller.0, len));
        prefixes.map(Span::Prefix).find_map(|span| self.exact(span, call)).or_else(|| {
            let within = |first: &Number, last: &Number| {
                first.len() == caller.len() && (*first..=*last).contains(&caller)
            };
            let mut ranges = self.ranges.iter();
            let found = ranges.find(|(list, first, last, own)| {
                *list == call.list && within(first, last) && own.holds_for(call)
            });
            found.map(|(_, _, _, own)| own)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::BLOCK;

    fn number(digits: &str) -> Number {
        Number::from_ascii(digits.as_bytes()).expect(digits)
    }

    fn call(caller: &str, ranged: bool) -> Stopped {
        Stopped { list: BLOCK, ranged, caller: number(caller), trunk: 1, attestation: 0 }
    }

    fn code(entries: &Entries, call: &Stopped) -> Option<Option<u16>> {
        entries.find(call).map(|own| own.map(|prepared| prepared.code))
    }

    #[test]
    fn the_entry_that_holds_for_the_call_says_it() {
        let entries = Entries::default();
        let of = |span, answer: &str| {
            let listing = Listing { span, ..Listing::number(BLOCK, number("1"), None) };
            (listing, answer.parse().expect(answer))
        };
        let scoped = |trunk, attestations, answer: &str| {
            let (listing, answer) = of(Span::Number(number("14155550001")), answer);
            (Listing { trunk, attestations, ..listing }, answer)
        };
        let any = Listing::number(BLOCK, number("1"), None).attestations;
        let left = entries.set(
            [
                scoped(None, any, "603"),
                scoped(Some(1), any, "480"),
                scoped(Some(1), 2, "486"),
                of(Span::Number(number("14155550002")), "drop"),
                of(Span::Prefix(number("1415")), "607"),
                of(Span::Prefix(number("141555")), "608"),
                of(Span::Range(number("12025550100"), number("12025550199")), "600"),
            ],
            &config::Answers::default(),
        );
        assert_eq!(left, 0);
        let one = call("14155550001", false);
        assert_eq!(code(&entries, &one), Some(Some(480)));
        assert_eq!(code(&entries, &Stopped { attestation: 1, ..one }), Some(Some(486)));
        assert_eq!(code(&entries, &Stopped { trunk: 0, ..one }), Some(Some(603)));
        assert_eq!(code(&entries, &Stopped { list: 4, ..one }), None);
        assert_eq!(code(&entries, &call("14155550002", false)), Some(None), "nothing is said");
        assert_eq!(code(&entries, &call("14155550003", false)), None);
        assert_eq!(code(&entries, &call("14155550003", true)), Some(Some(608)));
        assert_eq!(code(&entries, &call("14155000003", true)), Some(Some(607)));
        assert_eq!(code(&entries, &call("12025550100", true)), Some(Some(600)));
        assert_eq!(code(&entries, &call("12025550200", true)), None);
    }

    #[test]
    fn no_more_are_kept_than_there_may_be() {
        let entries = Entries::default();
        let all = (0..MAX_ENTRIES + 7).map(|at| {
            (
                Listing::number(BLOCK, number(&(1_000_000 + at).to_string()), None),
                "603".parse().expect("603"),
            )
        });
        assert_eq!(entries.set(all, &config::Answers::default()), 7);
        assert_eq!(code(&entries, &call("1000000", false)), Some(Some(603)));
        assert_eq!(code(&entries, &call(&(1_000_000 + MAX_ENTRIES).to_string(), false)), None);
    }
}
