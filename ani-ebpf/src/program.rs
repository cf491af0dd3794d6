//! From a frame to its way out: link, network, transport, SIP, trunk, decision, record.

/// What the lists and limits say about a plain INVITE.
mod decide;
/// Writes an INVITE and its verdict to the ring buffer.
mod emit;
/// Rate limits: one bucket per caller.
mod limit;
/// Ethernet and VLAN tags.
mod link;
/// The maps, and the only places where what is behind their pointers is touched.
mod maps;
/// IPv4, IPv6 and its extension headers.
mod network;
/// What the operator should know and no counter explains.
mod notice;
/// The frame: the only place that reads packet memory.
mod packet;
/// UDP.
mod transport;

use ani_ebpf::{
    abi::counter::Counter,
    scan::{self, NotPlain, StartLine},
};
use aya_ebpf::programs::XdpContext;

use self::{decide::Decision, packet::Packet};

/// Takes a frame to its way out and counts it there.
#[inline(always)]
pub(crate) fn ingress(ctx: &XdpContext) -> Counter {
    let packet = Packet::new(ctx);
    maps::count(Counter::Packets);
    let exit = match frame(&packet) {
        Ok(exit) | Err(exit) => exit,
    };
    maps::count(exit);
    exit
}

/// `Err` is a way out before the packet was known to be an INVITE.
#[inline(always)]
fn frame(packet: &Packet<'_>) -> Result<Counter, Counter> {
    let network = link::read(packet)?;
    let (source, datagram) = network::read(packet, network)?;
    let message = transport::read(packet, &datagram)?;

    let scratch = maps::scratch().ok_or(Counter::NotInvite)?;
    let window = packet
        .load(message.at, u64::from(message.len), scratch.window_mut())
        .ok_or(Counter::Truncated)?;
    scratch.loaded(window);

    let decision = match scan::start_line(scratch) {
        StartLine::Other => return Err(Counter::NotInvite),
        StartLine::NotPlain(why) => not_plain(&source, why),
        StartLine::Invite => decide::invite(scratch, &source),
    };
    if matches!(decision.exit, Counter::PassLimitFull) {
        notice::limit_full(packet);
    }
    emit::record(packet, &message, &decision);
    Ok(decision.exit)
}

#[inline(always)]
fn not_plain(source: &network::Source, why: NotPlain) -> Decision {
    let trunk = maps::trunk(source).map(|trunk| trunk.index);
    let exit = match trunk {
        Some(_) => Counter::PassNotPlain,
        None => Counter::PassUntrusted,
    };
    Decision { trunk, not_plain: Some(why), ..Decision::new(exit) }
}
