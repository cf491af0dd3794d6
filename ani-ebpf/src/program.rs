//! From a frame to its way out: link, network, transport, SIP, trunk, reading; then, in a program of
//! its own, decision and record.

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
/// What the first program leaves for the one that decides.
mod reading;
/// One verdict for each call attempt.
mod attempt;
/// A verdict while it is made.
mod decision;
/// What the lists and limits say about a plain INVITE.
mod decide;
/// Whether an INVITE can be held.
mod hold;
/// Released frames that come by again.
mod release;
/// Which list the caller is on.
mod list;
/// Rate limits: a bucket for each who shares a budget.
mod limit;
/// Writes an INVITE and its verdict to the ring buffer.
mod emit;
/// What the operator should know and no counter explains.
mod notice;
/// The maps, and the only places where what is behind their pointers is touched.
mod maps;

use ani_ebpf::{
    abi::{
        counter::Counter,
        settle::{Answer, QUESTION_LEN, Question},
    },
    scan::{self, NotPlain, Scratch, StartLine},
};
use aya_ebpf::programs::XdpContext;

use self::{frame::Frame, network::Part, transport::Message};

/// Takes a frame to its way out and counts it there.
#[inline(always)]
pub(crate) fn ingress(ctx: &XdpContext) -> Counter {
    let frame = Frame::new(ctx);
    maps::count(Counter::Packets);
    let exit = match way_out(&frame) {
        Ok(exit) => exit,
        Err(exit @ (Counter::Fragment | Counter::DropFragment | Counter::TcpSegment)) => {
            emit::part(&frame, exit);
            exit
        }
        Err(Counter::NotIp) if release::is_released(&frame) => Counter::Released,
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
    let message = match packet.protocol {
        network::TCP => Err(transport::tcp(frame, &packet)),
        _ => transport::udp(frame, &packet),
    };
    let first = packet.part == Part::First;
    if first {
        fragment::first(&packet, &message);
    }
    let message = match message {
        // Too short to say what it starts: the daemon sees that in the rest.
        Err(Counter::Fragment) if first => {
            let at = packet.at as u32 + transport::UDP_HEADER_LEN;
            reading::not_plain(packet.source, at, first, NotPlain::Window);
            maps::go_to_decide(frame);
            maps::count(Counter::Lost);
            return Ok(Counter::PassUnfinished);
        }
        message => message?,
    };
    if message.follows {
        maps::go_to_follow_up(frame);
        return Err(Counter::NotInvite);
    }
    let scratch = window(frame, &message)?;
    match scan::start_line(scratch) {
        // White space, behind which the rest may start anything.
        StartLine::Other if first => {
            reading::not_plain(packet.source, message.at, first, NotPlain::LeadingCrlf);
        }
        StartLine::Other => return Err(Counter::NotInvite),
        StartLine::NotPlain(why) => reading::not_plain(packet.source, message.at, first, why),
        StartLine::Invite => reading::invite(scratch, packet.source, message.at, first),
    }
    maps::go_to_decide(frame);
    maps::count(Counter::Lost);
    Ok(Counter::PassUnfinished)
}

/// Takes an INVITE that was read to its way out and counts it there: the second program. The way out
/// is a [`Counter`].
#[inline(always)]
pub(crate) fn decide(ctx: &XdpContext) -> u8 {
    let exit = decided(&Frame::new(ctx));
    maps::count_raw(exit);
    exit
}

#[inline(always)]
fn decided(frame: &Frame<'_>) -> u8 {
    let (Some(reading), Some(scratch), Some(decision)) =
        (maps::reading(), maps::scratch(), maps::decision())
    else {
        return Counter::PassUnfinished as u8;
    };
    decide::invite(frame, decision, reading, scratch);
    if decision.is(Counter::PassLimitFull) {
        notice::limit_full(frame);
    }
    let written = emit::invite(frame, reading, decision);
    if !written && decision.is(Counter::Held) {
        decision.let_go();
    }
    if reading.is_first_fragment() && decision.is_stop() {
        fragment::stopped(frame);
    }
    decision.exit()
}

/// Answers what the daemon asks of a call that was held; whether it has.
#[inline(always)]
pub(crate) fn settle(ctx: &XdpContext) -> bool {
    let frame = Frame::new(ctx);
    let (Some(question), Some(decision)) = (frame.read(0), maps::settled()) else {
        return false;
    };
    decide::settle(decision, &Question::from_bytes(question));
    let answer = Answer {
        exit: decision.exit(),
        first_exit: decision.first_exit(),
        list: decision.list(),
        limit: decision.limit(),
        observed_list: decision.observed_list(),
        observed_limit: decision.observed_limit(),
        ranged: decision.ranged(),
        given: Answer::GIVEN,
    };
    frame.write(QUESTION_LEN, &answer.to_bytes()).is_ok()
}

/// Takes an ACK, CANCEL or BYE to its way out and counts it there: the third program.
#[inline(always)]
pub(crate) fn follow_up(ctx: &XdpContext) -> Counter {
    let exit = request(&Frame::new(ctx)).unwrap_or_else(|exit| exit);
    maps::count(exit);
    exit
}

#[inline(always)]
fn request(frame: &Frame<'_>) -> Result<Counter, Counter> {
    let network = link::read(frame)?;
    let packet = network::read(frame, network)?;
    let message = transport::udp(frame, &packet)?;
    let scratch = window(frame, &message)?;
    Ok(decide::follow_up(scratch, packet.source))
}

/// The message's start in this CPU's window.
#[inline(always)]
fn window(frame: &Frame<'_>, message: &Message) -> Result<&'static mut Scratch, Counter> {
    let scratch = maps::scratch().ok_or(Counter::NotInvite)?;
    let window = frame
        .load(message.at, u64::from(message.len), scratch.window_mut())
        .ok_or(Counter::Truncated)?;
    scratch.loaded(window);
    Ok(scratch)
}
