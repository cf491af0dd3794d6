//! Messages that others mirror by HEPv3: what an SBC took out of TLS, which no NIC sees.
//!
//! A mirrored call is long on its way: it is observed and never stopped.

/// One packet: what is in it, or why it cannot be read.
pub mod packet;
/// Packets out of a stream of bytes.
pub mod stream;
/// Whose packets are taken, and their way to the worker.
pub mod intake;
/// What is said to the log about senders, and how often.
mod notices;
/// The UDP and the TCP socket.
#[cfg(feature = "daemon")]
pub mod listener;
/// Packets made for tests.
#[cfg(any(test, feature = "fuzz"))]
pub(crate) mod fixture;

use std::{sync::Arc, time::Duration};

use self::packet::{Carried, Mirrored};
use super::{
    Content, Frame, Reach,
    queue::{self, Frames},
};
use crate::{
    telemetry::{Tallies, Tally},
    time::Timestamp,
};

/// Bytes the queue holds: some 3,000 INVITEs of a carrier.
const CAPACITY: usize = 4 << 20;

/// Before each packet in the queue: when it came, nanoseconds since 1970-01-01.
const RECEIVED_LEN: usize = size_of::<i64>();

/// How far a mirror's clock and ours may be apart. Beyond it the time of a message is when it came
/// here: limits and graphs must not depend on a clock that is wrong.
const MAX_SKEW: Duration = Duration::from_secs(60);

/// An empty queue's two ends.
pub fn queue(tallies: Arc<Tallies>) -> (queue::Writer, Frames) {
    let (writer, reader) = queue::queue(CAPACITY, RECEIVED_LEN + packet::MAX_LEN);
    (writer, Frames::new(reader, frame, Tally::HepBad, tallies))
}

/// The queue holds packets as they came: reading one a second time costs less than a form of its
/// own would.
fn frame(entry: &[u8], number: u64) -> Option<Frame<'_>> {
    let (received, packet) = entry.split_first_chunk::<RECEIVED_LEN>()?;
    let Carried::Sip(mirrored) = packet::read(packet).ok()?.carried else { return None };
    let Mirrored { src, dst, transport, seen, message } = mirrored;
    Some(Frame {
        number,
        arrived: arrived(seen, Timestamp(i64::from_ne_bytes(*received))),
        content: Content::Message { src, dst, transport, bytes: message },
        reach: Reach::Observe,
        kernel: None,
    })
}

/// When the mirror saw it, unless its clock is wrong.
fn arrived(seen: Option<Timestamp>, received: Timestamp) -> Timestamp {
    seen.filter(|seen| Duration::from_nanos(seen.0.abs_diff(received.0)) <= MAX_SKEW)
        .unwrap_or(received)
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::*;
    use crate::capture::Source as _;

    #[test]
    fn a_mirrored_message_is_a_frame_that_can_only_be_observed() {
        let (mut writer, mut mirror) = queue(Arc::default());
        let mirrored = fixture::mirrored(b"INVITE sip:x@y SIP/2.0\r\n\r\n");
        let received = Timestamp::new(1_714_557_601, 0);
        let packet = fixture::packet(&mirrored, None);
        writer.push(&[&received.0.to_ne_bytes(), &packet]).expect("room");
        let mut frames = 0;
        let Ok(()) = mirror.frames(&mut |frame| {
            frames += 1;
            assert_eq!((frame.number, frame.reach, frame.kernel), (1, Reach::Observe, None));
            assert_eq!(Some(frame.arrived), mirrored.seen);
            let Mirrored { src, dst, transport, message, .. } = mirrored;
            assert_eq!(frame.content, Content::Message { src, dst, transport, bytes: message });
            ControlFlow::Continue(())
        });
        assert_eq!(frames, 1);
    }

    #[test]
    fn a_mirror_whose_clock_is_wrong_is_not_believed() {
        let received = Timestamp::new(1_714_557_600, 0);
        let at = |seconds: i64| Some(Timestamp::new(1_714_557_600 + seconds, 0));
        for seconds in [-60, -1, 0, 60] {
            assert_eq!(Some(arrived(at(seconds), received)), at(seconds));
        }
        for seconds in [-61, 61, -1_714_557_600, 2_000_000_000] {
            assert_eq!(arrived(at(seconds), received), received);
        }
        assert_eq!(arrived(None, received), received);
    }
}
