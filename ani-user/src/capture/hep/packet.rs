//! One HEPv3 packet: a message somebody saw, in chunks, with where it came from and went to.
//!
//! ```text
//!  "HEP3" | total length: u16 | chunk | chunk | …
//!  chunk:  vendor: u16 | type: u16 | length with these six bytes: u16 | value
//! ```
//!
//! All numbers are big-endian. The types are those of HEPv3 (<https://github.com/sipcapture/HEP>),
//! held against what kamailio 5.6 sends. Nothing here panics on any bytes.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use crate::{capture::Transport, time::Timestamp};

/// Magic and total length, bytes.
pub const HEADER_LEN: usize = 6;

/// The longest packet there is, bytes: its length is written in two.
pub const MAX_LEN: usize = u16::MAX as usize;

/// Chunks in one packet that are read: some three times as many as any sender is known to write.
pub const MAX_CHUNKS: usize = 64;

const MAGIC: &[u8; 4] = b"HEP3";

/// Vendor, type and length of a chunk, bytes.
const CHUNK_HEADER_LEN: usize = 6;

/// The vendor of the chunks that mean the same to everybody; others are looked past.
const GENERIC: u16 = 0;

/// AF_INET everywhere.
const FAMILY_IPV4: u8 = 2;

/// AF_INET6 of Linux, and of the systems that write their own instead.
const FAMILY_IPV6: [u8; 4] = [10, 24, 28, 30];

/// The protocol type of SIP.
const SIP: u8 = 1;

/// What a packet carries, and the key it came with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// The authentication key, if there is one.
    pub key: Option<&'a [u8]>,
    /// What is in it.
    pub carried: Carried<'a>,
}

/// What is in a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carried<'a> {
    /// Nothing: it keeps a connection alive.
    Nothing,
    /// Something else than SIP.
    Other,
    /// SIP.
    Sip(Mirrored<'a>),
}

/// A SIP message as its mirror saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mirrored<'a> {
    /// Who sent it.
    pub src: SocketAddr,
    /// Whom it was sent to.
    pub dst: SocketAddr,
    /// What it came over.
    pub transport: Transport,
    /// When the mirror saw it, by the mirror's clock.
    pub seen: Option<Timestamp>,
    /// The message, at least one byte.
    pub message: &'a [u8],
}

/// Why a packet cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// A chunk ends behind its packet, or is shorter than its own header.
    Chunk,
    /// The message is compressed.
    Compressed,
    /// An address family that is neither IPv4 nor IPv6.
    Family,
    /// The length in the header is not the packet's.
    Length,
    /// An address, a port, the transport or the protocol type is missing.
    Missing,
    /// No HEP.
    NotHep,
    /// HEP before version 3.
    OldVersion,
    /// Two chunks of a type of which there can be one.
    Repeated,
    /// More than [`MAX_CHUNKS`] chunks.
    TooManyChunks,
    /// A transport SIP is not known to go over.
    Transport,
    /// A value of another length than its type has.
    Value,
}

impl Unreadable {
    /// Stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Chunk => "chunk",
            Self::Compressed => "compressed",
            Self::Family => "family",
            Self::Length => "length",
            Self::Missing => "missing",
            Self::NotHep => "not-hep",
            Self::OldVersion => "old-version",
            Self::Repeated => "repeated",
            Self::TooManyChunks => "too-many-chunks",
            Self::Transport => "transport",
            Self::Value => "value",
        }
    }

    /// What an operator can do about it at the sender.
    pub const fn remedy(self) -> Option<&'static str> {
        match self {
            Self::Compressed => Some("turn compression off where it is sent"),
            Self::OldVersion => Some("set hep_version to 3 where it is sent"),
            _ => None,
        }
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Chunk => "a chunk does not fit into the packet",
            Self::Compressed => "the message is compressed",
            Self::Family => "the address family is neither IPv4 nor IPv6",
            Self::Length => "its length is not the one it claims",
            Self::Missing => "an address, a port, the transport or the protocol type is missing",
            Self::NotHep => "it is no HEP",
            Self::OldVersion => "it is of HEP version 1 or 2",
            Self::Repeated => "a chunk is there twice",
            Self::TooManyChunks => "it has too many chunks",
            Self::Transport => "it names a transport SIP is not known to go over",
            Self::Value => "a value has another length than its type",
        })
    }
}

