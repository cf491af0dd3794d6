//! From the caller's socket to the SBC's: INVITEs that are held and released beside plain ones that are
//! decided in the kernel, with both CPUs shared by all.

use std::{
    net::{SocketAddr, UdpSocket},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use xtask::{
    lab::{
        CARRIER_V4, Lab, SBC_V4,
        daemon::{Daemon, Settings},
    },
    workspace::{self, Profile},
};

use super::{GROUP, ani::BLOCKED};
use crate::{frames::invite, report::Case, report::Report};

/// INVITEs a second, and how many are timed.
const PER_SECOND: u32 = 2_000;
const INVITES: usize = 10_000;

/// Bytes of one: a carrier's with a PASSporT.
const INVITE_LEN: usize = 1_366;

/// What a release may take for one in a hundred.
const P99: Duration = Duration::from_millis(1);

/// How long after the last is sent others may still come.
const LATE: Duration = Duration::from_secs(1);

/// Measures it.
pub(crate) fn run(report: &mut Report) -> Result<()> {
    let profile = if cfg!(debug_assertions) { Profile::Dev } else { Profile::Release };
    let binary = workspace::build_ani(profile)?;
    let lab = Lab::new()?;
    let daemon = Daemon::start(&lab, &binary, &Settings::default())?;
    // A rule that could be against a call: else nothing is held.
    daemon.cli(&["block", "add", &format!("+{BLOCKED}")])?;

    let plain = round(&lab, "plain", |id| invite(INVITE_LEN, "12025550101", id))?;
    let before = daemon.counter("held")?;
    let held = round(&lab, "held", |id| {
        let message = invite(INVITE_LEN, "12025550102", 1_000_000 + id);
        twice(&message)
    })?;
    let was_held = daemon.counter("held")? - before;
    let late = daemon.tally("held_late")? + daemon.tally("held_full")?;
    daemon.stop()?;

    let none_lost = ("all", held.len() == INVITES);
    report.add(Case::count(
        GROUP,
        "held INVITEs that came to the SBC",
        held.len() as u64,
        INVITES as u64,
        Some(none_lost),
    ));
    let target = ("all", was_held >= INVITES as u64);
    report.add(Case::count(GROUP, "of them held", was_held, INVITES as u64, Some(target)));
    report.add(Case::count(GROUP, "of them released undecided", late, was_held, None));
    let name = "held and released, beside plain ones";
    report.add(Case::against(GROUP, name, &held, "plain", &plain, None));
    let (p99, base) = (percentile(&held), percentile(&plain));
    let bound = Duration::from_nanos(p99.saturating_sub(base));
    report.add(Case::absolute(GROUP, "99 of 100 took longer by", bound, P99));
    Ok(())
}

/// A message with another P-Asserted-Identity, which RFC 3325 §9.1 allows, and of the same length as
/// without its body's end.
fn twice(message: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(message);
    text.replacen("Content-Type", "P-Asserted-Identity: <tel:+12025550102>\r\nContent-Type", 1)
        .into_bytes()
}

/// How long each took from the send to the other end's receive, nanoseconds.
fn round(lab: &Lab, what: &str, message: impl Fn(u64) -> Vec<u8>) -> Result<Vec<u64>> {
    let to = SocketAddr::from((SBC_V4, 5_060));
    let receiver = lab.sbc.enter(|| Ok(UdpSocket::bind(to)?))?;
    receiver.set_read_timeout(Some(LATE))?;
    let sender = lab.carrier.enter(|| Ok(UdpSocket::bind((CARRIER_V4, 0))?))?;
    let messages: Vec<_> = (0..INVITES as u64).map(message).collect();
    let start = Instant::now();
    let received = thread::spawn(move || {
        let mut came = vec![None; INVITES];
        let mut datagram = [0; 4_096];
        while let Ok(len) = receiver.recv(&mut datagram) {
            let now = start.elapsed();
            let Some(id) = call(&datagram[..len]).map(|id| (id % 1_000_000) as usize) else {
                continue;
            };
            if let Some(place) = came.get_mut(id) {
                place.get_or_insert(now);
            }
        }
        came
    });
    let interval = Duration::from_secs(1) / PER_SECOND;
    let mut sent = Vec::with_capacity(INVITES);
    for (number, message) in messages.iter().enumerate() {
        let due = interval * number as u32;
        if let Some(wait) = due.checked_sub(start.elapsed()) {
            thread::sleep(wait);
        }
        sent.push(start.elapsed());
        sender.send_to(message, to)?;
    }
    let came = received.join().ok().context("the receiver panicked")?;
    let took: Vec<u64> = came
        .iter()
        .zip(&sent)
        .filter_map(|(came, sent)| Some(came.as_ref()?.saturating_sub(*sent).as_nanos() as u64))
        .collect();
    ensure!(took.len() * 10 > INVITES * 9, "only {} of {INVITES} {what} INVITEs came", took.len());
    Ok(took)
}

/// The number in a Call-ID.
fn call(message: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(message).ok()?;
    let (_, rest) = text.split_once("Call-ID: ")?;
    u64::from_str_radix(rest.get(..16)?, 16).ok()
}

fn percentile(samples: &[u64]) -> u64 {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() * 99 / 100).copied().unwrap_or(0)
}
