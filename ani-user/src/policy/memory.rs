//! Rules in memory, for captures that are replayed: what the XDP program would have made of each
//! INVITE, by the same scanner, dial plan and rate limit, in the same order of decision.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
};

use ani_ebpf::{
    abi::{
        attempt::{AttemptKeys, AttemptSet},
        counter::{Counter, Counters, Kind, TABLE},
        limit::{BucketKey, BucketKeys, BucketSet},
        number::Number,
        trunk::Orders,
    },
    attempt::{self, Told},
    bucket::{self, Spent},
    dial_plan::{DialPlan, Dialled},
    gcra,
    scan::{self, Attestation, Plain, Scratch, StartLine},
};
use ipnet::IpNet;

use super::{Block, Enforce, Interface};
use crate::{
    capture::KernelView,
    config::{Config, Rate},
    time::Timestamp,
};

/// Lists, limits and trunks, and what was counted. Time is that of the frames.
pub struct Memory {
    trunks: Vec<Trunk>,
    emergency: Vec<Number>,
    max_blocked: usize,
    attempt_keys: AttemptKeys,
    bucket_keys: BucketKeys,
    state: Mutex<State>,
}

struct Trunk {
    sources: Vec<IpNet>,
    orders: Orders,
    dial_plan: DialPlan,
}

struct State {
    scratch: Scratch,
    /// When an entry ends; never for none. At most `max_blocked`.
    blocked: HashMap<Number, Option<Timestamp>>,
    limit: Option<bucket::Rate>,
    buckets: Vec<BucketSet>,
    /// Call attempts that were decided; none where none is remembered.
    attempts: Vec<AttemptSet>,
    counters: Counters,
}

impl Memory {
    /// The rules of a configuration; the block list is empty.
    pub fn new(config: &Config) -> Self {
        let trunks = config.trunks.iter().map(|trunk| Trunk {
            sources: trunk.sources.clone(),
            orders: trunk.orders,
            dial_plan: trunk.dial_plan,
        });
        Self {
            trunks: trunks.collect(),
            emergency: config.emergency.numbers.clone(),
            max_blocked: config.lists.max_blocked as usize,
            attempt_keys: AttemptKeys(super::hash_keys()),
            bucket_keys: BucketKeys(super::hash_keys()),
            state: Mutex::new(State {
                scratch: Scratch::new(),
                blocked: HashMap::new(),
                limit: config.limits.per_caller.and_then(parameters),
                buckets: vec![BucketSet::EMPTY; config.lists.bucket_sets() as usize],
                attempts: vec![
                    AttemptSet::EMPTY;
                    config.lists.attempt_sets().map_or(0, |sets| sets as usize)
                ],
                counters: Counters::ZERO,
            }),
        }
    }

    /// Decides the payload of a datagram; `None` for one that the program takes for no INVITE.
    pub fn decide(&self, now: Timestamp, source: IpAddr, message: &[u8]) -> Option<KernelView> {
        let trunk = self.trunk(source);
        let mut state = self.state();
        let state = &mut *state;
        if message.len() < scan::MIN_MESSAGE_LEN as usize {
            state.count(Counter::Keepalive);
            return None;
        }
        state.scratch.load(message);
        let mut view = KernelView {
            exit: Counter::Pass,
            first_exit: Counter::Pass,
            not_plain: None,
            ani: Number::NONE,
            ani_header: None,
            attestation: Attestation::None,
            trunk: trunk.map(|(index, _)| index),
        };
        let known = match scan::start_line(&state.scratch) {
            StartLine::Other => false,
            StartLine::NotPlain(why) => {
                view.exit = match trunk {
                    Some(_) => Counter::PassNotPlain,
                    None => Counter::PassUntrusted,
                };
                view.not_plain = Some(why);
                true
            }
            StartLine::Invite => {
                match trunk {
                    None => view.exit = Counter::PassUntrusted,
                    Some((index, trunk)) => self.invite(state, now, index, trunk, &mut view),
                }
                true
            }
        };
        if !matches!(view.exit, Counter::PassRepeated | Counter::DropRepeated) {
            view.first_exit = view.exit;
        }
        state.count(if known { view.exit } else { Counter::NotInvite });
        known.then_some(view)
    }

    /// Index of the trunk that an address belongs to: the one with the longest prefix.
    pub fn trunk_of(&self, source: IpAddr) -> Option<u16> {
        self.trunk(source).map(|(index, _)| index)
    }

