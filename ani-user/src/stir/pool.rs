//! Threads that verify beside the calls: a bounded queue, and calls whose certificate is on the way.
//!
//! Whoever asks never waits: he is told what is known by now, and what comes of it is told to the one
//! who was named at the start, once for each call.

/// A call that waits, with nothing borrowed.
mod job;
/// Calls whose certificate is on the way.
mod waiting;

use std::{
    collections::VecDeque,
    hash::RandomState,
    io,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
};

pub use self::waiting::{MAX_WAIT, MAX_WAITING, MAX_WAITING_BYTES};
use self::{job::Job, waiting::Waiting};
use super::{
    Call, Judgement, Outcome,
    results::{self, Results},
    url,
};
use crate::time::Timestamp;

/// Bytes of Identity headers in the queue at most, whatever its length is: a sender chooses them.
pub const MAX_QUEUE_BYTES: usize = 64 << 20;

/// Verifies calls, one at a time; one for each thread.
pub trait Judge: Send {
    /// What comes of a call by what is at hand; never waits.
    fn judge(&mut self, call: &Call<'_>) -> Judgement;
}

/// Who is told what came of a call: whose it was, and when it arrived.
pub type Completed<T> = dyn Fn(T, Timestamp, &Arc<Judgement>) + Send + Sync;

/// What is said to whoever asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What is known now; [`Outcome::Pending`] for nothing yet.
    pub judgement: Arc<Judgement>,
    /// Whether nothing more will be told of it, now or later, but it is no repetition either.
    pub refused: bool,
}

/// What goes on in the pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Calls that wait for a thread.
    pub queued: usize,
    /// Calls that wait for a certificate.
    pub waiting: usize,
    /// Calls that were not verified because too many waited for a thread, so far.
    pub full: u64,
    /// INVITEs whose call had been verified before, or was being, so far.
    pub repeated: u64,
}

/// The threads and what they share. `T` is whose call it is, for the one who is told.
pub struct Pool<T> {
    shared: Arc<Shared<T>>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared<T> {
    state: Mutex<State<T>>,
    wake: Condvar,
    results: Mutex<Results>,
    keys: RandomState,
    max_queue: usize,
    pending: Arc<Judgement>,
    full: AtomicU64,
    repeated: AtomicU64,
    refused: Arc<Judgement>,
    completed: Box<Completed<T>>,
}

struct State<T> {
    queue: VecDeque<Job<T>>,
    /// Bytes of Identity headers in it.
    bytes: usize,
    waiting: Waiting<T>,
    /// Certificates that arrived or failed so far: a call that began before the last one did not know
    /// of it.
    arrivals: u64,
    sleeping: usize,
    stop: bool,
}

impl<T: Send + 'static> Pool<T> {
    /// Starts a thread for each of `judges`; at most `max_queue` calls wait for them.
    ///
    /// # Errors
    ///
    /// When the system refuses a thread.
    pub fn start(
        judges: Vec<Box<dyn Judge>>,
        max_queue: usize,
        completed: Box<Completed<T>>,
    ) -> io::Result<Self> {
        let results = Results::new();
        let alone = |outcome| Arc::new(Judgement::of(outcome));
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                queue: VecDeque::new(),
                bytes: 0,
                waiting: Waiting::new(),
                arrivals: 0,
                sleeping: 0,
                stop: false,
            }),
            wake: Condvar::new(),
            keys: results.keys(),
            results: Mutex::new(results),
            max_queue,
            pending: alone(Outcome::Pending),
            full: AtomicU64::new(0),
            repeated: AtomicU64::new(0),
            refused: alone(Outcome::PoolFull),
            completed,
        });
        let mut pool = Self { shared, threads: Vec::with_capacity(judges.len()) };
        for (number, mut judge) in judges.into_iter().enumerate() {
            let shared = Arc::clone(&pool.shared);
            let thread = thread::Builder::new()
                .name(format!("ani-stir-{number}"))
                .spawn(move || shared.work(judge.as_mut()))?;
            pool.threads.push(thread);
        }
        Ok(pool)
    }

    /// Asks for a call; `tag` says whose it is, and is made only when it will be told.
    pub fn ask(&self, call: &Call<'_>, tag: impl FnOnce() -> T) -> Answer {
        let shared = &self.shared;
        let key = results::key(&shared.keys, call);
        let mut results = shared.results();
        if let Some(judgement) = results.find(key, call.now) {
            shared.repeated.fetch_add(1, Ordering::Relaxed);
            return Answer { judgement, refused: false };
        }
        results.put(key, Arc::clone(&shared.pending), call.now);
        drop(results);

        let bytes: usize = call.identity.iter().map(|value| value.len()).sum();
        let mut state = shared.state();
        let full = state.queue.len() >= shared.max_queue
            || state.bytes.saturating_add(bytes) > MAX_QUEUE_BYTES;
        if full || state.stop {
            drop(state);
            shared.results().forget(key);
            shared.full.fetch_add(1, Ordering::Relaxed);
            return Answer { judgement: Arc::clone(&shared.refused), refused: true };
        }
        state.push(Job::new(call, key, tag()));
        let wake = state.sleeping > 0;
        drop(state);
        if wake {
            shared.wake.notify_one();
        }
        Answer { judgement: Arc::clone(&shared.pending), refused: false }
    }

    /// To be called when a certificate has arrived, or will not: the calls that waited for it are
    /// verified again, as of the time they arrived.
    pub fn arrived(&self, url: &str) {
        let mut state = self.shared.state();
        state.arrivals = state.arrivals.wrapping_add(1);
        let jobs = state.waiting.take(url);
        self.again(state, jobs, false);
    }

    /// Gives up what has waited too long for its certificate; to be called now and then.
    pub fn expire(&self, now: Timestamp) {
        let mut state = self.shared.state();
        let jobs = state.waiting.expired(now);
        self.again(state, jobs, true);
    }

    fn again(&self, mut state: MutexGuard<'_, State<T>>, jobs: Vec<Job<T>>, last: bool) {
        if jobs.is_empty() {
            return;
        }
        for mut job in jobs {
            job.last = last;
            // Bounded by what may wait, and not by the queue, which new calls fill.
            state.push(job);
        }
        drop(state);
        self.shared.wake.notify_all();
    }

    /// What goes on.
    pub fn load(&self) -> Load {
        let state = self.shared.state();
        Load {
            queued: state.queue.len(),
            waiting: state.waiting.len(),
            full: self.shared.full.load(Ordering::Relaxed),
            repeated: self.shared.repeated.load(Ordering::Relaxed),
        }
    }

    /// Takes nothing more, ends what was taken, and ends the threads.
    pub fn stop(&self) {
        let mut state = self.shared.state();
        state.stop = true;
        let jobs = state.waiting.take_all();
        self.again(state, jobs, true);
        self.shared.wake.notify_all();
    }
}

