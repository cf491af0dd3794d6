//! Rules in memory, for captures that are replayed: what the XDP program would have made of each
//! INVITE, by the same scanner, dial plan and rate limit, in the same order of decision.

use std::{
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
};

use ani_ebpf::{
    abi::{
        attempt::{AttemptKeys, AttemptSet},
        counter::{Counter, Counters, TABLE},
        limit::{BucketKeys, BucketSet, Limit, MAX_LIMITS, Spender},
        list::{Action, EXPIRY_BITS, MAX_LISTS, Rule},
        number::Number,
        settle::Question,
        trunk::{Orders, Telling},
    },
    attempt::{self, Told},
    bucket::{self, Spent},
    dial_plan::{DialPlan, Dialled},
    lists::{Asked, Found},
    scan::{self, Attestation, Scratch, StartLine},
};
use ipnet::IpNet;

use super::{
    Enforce, Interface, Listing, lists,
    settle::{Decided, Held, Settled},
};
use crate::{
    capture::{By, KernelView},
    config::Config,
    time::Timestamp,
};

/// Lists, limits and trunks, and what was counted. Time is that of the frames.
pub struct Memory {
    trunks: Vec<Trunk>,
    emergency: Vec<Number>,
    list_key: u64,
    attempt_keys: AttemptKeys,
    bucket_keys: BucketKeys,
    state: Mutex<State>,
}

/// How far the clock of the lists reaches back before the first time it meets, of nine years in all.
const BEFORE_NS: i64 = 4 * 365 * 86_400 * 1_000_000_000;

/// A call as its verdict depends on it.
struct Call {
    spender: Spender,
    priority: bool,
    in_dialog: bool,
    by: Decided,
}

struct Trunk {
    index: u16,
    sources: Vec<IpNet>,
    orders: Orders,
    dial_plan: DialPlan,
    telling: Telling,
}

struct State {
    scratch: Scratch,
    lists: lists::Lists,
    images: lists::Memory,
    rules: [Rule; MAX_LISTS],
    /// Where the clock of the lists starts; set by the first time it meets.
    epoch: Option<Timestamp>,
    limits: Vec<Limit>,
    buckets: Vec<BucketSet>,
    /// Call attempts that were decided; none where none is remembered.
    attempts: Vec<AttemptSet>,
    counters: Counters,
}

