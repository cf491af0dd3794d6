//! INVITEs larger than a frame, and frames larger than most.

use std::net::IpAddr;

use ani_tests::{frame::Frame, invite::Invite};
use xtask::lab::{
    CARRIER_V4, CARRIER_V6, SBC_V4, SBC_V6,
    daemon::Settings,
    process::wait_for,
    uac::{Callers, Plan, Route},
};

use crate::{
    rig::{Rig, SETTLE},
    wire::Wire,
};

const CALLS: u32 = 5;

/// Bytes of the lab's INVITE without padding, at least.
const BASE: usize = 900;

/// Calls with INVITEs of at least `size` bytes complete, and the daemon knows of each who placed it,
/// though the header that says so is in the last fragment.
fn complete(mode: &'static str, mtu: u32, size: usize, route: Route) {
    let rig = Rig::start(&Settings { mode, ..Settings::default() });
    rig.lab.set_mtu(mtu).expect("MTU");
    let caller = "+12015550107";
    let plan = Plan::new(Callers::one(caller), CALLS, 10).over(route).padded(size - BASE);
    let outcome = rig.call(&plan);
    assert!(outcome.all_completed(CALLS), "{size} bytes at {mtu}, {route:?}: {outcome:?}");

    let received = rig.received(caller) as u64;
    let analysed = || rig.daemon.tally("invites").ok();
    let come = wait_for("the INVITEs", SETTLE, || analysed() == Some(received));
    assert!(
        come.is_ok(),
        "{:?} of {received}, {}",
        analysed(),
        rig.daemon.status().expect("status")
    );
    assert_eq!(rig.daemon.counter("invites").expect("counter"), received);
    let fragmented = if size + 100 > mtu as usize { received } else { 0 };
    assert_eq!(rig.daemon.tally("fragments_reassembled").expect("tally"), fragmented);
    for loss in ["invites_cut", "damaged", "fragments_bad", "fragments_overlapping"] {
        assert_eq!(rig.daemon.tally(loss).expect("tally"), 0, "{loss}");
    }
    let said = rig.daemon.cli(&["top", "callers"]).expect("top callers");
    assert!(said.contains(caller), "{said}");
}

#[test]
fn invites_of_2500_and_9000_bytes_at_an_mtu_of_1500() {
    for route in [Route::V4, Route::V6] {
        for size in [2_500, 9_000] {
            complete("native", 1_500, size, route);
        }
    }
}

#[test]
fn invites_of_2500_and_9000_bytes_at_an_mtu_of_9000() {
    for route in [Route::V4, Route::V6] {
        for size in [2_500, 9_000] {
            complete("native", 9_000, size, route);
        }
    }
}

#[test]
fn invites_larger_than_a_frame_in_generic_mode() {
    complete("generic", 1_500, 9_000, Route::V4);
    complete("generic", 9_000, 9_000, Route::V6);
}

/// An INVITE of some 4,000 bytes in three fragments, from the carrier to the SBC.
struct Fragmented {
    frame: Frame,
    id: u32,
}

impl Fragmented {
    fn new(caller: &str, v6: bool, id: u32) -> Self {
        let (from, to): (IpAddr, IpAddr) = match v6 {
            false => (CARRIER_V4.into(), SBC_V4.into()),
            true => (CARRIER_V6.into(), SBC_V6.into()),
        };
        let mut invite = Invite::from(caller).pai(caller);
        for line in 0..6 {
            invite = invite.line(&format!("X-Padding-{line}: {}", "p".repeat(500)));
        }
        let text = invite.text().replace("branch=z9hG4bK1", &format!("branch=z9hG4bK{id}"));
        let text = text.replace("Call-ID: 1@", &format!("Call-ID: {id}@"));
        let frame = Frame { destination: to, ..Frame::new(from, text.as_bytes()) };
        Self { frame, id }
    }

    /// The three parts, in order.
    fn parts(&self) -> [Vec<u8>; 3] {
        [(0, Some(1_400)), (1_400, Some(2_800)), (2_800, None)]
            .map(|(from, to)| self.frame.fragment(self.id, from, to))
    }
}

