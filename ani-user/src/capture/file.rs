//! pcap and pcapng files, read once from front to back in bounded memory.

use std::{fs::File, io::Read, ops::ControlFlow, path::Path};

use pcap_parser::{
    Block, Linktype, PcapBlockOwned, PcapError, create_reader, pcapng::InterfaceDescriptionBlock,
    traits::PcapReaderIterator,
};
use thiserror::Error;

use super::{Content, Frame, LinkType, Reach, Source};
use crate::time::Timestamp;

/// Largest record that is read, bytes: what a capture of whole frames holds (262,144 bytes by
/// default) with room for its block's options.
pub const MAX_RECORD_BYTES: usize = 1 << 20;

/// Interfaces a section of a pcapng file may describe.
pub const MAX_INTERFACES: usize = 1_024;

/// Different unsupported link types that are told apart; more are counted with the last.
pub const MAX_UNSUPPORTED: usize = 8;

/// Why a file ends early. All records before were handed out.
#[derive(Debug, Error)]
pub enum FileError {
    /// The file cannot be opened.
    #[error("cannot open: {0}")]
    Open(#[source] std::io::Error),
    /// Reading failed.
    #[error("cannot be read on after record {0}")]
    Read(u64),
    /// Neither magic number.
    #[error("neither pcap nor pcapng: convert it with `editcap -F pcapng`")]
    Unknown,
    /// The last record is longer than what is left of the file.
    #[error("cut short in the record after record {0}")]
    Cut(u64),
    /// A record claims more than [`MAX_RECORD_BYTES`].
    #[error("damaged: the record after record {0} claims more than {MAX_RECORD_BYTES} bytes")]
    TooLong(u64),
    /// A block that contradicts itself.
    #[error("damaged after record {0}")]
    Damaged(u64),
    /// More than [`MAX_INTERFACES`] interfaces.
    #[error("more than {MAX_INTERFACES} interfaces in one section, after record {0}")]
    Interfaces(u64),
}

/// A capture file.
pub struct CaptureFile {
    reader: Box<dyn PcapReaderIterator>,
    /// Records seen so far, as tshark counts them: packets only.
    records: u64,
    /// Of the section that is read; a pcap file has one.
    interfaces: Vec<Interface>,
    /// Link types that cannot be read, and their records.
    unsupported: Vec<(i32, u64)>,
    /// Byte order of the section that is read.
    big_endian: bool,
}

/// What the records of an interface have in common.
#[derive(Clone, Copy, Debug)]
struct Interface {
    link: Result<LinkType, i32>,
    clock: Clock,
}

/// How an interface writes its timestamps.
#[derive(Clone, Copy, Debug)]
struct Clock {
    /// Ticks in a second.
    ticks: u128,
    /// Seconds to add.
    offset: i64,
}

const MICROSECONDS: Clock = Clock { ticks: 1_000_000, offset: 0 };
const NANOSECONDS: Clock = Clock { ticks: 1_000_000_000, offset: 0 };

impl CaptureFile {
    /// Opens a file and reads its header.
    pub fn open(path: &Path) -> Result<Self, FileError> {
        Self::new(File::open(path).map_err(FileError::Open)?)
    }

    /// Reads a capture from anything that can be read.
    pub fn new(input: impl Read + Send + 'static) -> Result<Self, FileError> {
        let reader = create_reader(MAX_RECORD_BYTES, input).map_err(|error| match error {
            PcapError::ReadError => FileError::Read(0),
            _ => FileError::Unknown,
        })?;
        Ok(Self {
            reader,
            records: 0,
            interfaces: Vec::new(),
            unsupported: Vec::new(),
            big_endian: false,
        })
    }

    /// Records seen so far.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// Link types that could not be read, as DLT numbers, and how many records have them.
    pub fn unsupported(&self) -> &[(i32, u64)] {
        &self.unsupported
    }
}

impl Source for CaptureFile {
    type Error = FileError;

    fn frames(
        &mut self,
        each: &mut dyn FnMut(&Frame<'_>) -> ControlFlow<()>,
    ) -> Result<(), FileError> {
        loop {
            match self.reader.next() {
                Ok((consumed, block)) => {
                    let frame = block_frame(
                        &block,
                        &mut self.interfaces,
                        &mut self.records,
                        &mut self.unsupported,
                        &mut self.big_endian,
                    )?;
                    let flow = frame.map_or(ControlFlow::Continue(()), |frame| each(&frame));
                    self.reader.consume(consumed);
                    if flow.is_break() {
                        return Ok(());
                    }
                }
                Err(PcapError::Eof) => return Ok(()),
                Err(PcapError::Incomplete(_)) => {
                    let records = self.records;
                    self.reader.refill().map_err(|_| FileError::Read(records))?;
                }
                Err(PcapError::UnexpectedEof) => return Err(FileError::Cut(self.records)),
                Err(PcapError::BufferTooSmall) => return Err(FileError::TooLong(self.records)),
                Err(PcapError::ReadError) => return Err(FileError::Read(self.records)),
                Err(_) => return Err(FileError::Damaged(self.records)),
            }
        }
    }
}

/// Type of the block that held packets before the enhanced one (draft-ietf-opsawg-pcapng, appendix
/// A); files of its time still go round.
const PACKET_BLOCK: u32 = 2;

struct PacketBlock<'a> {
    interface: usize,
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
            interface: usize::from(interface),
            ticks: u128::from(word(4)) << 32 | u128::from(word(8)),
            wire_len: word(16),
            bytes: bytes.get(..usize::try_from(word(12)).ok()?)?,
        })
    }
}

