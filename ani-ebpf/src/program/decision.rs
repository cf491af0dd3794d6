//! A verdict while it is made: in memory, where all ways to it look alike to the verifier.

use core::cell::Cell;

use ani_ebpf::{
    abi::{counter::Counter, list::NO_LIST},
    attempt::is_stop,
    lists::Found,
};
use aya_ebpf::helpers::generated::bpf_ktime_get_ns;

/// A number in memory, not in a register.
#[repr(transparent)]
struct Held<T>(Cell<T>);

impl<T: Copy> Held<T> {
    #[inline(always)]
    fn load(&self) -> T {
        // SAFETY: the cell's own memory, aligned and initialised; it is this CPU's alone.
        unsafe { self.0.as_ptr().read_volatile() }
    }

    #[inline(always)]
    fn store(&self, value: T) {
        // SAFETY: as for `load`; nobody holds a reference into a cell.
        unsafe { self.0.as_ptr().write_volatile(value) };
    }
}

/// A verdict, and who spoke for it; ids of lists and limits as in
/// [`RecordHeader`](ani_ebpf::abi::record::RecordHeader).
#[repr(C)]
pub(super) struct Decision {
    now_ns: Held<u64>,
    /// The call attempt's key; 0 for one that is not remembered.
    attempt: Held<u64>,
    check: Held<u16>,
    told: Held<u8>,
    exit: Held<u8>,
    first_exit: Held<u8>,
    list: Held<u8>,
    limit: Held<u8>,
    observed_list: Held<u8>,
    observed_limit: Held<u8>,
    rank: Held<u8>,
    ranged: Held<u8>,
    contended: Held<u8>,
    /// Keeps the size a multiple of eight.
    reserved: Held<[u8; 4]>,
}

/// What an attempt was told that is not known.
pub(super) const NOTHING: u8 = u8::MAX;

impl Decision {
    /// Forgets what was decided before.
    #[inline(always)]
    pub(super) fn start(&self, exit: Counter) {
        self.now_ns.store(0);
        self.attempt.store(0);
        self.told.store(NOTHING);
        self.take(exit);
        self.list.store(NO_LIST);
        self.limit.store(0);
        self.observed_list.store(NO_LIST);
        self.observed_limit.store(0);
        self.rank.store(0);
        self.ranged.store(0);
        self.contended.store(0);
    }

    /// The way out, a [`Counter`].
    #[inline(always)]
    pub(super) fn exit(&self) -> u8 {
        self.exit.load()
    }

    /// The way out its call attempt was given first, a [`Counter`]; the same as [`Decision::exit`] but
    /// for a repeated INVITE, and for one that is held: the way out it had else.
    #[inline(always)]
    pub(super) fn first_exit(&self) -> u8 {
        self.first_exit.load()
    }

    /// Whether this is the way out.
    #[inline(always)]
    pub(super) fn is(&self, exit: Counter) -> bool {
        self.exit() == exit as u8
    }

    /// Whether the INVITE is stopped for good.
    #[inline(always)]
    pub(super) fn is_stop(&self) -> bool {
        let stops = is_stop(self.exit()) || self.is(Counter::DropRepeated);
        stops && !self.is(Counter::Held)
    }

    /// Takes a way out.
    #[inline(always)]
    pub(super) fn take(&self, exit: Counter) {
        self.repeat(exit, exit as u8);
    }

    /// Holds it, instead of the way out it has so far.
    #[inline(always)]
    pub(super) fn hold(&self) {
        self.exit.store(Counter::Held as u8);
    }

    /// Takes the way out again that it had before it was held.
    #[inline(always)]
    pub(super) fn let_go(&self) {
        self.exit.store(self.first_exit.load());
    }

    /// Takes the way out of a repeated INVITE, whose call attempt was given another.
    #[inline(always)]
    pub(super) fn repeat(&self, exit: Counter, first: u8) {
        self.exit.store(exit as u8);
        self.first_exit.store(first);
    }

    /// CLOCK_MONOTONIC, nanoseconds; asked for once a packet.
    #[inline(always)]
    pub(super) fn now(&self) -> u64 {
        if self.now_ns.load() == 0 {
            // SAFETY: the helper takes nothing and returns a number.
            self.now_ns.store(unsafe { bpf_ktime_get_ns() });
        }
        self.now_ns.load()
    }

    /// The call attempt, by its key, and what tells calls of one attempt apart.
    #[inline(always)]
    pub(super) fn attempted(&self, key: u64, check: u16) {
        self.attempt.store(key);
        self.check.store(check);
    }

    /// What that is; a key of 0 for an attempt that is not remembered.
    #[inline(always)]
    pub(super) fn attempt(&self) -> (u64, u16) {
        (self.attempt.load(), self.check.load())
    }

    /// The way out the attempt was given before; [`NOTHING`] for none.
    #[inline(always)]
    pub(super) fn told(&self) -> u8 {
        self.told.load()
    }

    /// Says what that is.
    #[inline(always)]
    pub(super) fn tell(&self, exit: u8) {
        self.told.store(exit);
    }

    /// What lists say, and which of them would have said something stronger.
    #[inline(always)]
    pub(super) fn listed(&self, found: &Found, observed: u8) {
        self.rank.store(found.rank);
        self.list.store(found.list);
        self.ranged.store(found.ranged);
        self.observed_list.store(observed);
    }

    /// What lists say: an [`Action`](ani_ebpf::abi::list::Action) as a number.
    #[inline(always)]
    pub(super) fn rank(&self) -> u8 {
        self.rank.load()
    }

    /// The list that decided.
    #[inline(always)]
    pub(super) fn list(&self) -> u8 {
        self.list.load()
    }

    /// Whether it did by a range.
    #[inline(always)]
    pub(super) fn ranged(&self) -> u8 {
        self.ranged.load()
    }

    /// The list that would have decided.
    #[inline(always)]
    pub(super) fn observed_list(&self) -> u8 {
        self.observed_list.load()
    }

    /// A limit that the call is over.
    #[inline(always)]
    pub(super) fn over(&self, limit: u8) {
        self.limit.store(limit);
    }

    /// One that is only observed.
    #[inline(always)]
    pub(super) fn would_be_over(&self, limit: u8) {
        self.observed_limit.store(limit);
    }

    /// The limit that decided.
    #[inline(always)]
    pub(super) fn limit(&self) -> u8 {
        self.limit.load()
    }

    /// The limit that would have decided.
    #[inline(always)]
    pub(super) fn observed_limit(&self) -> u8 {
        self.observed_limit.load()
    }

    /// No bucket of a limit was to be had.
    #[inline(always)]
    pub(super) fn contended(&self) {
        self.contended.store(1);
    }

    /// Whether that was so.
    #[inline(always)]
    pub(super) fn is_contended(&self) -> bool {
        self.contended.load() != 0
    }
}
