//! Verification with what is at hand: anchors, certificates, and the signatures that came before. One
//! for all threads, and for captures.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use super::{
    Call, Credential, Credentials, Judgement, Outcome, Replays, Settings, Trust,
    cache::{Cache, Found, Reader},
    lists::Lists,
    verify,
};
use crate::time::Timestamp;

/// What calls are verified with.
pub struct Bench {
    cache: Arc<Cache<Credential>>,
    anchors: AtomicUsize,
    max_age_s: AtomicU64,
    replays: Mutex<Replays>,
}

impl Bench {
    /// Verifies with the certificates of `cache`, which reads them by `trust`.
    pub fn new(cache: Arc<Cache<Credential>>, trust: &Trust, max_age: Duration) -> Self {
        Self {
            cache,
            anchors: AtomicUsize::new(trust.anchors.len()),
            max_age_s: AtomicU64::new(max_age.as_secs()),
            replays: Mutex::default(),
        }
    }

    /// What comes of a call; `now` is for the certificates, the call has its own time.
    pub fn judge(&self, call: &Call<'_>, now: Timestamp) -> Judgement {
        if self.anchors() == 0 {
            // And nothing is fetched for what cannot be verified.
            return Judgement::of(Outcome::NoAnchors);
        }
        let max_age = Duration::from_secs(self.max_age_s.load(Ordering::Relaxed));
        let settings = Settings { max_age, ..Settings::default() };
        let at_hand = AtHand { cache: &self.cache, now };
        verify(call, &at_hand, &settings, &mut &self.replays, &mut ())
    }

    /// Trust anchors in force.
    pub fn anchors(&self) -> usize {
        self.anchors.load(Ordering::Relaxed)
    }

    /// The certificates.
    pub const fn cache(&self) -> &Arc<Cache<Credential>> {
        &self.cache
    }

    /// Takes another age from the next call on.
    pub fn set_max_age(&self, max_age: Duration) {
        self.max_age_s.store(max_age.as_secs(), Ordering::Relaxed);
    }

    /// Takes other anchors and revocation lists: all certificates are read anew.
    pub fn trust(&self, trust: Arc<Trust>, lists: Option<Arc<Lists>>) {
        let anchors = trust.anchors.len();
        self.cache.reread(reader(trust, lists));
        self.anchors.store(anchors, Ordering::Relaxed);
    }
}

/// Reads certificates by whom the operator trusts; tells `lists` where theirs are.
pub fn reader(trust: Arc<Trust>, lists: Option<Arc<Lists>>) -> Reader<Credential> {
    Arc::new(move |pem| {
        let credential = Credential::read(pem, &trust)?;
        if let Some(lists) = &lists {
            lists.name(credential.points());
        }
        Ok(credential)
    })
}

/// The certificates that are at hand now.
struct AtHand<'c> {
    cache: &'c Cache<Credential>,
    now: Timestamp,
}

impl Credentials for AtHand<'_> {
    fn find(&self, url: &str) -> Result<Arc<Credential>, Outcome> {
        match self.cache.find(url, self.now) {
            Found::Present(credential) => Ok(credential),
            Found::Negative(outcome) => Err(outcome),
            Found::Pending => Err(Outcome::CertificatePending),
        }
    }
}