/// The whole length that the packet at the start of `bytes` claims; `None` while its header is not
/// there.
///
/// # Errors
///
/// When no packet starts so.
pub fn claimed_len(bytes: &[u8]) -> Result<Option<usize>, Unreadable> {
    let there = bytes.len().min(MAGIC.len());
    if bytes.get(..there) != MAGIC.get(..there) {
        // A header of version 1 or 2 starts with its version.
        return Err(match bytes.first() {
            Some(1 | 2) => Unreadable::OldVersion,
            _ => Unreadable::NotHep,
        });
    }
    let Some([_, _, _, _, high, low]) = bytes.first_chunk::<HEADER_LEN>() else {
        return Ok(None);
    };
    let len = usize::from(u16::from_be_bytes([*high, *low]));
    if len < HEADER_LEN { Err(Unreadable::Length) } else { Ok(Some(len)) }
}

/// Reads one packet, all of it and nothing behind it.
///
/// # Errors
///
/// When it is none that can be read.
pub fn read(bytes: &[u8]) -> Result<Packet<'_>, Unreadable> {
    if claimed_len(bytes)? != Some(bytes.len()) {
        return Err(Unreadable::Length);
    }
    let chunks = Chunks::read(bytes.get(HEADER_LEN..).unwrap_or_default())?;
    Ok(Packet { key: chunks.key, carried: chunks.carried()? })
}

/// For a fuzzer: reads any bytes and checks that what is read lies within them.
///
/// # Panics
///
/// When it does not.
pub fn fuzz(bytes: &[u8]) {
    let lies_within = |part: &[u8]| {
        let (all, part) = (bytes.as_ptr_range(), part.as_ptr_range());
        all.start <= part.start && part.end <= all.end
    };
    let Ok(packet) = read(bytes) else { return };
    assert_eq!(claimed_len(bytes), Ok(Some(bytes.len())));
    assert!(packet.key.is_none_or(lies_within), "the key lies outside");
    if let Carried::Sip(mirrored) = packet.carried {
        assert!(!mirrored.message.is_empty() && lies_within(mirrored.message), "the message does");
        assert_eq!(mirrored.src.is_ipv4(), mirrored.dst.is_ipv4());
    }
}

/// The chunks that mean something here, as they came.
#[derive(Default)]
struct Chunks<'a> {
    family: Option<u8>,
    transport: Option<u8>,
    src_v4: Option<[u8; 4]>,
    dst_v4: Option<[u8; 4]>,
    src_v6: Option<[u8; 16]>,
    dst_v6: Option<[u8; 16]>,
    src_port: Option<[u8; 2]>,
    dst_port: Option<[u8; 2]>,
    seconds: Option<[u8; 4]>,
    microseconds: Option<[u8; 4]>,
    protocol: Option<u8>,
    key: Option<&'a [u8]>,
    payload: Option<&'a [u8]>,
    compressed: bool,
}

impl<'a> Chunks<'a> {
    fn read(mut rest: &'a [u8]) -> Result<Self, Unreadable> {
        let mut chunks = Self::default();
        for _ in 0..MAX_CHUNKS {
            if rest.is_empty() {
                return Ok(chunks);
            }
            let [v0, v1, t0, t1, l0, l1] = *rest.first_chunk().ok_or(Unreadable::Chunk)?;
            let len = usize::from(u16::from_be_bytes([l0, l1]));
            let (chunk, behind) = rest.split_at_checked(len).ok_or(Unreadable::Chunk)?;
            let value = chunk.get(CHUNK_HEADER_LEN..).ok_or(Unreadable::Chunk)?;
            if u16::from_be_bytes([v0, v1]) == GENERIC {
                chunks.take(u16::from_be_bytes([t0, t1]), value)?;
            }
            rest = behind;
        }
        if rest.is_empty() { Ok(chunks) } else { Err(Unreadable::TooManyChunks) }
    }

