//! A message that outlives the frame it came in.

use super::{Message, Wire};

/// A copy of a message and of its frame.
#[derive(Clone, Debug)]
pub struct Kept {
    bytes: Vec<u8>,
    /// The frame, and the interface it came in on.
    wire: Option<(Vec<u8>, u32)>,
    /// All else; it has no bytes.
    rest: Message<'static>,
}

impl Kept {
    /// A copy.
    pub fn of(message: &Message<'_>) -> Self {
        Self {
            bytes: message.bytes.to_vec(),
            wire: message.wire.map(|wire| (wire.bytes.to_vec(), wire.ifindex)),
            rest: Message {
                bytes: &[],
                wire: None,
                frame: message.frame,
                arrived: message.arrived,
                src: message.src,
                dst: message.dst,
                transport: message.transport,
                vlan: message.vlan,
                fragments: message.fragments,
                first_len: message.first_len,
                cut: message.cut,
                overlong: message.overlong,
                reach: message.reach,
                kernel: message.kernel,
            },
        }
    }

    /// The message as it was.
    pub fn message(&self) -> Message<'_> {
        let wire = self.wire.as_ref().map(|(bytes, ifindex)| Wire { bytes, ifindex: *ifindex });
        Message { bytes: &self.bytes, wire, ..self.rest }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        capture::{Reach, Transport, packet::Vlans},
        time::Timestamp,
    };

    #[test]
    fn it_is_the_same_message() {
        let message = Message {
            frame: 7,
            arrived: Timestamp::new(1, 2),
            src: ([203, 0, 113, 9], 5060).into(),
            dst: ([198, 51, 100, 20], 5062).into(),
            transport: Transport::Udp,
            vlan: Vlans::default(),
            fragments: 2,
            bytes: b"INVITE",
            first_len: 3,
            cut: true,
            overlong: true,
            reach: Reach::Answer,
            kernel: None,
            wire: Some(Wire { bytes: b"frame", ifindex: 4 }),
        };
        let kept = Kept::of(&message);
        assert_eq!(format!("{:?}", kept.message()), format!("{message:?}"));
    }
}