/// The frame of a block; none for a block that holds no packet, or one that cannot be read.
fn block_frame<'a>(
    block: &'a PcapBlockOwned<'a>,
    interfaces: &mut Vec<Interface>,
    records: &mut u64,
    unsupported: &mut Vec<(i32, u64)>,
    big_endian: &mut bool,
) -> Result<Option<Frame<'a>>, FileError> {
    let (interface, ticks, bytes, wire_len) = match block {
        PcapBlockOwned::LegacyHeader(header) => {
            let clock = if header.is_nanosecond_precision() { NANOSECONDS } else { MICROSECONDS };
            *interfaces = vec![Interface { link: link(header.network), clock }];
            return Ok(None);
        }
        PcapBlockOwned::NG(Block::SectionHeader(section)) => {
            *big_endian = section.big_endian();
            interfaces.clear();
            return Ok(None);
        }
        PcapBlockOwned::NG(Block::InterfaceDescription(description)) => {
            if interfaces.len() == MAX_INTERFACES {
                return Err(FileError::Interfaces(*records));
            }
            interfaces
                .push(Interface { link: link(description.linktype), clock: clock(description) });
            return Ok(None);
        }
        PcapBlockOwned::Legacy(record) => {
            let Some(interface) = interfaces.first() else {
                return Err(FileError::Damaged(*records));
            };
            let ticks =
                u128::from(record.ts_sec) * interface.clock.ticks + u128::from(record.ts_usec);
            (interface, Some(ticks), record.data, record.origlen)
        }
        PcapBlockOwned::NG(Block::EnhancedPacket(packet)) => {
            let Some(interface) = interfaces.get(packet.if_id as usize) else {
                return Err(FileError::Damaged(*records));
            };
            let ticks = u128::from(packet.ts_high) << 32 | u128::from(packet.ts_low);
            let captured = packet.data.len().min(packet.caplen as usize);
            (interface, Some(ticks), &packet.data[..captured], packet.origlen)
        }
        PcapBlockOwned::NG(Block::SimplePacket(packet)) => {
            let Some(interface) = interfaces.first() else {
                return Err(FileError::Damaged(*records));
            };
            let captured = packet.data.len().min(packet.origlen as usize);
            (interface, None, &packet.data[..captured], packet.origlen)
        }
        // The library reads the type of a block it does not know as if it were little-endian.
        PcapBlockOwned::NG(Block::Unknown(block))
            if block.block_type == PACKET_BLOCK
                || *big_endian && block.block_type.swap_bytes() == PACKET_BLOCK =>
        {
            let packet = PacketBlock::read(block.data, *big_endian);
            let Some((interface, packet)) =
                packet.and_then(|packet| Some((interfaces.get(packet.interface)?, packet)))
            else {
                return Err(FileError::Damaged(*records));
            };
            (interface, Some(packet.ticks), packet.bytes, packet.wire_len)
        }
        PcapBlockOwned::NG(_) => return Ok(None),
    };
    *records += 1;
    let link = match interface.link {
        Ok(link) => link,
        Err(number) => {
            count(unsupported, number);
            return Ok(None);
        }
    };
    let arrived = ticks.map_or(Timestamp::default(), |ticks| interface.clock.time(ticks));
    let content = Content::Link { link, bytes, wire_len };
    // As if it had come in at the NIC.
    Ok(Some(Frame { number: *records, arrived, content, reach: Reach::Answer, kernel: None }))
}

fn count(unsupported: &mut Vec<(i32, u64)>, number: i32) {
    let full = unsupported.len() == MAX_UNSUPPORTED;
    match unsupported.iter_mut().position(|(known, _)| *known == number) {
        Some(at) => unsupported[at].1 += 1,
        None if full => {
            if let Some(last) = unsupported.last_mut() {
                last.1 += 1;
            }
        }
        None => unsupported.push((number, 1)),
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
        // PPP (9), and what is made of serial lines with it (50).
        9 | 50 => Ok(LinkType::Ppp),
        51 => Ok(LinkType::PppEther),
        // NULL has the order of the machine that captured, LOOP (108) the network's; both are read.
        0 | 108 => Ok(LinkType::Null),
        // DLT_RAW is 12 or 14 by platform, LINKTYPE_RAW 101, LINKTYPE_IPV4 228, LINKTYPE_IPV6 229.
        12 | 14 | 101 | 228 | 229 => Ok(LinkType::RawIp),
        113 => Ok(LinkType::Sll),
        276 => Ok(LinkType::Sll2),
        other => Err(other),
    }
}

#[cfg(test)]
mod tests;
