//! The pool with judges that say what they are told to, and wait when they are told to.

use std::{
    collections::HashMap,
    sync::mpsc::{Receiver, Sender, channel},
    time::Duration,
};

use super::*;
use crate::stir::{Judged, call::Party};

const SOON: Duration = Duration::from_secs(10);

/// Certificates by URL, and a gate behind each look for one.
#[derive(Clone, Default)]
struct Desk {
    known: Arc<Mutex<HashMap<String, Outcome>>>,
    asked: Arc<AtomicU64>,
    /// Held by whoever wants the judges to wait.
    gate: Arc<Mutex<()>>,
}

impl Judge for Desk {
    /// A value of Identity is the URL of its certificate.
    fn judge(&mut self, call: &Call<'_>) -> Judgement {
        let url = String::from_utf8_lossy(call.identity[0]).into_owned();
        let known = self.known.lock().expect("known").get(&url).copied();
        self.asked.fetch_add(1, Ordering::SeqCst);
        drop(self.gate.lock().expect("gate"));
        let outcome = known.unwrap_or(Outcome::CertificatePending);
        let judged = Judged { url: Some(url.into()), ..Judged::of(outcome) };
        Judgement { passports: vec![judged], ..Judgement::of(outcome) }
    }
}

type Told = (u32, Timestamp, Outcome);

fn pool(desk: &Desk, threads: usize, max_queue: usize) -> (Pool<u32>, Receiver<Told>) {
    let (tell, told): (Sender<Told>, _) = channel();
    let judges = (0..threads).map(|_| Box::new(desk.clone()) as Box<dyn Judge>).collect();
    let tell = Mutex::new(tell);
    let completed: Box<Completed<u32>> = Box::new(move |tag, now, judgement| {
        let _gone = tell.lock().expect("tell").send((tag, now, judgement.outcome));
    });
    (Pool::start(judges, max_queue, completed).expect("threads"), told)
}

/// The URL of a certificate.
fn url(name: &str) -> String {
    format!("https://certs.example.org/{name}.pem")
}

/// Asks for a call whose certificate has this name.
fn ask(pool: &Pool<u32>, name: &str, attempt: u32, seconds: i64) -> (Outcome, bool) {
    ask_with(pool, &[url(name).as_bytes()], attempt, seconds)
}

fn ask_with(pool: &Pool<u32>, identity: &[&[u8]], attempt: u32, seconds: i64) -> (Outcome, bool) {
    let call = Call {
        identity,
        cut: false,
        caller: Some(Party::Tn("12155551212".into())),
        called: [None, None],
        date: None,
        resource_priority: None,
        attempt: attempt.into(),
        now: Timestamp::new(seconds, 0),
    };
    let answer = pool.ask(&call, || attempt);
    (answer.judgement.outcome, answer.refused)
}

