//! How many stopped INVITEs one CPU answers a second: from the frame to the frame that is sent, on a
//! veth pair whose other end's kernel takes it on the same CPU.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use ani_ebpf::{
    abi::{counter::Counter, number::Number},
    scan::{AniHeader, Attestation},
};
use ani_user::{
    answer::{Transmit as _, Wire},
    capture::{By, Content, Frame, KernelView, LinkType, Reach},
    config::Config,
    kernel::transmit::Transmitter,
    pipeline::Pipeline,
    policy::{BLOCK, memory::Memory},
    time::Timestamp,
};
use anyhow::{Context as _, Result};
use nix::net::if_::if_nametoindex;
use xtask::lab::{Lab, SBC_INTERFACE};

use super::{GROUP, ground::RECEIVING};
use crate::{
    frames::{frame, invite},
    pin,
    report::{Case, Report},
};

/// Answers a second there should be at least.
const PER_SECOND: u64 = 50_000;

/// How long is counted.
const TIME: Duration = Duration::from_secs(5);

/// Different calls, one after the other.
const CALLS: usize = 4_096;

/// Bytes of an INVITE: a carrier's with a PASSporT.
const INVITE_LEN: usize = 1_366;

const CALLER: &str = "12025550166";

const CONFIG: &str = "[lists]\nanswer = \"603\"\n\
    [answers]\nper_source = \"1000000000 per 1s\"\noverall = \"1000000000 per 1s\"\n\
    [[trunk]]\nname = \"a\"\nsources = [\"203.0.113.0/24\"]\ncountry = \"US\"\n";

/// Measures it.
pub(crate) fn run(report: &mut Report) -> Result<()> {
    let lab = Lab::new()?;
    let (whole, alone) = lab.sbc.enter(|| {
        pin(RECEIVING);
        let interface = if_nametoindex(SBC_INTERFACE)?;
        let frames: Vec<_> =
            (0..CALLS as u64).map(|id| frame(5_060, &invite(INVITE_LEN, CALLER, id))).collect();
        let transmitter = Transmitter::open()?;
        let mut pipeline = pipeline()?;
        let mut wires: Vec<Wire> = Vec::new();
        let (mut sent, start) = (0, Instant::now());
        'time: loop {
            for bytes in &frames {
                let mut wire = None;
                pipeline.frame(&stopped(bytes, interface), &mut |invite| {
                    wire = invite.reply.and_then(|reply| reply.wire);
                });
                let wire = wire.context("an INVITE was not answered")?;
                transmitter.transmit(&wire)?;
                sent += 1;
                if wires.len() < CALLS {
                    wires.push(wire);
                }
                if start.elapsed() >= TIME {
                    break 'time;
                }
            }
        }
        let whole = per_second(sent, start.elapsed());
        let (mut sent, start) = (0, Instant::now());
        'time: loop {
            for wire in &wires {
                transmitter.transmit(wire)?;
                sent += 1;
                if start.elapsed() >= TIME {
                    break 'time;
                }
            }
        }
        Ok((whole, per_second(sent, start.elapsed())))
    })?;
    let target = ("at least as many", whole >= PER_SECOND);
    report.add(Case::count(GROUP, "answers a second on one CPU", whole, PER_SECOND, Some(target)));
    report.add(Case::count(GROUP, "the same, sending alone", alone, PER_SECOND, None));
    Ok(())
}

fn per_second(count: u64, took: Duration) -> u64 {
    (u128::from(count) * 1_000_000_000 / took.as_nanos().max(1)) as u64
}

fn pipeline() -> Result<Pipeline> {
    let config = Arc::new(Config::parse(CONFIG, "bench")?);
    let rules = Arc::new(Memory::new(&config));
    Ok(Pipeline::new(config, rules, Arc::default()))
}

/// A frame that the kernel stopped by the block list.
fn stopped(bytes: &[u8], ifindex: u32) -> Frame<'_> {
    Frame {
        number: 1,
        arrived: Timestamp::new(1_700_000_000, 0),
        content: Content::Link { link: LinkType::Ethernet, bytes, wire_len: bytes.len() as u32 },
        reach: Reach::Answer,
        kernel: Some(KernelView {
            exit: Counter::DropBlocked,
            first_exit: Counter::DropBlocked,
            not_plain: None,
            ani: Number::from_ascii(CALLER.as_bytes()).unwrap_or(Number::NONE),
            ani_header: Some(AniHeader::PAssertedIdentity),
            attestation: Attestation::A,
            trunk: Some(0),
            by: By { list: BLOCK, ..By::default() },
            held: None,
            ifindex,
        }),
    }
}