impl Memory {
    /// The rules of a configuration; nobody is on any list.
    pub fn new(config: &Config) -> Self {
        let mut rules = super::built_in_rules();
        for (id, list) in config.list.numbered() {
            rules[usize::from(id)] = Rule::new(list.action, list.observed);
        }
        let trunks = config.trunks.numbered().map(|(index, trunk)| Trunk {
            index,
            sources: trunk.sources.clone(),
            orders: trunk.orders,
            dial_plan: trunk.dial_plan,
            telling: trunk.telling,
        });
        let [list_key] = super::hash_keys();
        Self {
            list_key,
            trunks: trunks.collect(),
            emergency: config.emergency.numbers.clone(),
            attempt_keys: AttemptKeys(super::hash_keys()),
            bucket_keys: BucketKeys(super::hash_keys()),
            state: Mutex::new(State {
                scratch: Scratch::new(),
                lists: lists::Lists::new(list_key, config.lists.max_entries as usize),
                images: lists::Memory::EMPTY,
                rules,
                epoch: None,
                limits: config.limits.compiled(),
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
            by: By::default(),
            held: None,
            ifindex: 0,
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
        let Trunk { orders, dial_plan, telling, .. } = trunk;
        if let Err(why) = scan::invite(&state.scratch, orders, dial_plan, *telling) {
            view.exit = Counter::PassNotPlain;
            view.not_plain = Some(why);
            return;
        }
        let plain = scan::plain(&state.scratch);
        view.ani_header = plain.ani_header;
        view.attestation = plain.attestation;
        view.ani = plain.ani;
        let call = Call {
            spender: Spender {
                caller: view.ani,
                called: plain.called.digits().map_or(Number::NONE, Dialled::digits),
                trunk: index,
                attestation: plain.attestation as u8,
            },
            priority: plain.priority,
            in_dialog: plain.in_dialog,
            by: Decided::Rules,
        };
        let settled = self.call(state, now, &call, |state| {
            let hash = scan::attempt(&state.scratch, &self.attempt_keys);
            if hash.is_none() {
                state.count_beside(Counter::AttemptTooLong);
            }
            hash
        });
        (view.exit, view.first_exit, view.by) = (settled.exit, settled.first_exit, settled.by);
    }

    /// One verdict for a call; `hash` is of its attempt.
    fn call(
        &self,
        state: &mut State,
        now: Timestamp,
        call: &Call,
        hash: impl FnOnce(&mut State) -> Option<u64>,
    ) -> Settled {
        let settled = |exit, by| Settled { exit, first_exit: exit, by };
        let by_rules = matches!(call.by, Decided::Rules | Decided::RulesFirst);
        let spender = &call.spender;
        if by_rules && (call.priority || self.emergency.contains(&spender.called)) {
            return settled(Counter::PassPriority, By::default());
        }
        if by_rules && call.in_dialog {
            return settled(Counter::PassInDialog, By::default());
        }
        let attempt = self.attempt(state, spender, hash);
        let now_ns = nanoseconds(now);
        let told = attempt.and_then(|(set, key, check)| {
            let first = attempt::again(&mut state.attempts[set], key, check, now_ns)?;
            Some(TABLE.get(usize::from(first))?.counter)
        });
        let outcome = match call.by {
            Decided::Rules | Decided::RulesFirst => {
                let outcome = self.by_rules(state, now, spender, told);
                let open = !attempt::is_stop(outcome.exit as u8)
                    && outcome.exit != Counter::PassAllowed
                    && call.by == Decided::RulesFirst;
                let again = matches!(outcome.exit, Counter::PassRepeated | Counter::DropRepeated);
                if open || again {
                    return outcome;
                }
                outcome
            }
            Decided::Pass => settled(Counter::Pass, By::default()),
            Decided::Stop => settled(Counter::Held, By::default()),
        };
        if let Some((set, key, check)) = attempt {
            let told = Told::new(now_ns, check, outcome.exit as u8);
            if attempt::remember(&mut state.attempts[set], key, told, now_ns) {
                state.count_beside(Counter::AttemptForgotten);
            }
        }
        outcome
    }

    /// What its attempt was told before, else what lists and limits say.
    fn by_rules(
        &self,
        state: &mut State,
        now: Timestamp,
        call: &Spender,
        told: Option<Counter>,
    ) -> Settled {
        if let Some(first_exit) = told
            && !attempt::is_stop(first_exit as u8)
        {
            return Settled { exit: Counter::PassRepeated, first_exit, by: By::default() };
        }
        let found = self.found(state, call, now);
        let mut by = By { list: found.list, ranged: found.ranged != 0, ..By::default() };
        if found.observed_rank > found.rank {
            by.observed_list = found.observed;
        }
        let exit = if found.rank == Action::Allow as u8 {
            Counter::PassAllowed
        } else if let Some(first_exit) = told {
            return Settled { exit: Counter::DropRepeated, first_exit, by };
        } else if found.rank == Action::Block as u8 {
            Counter::DropBlocked
        } else {
            let gray = found.rank == Action::Gray as u8;
            state.spend(&self.bucket_keys, call, gray, nanoseconds(now), &mut by).unwrap_or(match (
                gray,
                call.caller.is_none(),
            ) {
                (true, _) => Counter::PassGray,
                (_, true) => Counter::PassNoAni,
                _ => Counter::Pass,
            })
        };
        Settled { exit, first_exit: exit, by }
    }

    /// What the lists say of a call.
    fn found(&self, state: &mut State, call: &Spender, now: Timestamp) -> Found {
        if call.caller.is_none() || state.lists.is_empty() {
            return Found::NONE;
        }
        let now = u32::try_from(state.since_epoch(now) >> EXPIRY_BITS).unwrap_or(u32::MAX);
        let asked =
            Asked { number: call.caller, trunk: call.trunk, attestation: call.attestation, now };
        state.images.find(self.list_key, &asked, &state.rules)
    }

    /// An attempt's set, key and check; none where none is remembered.
    fn attempt(
        &self,
        state: &mut State,
        call: &Spender,
        hash: impl FnOnce(&mut State) -> Option<u64>,
    ) -> Option<(usize, u64, u16)> {
        let last = u32::try_from(state.attempts.len().checked_sub(1)?).ok()?;
        let keys = &self.attempt_keys;
        let key = attempt::key(hash(state)?, call.trunk, keys);
        let check = attempt::check(call.caller, call.called, keys);
        Some((attempt::set_of(key, last) as usize, key, check))
    }

    fn trunk(&self, source: IpAddr) -> Option<(u16, &Trunk)> {
        let source = source.to_canonical();
        let longest = |trunk: &Trunk| {
            let networks = trunk.sources.iter().filter(|network| network.contains(&source));
            networks.map(IpNet::prefix_len).max()
        };
        let (trunk, _) = self
            .trunks
            .iter()
            .filter_map(|trunk| Some((trunk, longest(trunk)?)))
            .max_by_key(|(_, len)| *len)?;
        Some((trunk.index, trunk))
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

    /// Listings as the images have them.
    fn items(&mut self, listings: &[Listing]) -> Vec<lists::Item> {
        let mut items = Vec::with_capacity(listings.len());
        for listing in listings {
            if let Some(expires) = listing.expires {
                self.since_epoch(expires);
            }
            let epoch = self.epoch;
            items.push(listing.item(|time| since(epoch, time)));
        }
        items
    }

    /// Nanoseconds on the clock of the lists.
    fn since_epoch(&mut self, time: Timestamp) -> u64 {
        self.epoch.get_or_insert(Timestamp(time.0.saturating_sub(BEFORE_NS)));
        since(self.epoch, time)
    }

    /// Spends of each limit up to the first that the call is over; the way out where one stops it.
    fn spend(
        &mut self,
        keys: &BucketKeys,
        call: &Spender,
        gray: bool,
        now_ns: u64,
        by: &mut By,
    ) -> Option<Counter> {
        let mut exit = None;
        for limit in &self.limits {
            if !bucket::applies(call, limit, gray) {
                continue;
            }
            let hash = bucket::hash(call, limit, keys);
            let last = self.buckets.len().saturating_sub(1);
            let at = bucket::set_of(hash, u32::try_from(last).unwrap_or(u32::MAX)) as usize;
            let Some(set) = self.buckets.get_mut(at) else { continue };
            match bucket::spend(set, hash, now_ns, limit) {
                Spent::Within => {}
                Spent::Displacing => {
                    self.counters.values[Counter::BucketForgotten as usize] += 1;
                }
                Spent::Over if limit.observed != 0 => by.observed_limit = limit.id,
                Spent::Over => {
                    by.limit = limit.id;
                    return Some(Counter::DropLimited);
                }
                Spent::Contended => exit = Some(Counter::PassLimitFull),
            }
        }
        exit
    }
}

impl Enforce for Memory {
    fn set_rules(&self, rules: &[(u8, Rule)]) -> anyhow::Result<()> {
        let mut state = self.state();
        for (list, rule) in rules {
            state.rules[usize::from(*list)] = *rule;
        }
        Ok(())
    }

    fn list(&self, listings: &[Listing]) -> anyhow::Result<()> {
        let mut state = self.state();
        let items = state.items(listings);
        let State { lists, images, .. } = &mut *state;
        lists.put(images, &items)
    }

    fn unlist(&self, listings: &[Listing]) -> anyhow::Result<()> {
        let mut state = self.state();
        let items = state.items(listings);
        let State { lists, images, .. } = &mut *state;
        lists.take(images, &items)
    }

    fn relist(
        &self,
        listings: &mut dyn Iterator<Item = anyhow::Result<Listing>>,
    ) -> anyhow::Result<()> {
        let mut state = self.state();
        let listings = listings.collect::<anyhow::Result<Vec<_>>>()?;
        let items = state.items(&listings);
        let State { lists, images, .. } = &mut *state;
        lists.replace(images, items.into_iter().map(Ok))
    }

    fn set_limits(&self, limits: &[Limit]) -> anyhow::Result<()> {
        anyhow::ensure!(
            limits.len() <= MAX_LIMITS,
            "{} limits: at most {MAX_LIMITS}",
            limits.len()
        );
        self.state().limits = limits.to_vec();
        Ok(())
    }

    fn find(&self, call: &Spender, now: Timestamp) -> Option<Found> {
        Some(self.found(&mut self.state(), call, now))
    }

    fn settle(&self, held: &Held<'_>, now: Timestamp) -> anyhow::Result<Settled> {
        let mut state = self.state();
        let state = &mut *state;
        let question = held.question(&mut state.scratch, &self.attempt_keys);
        let call = Call {
            spender: Spender {
                caller: held.ani,
                called: held.called,
                trunk: held.trunk,
                attestation: held.attestation,
            },
            priority: held.priority,
            in_dialog: held.in_dialog,
            by: held.by,
        };
        let hash = question.has(Question::ATTEMPT).then_some(question.attempt);
        Ok(self.call(state, now, &call, |_| hash))
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

fn since(epoch: Option<Timestamp>, time: Timestamp) -> u64 {
    let epoch = epoch.unwrap_or_default();
    u64::try_from(time.0.saturating_sub(epoch.0)).unwrap_or(0)
}

#[cfg(test)]
mod tests;
