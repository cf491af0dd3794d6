//! A caller that signs, places one call after the other, and says how long each was not answered.

use std::{
    net::{SocketAddr, UdpSocket},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use ani_tests::invite::Invite;
use xtask::lab::{Lab, SBC_V4};

/// Whom everybody calls, as the PASSporT names him.
pub(super) const CALLED: &str = "18005550199";

/// Longer than any answer takes, kamailio's first call included.
const PATIENCE: Duration = Duration::from_secs(4);

/// A socket of the carrier.
pub(super) struct Caller {
    socket: UdpSocket,
    address: SocketAddr,
    calls: u32,
}

impl Caller {
    pub(super) fn new(lab: &Lab) -> Self {
        let socket = lab.carrier.enter(|| {
            let socket = UdpSocket::bind((xtask::lab::CARRIER_V4, 0))?;
            socket.connect((SBC_V4, 5060))?;
            Ok(socket)
        });
        let socket = socket.expect("a socket");
        let address = socket.local_addr().expect("its address");
        Self { socket, address, calls: 0 }
    }

    /// The next call's INVITE, with one header line more where there is one.
    pub(super) fn invite(&mut self, from: &str, identity: Option<&str>) -> String {
        self.calls += 1;
        let (number, address) = (self.calls, self.address);
        let mut invite = Invite::from(from).pai(from);
        if let Some(identity) = identity {
            invite = invite.line(&format!("Identity: {identity}"));
        }
        invite
            .text()
            .replace(
                "UDP gw.carrier.example;branch=z9hG4bK1",
                &format!("UDP {address};branch=z9hG4bK{number}-{}", address.port()),
            )
            .replace("Call-ID: 1@", &format!("Call-ID: {number}-{}@", address.port()))
            .replace("<sip:gw.carrier.example>", &format!("<sip:{address}>"))
    }

    /// Places a call; how long it took until it was answered.
    pub(super) fn call(&mut self, from: &str, identity: Option<&str>) -> Duration {
        let invite = self.invite(from, identity);
        self.place(&invite)
    }

    /// Sends an INVITE, and ends the call when it is answered.
    pub(super) fn place(&self, invite: &str) -> Duration {
        let call_id = header(invite, "Call-ID").expect("Call-ID");
        let start = Instant::now();
        self.socket.send(invite.as_bytes()).expect("send");
        self.socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        loop {
            let mut answer = [0; 4_096];
            let len = self.socket.recv(&mut answer).expect("an answer");
            let answer = String::from_utf8_lossy(&answer[..len]).into_owned();
            if header(&answer, "Call-ID") != Some(call_id) || !answer.starts_with("SIP/2.0 200") {
                continue;
            }
            let took = start.elapsed();
            if header(&answer, "CSeq").is_some_and(|cseq| cseq.ends_with("INVITE")) {
                for (method, cseq) in [("ACK", 1), ("BYE", 2)] {
                    let to = header(&answer, "To").expect("To");
                    let request = self.within(invite, method, cseq, to);
                    self.socket.send(request.as_bytes()).expect("send");
                }
                return took;
            }
        }
    }

    /// Sends an INVITE until it is refused, and the ACK of that.
    pub(super) fn refused(&self, invite: &str) -> String {
        self.refused_within(invite, PATIENCE).expect("an answer")
    }

    /// The same; none where nothing comes in time, or another answer.
    pub(super) fn refused_within(&self, invite: &str, patience: Duration) -> Option<String> {
        let call_id = header(invite, "Call-ID").expect("Call-ID");
        self.socket.send(invite.as_bytes()).expect("send");
        self.socket.set_read_timeout(Some(patience)).expect("a timeout");
        loop {
            let mut answer = [0; 4_096];
            let len = self.socket.recv(&mut answer).ok()?;
            let answer = String::from_utf8_lossy(&answer[..len]).into_owned();
            if header(&answer, "Call-ID") != Some(call_id) || answer.starts_with("SIP/2.0 1") {
                continue;
            }
            let refused = !answer.starts_with("SIP/2.0 2");
            if refused {
                let to = header(&answer, "To").expect("To");
                let ack = self.within(invite, "ACK", 1, to);
                self.socket.send(ack.as_bytes()).expect("send");
            }
            return refused.then_some(answer);
        }
    }

    /// Sends an INVITE later, beside whatever else is done.
    pub(super) fn again(&self, invite: &str, later: Duration) -> JoinHandle<()> {
        let (socket, invite) = (self.socket.try_clone().expect("a socket"), invite.to_owned());
        thread::spawn(move || {
            thread::sleep(later);
            socket.send(invite.as_bytes()).expect("send");
        })
    }

    fn within(&self, invite: &str, method: &str, cseq: u32, to: &str) -> String {
        let from = header(invite, "From").expect("From");
        let call_id = header(invite, "Call-ID").expect("Call-ID");
        let address = self.address;
        format!(
            "{method} sip:+{CALLED}@sbc.example SIP/2.0\r\n\
             Via: SIP/2.0/UDP {address};branch=z9hG4bK{method}{call_id}\r\n\
             Max-Forwards: 70\r\nFrom: {from}\r\nTo: {to}\r\nCall-ID: {call_id}\r\n\
             CSeq: {cseq} {method}\r\nContent-Length: 0\r\n\r\n"
        )
    }
}

/// The value of a header, as the lab writes them.
fn header<'m>(message: &'m str, name: &str) -> Option<&'m str> {
    message.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}
