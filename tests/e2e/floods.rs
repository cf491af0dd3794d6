//! Floods of what is never finished: memory stays within its bound and honest calls are untouched.

use std::net::{IpAddr, Ipv4Addr};

use ani_tests::{frame::Frame, invite::Invite};
use etherparse::PacketBuilder;
use xtask::lab::{
    CARRIER_V4, SBC_V4,
    daemon::Settings,
    process::wait_for,
    uac::{Callers, Plan, Uac},
};

use crate::{
    rig::{Rig, SETTLE},
    wire::Wire,
};

/// What the daemon may grow by: all that both assemblies may hold.
const MEMORY: u64 = ani_user::capture::assembly::MAX_BYTES as u64 + (32 << 20);

/// Frames sent one behind the other, before the next look at the calls.
const BURST: u32 = 500;

const CALLER: &str = "+12015550108";
const CALLS: u32 = 10;

/// Calls that come in fragments, and calls over TCP, while `flood` is on the wire.
fn calls_go_on(frames: u32, flood: impl Fn(u32) -> Vec<u8>) {
    let rig = Rig::start(&Settings::default());
    let wire = Wire::new(&rig.lab);
    // The SBC's own stack gives up on fragments at 4 MB, whoever stands before it.
    let more =
        || Ok(std::fs::write("/proc/sys/net/ipv4/ipfrag_high_thresh", (1_u32 << 30).to_string())?);
    rig.lab.sbc.enter(more).expect("memory for the stack's fragments");
    rig.assert_reachable("+12015550101");
    let before = rig.daemon.memory().expect("memory");
    let known = rig.daemon.tally("invites").expect("tally");

    let fragmented = Plan::new(Callers::one(CALLER), CALLS, 10).padded(3_000);
    let calls = [fragmented.clone(), fragmented.tcp()]
        .map(|plan| Uac::start(&rig.lab, &plan).expect("calls"));
    for number in 0..frames {
        wire.send(flood(number));
        if number % BURST == 0 {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }
    for calls in calls {
        let outcome = calls.finish().expect("calls");
        assert!(outcome.all_completed(CALLS), "{outcome:?}");
    }

    let received = rig.received(CALLER) as u64;
    assert!(received >= u64::from(2 * CALLS));
    let analysed = || rig.daemon.tally("invites").map(|invites| invites - known).ok();
    let come = wait_for("the INVITEs", SETTLE, || analysed() >= Some(received));
    let status = rig.daemon.status().expect("status");
    assert!(come.is_ok(), "{:?} of {received}: {status}", analysed());
    let grown = rig.daemon.memory().expect("memory").saturating_sub(before);
    println!("{frames} frames: {} MiB more", grown >> 20);
    assert!(grown < MEMORY, "{grown} bytes more: {status}");
}

fn some_address(number: u32) -> Ipv4Addr {
    Ipv4Addr::from(0x0a00_0000 | number.wrapping_mul(0x9e37_79b1) >> 9)
}

/// A first fragment whose packet never ends, with an INVITE's start.
fn unfinished(source: Ipv4Addr, number: u32) -> Vec<u8> {
    let mut invite = Invite::from("+12015550199");
    invite.body = 1_000;
    let frame = Frame {
        destination: IpAddr::V4(SBC_V4),
        ..Frame::new(IpAddr::V4(source), &invite.bytes())
    };
    frame.fragment(number, 0, Some(1_200))
}

#[test]
fn a_hundred_thousand_unfinished_fragments_of_strangers() {
    calls_go_on(100_000, |number| unfinished(some_address(number), number));
}

#[test]
fn a_hundred_thousand_unfinished_fragments_of_one_source_on_the_trunk() {
    let neighbour = Ipv4Addr::from(u32::from(CARRIER_V4) + 1);
    calls_go_on(100_000, |number| unfinished(neighbour, number));
}

/// The start of an INVITE over TCP, from a source that sends nothing else.
fn half_open(source: Ipv4Addr, number: u32) -> Vec<u8> {
    let message = Invite::from("+12015550199").bytes();
    let port = 1_024 + (number % 60_000) as u16;
    let packet = PacketBuilder::ethernet2([2; 6], [4; 6])
        .ipv4(source.octets(), SBC_V4.octets(), 64)
        .tcp(port, 5060, number.wrapping_mul(0x0100_0193), 65_535)
        .ack(1);
    let mut frame = Vec::new();
    packet.write(&mut frame, &message[..message.len() - 20]).expect("memory");
    frame
}

#[test]
fn fifty_thousand_half_open_messages_over_tcp() {
    calls_go_on(50_000, |number| {
        let neighbour = Ipv4Addr::from(u32::from(CARRIER_V4) + 1);
        let source = if number % 2 == 0 { neighbour } else { some_address(number) };
        half_open(source, number)
    });
}
