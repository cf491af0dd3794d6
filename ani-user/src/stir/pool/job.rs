//! A call that waits, with nothing borrowed.

use crate::{
    stir::{
        Call,
        call::{CALLED, Party},
        results::Key,
    },
    time::Timestamp,
};

/// A call to be verified, and whose it is.
pub(super) struct Job<T> {
    pub(super) key: Key,
    pub(super) tag: T,
    /// Whether what comes of it counts even when its certificate is still on the way.
    pub(super) last: bool,
    identity: Box<[Box<[u8]>]>,
    cut: bool,
    caller: Option<Party<'static>>,
    called: [Option<Party<'static>>; CALLED],
    date: Option<Box<[u8]>>,
    resource_priority: Option<Box<[u8]>>,
    attempt: u64,
    pub(super) now: Timestamp,
}

impl<T> Job<T> {
    pub(super) fn new(call: &Call<'_>, key: Key, tag: T) -> Self {
        Self {
            key,
            tag,
            last: false,
            identity: call.identity.iter().map(|value| (*value).into()).collect(),
            cut: call.cut,
            caller: call.caller.as_ref().map(owned),
            called: call.called.each_ref().map(|party| party.as_ref().map(owned)),
            date: call.date.map(Into::into),
            resource_priority: call.resource_priority.as_deref().map(Into::into),
            attempt: call.attempt,
            now: call.now,
        }
    }

    /// Hands out the call.
    pub(super) fn with<R>(&self, take: impl FnOnce(&Call<'_>) -> R) -> R {
        let identity: Vec<&[u8]> = self.identity.iter().map(AsRef::as_ref).collect();
        take(&Call {
            identity: &identity,
            cut: self.cut,
            caller: self.caller.clone(),
            called: self.called.clone(),
            date: self.date.as_deref(),
            resource_priority: self.resource_priority.as_deref().map(Into::into),
            attempt: self.attempt,
            now: self.now,
        })
    }

    /// Bytes that a sender can make it take.
    pub(super) fn bytes(&self) -> usize {
        let others = self.resource_priority.as_ref().map_or(0, |value| value.len());
        others + self.identity.iter().map(|value| value.len()).sum::<usize>()
    }
}

fn owned(party: &Party<'_>) -> Party<'static> {
    match party {
        Party::Tn(tn) => Party::Tn(tn.clone().into_owned().into()),
        Party::Uri(uri) => Party::Uri(uri.clone().into_owned().into()),
    }
}