/// Each order of fragments that a stack takes comes out as an INVITE, for the SBC and the daemon
/// alike; what it does not take, neither of them sees.
#[test]
fn fragments_in_any_order_twice_missing_and_overlapping() {
    let rig = Rig::start(&Settings::default());
    let wire = Wire::new(&rig.lab);
    let mut taken = Vec::new();
    for (v6, base) in [(false, 100_u32), (true, 200)] {
        let orders: [(&str, &[usize], bool); 6] = [
            ("in order", &[0, 1, 2], true),
            ("reversed", &[2, 1, 0], true),
            ("the first last", &[1, 2, 0], true),
            ("each twice", &[0, 0, 1, 1, 2], true),
            ("the last missing", &[0, 1], false),
            ("the first missing", &[1, 2], false),
        ];
        for (id, (what, order, whole)) in (base..).zip(orders) {
            let caller = format!("+1201555{id:04}");
            let parts = Fragmented::new(&caller, v6, id).parts();
            order.iter().for_each(|at| wire.send(parts[*at].clone()));
            taken.push((caller, format!("{what}, IPv6: {v6}"), whole));
        }
        let id = base + 50;
        let caller = format!("+1201555{id:04}");
        let packet = Fragmented::new(&caller, v6, id);
        let [first, _, last] = packet.parts();
        let overlapping = packet.frame.fragment(id, 1_392, Some(2_800));
        for part in [first, overlapping, last] {
            wire.send(part);
        }
        taken.push((caller, format!("overlapping, IPv6: {v6}"), false));
    }

    let whole = taken.iter().filter(|(_, _, whole)| *whole).count() as u64;
    let analysed = || rig.daemon.tally("invites").ok();
    let come = wait_for("the INVITEs", SETTLE, || analysed() == Some(whole));
    assert!(come.is_ok(), "{:?} of {whole}: {}", analysed(), rig.daemon.status().expect("status"));
    let top = rig.daemon.cli(&["top", "callers", "-n", "100"]).expect("top callers");
    for (caller, what, whole) in &taken {
        assert_eq!(top.contains(caller), *whole, "{what}: the daemon: {top}");
        let received = rig.received(caller);
        assert_eq!(received, usize::from(*whole), "{what}: the SBC");
    }
    assert_eq!(rig.daemon.tally("fragments_duplicate").expect("tally"), 4);
    assert_eq!(rig.daemon.tally("fragments_overlapping").expect("tally"), 2);
}

/// However little of an INVITE its first fragment has, a blocked caller does not get through, and others
/// do: what the rest starts, the daemon sees.
#[test]
fn a_first_fragment_that_tells_nothing_is_no_way_around_a_list() {
    let rig = Rig::start(&Settings::default());
    let wire = Wire::new(&rig.lab);
    let (blocked, honest) = ("+12015550166", "+12015550101");
    rig.daemon.cli(&["block", "add", blocked]).expect("block add");
    let white = "\r\n".repeat(8);
    let open = || {
        let counted = ["hold_stale", "hold_behind"].map(|name| rig.daemon.counter(name));
        let told = ["held_late", "held_old"].map(|name| rig.daemon.tally(name));
        counted.into_iter().chain(told).map(|count| count.expect("a count")).sum::<u64>()
    };
    let cases: [(&str, &str, usize); 4] = [
        ("its UDP header only", "", 8),
        ("8 bytes of it", "", 16),
        ("white space", &white, 24),
        ("24 bytes of it", "", 32),
    ];
    for v6 in [false, true] {
        let (from, to): (IpAddr, IpAddr) = match v6 {
            false => (CARRIER_V4.into(), SBC_V4.into()),
            true => (CARRIER_V6.into(), SBC_V6.into()),
        };
        for (at, (what, before, cut)) in (0_u32..).zip(cases) {
            for (caller, passes) in [(blocked, false), (honest, true)] {
                let id = 300 + 100 * u32::from(v6) + 10 * at + u32::from(passes);
                let text = Invite::from(caller).pai(caller).text();
                let text = text.replace("branch=z9hG4bK1", &format!("branch=z9hG4bK{id}"));
                let text =
                    before.to_owned() + &text.replace("Call-ID: 1@", &format!("Call-ID: {id}@"));
                let frame = Frame { destination: to, ..Frame::new(from, text.as_bytes()) };
                let (had, opened) = (rig.received(caller), open());
                wire.send(frame.fragment(id, 0, Some(cut)));
                wire.send(frame.fragment(id, cut, None));
                let came = wait_for("it", SETTLE / 5, || rig.received(caller) > had).is_ok();
                let status = || rig.daemon.status().expect("status");
                // On a busy machine one may pass for a reason that is counted.
                let as_it_should = came == passes || open() > opened;
                assert!(as_it_should, "{what}, IPv6: {v6}, {caller}: {}", status());
            }
        }
    }
    let tally = |name| rig.daemon.tally(name).expect("tally");
    assert_eq!(tally("held_stopped") + tally("held_released") + open(), 16);
}

/// What starts like one of those and is no INVITE goes on.
#[test]
fn a_first_fragment_of_no_invite_is_let_go() {
    let rig = Rig::start(&Settings::default());
    let wire = Wire::new(&rig.lab);
    rig.daemon.cli(&["block", "add", "+12015550166"]).expect("block add");
    let text = Invite { method: "OPTIONS", ..Invite::from("+12015550166") }.text();
    let frame =
        Frame { destination: SBC_V4.into(), ..Frame::new(CARRIER_V4.into(), text.as_bytes()) };
    wire.send(frame.fragment(500, 0, Some(16)));
    wire.send(frame.fragment(500, 16, None));
    let unread = || rig.daemon.tally("held_unread").ok();
    let gone = wait_for("its start to be let go", SETTLE, || unread() == Some(1));
    assert!(gone.is_ok(), "{}", rig.daemon.status().expect("status"));
    assert_eq!(rig.daemon.tally("release_failed").expect("tally"), 0);
}