    fn invite(
        &self,
        state: &mut State,
        now: Timestamp,
        index: u16,
        trunk: &Trunk,
        view: &mut KernelView,
    ) {
        let plain = match scan::invite(&state.scratch, &trunk.orders, &trunk.dial_plan) {
            Ok(plain) => plain,
            Err(why) => {
                view.exit = Counter::PassNotPlain;
                view.not_plain = Some(why);
                return;
            }
        };
        view.ani_header = plain.ani_header;
        view.attestation = plain.attestation;
        view.ani = plain
            .caller
            .digits()
            .and_then(|dialled| trunk.dial_plan.e164(dialled))
            .unwrap_or(Number::NONE);
        let emergency = |dialled: Dialled| self.emergency.contains(&dialled.digits());
        if plain.priority || plain.called.digits().is_some_and(emergency) {
            view.exit = Counter::PassPriority;
            return;
        }
        if plain.in_dialog {
            view.exit = Counter::PassInDialog;
            return;
        }
        let attempt = self.attempt(state, index, &plain, view.ani);
        let now_ns = nanoseconds(now);
        if let Some((set, key, check)) = attempt
            && let Some(first) = attempt::again(&mut state.attempts[set], key, check, now_ns)
            && let Some(first) = TABLE.get(usize::from(first))
        {
            view.first_exit = first.counter;
            view.exit = match first.kind {
                Kind::Dropped => Counter::DropRepeated,
                _ => Counter::PassRepeated,
            };
            return;
        }
        view.exit = if view.ani.is_none() {
            Counter::PassNoAni
        } else if state.is_blocked(view.ani, now) {
            Counter::DropBlocked
        } else {
            let key = BucketKey {
                caller: view.ani,
                trunk: index,
                limit: 0,
                attestation: plain.attestation as u32,
            };
            state.spend(bucket::hash(&key, &self.bucket_keys), now_ns)
        };
        if let Some((set, key, check)) = attempt {
            let told = Told::new(now_ns, check, view.exit as u8);
            if attempt::remember(&mut state.attempts[set], key, told, now_ns) {
                state.count_beside(Counter::AttemptForgotten);
            }
        }
    }

    /// An attempt's set, key and check; none where none is remembered.
    fn attempt(
        &self,
        state: &mut State,
        trunk: u16,
        plain: &Plain,
        ani: Number,
    ) -> Option<(usize, u64, u16)> {
        let last = u32::try_from(state.attempts.len().checked_sub(1)?).ok()?;
        let keys = &self.attempt_keys;
        let Some(hash) = scan::attempt(&state.scratch, keys) else {
            state.count_beside(Counter::AttemptTooLong);
            return None;
        };
        let key = attempt::key(hash, trunk, keys);
        let called = plain.called.digits().map_or(Number::NONE, Dialled::digits);
        Some((attempt::set_of(key, last) as usize, key, attempt::check(ani, called, keys)))
    }

    fn trunk(&self, source: IpAddr) -> Option<(u16, &Trunk)> {
        let source = source.to_canonical();
        let longest = |trunk: &Trunk| {
            let networks = trunk.sources.iter().filter(|network| network.contains(&source));
            networks.map(IpNet::prefix_len).max()
        };
        let (index, trunk, _) = self
            .trunks
            .iter()
            .enumerate()
            .filter_map(|(index, trunk)| Some((index, trunk, longest(trunk)?)))
            .max_by_key(|(_, _, len)| *len)?;
        Some((u16::try_from(index).ok()?, trunk))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // What a panic elsewhere left behind is still whole: no update has two steps.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn count(&mut self, exit: Counter) {
        for counter in [Counter::Packets, exit] {
            self.count_beside(counter);
        }
    }

    fn count_beside(&mut self, counter: Counter) {
        self.counters.values[counter as usize] += 1;
    }

    fn is_blocked(&self, number: Number, now: Timestamp) -> bool {
        self.blocked.get(&number).is_some_and(|expires| expires.is_none_or(|expires| now < expires))
    }

    fn spend(&mut self, hash: u64, now_ns: u64) -> Counter {
        let Some(rate) = &self.limit else { return Counter::Pass };
        let last = self.buckets.len().saturating_sub(1);
        let at = bucket::set_of(hash, u32::try_from(last).unwrap_or(u32::MAX)) as usize;
        let Some(set) = self.buckets.get_mut(at) else { return Counter::PassLimitFull };
        match bucket::spend(set, hash, now_ns, rate) {
            Spent::Within => Counter::Pass,
            Spent::Displacing => {
                self.count_beside(Counter::BucketForgotten);
                Counter::Pass
            }
            Spent::Over => Counter::DropLimited,
            Spent::Contended => Counter::PassLimitFull,
        }
    }
}

impl Enforce for Memory {
    fn block(&self, entries: &[Block]) -> anyhow::Result<()> {
        let mut state = self.state();
        for entry in entries {
            let known = state.blocked.contains_key(&entry.number);
            if !known && state.blocked.len() >= self.max_blocked {
                anyhow::bail!(
                    "the block list is full at {} numbers; raise lists.max_blocked",
                    self.max_blocked
                );
            }
            state.blocked.insert(entry.number, entry.expires);
        }
        Ok(())
    }

    fn unblock(&self, numbers: &[Number]) -> anyhow::Result<()> {
        let mut state = self.state();
        for number in numbers {
            state.blocked.remove(number);
        }
        Ok(())
    }

    fn limit_per_caller(&self, rate: Option<Rate>) -> anyhow::Result<()> {
        self.state().limit = rate.and_then(parameters);
        Ok(())
    }

    fn counters(&self) -> anyhow::Result<Counters> {
        Ok(self.state().counters)
    }

    fn interfaces(&self) -> Vec<Interface> {
        Vec::new()
    }
}

fn nanoseconds(at: Timestamp) -> u64 {
    u64::try_from(at.0).unwrap_or(0)
}

fn parameters(rate: Rate) -> Option<bucket::Rate> {
    let within_ns = u64::try_from(rate.within.as_nanos()).ok()?;
    let (interval_ns, tolerance_ns) = gcra::parameters(rate.calls, within_ns)?;
    Some(bucket::Rate { interval_ns, tolerance_ns })
}

#[cfg(test)]
mod tests;
