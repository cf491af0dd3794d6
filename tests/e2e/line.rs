//! INVITEs one by one, and as many a second as a test wants, without an SBC: a socket takes what comes
//! through.

use std::{
    net::UdpSocket,
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use ani_tests::invite::Invite;
use nix::sys::socket::{setsockopt, sockopt};
use xtask::lab::{CARRIER_V4, Lab, SBC_V4, sbc::SIP_PORT};

/// How long one that comes through may take.
const PATIENCE: Duration = Duration::from_millis(300);

/// Bytes that may wait to be taken: a second's INVITEs and more.
const ROOM: usize = 64 << 20;

/// The carrier's socket and the SBC's.
pub(crate) struct Line {
    carrier: UdpSocket,
    sbc: UdpSocket,
}

impl Line {
    pub(crate) fn new(lab: &Lab) -> Self {
        let carrier = lab.carrier.enter(|| {
            let socket = UdpSocket::bind((CARRIER_V4, 0))?;
            socket.connect((SBC_V4, SIP_PORT))?;
            Ok(socket)
        });
        let sbc = lab.sbc.enter(|| {
            let socket = UdpSocket::bind((SBC_V4, SIP_PORT))?;
            setsockopt(&socket, sockopt::RcvBufForce, &ROOM)?;
            Ok(socket)
        });
        Self { carrier: carrier.expect("a carrier"), sbc: sbc.expect("an SBC") }
    }

    /// Sends the first INVITE of a call of its own; the call's id.
    pub(crate) fn send(&self, caller: &str) -> String {
        static CALLS: AtomicU32 = AtomicU32::new(0);
        let call_id = format!("{}@carrier.example", CALLS.fetch_add(1, Ordering::Relaxed));
        self.repeat(caller, &call_id);
        call_id
    }

    /// Sends an INVITE of a call again.
    pub(crate) fn repeat(&self, caller: &str, call_id: &str) {
        let invite = Invite { call_id: call_id.to_owned(), ..Invite::from(caller) };
        // Refused by the SBC's stack while nobody takes it: as lost as any other.
        let _sent = self.carrier.send(&invite.pai(caller).bytes());
    }

    /// The ids of the calls whose INVITEs have come through, until none has for a while.
    pub(crate) fn come(&self) -> Vec<String> {
        let mut come = Vec::new();
        self.sbc.set_read_timeout(Some(PATIENCE)).expect("a time-out");
        let mut buffer = [0; 4_096];
        while let Ok(len) = self.sbc.recv(&mut buffer) {
            let text = String::from_utf8_lossy(&buffer[..len]);
            let call_id = text.lines().find_map(|line| line.strip_prefix("Call-ID: "));
            come.extend(call_id.map(str::to_owned));
        }
        come
    }

    /// Whether an INVITE of a new call comes through.
    pub(crate) fn passes(&self, caller: &str) -> bool {
        let call_id = self.send(caller);
        self.come().contains(&call_id)
    }

    /// Sends so many a second for as long as `work` takes: every fifth from `blocked`, the others from
    /// `honest`. How many there were of each.
    pub(crate) fn while_calling<T>(
        &self,
        per_second: u32,
        honest: &str,
        blocked: &str,
        work: impl FnOnce() -> T,
    ) -> (Sent, T) {
        let stop = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            let sender = scope.spawn(|| {
                let (start, mut sent) = (Instant::now(), Sent::default());
                while !stop.load(Ordering::Relaxed) {
                    let due = (start.elapsed().as_secs_f64() * f64::from(per_second)) as usize;
                    while sent.honest.len() + sent.blocked.len() < due {
                        if (sent.honest.len() + sent.blocked.len()).is_multiple_of(5) {
                            sent.blocked.push(self.send(blocked));
                        } else {
                            sent.honest.push(self.send(honest));
                        }
                    }
                    std::thread::sleep(Duration::from_millis(1));
                }
                sent
            });
            let done = work();
            stop.store(true, Ordering::Relaxed);
            (sender.join().expect("the sender"), done)
        })
    }
}

/// The ids of calls.
#[derive(Default)]
pub(crate) struct Sent {
    pub(crate) honest: Vec<String>,
    pub(crate) blocked: Vec<String>,
}
