//! Where it happens: a lab whose carrier is a program in the kernel.

use std::{
    fs,
    net::IpAddr,
    process::Command,
    time::{Duration, Instant},
};

use ani_tests::{
    frame::Frame,
    live::{Generator, Link},
};
use anyhow::{Context as _, Result, bail};
use nix::{net::if_::if_nametoindex, unistd::Pid};
use xtask::{
    command,
    lab::{CARRIER_INTERFACE, Lab, SBC_INTERFACE, SBC_V4},
};

use super::cpu::{self, Poller};
use crate::{frames::invite, pin};

/// The generator's CPU, and that of all else while frames are counted.
pub(crate) const SENDING: usize = 0;
pub(crate) const RECEIVING: usize = 1;

/// Bytes of the INVITEs: a carrier's with a PASSporT.
const INVITE_LEN: usize = 1_366;

/// Who sends them: another of the first carrier's network than who calls.
const SOURCE: [u8; 4] = [198, 51, 100, 66];

/// The SBC's hardware address, which the frames are for.
const SBC_ADDRESS: &str = "02:00:00:00:00:02";

/// Interfaces of the carrier's that nothing comes to, each the other's end: one for generators of one
/// call, one for those of new calls.
const SPARE: [&str; 2] = ["spare0", "spare1"];

/// Frames of one call into the kernel at full speed.
const BURST: u32 = 10_000;

/// Calls a second at a pace, and how many frames one has: less than the other end's queue holds (256
/// on veth). Each call leaves a pool of pages behind for a second, and the kernel walks along all of
/// them for each: many more would cost it more than the frames do.
const CALLS_PER_SECOND: u32 = 1_500;
const LEAST: u32 = 16;
const MOST: u32 = 200;

/// How long the generator sleeps when none are due, and what is late by more is not made up for.
const NAP: Duration = Duration::from_micros(20);
const MOST_LATE: Duration = Duration::from_millis(5);

/// How long the receiver may take for what is in its queue.
const DRAINED: Duration = Duration::from_secs(2);

/// The lab, with the SBC's interface polled by a thread of its own.
pub(crate) struct Ground {
    pub(crate) lab: Lab,
    carrier_index: u32,
    spare_indexes: [u32; 2],
    sbc_index: u32,
}

/// How fast frames are sent.
#[derive(Clone, Copy)]
pub(crate) enum Pace {
    Full,
    PerSecond(u32),
}

impl Ground {
    pub(crate) fn new() -> Result<Self> {
        let lab = Lab::new()?;
        lab.sbc.ip(&["link", "set", SBC_INTERFACE, "address", SBC_ADDRESS])?;
        let [spare, end] = SPARE;
        lab.carrier.ip(&["link", "add", spare, "type", "veth", "peer", "name", end])?;
        let spare_indexes =
            lab.carrier.enter(|| Ok([if_nametoindex(spare)?, if_nametoindex(end)?]))?;
        let carrier_index = lab.carrier.enter(|| Ok(if_nametoindex(CARRIER_INTERFACE)?))?;
        let sbc_index = lab.sbc.enter(|| Ok(if_nametoindex(SBC_INTERFACE)?))?;
        Ok(Self { lab, carrier_index, spare_indexes, sbc_index })
    }

    /// Puts a program on the SBC's interface, and its receive side on a CPU.
    pub(crate) fn attach(
        &self,
        attach: impl FnOnce(u32) -> Result<Link> + Send,
    ) -> Result<(Link, Poller)> {
        let link = self.lab.sbc.enter(|| attach(self.sbc_index))?;
        Ok((link, self.poll_by_thread()?))
    }

    /// Has the SBC's interface polled by a thread of its own; it must have a program.
    pub(crate) fn poll_by_thread(&self) -> Result<Poller> {
        // Only `ip netns exec` shows the namespace's sysfs.
        let threaded = format!("echo 1 > /sys/class/net/{SBC_INTERFACE}/threaded");
        let mut set = Command::new("ip");
        set.args(["netns", "exec", self.lab.sbc.name(), "sh", "-c", &threaded]);
        command::output(&mut set)?;
        let poller = Poller::of(SBC_INTERFACE)?;
        poller.pin(RECEIVING)?;
        Ok(poller)
    }

    /// Sends INVITEs of a caller, each of a call of its own or all of one; there can be one
    /// generator of either kind at a time.
    pub(crate) fn generator(&self, caller: &str, new_calls: bool) -> Result<Generator> {
        let message = invite(INVITE_LEN, caller, 0);
        let mut frame = Frame::new(IpAddr::from(SOURCE), &message);
        frame.destination = SBC_V4.into();
        let header_len = frame.header_len();
        let mut bytes = frame.bytes();
        // No checksum (RFC 768): what is written into the frame would change it.
        bytes[header_len - 2..header_len].fill(0);
        let mut marks = Vec::new();
        if new_calls {
            for name in ["Call-ID: ", ";tag="] {
                let at = message.windows(name.len()).position(|bytes| bytes == name.as_bytes());
                marks.push(
                    header_len + at.context("an INVITE without Call-ID or tag")? + name.len(),
                );
            }
        }
        let (carrier, spare) = (self.carrier_index, self.spare_indexes[usize::from(new_calls)]);
        self.lab.carrier.enter(|| Generator::new(carrier, spare, bytes, &marks))
    }

    /// Sends for as long as `goes_on` says, which is told how long that has been; how long it was.
    pub(crate) fn send(
        &self,
        generator: &Generator,
        pace: Pace,
        goes_on: impl Fn(Duration) -> bool + Send + Sync,
    ) -> Result<Duration> {
        self.lab.carrier.enter(|| {
            pin(SENDING);
            // The other side of a wire does not wait for this one's turn.
            cpu::put_first(Pid::from_raw(0), cpu::WIRE)?;
            let start = Instant::now();
            match pace {
                Pace::Full => {
                    while goes_on(start.elapsed()) {
                        generator.send(BURST)?;
                    }
                }
                Pace::PerSecond(rate) => {
                    let frames = (rate / CALLS_PER_SECOND).clamp(LEAST, MOST);
                    let interval = Duration::from_secs(frames.into()) / rate;
                    let mut due = Duration::ZERO;
                    while goes_on(start.elapsed()) {
                        if start.elapsed() < due {
                            std::thread::sleep(NAP);
                            continue;
                        }
                        generator.send(frames)?;
                        due = (due + interval).max(start.elapsed().saturating_sub(MOST_LATE));
                    }
                }
            }
            Ok(start.elapsed())
        })
    }

    /// Frames that came to the SBC's interface, once no more come.
    pub(crate) fn received(&self) -> Result<u64> {
        let deadline = Instant::now() + DRAINED;
        let mut before = self.received_now()?;
        while Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
            let now = self.received_now()?;
            if now == before {
                return Ok(now);
            }
            before = now;
        }
        bail!("frames still come to {SBC_INTERFACE} after {DRAINED:?}")
    }

    /// Frames that came so far.
    pub(crate) fn received_now(&self) -> Result<u64> {
        self.lab.sbc.enter(|| {
            let text = fs::read_to_string("/proc/thread-self/net/dev")?;
            let line = text
                .lines()
                .find_map(|line| line.trim_start().strip_prefix(SBC_INTERFACE)?.strip_prefix(':'));
            let packets = line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok());
            packets.with_context(|| format!("no {SBC_INTERFACE} in {text}"))
        })
    }
}
