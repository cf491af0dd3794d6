//! Answers in the SBC's place: what a stopped call is told, as a SIP response in a frame that goes back
//! the way the INVITE came.
//!
//! No answer needs memory: its To tag is a keyed hash of what tells the transaction from others, so a
//! repeated INVITE gets the same bytes. How often anybody is answered is limited, by where the INVITE
//! came from and over all: who forges sources cannot have more sent to them than that. This module
//! knows neither tokio nor aya and reads no clock.

/// Entries of lists that have an answer of their own.
pub mod entries;
/// What is answered, as it is written.
mod said;
/// What is answered, ready to be sent.
mod prepared;
/// How often.
mod limiter;
/// The response.
mod response;
/// The Via that the answer goes by.
mod via;
/// The frame it goes in.
mod frame;

use std::{hash::RandomState, io, net::SocketAddr, sync::Arc};

use ani_ebpf::abi::list::MAX_LISTS;

use self::limiter::Limiter;
pub use self::{
    entries::{Entries, Stopped},
    prepared::Prepared,
    said::{Answer, CODES, Refusal, SaidError},
};
use crate::{
    capture::Message,
    config::{Config, PER_CALLER},
    policy::BLOCK,
    sip::Invite,
};

/// A response on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The SIP message.
    pub message: Vec<u8>,
    /// Whom it is for: the INVITE's source, and the port its Via names (RFC 3261 §18.2.2, RFC 3581 §4).
    pub to: SocketAddr,
    /// What is sent; none for an INVITE that did not come in a frame.
    pub wire: Option<Wire>,
}

/// A frame, and where it goes out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wire {
    /// The interface the INVITE came in on; 0 where that is not known.
    pub ifindex: u32,
    /// From the link header on.
    pub frame: Vec<u8>,
}

/// Whoever puts frames onto the wire.
pub trait Transmit: Send {
    /// Sends one; never waits.
    ///
    /// # Errors
    ///
    /// When the system does not take it.
    fn transmit(&self, wire: &Wire) -> io::Result<()>;
}

/// Why there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Silence {
    /// The INVITE cannot be answered: its Via, From, To, Call-ID or CSeq cannot be read for sure, or
    /// the answer does not fit a frame.
    Impossible,
    /// There were too many.
    Limited,
}

/// What is said to whom, and how often.
pub struct Answers {
    /// By the lists' ids.
    lists: Vec<Option<Arc<Prepared>>>,
    /// By the limits'.
    limits: Vec<Option<Arc<Prepared>>>,
    entries: Arc<Entries>,
    limiter: Limiter,
    /// What To tags are made with: drawn once.
    tags: RandomState,
}

impl Answers {
    /// Those of a configuration.
    pub fn new(config: &Config) -> Self {
        let (lists, limits) = tables(config);
        Self {
            lists,
            limits,
            entries: Arc::default(),
            limiter: Limiter::new(&config.answers),
            tags: RandomState::new(),
        }
    }

    /// Hears what entries say for themselves, too.
    pub fn hear(&mut self, entries: Arc<Entries>) {
        self.entries = entries;
    }

    /// Takes another configuration. Tags stay what they are; what a call is told may change between
    /// two of its INVITEs.
    pub fn reconfigure(&mut self, config: &Config) {
        (self.lists, self.limits) = tables(config);
        self.limiter.reconfigure(&config.answers);
    }

    /// What a call is told that a list stopped; none for nothing.
    pub fn of_list(&self, call: &Stopped) -> Option<Arc<Prepared>> {
        match self.entries.find(call) {
            Some(own) => own,
            None => self.lists.get(usize::from(call.list))?.clone(),
        }
    }

    /// The same of one that a limit stopped.
    pub fn of_limit(&self, limit: u8) -> Option<Arc<Prepared>> {
        self.limits.get(usize::from(limit))?.clone()
    }

    /// The answer to an initial INVITE over UDP from a configured trunk; to no other one may be given.
    /// Whoever decided, each one counts against the limits.
    ///
    /// # Errors
    ///
    /// When there is none, and why.
    pub fn reply(
        &mut self,
        what: &Prepared,
        invite: &Invite<'_>,
        message: &Message<'_>,
    ) -> Result<Reply, Silence> {
        if !self.limiter.admits(message.src.ip(), message.arrived) {
            return Err(Silence::Limited);
        }
        reply(what, invite, message, &self.tags).ok_or(Silence::Impossible)
    }
}

fn reply(
    what: &Prepared,
    invite: &Invite<'_>,
    message: &Message<'_>,
    tags: &RandomState,
) -> Option<Reply> {
    let response = response::to(what, invite, message.src, tags)?;
    let to = SocketAddr::new(message.src.ip(), response.port);
    let bytes = response.bytes;
    if bytes.len() > frame::room(to.ip()) {
        return None;
    }
    let wire = match &message.wire {
        None => None,
        Some(came) => Some(Wire {
            ifindex: came.ifindex,
            frame: frame::back(came.bytes, message.src.ip(), message.dst, to.port(), &bytes)?,
        }),
    };
    Some(Reply { message: bytes, to, wire })
}

type Table = Vec<Option<Arc<Prepared>>>;

/// What lists and limits say, by their ids.
fn tables(config: &Config) -> (Table, Table) {
    let prepared = |answer: &Answer| Prepared::new(answer, &config.answers).map(Arc::new);
    let mut lists = vec![None; MAX_LISTS];
    let mut limits = vec![None; MAX_LISTS];
    lists[usize::from(BLOCK)] = prepared(&config.answers.block);
    for (id, list) in config.list.numbered() {
        lists[usize::from(id)] = prepared(&list.answer);
    }
    limits[usize::from(PER_CALLER)] = prepared(&config.answers.per_caller);
    for (id, limit) in config.limits.named.numbered() {
        limits[usize::from(id)] = prepared(&limit.answer);
    }
    (lists, limits)
}

#[cfg(test)]
mod tests;
