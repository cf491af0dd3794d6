//! The maps, and the only places where what is behind their pointers is touched.
//!
//! Their sizes here are the smallest sensible ones; the daemon sets the configured ones at load.

use core::{
    intrinsics::{AtomicOrdering, atomic_cxchg},
    ptr,
};

use ani_ebpf::{
    abi::{
        attempt::{AttemptSet, WAYS as ATTEMPT_WAYS},
        counter::{Counter, Counters},
        fragment::{FragmentKey, Fragmented, MAX_FRAGMENTED},
        limit::{BucketSet, WAYS as BUCKET_WAYS},
        list::{IMAGES, INNER_MAP, LINE_WORDS, Line},
        programs,
        settings::{PORT_WORDS, Settings},
        trunk::{MAX_SOURCES, Trunk},
    },
    attempt::{Set, Told},
    bucket,
    lists::{Lines, Words},
    scan::Scratch,
};
use aya_ebpf::{
    bindings::{BPF_F_NO_PREALLOC, BPF_RB_AVAIL_DATA},
    btf_maps::{self, ArrayOfMaps, RingBuf},
    helpers::generated::{bpf_get_smp_processor_id, bpf_ringbuf_query},
    macros::{btf_map, map},
    maps::{Array, LpmTrie, LruHashMap, PerCpuArray, ProgramArray, lpm_trie::Key},
};

use super::{decision::Decision, frame::Frame, network::Address, reading::Reading};

#[map]
static SETTINGS: Array<Settings> = Array::with_max_entries(1, 0);

/// One bit a port.
#[map]
static SIP_PORTS: Array<u64> = Array::with_max_entries(PORT_WORDS, 0);

/// Keyed by IPv6 networks; an IPv4 network stands behind `::ffff:0:0/96`.
#[map]
static TRUNKS: LpmTrie<[u32; 4], Trunk> = LpmTrie::with_max_entries(MAX_SOURCES, BPF_F_NO_PREALLOC);

#[map]
static FRAGMENTED: LruHashMap<FragmentKey, Fragmented> =
    LruHashMap::with_max_entries(MAX_FRAGMENTED, 0);

/// A generation's exact numbers and ranges, then the other's.
#[btf_map]
static LISTS: ArrayOfMaps<Image, { IMAGES as usize }> = ArrayOfMaps::new();

/// Its size is for the daemon to choose.
type Image = btf_maps::Array<Line, 1, { INNER_MAP as usize }>;

#[map]
static BUCKETS: Array<BucketSet> = Array::with_max_entries(1, 0);

#[map]
static ATTEMPTS: Array<AttemptSet> = Array::with_max_entries(1, 0);

/// When an INVITE was stopped last, CLOCK_MONOTONIC nanoseconds.
#[map]
static STOPPED_AT: Array<u64> = Array::with_max_entries(1, 0);

#[map]
static COUNTERS: PerCpuArray<Counters> = PerCpuArray::with_max_entries(1, 0);

#[map]
static SCRATCH: PerCpuArray<PerCpu<Scratch>> = PerCpuArray::with_max_entries(1, 0);

/// What was read of the message in this CPU's window.
#[map]
static READING: PerCpuArray<Reading> = PerCpuArray::with_max_entries(1, 0);

/// What is decided of it; and, in a place of its own, of what the daemon asks, whom a packet may
/// interrupt.
#[map]
static DECISION: PerCpuArray<PerCpu<Decision>> = PerCpuArray::with_max_entries(2, 0);

/// The daemon's last sign of life, CLOCK_MONOTONIC nanoseconds.
#[map]
static HEARTBEAT: Array<u64> = Array::with_max_entries(1, 0);

/// A ring for each CPU: writing to one takes its lock, which no other CPU then waits for. The daemon
/// makes them, as many and as large as it is to be.
#[btf_map]
static INVITES: ArrayOfMaps<Ring, 1> = ArrayOfMaps::new();

/// What the verifier is shown of a ring: its size is a whole page on every machine.
pub(super) type Ring = RingBuf<(), 65_536>;

/// 1 while the daemon's reader sleeps and wants to be woken.
#[map]
static READER_ASLEEP: Array<u32> = Array::with_max_entries(1, 0);