fn wait_until(what: &str, ready: impl Fn() -> bool) {
    let start = std::time::Instant::now();
    while !ready() {
        assert!(start.elapsed() < SOON, "{what}");
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn each_call_is_told_once_and_a_repeated_invite_is_not_verified_again() {
    let desk = Desk::default();
    desk.known.lock().expect("known").insert(url("a"), Outcome::Valid);
    let (pool, told) = pool(&desk, 1, 8);
    let gate = desk.gate.lock().expect("gate");
    assert_eq!(ask(&pool, "a", 1, 100), (Outcome::Pending, false));
    assert_eq!(ask(&pool, "a", 1, 100), (Outcome::Pending, false), "while it is verified");
    drop(gate);
    assert_eq!(told.recv_timeout(SOON), Ok((1, Timestamp::new(100, 0), Outcome::Valid)));
    assert_eq!(ask(&pool, "a", 1, 101), (Outcome::Valid, false), "and after");
    assert_eq!(ask(&pool, "a", 2, 101), (Outcome::Pending, false), "another call");
    assert_eq!(told.recv_timeout(SOON), Ok((2, Timestamp::new(101, 0), Outcome::Valid)));
    assert_eq!(desk.asked.load(Ordering::SeqCst), 2);
    assert_eq!(pool.load(), Load { repeated: 2, ..Load::default() });
    drop(pool);
    assert!(told.try_recv().is_err(), "nothing is told twice");
}

#[test]
fn a_full_queue_is_said_at_once_and_counted() {
    let desk = Desk::default();
    desk.known.lock().expect("known").insert(url("a"), Outcome::Valid);
    let (pool, told) = pool(&desk, 1, 2);
    let gate = desk.gate.lock().expect("gate");
    assert_eq!(ask(&pool, "a", 1, 100), (Outcome::Pending, false));
    // The thread has taken it and stands at the gate.
    wait_until("a thread took the first call", || pool.load().queued == 0);
    assert_eq!(ask(&pool, "a", 2, 100), (Outcome::Pending, false));
    assert_eq!(ask(&pool, "a", 3, 100), (Outcome::Pending, false));
    assert_eq!(ask(&pool, "a", 4, 100), (Outcome::PoolFull, true));
    assert_eq!(ask(&pool, "a", 4, 100), (Outcome::PoolFull, true), "not remembered");
    assert_eq!(pool.load(), Load { queued: 2, full: 2, ..Load::default() });
    drop(gate);
    for call in 1..=3 {
        assert_eq!(told.recv_timeout(SOON), Ok((call, Timestamp::new(100, 0), Outcome::Valid)));
    }
    assert_eq!(ask(&pool, "a", 4, 100), (Outcome::Pending, false), "there is room again");
    assert_eq!(told.recv_timeout(SOON), Ok((4, Timestamp::new(100, 0), Outcome::Valid)));
}

#[test]
fn what_a_sender_makes_long_does_not_fill_the_memory() {
    let desk = Desk::default();
    let (pool, _told) = pool(&desk, 1, usize::MAX);
    let gate = desk.gate.lock().expect("gate");
    let (url, long) = (url("a"), vec![b'x'; 1 << 20]);
    let identity = [url.as_bytes(), &long];
    let refused = (0..80).filter(|attempt| ask_with(&pool, &identity, *attempt, 100).1).count();
    drop(gate);
    // One is in the thread's hands, or was in the queue when the last one came.
    let fit = 80 - refused;
    assert!((63..=65).contains(&fit), "{fit} MiB");
    wait_until("those beyond the bound of what waits are told", || pool.load().queued == 0);
    let waiting = pool.load().waiting;
    assert!((10..=16).contains(&waiting), "{waiting} MiB");
}

#[test]
fn a_call_waits_for_its_certificate_and_is_told_when_it_arrives() {
    let desk = Desk::default();
    let (pool, told) = pool(&desk, 2, 8);
    assert_eq!(ask(&pool, "a", 1, 100), (Outcome::Pending, false));
    assert_eq!(ask(&pool, "b", 2, 100), (Outcome::Pending, false));
    wait_until("both wait", || pool.load().waiting == 2);
    assert_eq!(ask(&pool, "a", 1, 101), (Outcome::CertificatePending, false));
    assert!(told.try_recv().is_err());

    desk.known.lock().expect("known").insert(url("a"), Outcome::Valid);
    pool.arrived(&url("a"));
    assert_eq!(told.recv_timeout(SOON), Ok((1, Timestamp::new(100, 0), Outcome::Valid)));
    assert_eq!(ask(&pool, "a", 1, 102), (Outcome::Valid, false));
    assert_eq!(pool.load().waiting, 1);

    desk.known.lock().expect("known").insert(url("b"), Outcome::FetchTimeout);
    pool.arrived(&url("b"));
    assert_eq!(told.recv_timeout(SOON), Ok((2, Timestamp::new(100, 0), Outcome::FetchTimeout)));
}

#[test]
fn what_arrives_while_a_call_is_verified_is_not_missed() {
    let desk = Desk::default();
    let (pool, told) = pool(&desk, 1, 8);
    let gate = desk.gate.lock().expect("gate");
    ask(&pool, "a", 1, 100);
    wait_until("it was looked for and not found", || desk.asked.load(Ordering::SeqCst) == 1);
    // It comes before the call waits for it, and never again.
    desk.known.lock().expect("known").insert(url("a"), Outcome::Valid);
    pool.arrived(&url("a"));
    drop(gate);
    assert_eq!(told.recv_timeout(SOON), Ok((1, Timestamp::new(100, 0), Outcome::Valid)));
}

#[test]
fn nobody_waits_for_ever() {
    let desk = Desk::default();
    let (pool, told) = pool(&desk, 1, 8);
    ask(&pool, "a", 1, 100);
    wait_until("it waits", || pool.load().waiting == 1);
    pool.expire(Timestamp::new(129, 0));
    assert_eq!(pool.load().waiting, 1);
    pool.expire(Timestamp::new(130, 0));
    let pending = Outcome::CertificatePending;
    assert_eq!(told.recv_timeout(SOON), Ok((1, Timestamp::new(100, 0), pending)));

    // At the end nobody waits for what will not come.
    ask(&pool, "b", 2, 131);
    wait_until("it waits", || pool.load().waiting == 1);
    pool.stop();
    assert_eq!(told.recv_timeout(SOON), Ok((2, Timestamp::new(131, 0), pending)));
    assert_eq!(ask(&pool, "c", 3, 132), (Outcome::PoolFull, true));
}

#[test]
fn so_many_wait_and_no_more() {
    let desk = Desk::default();
    let (pool, told) = pool(&desk, 2, MAX_WAITING * 2);
    for attempt in 0..MAX_WAITING as u32 + 10 {
        ask(&pool, &attempt.to_string(), attempt, 100);
    }
    for _ in 0..10 {
        let (_, _, outcome) = told.recv_timeout(SOON).expect("one more than may wait");
        assert_eq!(outcome, Outcome::CertificatePending);
    }
    assert_eq!(pool.load().waiting, MAX_WAITING);
    pool.stop();
    for _ in 0..MAX_WAITING {
        told.recv_timeout(SOON).expect("each one is told");
    }
}
