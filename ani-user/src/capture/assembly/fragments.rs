//! Packets put together from their fragments (RFC 791 §3.2, RFC 8200 §4.5), by the rules of the
//! Linux stack behind: a call that it reads is read here, and one that it refuses is none.

use std::{mem, net::IpAddr, sync::Arc, time::Duration};

use super::{
    Held,
    shelves::{Bounds, Entry, Evicted, Shelves},
};
use crate::{
    capture::{
        KernelView,
        packet::{self, Fragment, Packet, Skipped, Vlans, Whole},
    },
    telemetry::{Tallies, Tally},
    time::Timestamp,
};

/// How long a packet may take from its first fragment to come to its last: what Linux waits
/// (`net.ipv4.ipfrag_time`).
pub const TIMEOUT: Duration = Duration::from_secs(30);

/// Fragments of a packet: an INVITE of 16 KB in pieces of eight bytes comes in half as many.
pub const MAX_FRAGMENTS: usize = 4_096;

/// Bytes of payload an IP packet can have.
pub const MAX_PAYLOAD: u32 = 65_535;

/// Unfinished packets of all trunks together. A thousand calls a second of which one in a hundred
/// loses a fragment leave 300 unfinished ones, about 1 MB.
pub const OF_TRUNKS: Bounds = Bounds { entries: 32_768, bytes: 32 << 20, share: 8 };

/// Unfinished packets of strangers: enough to see who calls, not worth more.
pub const OF_STRANGERS: Bounds = Bounds { entries: 8_192, bytes: 8 << 20, share: 8 };

/// What an unfinished packet costs beside its own fields and bytes: its key, its place in two lists
/// and tables, and at worst a shelf of its own.
const OVERHEAD: usize = 1_024;

/// Fragments are cut at multiples of so many bytes, but for the last.
const UNIT: u32 = 8;

/// Packets that are not whole yet.
pub struct Fragments {
    shelves: Shelves<Key, Unfinished>,
    tallies: Arc<Tallies>,
}

/// What fragments of one packet have in common besides their source.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    dst: IpAddr,
    /// Of IPv4 alone: with IPv6 only the first fragment's counts, and it may come late.
    protocol: u8,
    id: u32,
    vlan: Vlans,
    tunnels: u8,
}

/// How a fragment came here.
#[derive(Clone, Copy, Debug)]
pub struct Came {
    /// When.
    pub arrived: Timestamp,
    /// Fragments it came in itself: more than one in a tunnel.
    pub fragments: u32,
    /// What the XDP program made of its frame.
    pub kernel: Option<KernelView>,
}

/// A packet that has become whole.
#[derive(Debug)]
pub struct Reassembled {
    /// Fragments it came in.
    pub fragments: u32,
    /// What the XDP program made of the first.
    pub kernel: Option<KernelView>,
    whole: Whole,
    /// Payload, up to where the first of its fragments was cut in the capture.
    bytes: Vec<u8>,
    /// How long the payload is by the fragments' headers.
    len: u32,
    /// How much of `bytes` came in the first fragment.
    first: usize,
}

/// A packet that is not whole yet.
#[derive(Debug)]
struct Unfinished {
    /// When the first of its fragments came.
    began: Timestamp,
    /// Whether it was given up before, and counted: its rest is no loss of its own.
    counted: bool,
    /// Next header and kernel's view of the first fragment.
    protocol: u8,
    kernel: Option<KernelView>,
    fragments: u32,
    /// In the order of the packet; none overlaps another.
    pieces: Vec<Piece>,
    /// What the pieces hold, in the order they came.
    bytes: Vec<u8>,
    /// Sum of the pieces' lengths.
    filled: u32,
    /// Where the last of the pieces ends.
    end: u32,
    /// Whether that is the end of the packet.
    ends: bool,
}

#[derive(Clone, Copy, Debug)]
struct Piece {
    offset: u32,
    len: u32,
    /// Whether it came when the piece before it was the last, and goes on from there.
    appended: bool,
    /// Where its bytes are, and how many: fewer than `len` when it was cut in the capture.
    at: u32,
    there: u32,
}

/// What a fragment that goes on nowhere is counted as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refused {
    Duplicate,
    Bad,
    Overlap,
    TooMany,
}

impl Fragments {
    /// None yet.
    pub fn new(bounds: Bounds, tallies: Arc<Tallies>) -> Self {
        Self { shelves: Shelves::new(bounds), tallies }
    }