    fn take(&mut self, kind: u16, value: &'a [u8]) -> Result<(), Unreadable> {
        match kind {
            0x0001 => once(&mut self.family, byte(value)?),
            0x0002 => once(&mut self.transport, byte(value)?),
            0x0003 => once(&mut self.src_v4, array(value)?),
            0x0004 => once(&mut self.dst_v4, array(value)?),
            0x0005 => once(&mut self.src_v6, array(value)?),
            0x0006 => once(&mut self.dst_v6, array(value)?),
            0x0007 => once(&mut self.src_port, array(value)?),
            0x0008 => once(&mut self.dst_port, array(value)?),
            0x0009 => once(&mut self.seconds, array(value)?),
            0x000a => once(&mut self.microseconds, array(value)?),
            0x000b => once(&mut self.protocol, byte(value)?),
            0x000e => once(&mut self.key, value),
            0x000f => once(&mut self.payload, value),
            0x0010 => {
                self.compressed = true;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn carried(&self) -> Result<Carried<'a>, Unreadable> {
        let payload = self.payload.filter(|payload| !payload.is_empty());
        if payload.is_none() && !self.compressed {
            return Ok(Carried::Nothing);
        }
        if self.protocol.ok_or(Unreadable::Missing)? != SIP {
            return Ok(Carried::Other);
        }
        let (src, dst) = self.addresses()?;
        Ok(Carried::Sip(Mirrored {
            src,
            dst,
            transport: transport(self.transport.ok_or(Unreadable::Missing)?)?,
            seen: self.seen(),
            message: payload.ok_or(Unreadable::Compressed)?,
        }))
    }

    fn addresses(&self) -> Result<(SocketAddr, SocketAddr), Unreadable> {
        let (src, dst): (Option<IpAddr>, Option<IpAddr>) = match self.family {
            None => return Err(Unreadable::Missing),
            Some(FAMILY_IPV4) => (
                self.src_v4.map(|octets| Ipv4Addr::from(octets).into()),
                self.dst_v4.map(|octets| Ipv4Addr::from(octets).into()),
            ),
            Some(family) if FAMILY_IPV6.contains(&family) => (
                self.src_v6.map(|octets| Ipv6Addr::from(octets).into()),
                self.dst_v6.map(|octets| Ipv6Addr::from(octets).into()),
            ),
            Some(_) => return Err(Unreadable::Family),
        };
        let end = |address: Option<IpAddr>, port: Option<[u8; 2]>| {
            Some(SocketAddr::new(address?, u16::from_be_bytes(port?)))
        };
        end(src, self.src_port).zip(end(dst, self.dst_port)).ok_or(Unreadable::Missing)
    }

    fn seen(&self) -> Option<Timestamp> {
        let microseconds = u32::from_be_bytes(self.microseconds.unwrap_or_default());
        let nanoseconds = microseconds.checked_mul(1_000).filter(|part| *part < 1_000_000_000)?;
        Some(Timestamp::new(u32::from_be_bytes(self.seconds?).into(), nanoseconds))
    }
}

/// By IANA's protocol number. TLS and WebSocket have none and borrow those of protocols nobody
/// speaks SIP over: XNS-IDP (22), which kamailio writes for both and OpenSIPS reads as TLS, and ESP
/// (50), which both read as WebSocket.
fn transport(protocol: u8) -> Result<Transport, Unreadable> {
    match protocol {
        6 => Ok(Transport::Tcp),
        17 => Ok(Transport::Udp),
        22 => Ok(Transport::Tls),
        50 => Ok(Transport::Ws),
        132 => Ok(Transport::Sctp),
        _ => Err(Unreadable::Transport),
    }
}

fn once<T>(place: &mut Option<T>, value: T) -> Result<(), Unreadable> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(Unreadable::Repeated),
    }
}

fn byte(value: &[u8]) -> Result<u8, Unreadable> {
    array::<1>(value).map(|[byte]| byte)
}

fn array<const N: usize>(value: &[u8]) -> Result<[u8; N], Unreadable> {
    value.try_into().map_err(|_| Unreadable::Value)
}

#[cfg(test)]
mod tests;
