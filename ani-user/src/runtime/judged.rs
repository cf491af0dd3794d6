//! From the threads that verify to the worker: what came of the calls that it holds.

use std::{
    sync::{
        Arc, OnceLock,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::Thread,
};

use crate::stir::{Judgement, results::Key};

/// What waits for the worker, at most. What finds no room is not told: that call goes on when its
/// deadline comes, and is counted as late.
const MAX_UNHEARD: usize = 16_384;

/// What came of a call.
pub(super) type Judged = (Key, Arc<Judgement>);

/// Whoever tells.
#[derive(Clone)]
pub(super) struct Teller {
    tell: SyncSender<Judged>,
    worker: Arc<OnceLock<Thread>>,
}

/// Both ends.
pub(super) fn channel() -> (Teller, Receiver<Judged>) {
    let (tell, told) = sync_channel(MAX_UNHEARD);
    (Teller { tell, worker: Arc::default() }, told)
}

impl Teller {
    /// Names the thread that listens, to wake it.
    pub(super) fn wakes(&self, worker: &Thread) {
        self.worker.get_or_init(|| worker.clone());
    }

    /// Tells, and never waits.
    pub(super) fn tell(&self, key: Key, judgement: &Arc<Judgement>) {
        let _no_room = self.tell.try_send((key, Arc::clone(judgement)));
        if let Some(worker) = self.worker.get() {
            worker.unpark();
        }
    }
}
