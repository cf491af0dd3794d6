//! What a fuzzer feeds: each function takes bytes, makes traffic of them or reads them as they are,
//! and panics when memory grows over its bounds or something comes out that was not sent.
//!
//! The targets of `cargo xtask fuzz` call them; so does `cargo test`, with the seeds in
//! `tests/fuzz/seeds` and with bytes of chance. Built for tests and with the feature `fuzz` only.

/// Certificates, their chains, anchors and revocation lists.
mod certificate;
/// Fragments of packets, in any order, twice, lost and cut.
mod fragments;
/// HEPv3 packets and streams of them.
mod hep;
/// The scanner and the parser on one message.
mod message;
/// The parser and rsip on one message.
mod opinion;
/// Values of Identity through a whole verification.
mod identity;
/// PASSporTs taken apart.
mod passport;
/// Capture files, with whatever frames are in them.
mod pcap;
/// Segments of TCP flows, in any order, twice and lost.
mod tcp;

pub use self::{
    certificate::certificate, fragments::fragments, hep::hep, identity::identity, message::message,
    opinion::rsip, passport::passport, pcap::pcap, tcp::tcp,
};

/// The bytes, from which decisions are read one by one; zeros when they are used up.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn byte(&mut self) -> u8 {
        self.bytes(1).first().copied().unwrap_or(0)
    }

    /// A number below `bound`, which is at most 65,536 and not 0.
    fn below(&mut self, bound: usize) -> usize {
        let [high, low] = [self.byte(), self.byte()].map(usize::from);
        (high << 8 | low) % bound
    }

    /// So many bytes, or those that are left.
    fn bytes(&mut self, len: usize) -> &'a [u8] {
        let (bytes, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        bytes
    }
}

#[cfg(test)]
mod tests;