    /// Takes a fragment; the packet, when that makes it whole.
    pub fn push(&mut self, fragment: &Fragment<'_>, came: Came) -> Option<Reassembled> {
        let Self { shelves, tallies } = self;
        let whole = fragment.whole;
        let Some(len) = sound_len(fragment, tallies) else {
            tallies.add(Tally::FragmentsBad);
            return None;
        };
        let protocol = if whole.src.is_ipv4() { whole.protocol } else { 0 };
        let Whole { dst, id, vlan, tunnels, .. } = whole;
        let key = Key { dst, protocol, id, vlan, tunnels };
        let taken = shelves.with(
            whole.src,
            &key,
            came.arrived,
            || Unfinished::new(came.arrived),
            |unfinished| {
                // Shelves forget what is idle; time counts from the first fragment all the same.
                if came.arrived >= unfinished.began.after(TIMEOUT) {
                    let overdue = mem::replace(unfinished, Unfinished::new(came.arrived));
                    count(tallies, &overdue, Evicted::Idle);
                }
                unfinished.take(fragment, len, came)
            },
            &mut |gone, why| count(tallies, &gone, why),
        );
        match taken {
            Ok(reassembled) => {
                let reassembled = reassembled?;
                shelves.remove(whole.src, &key);
                tallies.add(Tally::FragmentsWhole);
                Some(reassembled)
            }
            Err(refused) => {
                tallies.add(match refused {
                    Refused::Duplicate => Tally::FragmentsDuplicate,
                    Refused::Overlap => Tally::FragmentsOverlap,
                    Refused::TooMany => Tally::FragmentsTooMany,
                    Refused::Bad => Tally::FragmentsBad,
                });
                None
            }
        }
    }

    /// Gives up what has waited too long.
    pub fn expire(&mut self, now: Timestamp) {
        let Self { shelves, tallies } = self;
        shelves.expire(now.before(TIMEOUT), &mut |gone, why| count(tallies, &gone, why));
    }

    /// Gives up everything: no more fragments will come.
    pub fn finish(&mut self) {
        let Self { shelves, tallies } = self;
        shelves.clear(&mut |gone, why| count(tallies, &gone, why));
    }

    /// What is held now.
    pub fn memory(&self) -> Held {
        Held { entries: self.shelves.len(), bytes: self.shelves.bytes() }
    }
}

impl Reassembled {
    /// What it carries.
    ///
    /// # Errors
    ///
    /// As [`packet::read`].
    pub fn read(&self) -> Result<Packet<'_>, Skipped> {
        packet::reassembled(self.whole, &self.bytes, self.len)
    }

    /// How much of the message it carries came in the first fragment.
    pub fn first_len(&self) -> usize {
        // Read as if no other had come: so headers of any kind are told from the message.
        let first = self.bytes.get(..self.first).unwrap_or(&self.bytes);
        match packet::reassembled(self.whole, first, self.len) {
            Ok(Packet::Datagram(datagram)) => datagram.payload.len(),
            Ok(Packet::Segment(segment)) => segment.payload.len(),
            Ok(Packet::Fragment(_)) | Err(_) => 0,
        }
    }
}

/// How many bytes of a fragment count; none when the fragment is to be ignored.
fn sound_len(fragment: &Fragment<'_>, tallies: &Tallies) -> Option<u32> {
    let Fragment { whole, offset, len, more, .. } = *fragment;
    let odd = if more { len % UNIT } else { 0 };
    if whole.src.is_ipv6() {
        // RFC 8200 §4.5; and the first has to have the header of what it carries (RFC 7112 §5).
        let end = offset.checked_add(len)?;
        return (odd == 0 && end <= MAX_PAYLOAD && end > 0).then_some(len);
    }
    // With IPv4, Linux takes off what is too much.
    if odd != 0 {
        tallies.add(Tally::FragmentsBad);
    }
    Some(len - odd)
}

fn count(tallies: &Tallies, gone: &Unfinished, why: Evicted) {
    if !gone.counted && !gone.pieces.is_empty() {
        tallies.add(match why {
            Evicted::Idle => Tally::FragmentsTimeout,
            Evicted::Share => Tally::FragmentsShare,
            Evicted::Full => Tally::FragmentsEvicted,
        });
    }
}

