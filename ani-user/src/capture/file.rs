//! pcap and pcapng files, read once from front to back in bounded memory.
//!
//! The file is never held: a buffer of [`MAX_RECORD_BYTES`] slides over it, and a frame borrows from
//! that.

/// What the records of a file have in common, and what a block of it holds.
mod section;

use std::{
    fs::File,
    io::{Cursor, Read},
    ops::ControlFlow,
    path::Path,
};

use pcap_parser::{PcapError, create_reader, traits::PcapReaderIterator};
use thiserror::Error;

pub use self::section::MAX_INTERFACES;
use self::section::{Section, Unreadable};
use super::{Content, Frame, Reach, Source};

/// Largest record that is read, bytes: what a capture of whole frames holds (262,144 bytes by
/// default) with room for its block's options.
pub const MAX_RECORD_BYTES: usize = 1 << 20;

/// Different unsupported link types that are told apart; more are counted with the last.
pub const MAX_UNSUPPORTED: usize = 8;

/// How much is read to find out what a file is: a pipe hands out little at a time.
const HEAD_BYTES: u64 = 1 << 16;

/// Why a file ends early, or is not whole. All records that can be read are handed out before.
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
    /// A block that contradicts itself, with no telling where the next one starts.
    #[error("damaged after record {0}")]
    Damaged(u64),
    /// Blocks that contradict themselves, and were passed over.
    #[error("damaged after record {after}: {blocks} blocks passed over, the rest was read")]
    PassedOver {
        /// Records before the first of them.
        after: u64,
        /// How many.
        blocks: u64,
    },
    /// More than [`MAX_INTERFACES`] interfaces.
    #[error("more than {MAX_INTERFACES} interfaces in one section, after record {0}")]
    Interfaces(u64),
}

/// A capture file.
pub struct CaptureFile {
    reader: Box<dyn PcapReaderIterator>,
    section: Section,
    /// Whether it consists of blocks that say how long they are at both ends.
    blocks: bool,
    /// Records seen so far, as tshark counts them: packets only.
    records: u64,
    /// Link types that cannot be read, and their records.
    unsupported: Vec<(i32, u64)>,
    /// Damaged blocks: how many records there were before the first, and how many there are.
    passed_over: Option<(u64, u64)>,
}

/// First bytes of a pcapng file (draft-ietf-opsawg-pcapng §4.1).
const SECTION_HEADER: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];

/// Type, length, and length again (draft-ietf-opsawg-pcapng §3.1).
const MIN_BLOCK_BYTES: u32 = 12;

/// Types of blocks that are read: sections, interfaces, and three kinds of packets.
const READ_BLOCKS: [u32; 5] = [u32::from_le_bytes(SECTION_HEADER), 1, 2, 3, 6];

impl CaptureFile {
    /// Opens a file and reads its header.
    ///
    /// # Errors
    ///
    /// When it cannot be opened or is no capture.
    pub fn open(path: &Path) -> Result<Self, FileError> {
        Self::new(File::open(path).map_err(FileError::Open)?)
    }

