//! What the records of a file have in common: link type, clock, byte order; and what a block of it
//! holds.

use pcap_parser::{Block, Linktype, PcapBlockOwned, pcapng::InterfaceDescriptionBlock};

use crate::{capture::LinkType, time::Timestamp};

/// Interfaces a section of a pcapng file may describe.
pub const MAX_INTERFACES: usize = 1_024;

/// Type of the block that held packets before the enhanced one (draft-ietf-opsawg-pcapng, appendix
/// A); files of its time still go round.
const PACKET_BLOCK: u32 = 2;

/// A section of a pcapng file; a pcap file is one, of one interface.
#[derive(Debug, Default)]
pub(super) struct Section {
    interfaces: Vec<Interface>,
    big_endian: bool,
}

/// What the records of an interface have in common.
#[derive(Clone, Copy, Debug)]
struct Interface {
    link: Result<LinkType, i32>,
    clock: Clock,
    /// Most bytes that are captured of a frame; 0 for all.
    snap_len: u32,
}

/// How an interface writes its timestamps.
#[derive(Clone, Copy, Debug)]
struct Clock {
    /// Ticks in a second.
    ticks: u128,
    /// Seconds to add.
    offset: i64,
}

/// A captured frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record<'a> {
    /// What it starts with, or the number of a link type that is not read.
    pub(super) link: Result<LinkType, i32>,
    /// When it was captured; blocks of one kind do not say.
    pub(super) arrived: Timestamp,
    pub(super) bytes: &'a [u8],
    /// Length on the wire, never less than was captured.
    pub(super) wire_len: u32,
}

/// Why a block is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// It contradicts itself or those before.
    Damaged,
    /// More than [`MAX_INTERFACES`].
    Interfaces,
}

const MICROSECONDS: Clock = Clock { ticks: 1_000_000, offset: 0 };
const NANOSECONDS: Clock = Clock { ticks: 1_000_000_000, offset: 0 };

impl Section {
    /// Whether its numbers have their high byte first.
    pub(super) fn big_endian(&self) -> bool {
        self.big_endian
    }

    /// The record of a block; none for a block that holds no packet.
    pub(super) fn record<'a>(
        &mut self,
        block: &'a PcapBlockOwned<'a>,
    ) -> Result<Option<Record<'a>>, Unreadable> {
        let (interface, ticks, bytes, wire_len) = match block {
            PcapBlockOwned::LegacyHeader(header) => {
                let clock =
                    if header.is_nanosecond_precision() { NANOSECONDS } else { MICROSECONDS };
                self.interfaces =
                    vec![Interface { link: link(header.network), clock, snap_len: header.snaplen }];
                return Ok(None);
            }
            PcapBlockOwned::NG(Block::SectionHeader(header)) => {
                *self = Self { interfaces: Vec::new(), big_endian: header.big_endian() };
                return Ok(None);
            }
            PcapBlockOwned::NG(Block::InterfaceDescription(description)) => {
                if self.interfaces.len() == MAX_INTERFACES {
                    return Err(Unreadable::Interfaces);
                }
                self.interfaces.push(Interface {
                    link: link(description.linktype),
                    clock: clock(description),
                    snap_len: description.snaplen,
                });
                return Ok(None);
            }
            PcapBlockOwned::Legacy(record) => {
                let interface = self.interface(0)?;
                let ticks =
                    u128::from(record.ts_sec) * interface.clock.ticks + u128::from(record.ts_usec);
                (interface, Some(ticks), record.data, record.origlen)
            }
            PcapBlockOwned::NG(Block::EnhancedPacket(packet)) => {
                let ticks = u128::from(packet.ts_high) << 32 | u128::from(packet.ts_low);
                let bytes = packet.data.get(..packet.caplen as usize).unwrap_or(packet.data);
                (self.interface(packet.if_id)?, Some(ticks), bytes, packet.origlen)
            }
            PcapBlockOwned::NG(Block::SimplePacket(packet)) => {
                let interface = self.interface(0)?;
                let captured = match interface.snap_len {
                    0 => packet.origlen,
                    snap_len => packet.origlen.min(snap_len),
                };
                let bytes = packet.data.get(..captured as usize).unwrap_or(packet.data);
                (interface, None, bytes, packet.origlen)
            }
            // The library reads the type of a block it does not know as if it were little-endian.
            PcapBlockOwned::NG(Block::Unknown(block))
                if block.block_type == PACKET_BLOCK
                    || self.big_endian && block.block_type.swap_bytes() == PACKET_BLOCK =>
            {
                let packet =
                    PacketBlock::read(block.data, self.big_endian).ok_or(Unreadable::Damaged)?;
                let interface = self.interface(u32::from(packet.interface))?;
                (interface, Some(packet.ticks), packet.bytes, packet.wire_len)
            }
            PcapBlockOwned::NG(_) => return Ok(None),
        };
        Ok(Some(Record {
            link: interface.link,
            arrived: ticks.map_or(Timestamp::default(), |ticks| interface.clock.time(ticks)),
            bytes,
            // Some writers exchange the two, or leave this one out.
            wire_len: wire_len.max(bytes.len() as u32),
        }))
    }

    fn interface(&self, number: u32) -> Result<Interface, Unreadable> {
        self.interfaces.get(number as usize).copied().ok_or(Unreadable::Damaged)
    }
}

