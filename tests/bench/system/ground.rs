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
use nix::net::if_::if_nametoindex;
use xtask::{
    command,
    lab::{CARRIER_INTERFACE, Lab, SBC_INTERFACE, SBC_V4},
};

use super::cpu::Poller;
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

/// The lowest priority there is.
const LAST: libc::c_int = 19;

/// How long the receiver may take for what is in its queue.
const DRAINED: Duration = Duration::from_secs(2);

/// The lab, with the SBC's interface polled by a thread of its own.
pub(crate) struct Ground {
    pub(crate) lab: Lab,
    carrier_index: u32,
    sbc_index: u32,
}

impl Ground {
    pub(crate) fn new() -> Result<Self> {
        let lab = Lab::new()?;
        lab.sbc.ip(&["link", "set", SBC_INTERFACE, "address", SBC_ADDRESS])?;
        let carrier_index = lab.carrier.enter(|| Ok(if_nametoindex(CARRIER_INTERFACE)?))?;
        let sbc_index = lab.sbc.enter(|| Ok(if_nametoindex(SBC_INTERFACE)?))?;
        Ok(Self { lab, carrier_index, sbc_index })
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

    /// Sends INVITEs of a caller, each of a call of its own or all of one.
    pub(crate) fn generator(
        &self,
        caller: &str,
        new_calls: bool,
        per_second: Option<u32>,
    ) -> Result<Generator> {
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
        Generator::new(
            self.carrier_index,
            bytes,
            &marks,
            per_second.map(|rate| 1_000_000_000 / rate),
        )
    }

    /// Sends so many INVITEs; how long that took.
    pub(crate) fn send(&self, generator: &Generator, frames: u32) -> Result<Duration> {
        self.send_as(generator, frames, || ())
    }

    /// The same behind all else that wants the CPU: the generator waits by turning round.
    pub(crate) fn send_behind(&self, generator: &Generator, frames: u32) -> Result<Duration> {
        self.send_as(generator, frames, || {
            // SAFETY: changes this thread's own priority; a refusal changes nothing.
            let _nice = unsafe { libc::nice(LAST) };
        })
    }

    fn send_as(
        &self,
        generator: &Generator,
        frames: u32,
        prepare: impl FnOnce() + Send,
    ) -> Result<Duration> {
        self.lab.carrier.enter(|| {
            pin(SENDING);
            prepare();
            let start = Instant::now();
            generator.send(frames)?;
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
