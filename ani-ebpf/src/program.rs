//! From a frame to its way out: link, network, transport, SIP, trunk, decision, record.

/// The frame: the only place that reads packet memory.
mod frame;
/// Ethernet and VLAN tags.
mod link;
/// IPv4, IPv6 and its extension headers.
mod network;
/// What is remembered of packets that come in fragments.
mod fragment;
/// UDP and TCP.
mod transport;
/// What the lists and limits say about a plain INVITE.
mod decide;
/// Rate limits: one bucket per caller.
mod limit;
/// Writes an INVITE and its verdict to the ring buffer.
mod emit;
/// What the operator should know and no counter explains.
mod notice;
/// The maps, and the only places where what is behind their pointers is touched.
mod maps;

use ani_ebpf::{
    abi::counter::Counter,
    scan::{self, NotPlain, StartLine},
};
use aya_ebpf::programs::XdpContext;

use self::{
    decide::Decision,
    frame::Frame,
    network::{Address, Part},
};

/// Takes a frame to its way out and counts it there.
#[inline(always)]
pub(crate) fn ingress(ctx: &XdpContext) -> Counter {
    let frame = Frame::new(ctx);
    maps::count(Counter::Packets);
    let exit = match way_out(&frame) {
        Ok(exit) => exit,
        Err(exit @ (Counter::Fragment | Counter::TcpSegment)) => {
            emit::part(&frame, exit);
            exit
        }
        Err(exit) => exit,
    };
    maps::count(exit);
    exit
}

/// `Err` is a way out before the packet was known to be an INVITE.
#[inline(always)]
fn way_out(frame: &Frame<'_>) -> Result<Counter, Counter> {
    let network = link::read(frame)?;
    let packet = network::read(frame, network)?;
    if packet.part == Part::Later {
        return Err(fragment::later(&packet));
    }
    if packet.protocol == network::TCP {
        let exit = transport::tcp(frame, &packet);
        if packet.part == Part::First {
            fragment::first(&packet, matches!(exit, Counter::TcpSegment));
        }
        return Err(exit);
    }
    let message = transport::udp(frame, &packet);
    if packet.part == Part::First {
        fragment::first(&packet, matches!(message, Ok(_) | Err(Counter::Fragment)));
    }
    let message = message?;

    let scratch = maps::scratch().ok_or(Counter::NotInvite)?;
    let window = frame
        .load(message.at, u64::from(message.len), scratch.window_mut())
        .ok_or(Counter::Truncated)?;
    scratch.loaded(window);

    let decision = match scan::start_line(scratch) {
        StartLine::Other => return Err(Counter::NotInvite),
        StartLine::NotPlain(why) => not_plain(packet.source, why),
        StartLine::Invite => decide::invite(scratch, packet.source),
    };
    if matches!(decision.exit, Counter::PassLimitFull) {
        notice::limit_full(frame);
    }
    emit::invite(frame, message.at, &decision);
    Ok(decision.exit)
}

#[inline(always)]
fn not_plain(source: Address, why: NotPlain) -> Decision {
    let trunk = maps::trunk(source).map(|trunk| trunk.index);
    let exit = match trunk {
        Some(_) => Counter::PassNotPlain,
        None => Counter::PassUntrusted,
    };
    Decision { trunk, not_plain: Some(why), ..Decision::new(exit) }
}