/// The programs that others go on to, at the places of [`programs`].
#[map]
static PROGRAMS: ProgramArray = ProgramArray::with_max_entries(programs::COUNT, 0);

/// When this CPU gave its last notice, CLOCK_MONOTONIC nanoseconds.
#[map]
static LAST_NOTICE: PerCpuArray<u64> = PerCpuArray::with_max_entries(1, 0);

/// What only its own CPU touches.
#[repr(transparent)]
struct PerCpu<T>(T);

// SAFETY: an element of a per-CPU map has one copy for each CPU.
unsafe impl<T> Sync for PerCpu<T> {}

/// Goes on to the program that decides; comes back where that is not there.
#[inline(always)]
pub(super) fn go_to_decide(frame: &Frame<'_>) {
    // SAFETY: nothing is held that would have to be dropped.
    unsafe { PROGRAMS.tail_call(frame.context(), programs::DECIDE) };
}

/// Goes on to the program for ACK, CANCEL and BYE; comes back where that is not there.
#[inline(always)]
pub(super) fn go_to_follow_up(frame: &Frame<'_>) {
    // SAFETY: as for `go_to_decide`.
    unsafe { PROGRAMS.tail_call(frame.context(), programs::FOLLOW_UP) };
}

/// Adds one to a counter of this CPU.
#[inline(always)]
pub(super) fn count(counter: Counter) {
    if let Some(counters) = COUNTERS.get_ptr_mut(0) {
        // SAFETY: the element is this CPU's own and XDP programs are not preempted by each other
        // on one CPU; the daemon only reads it.
        let value = unsafe { &mut (*counters).values[counter as usize] };
        *value = value.wrapping_add(1);
    }
}

/// The same for a counter as a number; one that is none is not counted.
#[inline(always)]
pub(super) fn count_raw(counter: u8) {
    if let Some(counters) = COUNTERS.get_ptr_mut(0)
        // SAFETY: as for `count`.
        && let Some(value) = unsafe { (*counters).values.get_mut(usize::from(counter)) }
    {
        *value = value.wrapping_add(1);
    }
}

/// This CPU's window and scan state.
#[inline(always)]
pub(super) fn scratch() -> Option<&'static mut Scratch> {
    // SAFETY: the element is this CPU's own, lives as long as the map, and is asked for once a
    // packet; all bytes are a valid value.
    SCRATCH.get_ptr_mut(0).map(|scratch| unsafe { &mut (*scratch).0 })
}

/// Leaves what was read of the message in the window for the next program.
#[inline(always)]
pub(super) fn leave(reading: &Reading) {
    if let Some(place) = READING.get_ptr_mut(0) {
        // SAFETY: the element is this CPU's own.
        unsafe { place.write(*reading) };
    }
}

/// What was left so far, to be added to.
#[inline(always)]
pub(super) fn reading_mut() -> Option<&'static mut Reading> {
    // SAFETY: the element is this CPU's own; it is asked for once, after the last [`leave`].
    READING.get_ptr_mut(0).map(|reading| unsafe { &mut *reading })
}

/// What the program before left.
#[inline(always)]
pub(super) fn reading() -> Option<&'static Reading> {
    // SAFETY: the element is this CPU's own, and nothing writes it in the program that reads it.
    READING.get_ptr(0).map(|reading| unsafe { &*reading })
}

/// Where this CPU decides.
#[inline(always)]
pub(super) fn decision() -> Option<&'static Decision> {
    // SAFETY: the element is this CPU's own; all bytes are a valid value, and it is changed through
    // cells only.
    DECISION.get_ptr(0).map(|decision| unsafe { &(*decision).0 })
}

/// Where what the daemon asks is decided.
#[inline(always)]
pub(super) fn settled() -> Option<&'static Decision> {
    // SAFETY: as for `decision`; the daemon asks one thing at a time.
    DECISION.get_ptr(1).map(|decision| unsafe { &(*decision).0 })
}

/// The daemon's last sign of life; zero for none.
#[inline(always)]
pub(super) fn heartbeat() -> u64 {
    match HEARTBEAT.get_ptr(0) {
        // SAFETY: eight aligned bytes of a map value, loaded in one instruction.
        Some(at) => unsafe { at.read_volatile() },
        None => 0,
    }
}

