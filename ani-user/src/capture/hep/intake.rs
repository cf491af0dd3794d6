//! Whose packets are taken, and their way to the worker.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::Thread,
};

use ipnet::IpNet;
use subtle::ConstantTimeEq as _;

use super::{
    notices::Notices,
    packet::{self, Carried, Packet, Unreadable},
};
use crate::{
    capture::{clock::Clock, queue},
    config::Hep,
    telemetry::{Tallies, Tally},
    time::Timestamp,
};

/// What stands between the sockets and the worker. Each packet from an allowed sender is counted
/// once as come, and once as what became of it.
pub struct Intake {
    sources: Vec<IpNet>,
    /// Empty for none.
    key: String,
    queue: Mutex<queue::Writer>,
    worker: Thread,
    notices: Mutex<Notices>,
    tallies: Arc<Tallies>,
    clock: Clock,
}

impl Intake {
    /// Takes what `config` allows and wakes `worker`, who reads the other end of `queue`.
    pub fn new(
        config: &Hep,
        queue: queue::Writer,
        worker: Thread,
        tallies: Arc<Tallies>,
        clock: Clock,
    ) -> Self {
        Self {
            sources: config.sources.clone(),
            key: config.key.clone(),
            queue: Mutex::new(queue),
            worker,
            notices: Mutex::new(Notices::new()),
            tallies,
            clock,
        }
    }

    /// Whether somebody may send packets; one who may not is counted.
    pub fn allows(&self, sender: IpAddr) -> bool {
        // A socket of both families sees IPv4 so.
        let sender = sender.to_canonical();
        if self.sources.iter().any(|network| network.contains(&sender)) {
            return true;
        }
        self.tallies.add(Tally::HepRefused);
        self.notice(sender, "refused", || {
            format!(
                "HEP from {sender} is refused: name its network in capture.hep_sources if it is to \
                 be taken"
            )
        });
        false
    }

    /// Takes a packet of somebody who is allowed.
    pub fn packet(&self, sender: IpAddr, bytes: &[u8]) {
        let packet = match packet::read(bytes) {
            Ok(packet) => packet,
            Err(why) => return self.unreadable(sender, why),
        };
        self.tallies.add(Tally::HepPackets);
        if !self.is_authentic(&packet) {
            self.tallies.add(Tally::HepBadKey);
            return self.notice(sender, "key", || {
                let key = if packet.key.is_some() { "another" } else { "no" };
                format!(
                    "HEP from {sender} has {key} authentication key: set that of capture.hep_key"
                )
            });
        }
        match packet.carried {
            Carried::Nothing => self.tallies.add(Tally::HepKeepalives),
            Carried::Other => self.tallies.add(Tally::HepNotSip),
            Carried::Sip(_) => self.hand_on(bytes),
        }
    }

    /// Counts something of somebody who is allowed that is no packet, or only half of one.
    pub fn unreadable(&self, sender: IpAddr, why: Unreadable) {
        self.tallies.add(Tally::HepPackets);
        self.tallies.add(Tally::HepBad);
        self.notice(sender, why.as_str(), || match why.remedy() {
            Some(remedy) => format!("HEP from {sender} cannot be read: {why}; {remedy}"),
            None => format!("HEP from {sender} cannot be read: {why}"),
        });
    }

    /// Counts a connection that is one too many.
    pub fn busy(&self) {
        self.tallies.add(Tally::HepBusy);
    }

    /// Whether the key is ours; how long that takes says nothing about it but its length.
    fn is_authentic(&self, packet: &Packet<'_>) -> bool {
        let key = self.key.as_bytes();
        key.is_empty() || packet.key.unwrap_or_default().ct_eq(key).into()
    }

    fn hand_on(&self, packet: &[u8]) {
        let Timestamp(received) = self.clock.now();
        let pushed = locked(&self.queue).push(&[&received.to_ne_bytes(), packet]);
        match pushed {
            Ok(()) => self.worker.unpark(),
            // None is longer than the longest there is.
            Err(queue::Refused::Full | queue::Refused::TooLong) => {
                self.tallies.add(Tally::HepQueueFull);
            }
        }
    }

    fn notice(&self, sender: IpAddr, name: &'static str, text: impl FnOnce() -> String) {
        let sender = sender.to_canonical();
        if locked(&self.notices).due(sender, name, self.clock.now()) {
            tracing::warn!("{}", text());
        }
    }
}

/// What is locked is whole between calls, after a panic too.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