impl<T> Drop for Pool<T> {
    fn drop(&mut self) {
        self.shared.state().stop = true;
        self.shared.wake.notify_all();
        for thread in self.threads.drain(..) {
            // One that panicked has said so.
            let _ = thread.join();
        }
    }
}

impl<T> Shared<T> {
    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn results(&self) -> MutexGuard<'_, Results> {
        self.results.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Works until told to stop and nothing is left.
    fn work(&self, judge: &mut dyn Judge) {
        while let Some((job, arrivals)) = self.next() {
            let judgement = Arc::new(job.with(|call| judge.judge(call)));
            if let Some(job) = self.wait(job, arrivals, &judgement) {
                self.results().put(job.key, Arc::clone(&judgement), job.now);
                (self.completed)(job.tag, job.now, &judgement);
            }
        }
    }

    /// The next call, and how many certificates had arrived before; none at the end.
    fn next(&self) -> Option<(Job<T>, u64)> {
        let mut state = self.state();
        loop {
            if let Some(job) = state.pop() {
                return Some((job, state.arrivals));
            }
            if state.stop {
                return None;
            }
            state.sleeping += 1;
            state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.sleeping -= 1;
        }
    }

    /// Lets a call wait whose certificate is on the way; gives back any other, and one that cannot.
    fn wait(&self, job: Job<T>, arrivals: u64, judgement: &Arc<Judgement>) -> Option<Job<T>> {
        if job.last || judgement.outcome != Outcome::CertificatePending {
            return Some(job);
        }
        let mut pending = judgement
            .passports
            .iter()
            .filter(|passport| passport.outcome == Outcome::CertificatePending);
        let Some(url) = pending.find_map(|passport| passport.url.as_deref()) else {
            return Some(job);
        };
        let mut state = self.state();
        if state.stop {
            return Some(job);
        }
        if state.arrivals != arrivals {
            // It may have been this one, between the look for it and now.
            state.push(job);
            return None;
        }
        // While nobody can know of its arrival: what comes of it then is not written over.
        self.results().put(job.key, Arc::clone(judgement), job.now);
        match url::check(url) {
            // As it is told when it arrives.
            Ok(url) => state.waiting.put(url.as_str(), job),
            Err(_) => Some(job),
        }
    }
}

impl<T> State<T> {
    fn push(&mut self, job: Job<T>) {
        self.bytes += job.bytes();
        self.queue.push_back(job);
    }

    fn pop(&mut self) -> Option<Job<T>> {
        let job = self.queue.pop_front()?;
        self.bytes -= job.bytes();
        Some(job)
    }
}

#[cfg(test)]
mod tests;
