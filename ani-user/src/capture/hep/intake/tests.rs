//! Who is allowed, which key is right, and what is counted.

use std::{net::Ipv4Addr, ops::ControlFlow};

use super::*;
use crate::capture::{Source as _, hep, hep::fixture};

struct Rig {
    intake: Intake,
    mirror: queue::Frames,
    tallies: Arc<Tallies>,
}

impl Rig {
    fn new(sources: &[&str], key: &str) -> Self {
        let tallies = Arc::new(Tallies::default());
        let (writer, mirror) = hep::queue(Arc::clone(&tallies));
        let config = Hep {
            listen: None,
            sources: sources.iter().map(|source| source.parse().expect("a network")).collect(),
            key: key.to_owned(),
        };
        let worker = std::thread::current();
        let intake = Intake::new(&config, writer, worker, Arc::clone(&tallies), Clock::new());
        Self { intake, mirror, tallies }
    }

    fn packet(&self, key: Option<&[u8]>) {
        let packet = fixture::packet(&fixture::mirrored(b"INVITE"), key);
        self.intake.packet(Ipv4Addr::LOCALHOST.into(), &packet);
    }

    fn frames(&mut self) -> u64 {
        let mut frames = 0;
        let Ok(()) = self.mirror.frames(&mut |_| {
            frames += 1;
            ControlFlow::Continue(())
        });
        frames
    }

    /// Asserts these counts, that all others are zero, and that what came is accounted for.
    fn assert_counts(&mut self, expected: &[(Tally, u64)]) {
        let frames = self.frames();
        let value = |tally| self.tallies.value(tally);
        for row in crate::telemetry::TALLIES {
            let known = expected.iter().find(|(tally, _)| *tally == row.tally);
            assert_eq!(value(row.tally), known.map_or(0, |(_, count)| *count), "{}", row.name);
        }
        let ends = [
            Tally::HepBad,
            Tally::HepBadKey,
            Tally::HepKeepalives,
            Tally::HepNotSip,
            Tally::HepQueueFull,
        ];
        let ended: u64 = ends.into_iter().map(value).sum();
        assert_eq!(value(Tally::HepPackets), ended + frames);
    }
}

#[test]
fn only_allowed_networks_may_send() {
    let mut rig = Rig::new(&["192.0.2.0/24", "2001:db8::/32"], "");
    for (sender, allowed) in [
        ("192.0.2.7", true),
        ("::ffff:192.0.2.7", true),
        ("192.0.3.7", false),
        ("127.0.0.1", false),
        ("2001:db8::1", true),
        ("::1", false),
    ] {
        assert_eq!(rig.intake.allows(sender.parse().expect("address")), allowed, "{sender}");
    }
    rig.assert_counts(&[(Tally::HepRefused, 3)]);
}

#[test]
fn a_packet_without_the_right_key_is_not_taken() {
    let mut rig = Rig::new(&[], "secret");
    rig.packet(Some(b"secret"));
    for wrong in [Some(&b"Secret"[..]), Some(b"secret2"), Some(b"secre"), Some(b""), None] {
        rig.packet(wrong);
    }
    rig.assert_counts(&[(Tally::HepPackets, 6), (Tally::HepBadKey, 5)]);
}

#[test]
fn without_a_key_of_ours_any_is_taken() {
    let mut rig = Rig::new(&[], "");
    rig.packet(Some(b"whatever"));
    rig.packet(None);
    rig.assert_counts(&[(Tally::HepPackets, 2)]);
}

#[test]
fn what_does_not_go_on_is_counted_by_what_it_is() {
    let mut rig = Rig::new(&[], "");
    let sender = Ipv4Addr::LOCALHOST.into();
    rig.packet(None);
    rig.intake.packet(sender, &fixture::framed(b""));
    rig.intake.packet(sender, &fixture::whole(&[(11, vec![5]), (15, b"{}".to_vec())]));
    rig.intake.packet(sender, b"junk");
    rig.intake.packet(sender, b"\x02\x10");
    rig.intake.unreadable(sender, Unreadable::Length);
    rig.assert_counts(&[
        (Tally::HepPackets, 6),
        (Tally::HepKeepalives, 1),
        (Tally::HepNotSip, 1),
        (Tally::HepBad, 3),
    ]);
}

#[test]
fn a_flood_that_the_worker_does_not_follow_is_counted_and_takes_no_memory() {
    let mut rig = Rig::new(&[], "");
    let packet = fixture::packet(&fixture::mirrored(&[b'x'; 1_300]), None);
    for _ in 0..10_000 {
        rig.intake.packet(Ipv4Addr::LOCALHOST.into(), &packet);
    }
    let full = rig.tallies.value(Tally::HepQueueFull);
    assert!(full > 5_000, "{full}");
    rig.assert_counts(&[(Tally::HepPackets, 10_000), (Tally::HepQueueFull, full)]);
}