/// What the daemon has set.
#[inline(always)]
pub(super) fn settings() -> Option<&'static Settings> {
    SETTINGS.get(0)
}

/// Whether a port is one of those configured for SIP.
#[inline(always)]
pub(super) fn is_sip_port(port: u16) -> bool {
    SIP_PORTS.get(u32::from(port >> 6)).is_some_and(|word| word >> (port & 63) & 1 != 0)
}

/// The trunk a source address belongs to, by the longest prefix.
#[inline(always)]
pub(super) fn trunk(source: Address) -> Option<&'static Trunk> {
    let key = Aligned(Key::new(128, source));
    TRUNKS.get(&key.0)
}

/// A packed key on the stack may stand anywhere; the verifier wants stack words aligned.
#[repr(C, align(8))]
struct Aligned<T>(T);

/// What the first fragment of a packet said, if it came.
#[inline(always)]
pub(super) fn fragmented(key: &FragmentKey) -> Option<Fragmented> {
    // SAFETY: an LRU map may give the element to another packet while it is read: at worst a
    // fragment is handed on that nobody wants, or one fragment of a packet is missed and that is
    // counted by the daemon, which waits for it.
    unsafe { FRAGMENTED.get(key) }.copied()
}

/// Remembers what the first fragment of a packet said.
#[inline(always)]
pub(super) fn remember_fragmented(key: &FragmentKey, what: &Fragmented) -> Result<(), i32> {
    FRAGMENTED.insert(key, what, 0)
}

