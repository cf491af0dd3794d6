//! Calls that are held: what becomes of them, and how their frames go on.

use std::{
    io,
    os::fd::AsFd as _,
    sync::{
        Mutex, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
};

use ani_ebpf::{
    abi::{
        attempt::AttemptKeys,
        settings::{MAX_HELD, RELEASED, TICKET_LEN},
        settle,
    },
    scan::Scratch,
};
use anyhow::{Context as _, Result};
use aya::programs::ProgramFd;

use super::{maps::Heartbeat, test_run};
use crate::{
    act::release::Release,
    policy::settle::{Held, Settled},
};

/// Two hardware addresses.
const ADDRESSES_LEN: usize = 12;

/// What holding calls takes of the kernel. Nobody who changes lists is waited for.
pub struct Hold {
    /// `ani_settle`.
    pub(super) settle: ProgramFd,
    /// `ani_pass`.
    pub(super) pass: ProgramFd,
    pub(super) keys: AttemptKeys,
    /// As in the settings.
    pub(super) ticket: u64,
    /// Indexes of interfaces whose program sees released frames again.
    pub(super) generic: RwLock<Vec<u32>>,
    /// Locked while the program is asked: it answers one question at a time.
    pub(super) scratch: Mutex<Scratch>,
    pub(super) heartbeat: Mutex<Heartbeat>,
    /// Whether a released frame could come without its VLAN tag.
    pub(super) loses_tags: AtomicBool,
}

impl Hold {
    /// What becomes of a call.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn settle(&self, held: &Held<'_>) -> Result<Settled> {
        let mut scratch = self.scratch.lock().unwrap_or_else(PoisonError::into_inner);
        let mut packet = [0; settle::LEN];
        let (question, _) = packet.split_at_mut(settle::QUESTION_LEN);
        question.copy_from_slice(&held.question(&mut scratch, &self.keys).to_bytes());
        test_run::once(self.settle.as_fd(), &mut packet)
            .context("cannot ask the program what becomes of a held call")?;
        let [.., a, b, c, d, e, f, g, h] = packet;
        Settled::read([a, b, c, d, e, f, g, h])
            .context("the program does not say what becomes of a held call")
    }

    /// Gives a sign of life: for a second from now, INVITEs are held. 0 for no more; and none are where
    /// their VLAN tags could be lost, however plain.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn beat(&self, now_ns: u64) -> Result<()> {
        let holds = !self.loses_tags.load(Ordering::Relaxed);
        let at = if holds { now_ns } else { 0 };
        self.heartbeat.lock().unwrap_or_else(PoisonError::into_inner).set(at)
    }

    /// Says on which interfaces, by index, the program is a generic one.
    pub(super) fn set_generic(&self, indexes: Vec<u32>) {
        *self.generic.write().unwrap_or_else(PoisonError::into_inner) = indexes;
    }

    fn is_generic(&self, ifindex: u32) -> bool {
        self.generic.read().unwrap_or_else(PoisonError::into_inner).contains(&ifindex)
    }
}

impl Release for Hold {
    fn release(&self, frame: &[u8], ifindex: u32) -> io::Result<()> {
        if !self.is_generic(ifindex) {
            return test_run::live(self.pass.as_fd(), frame, ifindex);
        }
        let (addresses, rest) =
            frame.split_at_checked(ADDRESSES_LEN).ok_or(io::ErrorKind::UnexpectedEof)?;
        let mut ticketed = Vec::with_capacity(MAX_HELD + TICKET_LEN);
        ticketed.extend_from_slice(addresses);
        ticketed.extend_from_slice(&RELEASED.to_be_bytes());
        ticketed.extend_from_slice(&self.ticket.to_ne_bytes());
        ticketed.extend_from_slice(rest);
        test_run::live(self.pass.as_fd(), &ticketed, ifindex)
    }
}