struct PacketBlock<'a> {
    interface: u16,
    ticks: u128,
    wire_len: u32,
    bytes: &'a [u8],
}

impl<'a> PacketBlock<'a> {
    fn read(body: &'a [u8], big_endian: bool) -> Option<Self> {
        let (header, bytes) = body.split_first_chunk::<20>()?;
        let word = |at: usize| {
            let bytes = [header[at], header[at + 1], header[at + 2], header[at + 3]];
            if big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
        };
        // Two halves: the interface, then how many packets were lost.
        let interface = [header[0], header[1]];
        let interface =
            if big_endian { u16::from_be_bytes(interface) } else { u16::from_le_bytes(interface) };
        Some(Self {
            interface,
            ticks: u128::from(word(4)) << 32 | u128::from(word(8)),
            wire_len: word(16),
            bytes: bytes.get(..usize::try_from(word(12)).ok()?)?,
        })
    }
}

impl Clock {
    fn time(self, ticks: u128) -> Timestamp {
        let seconds = i64::try_from(ticks / self.ticks).unwrap_or(i64::MAX);
        let nanoseconds = (ticks % self.ticks).saturating_mul(1_000_000_000) / self.ticks;
        Timestamp::new(seconds.saturating_add(self.offset), u32::try_from(nanoseconds).unwrap_or(0))
    }
}

/// `if_tsresol` and `if_tsoffset` (draft-ietf-opsawg-pcapng §4.2).
fn clock(description: &InterfaceDescriptionBlock<'_>) -> Clock {
    let exponent = u32::from(description.if_tsresol & 0x7f);
    let ticks = if description.if_tsresol & 0x80 != 0 {
        2u128.checked_pow(exponent.min(100))
    } else {
        10u128.checked_pow(exponent.min(28))
    };
    Clock { ticks: ticks.unwrap_or(1_000_000), offset: description.if_tsoffset }
}

/// The number of a link type that is not read comes back as the error. The high bits of the field
/// say how long a frame check sequence is.
fn link(number: Linktype) -> Result<LinkType, i32> {
    match number.0 & 0xffff {
        1 => Ok(LinkType::Ethernet),
        // NULL has the order of the machine that captured, LOOP (108) the network's; both are read.
        0 | 108 => Ok(LinkType::Null),
        // PPP (9), and what is made of serial lines with it (50).
        9 | 50 => Ok(LinkType::Ppp),
        51 => Ok(LinkType::PppEther),
        // DLT_RAW is 12 or 14 by platform, LINKTYPE_RAW 101, LINKTYPE_IPV4 228, LINKTYPE_IPV6 229.
        12 | 14 | 101 | 228 | 229 => Ok(LinkType::RawIp),
        113 => Ok(LinkType::Sll),
        276 => Ok(LinkType::Sll2),
        other => Err(other),
    }
}