    /// Reads a capture from anything that can be read.
    ///
    /// # Errors
    ///
    /// When it is no capture.
    pub fn new(mut input: impl Read + Send + 'static) -> Result<Self, FileError> {
        let mut head = Vec::new();
        input.by_ref().take(HEAD_BYTES).read_to_end(&mut head).map_err(|_| FileError::Read(0))?;
        let blocks = head.starts_with(&SECTION_HEADER);
        let input = Cursor::new(head).chain(input);
        let reader = create_reader(MAX_RECORD_BYTES, input).map_err(|error| match error {
            PcapError::ReadError => FileError::Read(0),
            _ => FileError::Unknown,
        })?;
        Ok(Self {
            reader,
            section: Section::default(),
            blocks,
            records: 0,
            unsupported: Vec::new(),
            passed_over: None,
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

    /// How a file ends that was read to its end.
    fn end(&self) -> Result<(), FileError> {
        match self.passed_over {
            None => Ok(()),
            Some((after, blocks)) => Err(FileError::PassedOver { after, blocks }),
        }
    }

    /// Goes past a block that cannot be read, when it is there whole and says at both ends how long
    /// it is.
    fn pass_over(&mut self) -> Option<()> {
        let len = self.word(4).filter(|&len| self.blocks && len >= MIN_BLOCK_BYTES)?;
        if self.word(len - 4)? != len {
            return None;
        }
        self.reader.consume(len as usize);
        self.passed_over.get_or_insert((self.records, 0)).1 += 1;
        Some(())
    }

    /// Goes past a block that is longer than the buffer and of a kind that nothing is read from: the
    /// keys of TLS connections, names, remarks. Whether it was one.
    fn skip(&mut self) -> Result<bool, FileError> {
        let (Some(kind), Some(len)) = (self.word(0), self.word(4)) else { return Ok(false) };
        if !self.blocks || READ_BLOCKS.contains(&kind) || len as usize <= self.reader.data().len() {
            return Ok(false);
        }
        let mut left = len as usize;
        while left > 0 {
            let there = self.reader.data().len().min(left);
            self.reader.consume(there);
            left -= there;
            let records = self.records;
            self.reader.refill().map_err(|_| FileError::Read(records))?;
            if left > 0 && self.reader.reader_exhausted() {
                return Err(FileError::Cut(self.records));
            }
        }
        Ok(true)
    }

    /// A word of the block that comes next.
    fn word(&self, at: u32) -> Option<u32> {
        let bytes = *self.reader.data().get(at as usize..)?.first_chunk::<4>()?;
        let big_endian = self.section.big_endian();
        Some(if big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    }
}

impl Source for CaptureFile {
    type Error = FileError;

    fn frames(
        &mut self,
        each: &mut dyn FnMut(&Frame<'_>) -> ControlFlow<()>,
    ) -> Result<(), FileError> {
        loop {
            let end = match self.reader.next() {
                Ok((consumed, block)) => match self.section.record(&block) {
                    Ok(record) => {
                        let mut flow = ControlFlow::Continue(());
                        if let Some(record) = record {
                            self.records += 1;
                            match record.link {
                                // As if it had come in at the NIC.
                                Ok(link) => {
                                    flow = each(&Frame {
                                        number: self.records,
                                        arrived: record.arrived,
                                        content: Content::Link {
                                            link,
                                            bytes: record.bytes,
                                            wire_len: record.wire_len,
                                        },
                                        reach: Reach::Answer,
                                        kernel: None,
                                    });
                                }
                                Err(number) => count(&mut self.unsupported, number),
                            }
                        }
                        // Nothing moves in the buffer until it is filled again.
                        self.reader.consume_noshift(consumed);
                        if flow.is_break() {
                            return Ok(());
                        }
                        continue;
                    }
                    Err(Unreadable::Interfaces) => return Err(FileError::Interfaces(self.records)),
                    Err(Unreadable::Damaged) => FileError::Damaged(self.records),
                },
                Err(PcapError::Eof) => return self.end(),
                Err(PcapError::Incomplete(_)) => {
                    let (records, before) = (self.records, self.reader.data().len());
                    self.reader.refill().map_err(|_| FileError::Read(records))?;
                    // A full buffer in which the library still misses something.
                    if self.reader.data().len() > before || self.reader.reader_exhausted() {
                        continue;
                    }
                    FileError::Damaged(records)
                }
                Err(PcapError::UnexpectedEof) => FileError::Cut(self.records),
                Err(PcapError::BufferTooSmall) => FileError::TooLong(self.records),
                Err(PcapError::ReadError) => return Err(FileError::Read(self.records)),
                Err(_) => FileError::Damaged(self.records),
            };
            match end {
                // The library says so at the very end too, when it had read up to it before.
                FileError::Cut(_) if self.reader.data().is_empty() => return self.end(),
                FileError::TooLong(_) if self.skip()? => {}
                end => self.pass_over().ok_or(end)?,
            }
        }
    }
}

fn count(unsupported: &mut Vec<(i32, u64)>, number: i32) {
    let full = unsupported.len() == MAX_UNSUPPORTED;
    let known = unsupported.iter().position(|(known, _)| *known == number);
    let at = known.or(full.then_some(MAX_UNSUPPORTED - 1));
    match at.and_then(|at| unsupported.get_mut(at)) {
        Some((_, records)) => *records += 1,
        None => unsupported.push((number, 1)),
    }
}

#[cfg(test)]
mod tests;
