//! Which INVITEs were seen before: a retransmission has the Call-ID, CSeq and topmost Via branch of
//! the first (RFC 3261 §17.2.3).

use std::{
    collections::{
        HashMap, VecDeque,
        hash_map::{Entry, RandomState},
    },
    hash::{BuildHasher, BuildHasherDefault, Hash, Hasher},
};

use crate::{capture::By, sip::Invite};

/// INVITEs that are remembered; the oldest gives way. At 1,000 calls a second those of the last
/// minute, twice what a client repeats an INVITE for (RFC 3261 §17.1.1.2, timer B: 32 s).
pub(super) const MAX_REMEMBERED: usize = 65_536;

/// Bounded memory of INVITEs, as keyed hashes: a stranger cannot make two of them equal. With each stands
/// who decided it: of a repeated one the kernel says only how it was decided.
pub(super) struct Repeats {
    keys: RandomState,
    known: HashMap<u64, By, BuildHasherDefault<Itself>>,
    order: VecDeque<u64>,
}

impl Repeats {
    pub(super) fn new() -> Self {
        Self { keys: RandomState::new(), known: HashMap::default(), order: VecDeque::new() }
    }

    /// Who decided this INVITE when it was seen before; none where it was not, and it is from now on.
    /// `by` decides it now, unless what was decided then is only `repeated`.
    pub(super) fn seen(&mut self, invite: &Invite<'_>, by: &By, repeated: bool) -> Option<By> {
        let mut hasher = self.keys.build_hasher();
        invite.call_id.hash(&mut hasher);
        invite.cseq.hash(&mut hasher);
        invite.branch.hash(&mut hasher);
        if invite.branch.is_none() {
            // RFC 2543 clients send no branch; tag and Request-URI tell their requests apart.
            invite.from.as_ref().and_then(|from| from.tag()).hash(&mut hasher);
            invite.request_uri.hash(&mut hasher);
        }
        let key = hasher.finish();
        match self.known.entry(key) {
            Entry::Occupied(mut entry) => {
                let first = *entry.get();
                if !repeated {
                    entry.insert(*by);
                }
                return Some(first);
            }
            Entry::Vacant(entry) => entry.insert(*by),
        };
        if self.order.len() == MAX_REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        self.order.push_back(key);
        None
    }
}

/// A key is a hash already.
#[derive(Default)]
struct Itself(u64);

impl Hasher for Itself {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }
}
