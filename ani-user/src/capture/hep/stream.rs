//! Packets out of a stream of bytes: each says how long it is.

use super::packet::{self, MAX_LEN, Unreadable};

/// What has come of a stream and is not yet a whole packet.
///
/// `0 <= filled <= bytes.len()`, and the longest packet fits: behind every call of
/// [`Stream::packets`] there is room for more.
pub struct Stream {
    bytes: Box<[u8]>,
    filled: usize,
}

impl Stream {
    /// Nothing yet.
    pub fn new() -> Self {
        Self { bytes: vec![0; MAX_LEN].into_boxed_slice(), filled: 0 }
    }

    /// Where what comes next is to be written; [`Stream::add`] says how much was.
    pub fn room(&mut self) -> &mut [u8] {
        self.bytes.get_mut(self.filled..).unwrap_or_default()
    }

    /// Takes the first `count` bytes of the room.
    pub fn add(&mut self, count: usize) {
        self.filled = self.filled.saturating_add(count).min(self.bytes.len());
    }

    /// Hands out the whole packets that are there; what is left is kept.
    ///
    /// # Errors
    ///
    /// When what comes next is no packet: where one would start can no longer be told.
    pub fn packets(&mut self, mut each: impl FnMut(&[u8])) -> Result<(), Unreadable> {
        let mut rest = self.bytes.get(..self.filled).unwrap_or_default();
        while let Some((packet, behind)) =
            packet::claimed_len(rest)?.and_then(|len| rest.split_at_checked(len))
        {
            each(packet);
            rest = behind;
        }
        let left = rest.len();
        self.bytes.copy_within(self.filled - left..self.filled, 0);
        self.filled = left;
        Ok(())
    }

    /// Whether a packet has begun whose end is not there.
    pub const fn has_begun(&self) -> bool {
        self.filled > 0
    }
}

impl Default for Stream {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::capture::hep::fixture;

    fn feed(
        stream: &mut Stream,
        mut bytes: &[u8],
        step: usize,
    ) -> Result<Vec<Vec<u8>>, Unreadable> {
        let mut packets = Vec::new();
        while !bytes.is_empty() {
            let room = stream.room();
            let count = room.len().min(bytes.len()).min(step);
            assert!(count > 0, "there is always room");
            room[..count].copy_from_slice(&bytes[..count]);
            stream.add(count);
            stream.packets(|packet| packets.push(packet.to_vec()))?;
            bytes = &bytes[count..];
        }
        Ok(packets)
    }

    #[test]
    fn junk_ends_the_stream_with_its_first_bytes() {
        for (junk, why) in [
            (&b"GET / HTTP/1.1\r\n"[..], Unreadable::NotHep),
            (b"HEPX", Unreadable::NotHep),
            (b"\x01\x10\x02\x11", Unreadable::OldVersion),
            (b"HEP3\x00\x05", Unreadable::Length),
        ] {
            let whole = fixture::packet(&fixture::mirrored(b"x"), None);
            let mut stream = Stream::new();
            assert_eq!(feed(&mut stream, &whole, 7).map(|packets| packets.len()), Ok(1));
            assert_eq!(feed(&mut stream, junk, junk.len()), Err(why));
        }
    }

    #[test]
    fn half_a_packet_has_begun() {
        let packet = fixture::packet(&fixture::mirrored(b"x"), None);
        let mut stream = Stream::new();
        assert!(!stream.has_begun());
        assert_eq!(feed(&mut stream, &packet[..packet.len() - 1], 9), Ok(Vec::new()));
        assert!(stream.has_begun());
        assert_eq!(feed(&mut stream, &packet[packet.len() - 1..], 9), Ok(vec![packet]));
        assert!(!stream.has_begun());
    }

    proptest! {
        #[test]
        fn packets_come_out_as_they_went_in_however_they_are_cut(
            lengths in proptest::collection::vec(1_usize..3_000, 1..12),
            step in 1_usize..9_000,
        ) {
            let packets: Vec<_> = lengths
                .iter()
                .map(|len| fixture::packet(&fixture::mirrored(&vec![b'x'; *len]), None))
                .collect();
            let mut stream = Stream::new();
            prop_assert_eq!(feed(&mut stream, &packets.concat(), step), Ok(packets));
            prop_assert!(!stream.has_begun());
        }

        #[test]
        fn the_longest_packet_fits(step in 1_usize..70_000) {
            let spare = MAX_LEN - fixture::packet(&fixture::mirrored(b""), None).len();
            let packet = fixture::packet(&fixture::mirrored(&vec![b'x'; spare]), None);
            prop_assert_eq!(packet.len(), MAX_LEN);
            let twice = [packet.clone(), packet].concat();
            prop_assert_eq!(feed(&mut Stream::new(), &twice, step).map(|all| all.len()), Ok(2));
        }
    }
}