/// An image of lists.
pub(super) struct Lists(&'static Image);

/// A line of one.
pub(super) struct ListLine(*const Line);

impl Lines for Lists {
    type Line = ListLine;

    #[inline(always)]
    fn line(&self, at: u32) -> Option<ListLine> {
        self.0.get_ptr(at).map(ListLine)
    }
}

impl Words for ListLine {
    #[inline(always)]
    fn word(&self, at: usize) -> u64 {
        // SAFETY: eight aligned bytes of a map value, whatever the index, loaded in one instruction. A
        // place is written only while it is empty, and by then nobody looks at what it held before.
        unsafe { self.0.cast::<u64>().add(at & (LINE_WORDS - 1)).read_volatile() }
    }
}

/// An image of lists; none where it is empty.
#[inline(always)]
pub(super) fn image(at: u32) -> Option<Lists> {
    LISTS.get(at).map(Lists)
}

/// A set of the table of buckets, shared by all CPUs.
pub(super) struct Buckets(*mut BucketSet);

impl Buckets {
    #[inline(always)]
    fn word(&self, way: usize, word: usize) -> *mut u64 {
        // SAFETY: within the set, whatever the way; neither reads nor writes.
        unsafe { (&raw mut (*self.0).ways).cast::<u64>().add((way & (BUCKET_WAYS - 1)) * 2 + word) }
    }

    /// In one atomic step.
    #[inline(always)]
    fn replace(&mut self, way: usize, word: usize, expected: u64, next: u64) -> bool {
        const ORDER: AtomicOrdering = AtomicOrdering::SeqCst;
        // SAFETY: eight bytes of a map value, aligned to eight; every change to them is by this
        // instruction.
        let (_, done) = unsafe {
            atomic_cxchg::<u64, { ORDER }, { ORDER }>(self.word(way, word), expected, next)
        };
        done
    }
}

impl bucket::Set for Buckets {
    #[inline(always)]
    fn key(&self, way: usize) -> u64 {
        // SAFETY: eight aligned bytes of a map value, loaded in one instruction.
        unsafe { self.word(way, 0).read_volatile() }
    }

    #[inline(always)]
    fn tat(&self, way: usize) -> u64 {
        // SAFETY: as for `key`.
        unsafe { self.word(way, 1).read_volatile() }
    }

    #[inline(always)]
    fn replace_key(&mut self, way: usize, expected: u64, key: u64) -> bool {
        self.replace(way, 0, expected, key)
    }

    #[inline(always)]
    fn replace_tat(&mut self, way: usize, expected: u64, tat: u64) -> bool {
        self.replace(way, 1, expected, tat)
    }
}

/// The set of the table at `index`.
#[inline(always)]
pub(super) fn buckets(index: u32) -> Option<Buckets> {
    BUCKETS.get_ptr_mut(index).map(Buckets)
}

/// A set of the table of attempts, shared by all CPUs.
pub(super) struct Attempts(*mut AttemptSet);

impl Attempts {
    #[inline(always)]
    fn word(&self, way: usize, word: usize) -> *mut u64 {
        // SAFETY: within the set, whatever the way; neither reads nor writes.
        unsafe { self.0.cast::<u64>().add((way & (ATTEMPT_WAYS - 1)) * 2 + word) }
    }
}

impl Set for Attempts {
    #[inline(always)]
    fn key(&self, way: usize) -> u64 {
        // SAFETY: eight aligned bytes of a map value, loaded in one instruction.
        unsafe { self.word(way, 0).read_volatile() }
    }

    #[inline(always)]
    fn told(&self, way: usize) -> Told {
        // SAFETY: as for `key`. Between a key and what is told of it another CPU may have put
        // another attempt: its check then does not fit, but for one in 65,536.
        Told(unsafe { self.word(way, 1).read_volatile() })
    }

    #[inline(always)]
    fn put(&mut self, way: usize, key: u64, told: Told) {
        // SAFETY: as for `key`, stored in one instruction each.
        unsafe {
            self.word(way, 0).write_volatile(key);
            self.word(way, 1).write_volatile(told.0);
        }
    }
}

/// The set of the table at `index`.
#[inline(always)]
pub(super) fn attempts(index: u32) -> Option<Attempts> {
    ATTEMPTS.get_ptr_mut(index).map(Attempts)
}

/// When an INVITE was stopped last; zero for never.
#[inline(always)]
pub(super) fn stopped_at() -> u64 {
    match STOPPED_AT.get_ptr_mut(0) {
        // SAFETY: eight aligned bytes of a map value, loaded in one instruction.
        Some(at) => unsafe { at.read_volatile() },
        None => 0,
    }
}

/// Says that an INVITE was stopped; where that was said less than `period_ns` ago, it is not said again,
/// since all CPUs would wait for each other's word.
#[inline(always)]
pub(super) fn stopped(now_ns: u64, period_ns: u64) {
    if let Some(at) = STOPPED_AT.get_ptr_mut(0) {
        // SAFETY: eight aligned bytes of a map value, loaded and stored in one instruction each; the
        // last one of several CPUs stays, which is as good as any.
        unsafe {
            if now_ns.wrapping_sub(at.read_volatile()) >= period_ns {
                at.write_volatile(now_ns);
            }
        }
    }
}

/// Whether this CPU's last notice was at least `period_ns` ago; if so, this is the last one.
#[inline(always)]
pub(super) fn notice_due(now_ns: u64, period_ns: u64) -> bool {
    let Some(last) = LAST_NOTICE.get_ptr_mut(0) else {
        return false;
    };
    // SAFETY: the element is this CPU's own.
    let last = unsafe { &mut *last };
    if now_ns.wrapping_sub(*last) < period_ns {
        return false;
    }
    *last = now_ns;
    true
}

/// This CPU's ring, if the daemon has made it.
#[inline(always)]
pub(super) fn ring() -> Option<&'static Ring> {
    // SAFETY: the helper takes nothing and returns a number.
    INVITES.get(unsafe { bpf_get_smp_processor_id() })
}

/// Bytes in a ring that the daemon has not read.
#[inline(always)]
pub(super) fn waiting_bytes(ring: &'static Ring) -> u64 {
    // SAFETY: the helper wants a ring, which the lookup gave; it only reads.
    unsafe {
        bpf_ringbuf_query(ptr::from_ref(ring).cast_mut().cast(), u64::from(BPF_RB_AVAIL_DATA))
    }
}

/// Whether the reader asked to be woken; says so once.
#[inline(always)]
pub(super) fn reader_wants_wakeup() -> bool {
    let Some(asleep) = READER_ASLEEP.get_ptr_mut(0) else {
        return true;
    };
    // SAFETY: a map element of four bytes; a race with another CPU or the reader means one wake-up
    // more or a wait until the reader's time-out.
    unsafe {
        if asleep.read_volatile() == 0 {
            return false;
        }
        asleep.write_volatile(0);
    }
    true
}
