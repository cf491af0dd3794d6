//! Calls whose certificate is on the way, by its URL.

use std::{collections::HashMap, time::Duration};

use super::job::Job;
use crate::time::Timestamp;

/// Calls that wait for a certificate at most; what is known of one more is its result.
pub const MAX_WAITING: usize = 10_000;

/// Bytes of Identity headers that wait at most: those of `MAX_WAITING` usual calls.
pub const MAX_WAITING_BYTES: usize = 16 << 20;

/// How long one waits at most, far longer than a certificate takes or its host is given.
pub const MAX_WAIT: Duration = Duration::from_secs(30);

/// Calls that wait, in bounded memory.
pub(super) struct Waiting<T> {
    by_url: HashMap<Box<str>, Vec<Job<T>>>,
    len: usize,
    bytes: usize,
}

impl<T> Waiting<T> {
    pub(super) fn new() -> Self {
        Self { by_url: HashMap::new(), len: 0, bytes: 0 }
    }

    /// How many wait.
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// Lets a call wait; gives it back when too many do.
    pub(super) fn put(&mut self, url: &str, job: Job<T>) -> Option<Job<T>> {
        let bytes = job.bytes();
        if self.len >= MAX_WAITING || self.bytes.saturating_add(bytes) > MAX_WAITING_BYTES {
            return Some(job);
        }
        self.len += 1;
        self.bytes += bytes;
        match self.by_url.get_mut(url) {
            Some(jobs) => jobs.push(job),
            None => drop(self.by_url.insert(url.into(), vec![job])),
        }
        None
    }

    /// Those that waited for a certificate.
    pub(super) fn take(&mut self, url: &str) -> Vec<Job<T>> {
        let jobs = self.by_url.remove(url).unwrap_or_default();
        self.gone(&jobs);
        jobs
    }

    /// Those that have waited for too long.
    pub(super) fn expired(&mut self, now: Timestamp) -> Vec<Job<T>> {
        let since = now.before(MAX_WAIT);
        let mut expired = Vec::new();
        self.by_url.retain(|_, jobs| {
            expired.extend(jobs.extract_if(.., |job| job.now <= since));
            !jobs.is_empty()
        });
        self.gone(&expired);
        expired
    }

    /// All of them.
    pub(super) fn take_all(&mut self) -> Vec<Job<T>> {
        (self.len, self.bytes) = (0, 0);
        self.by_url.drain().flat_map(|(_, jobs)| jobs).collect()
    }

    fn gone(&mut self, jobs: &[Job<T>]) {
        self.len -= jobs.len();
        self.bytes -= jobs.iter().map(Job::bytes).sum::<usize>();
    }
}