impl Unfinished {
    fn new(began: Timestamp) -> Self {
        Self {
            began,
            counted: false,
            protocol: 0,
            kernel: None,
            fragments: 0,
            pieces: Vec::new(),
            bytes: Vec::new(),
            filled: 0,
            end: 0,
            ends: false,
        }
    }

    /// Takes `len` bytes of a fragment; the packet, when that makes it whole.
    fn take(
        &mut self,
        fragment: &Fragment<'_>,
        len: u32,
        came: Came,
    ) -> Result<Option<Reassembled>, Refused> {
        if self.pieces.is_empty() {
            self.began = came.arrived;
        }
        match self.place(fragment, len) {
            Ok(at) => self.insert(at, fragment, len, came),
            Err(Refused::Duplicate) => {
                // Of what is known, and still it may say that this is the end.
                self.ends |= !fragment.more;
                return Err(Refused::Duplicate);
            }
            Err(refused) => {
                // Linux forgets the packet and does not refuse its rest, as RFC 5722 §4 would: sent
                // again whole, it gets to the SBC, and is not to be missed here.
                *self = Self { counted: true, ..Self::new(came.arrived) };
                return Err(refused);
            }
        }
        Ok((self.ends && self.filled == self.end).then(|| self.join(fragment.whole)))
    }

    /// Where among the pieces a fragment belongs.
    fn place(&self, fragment: &Fragment<'_>, len: u32) -> Result<usize, Refused> {
        let offset = fragment.offset;
        let end = offset.saturating_add(len);
        if len == 0 || end > MAX_PAYLOAD {
            return Err(Refused::Bad);
        }
        let beyond_the_end = self.ends && end > self.end;
        let before_the_end = !fragment.more && end < self.end;
        if beyond_the_end || before_the_end {
            return Err(Refused::Bad);
        }
        let at = self.pieces.partition_point(|piece| piece.offset <= offset);
        let (before, behind) = self.pieces.split_at_checked(at).unwrap_or_default();
        let mut covered = before.last().map_or(0, Piece::end);
        if covered <= offset {
            return match behind.first() {
                Some(next) if next.offset < end => Err(Refused::Overlap),
                _ if self.pieces.len() == MAX_FRAGMENTS => Err(Refused::TooMany),
                _ => Ok(at),
            };
        }
        // In several pieces it is a duplicate only if they came one after the other: so Linux has it.
        for piece in behind.iter().take_while(|piece| piece.appended) {
            covered = piece.end();
            if covered >= end {
                break;
            }
        }
        Err(if covered >= end { Refused::Duplicate } else { Refused::Overlap })
    }

    fn insert(&mut self, at: usize, fragment: &Fragment<'_>, len: u32, came: Came) {
        let bytes = fragment.bytes.get(..len as usize).unwrap_or(fragment.bytes);
        let end = self.pieces.last().map_or(0, Piece::end);
        self.pieces.insert(
            at,
            Piece {
                offset: fragment.offset,
                len,
                appended: !self.pieces.is_empty() && fragment.offset == end,
                // Pieces do not overlap, so all of them are no more than the largest packet.
                at: self.bytes.len() as u32,
                there: bytes.len() as u32,
            },
        );
        self.bytes.extend_from_slice(bytes);
        self.filled += len;
        self.end = self.end.max(fragment.offset + len);
        self.ends |= !fragment.more;
        self.fragments = self.fragments.saturating_add(came.fragments);
        if fragment.offset == 0 {
            self.protocol = fragment.whole.protocol;
            self.kernel = came.kernel;
        }
    }

    fn join(&self, whole: Whole) -> Reassembled {
        let mut bytes = Vec::with_capacity(self.bytes.len());
        for piece in &self.pieces {
            let range = piece.at as usize..(piece.at + piece.there) as usize;
            bytes.extend_from_slice(self.bytes.get(range).unwrap_or_default());
            if piece.there < piece.len {
                break;
            }
        }
        Reassembled {
            fragments: self.fragments,
            kernel: self.kernel,
            whole: Whole { protocol: self.protocol, ..whole },
            bytes,
            len: self.end,
            first: self.pieces.first().map_or(0, |piece| piece.there as usize),
        }
    }
}

impl Entry for Unfinished {
    fn bytes(&self) -> usize {
        OVERHEAD
            + size_of::<Self>()
            + self.bytes.capacity()
            + self.pieces.capacity() * size_of::<Piece>()
    }
}

impl Piece {
    fn end(&self) -> u32 {
        self.offset + self.len
    }
}

#[cfg(test)]
mod tests;
