//! What bounds strangers: bytes, connections, requests, time. Each test here says its figures
//! (`--nocapture`).

use std::{
    collections::BTreeMap,
    num::NonZeroUsize,
    sync::{Mutex, MutexGuard, PoisonError, atomic::Ordering},
    time::{Duration, Instant},
};

use ani_user::stir::{
    budget,
    cache::{AT_ONCE, MAX_NEGATIVE, MAX_WAITING},
    fetch::{MAX_BODY, TIMEOUT},
};

use crate::{
    rig::{Rig, certificate, until},
    server::{PORT, Reply, Server},
};

/// Calls of a burst.
const BURST: usize = 10_000;

/// The process's memory is looked at: one at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Resident bytes of this process, server and all.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
}

/// Connections that this process has with the server: those that are made and those that were.
fn connections(server: &Server) -> usize {
    let table = std::fs::read_to_string("/proc/net/tcp").expect("the kernel's table");
    let is_open = |line: &&str| {
        let mut fields = line.split_ascii_whitespace().skip(2);
        let (Some(remote), Some(state)) = (fields.next(), fields.next()) else { return false };
        let Some((address, port)) = remote.split_once(':') else { return false };
        let Ok(address) = u32::from_str_radix(address, 16) else { return false };
        let address = std::net::IpAddr::from(address.to_ne_bytes());
        const MADE: [&str; 2] = ["01", "02"];
        port == format!("{:04X}", PORT)
            && MADE.contains(&state)
            && server.addresses.contains(&address)
    };
    table.lines().filter(is_open).count()
}

/// Asks for each URL; how often each word came, and how long each took, sorted.
fn burst(
    rig: &Rig,
    url: impl Fn(usize) -> String,
) -> (BTreeMap<&'static str, usize>, Vec<Duration>) {
    let mut words = BTreeMap::new();
    let mut took = Vec::with_capacity(BURST);
    for at in 0..BURST {
        let url = url(at);
        let begun = Instant::now();
        let word = rig.find(&url);
        took.push(begun.elapsed());
        *words.entry(word).or_default() += 1;
    }
    took.sort();
    (words, took)
}

fn figures(took: &[Duration]) -> String {
    format!(
        "find: median {:?}, 99.9 % {:?}, longest {:?}",
        took[BURST / 2],
        took[BURST - BURST / 1000],
        took[BURST - 1]
    )
}

#[test]
fn ten_thousand_urls_of_one_host_are_ten_requests() {
    let _alone = alone();
    let server = Server::start();
    let rig = Rig::new(&server);
    let before = resident();
    let (words, took) = burst(&rig, |at| server.url(&format!("/{at}.pem")));
    println!("{words:?}; {}; {} KB more", figures(&took), resident().saturating_sub(before) / 1024);
    let pending = budget::HOST.burst as usize;
    assert_eq!(words, BTreeMap::from([("fetch-budget", BURST - pending), ("pending", pending)]));
    rig.settle();
    assert_eq!(server.seen.connections.load(Ordering::SeqCst), pending);
    assert_eq!(rig.count("over_budget"), (BURST - pending) as u64);
    assert_eq!(rig.count("fetch-status"), pending as u64);
}

/// Hosts that take a connection and say nothing are the worst there is.
#[test]
fn ten_thousand_urls_of_hanging_hosts_hold_sixteen_connections_and_no_call() {
    let _alone = alone();
    const HOSTS: usize = 100;
    let server = Server::start_at(HOSTS);
    let rig = Rig::new(&server);
    for at in 0..BURST {
        server.seen.reply(&format!("/{at}.pem"), Reply::Hang);
    }
    let before = resident();
    let begun = Instant::now();
    let (words, took) =
        burst(&rig, |at| format!("https://{}:8443/{at}.pem", server.addresses[at % HOSTS]));
    let asked = begun.elapsed();
    let pending = budget::ALL.burst as usize;
    assert_eq!(words, BTreeMap::from([("fetch-budget", BURST - pending), ("pending", pending)]));
    // One that waited for a host would have taken two seconds.
    assert!(took[BURST - 1] < TIMEOUT / 4, "{}", figures(&took));
    let mut held = Vec::new();
    while rig.is_busy() {
        held.push(connections(&server));
        std::thread::sleep(Duration::from_millis(5));
    }
    until("connections are closed", || server.seen.open() == 0);
    held.sort_unstable();
    let most = held.last().copied().unwrap_or(0);
    println!(
        "{words:?} in {asked:?}; {}; at most {most} connections; {} KB more",
        figures(&took),
        resident().saturating_sub(before) / 1024
    );
    // The table is read line by line: when one set of connections gives way to the next it shows some
    // of both.
    assert_eq!(held[held.len() / 2], AT_ONCE);
    assert!(most <= 2 * AT_ONCE, "{most} connections");
    assert_eq!(server.seen.connections.load(Ordering::SeqCst), pending);
    assert_eq!(rig.count("fetch-timeout"), pending as u64);
}

/// For a day: so many hosts, so many URLs, as fast as the budget lets them be asked.
#[test]
fn what_strangers_can_fill_is_bounded() {
    let _alone = alone();
    const ROUNDS: usize = 150;
    let server = Server::start();
    let rig = Rig::new(&server);
    let before = resident();
    for round in 0..ROUNDS {
        for at in 0..=budget::ALL.burst as usize {
            // Nothing listens there.
            let (high, low) = (round as u8, at as u8);
            rig.find(&format!("https://127.3.{high}.{low}/{}", "x".repeat(400)));
        }
        rig.settle();
        // The budget is full again, and failures are remembered for longer.
        rig.advance(Duration::from_secs(12));
    }
    let more = resident().saturating_sub(before);
    let listed = rig.cache.list(rig.now()).len();
    println!(
        "{} fetches, {listed} remembered, {} KB more",
        rig.count("fetch-connect"),
        more / 1024
    );
    assert!(rig.count("fetch-connect") > MAX_NEGATIVE.get() as u64);
    assert_eq!(listed, MAX_NEGATIVE.get());
    assert!(more < 64 << 20, "{more} bytes");
}

#[test]
fn of_an_endless_body_no_more_is_taken_than_is_read() {
    let _alone = alone();
    let server = Server::start();
    let rig = Rig::new(&server);
    let urls: Vec<_> =
        (0..AT_ONCE).map(|at| (format!("/{at}"), server.url(&format!("/{at}")))).collect();
    for (at, (path, _)) in urls.iter().enumerate() {
        server.seen.reply(path, Reply::Endless((at % 2 == 0).then_some(1 << 30)));
    }
    let before = resident();
    for (_, url) in &urls {
        assert_eq!(rig.prefetch(url), "fetch-too-large");
    }
    until("connections are closed", || server.seen.open() == 0);
    let (sent, more) = (server.seen.sent.load(Ordering::SeqCst), resident().saturating_sub(before));
    println!("{sent} bytes were taken from {AT_ONCE} endless bodies; {} KB more", more / 1024);
    // What is read, and what the kernel holds at either end: the server's is not ours to bound.
    assert!(sent < (AT_ONCE * (MAX_BODY + (5 << 20))) as u64, "{sent} bytes");
    assert!(more < 64 << 20, "{more} bytes");
}

#[test]
fn a_hundred_misses_of_one_url_are_one_request() {
    let server = Server::start();
    let rig = Rig::new(&server);
    server.seen.reply("/a.pem", Reply::ok(certificate("a")));
    let url = server.url("/a.pem");
    std::thread::scope(|scope| {
        for _ in 0..100 {
            scope.spawn(|| assert_eq!(rig.found(&url), "present"));
        }
    });
    assert_eq!(server.seen.asked("/a.pem"), 1);
    assert_eq!((rig.count("misses"), rig.count("valid")), (1, 1));
    // However it is written.
    let other = url.replace("https", "HTTPS").replace("/a.pem", "/b/../a.pem");
    assert_eq!(rig.find(&other), "present");
}

#[test]
fn the_queue_is_bounded_and_says_so() {
    let server = Server::start_at(60);
    let rig = Rig::new(&server);
    // Nobody fetches: the runtime is kept busy.
    let (tell, told) = std::sync::mpsc::channel::<()>();
    rig.runtime().spawn(async move {
        // An error says that the test goes on.
        let _ = told.recv();
    });
    let mut words = BTreeMap::<_, usize>::new();
    for round in 0..10 {
        for address in &server.addresses {
            *words.entry(rig.find(&format!("https://{address}:8443/{round}"))).or_default() += 1;
        }
        // The budget is full again.
        rig.advance(Duration::from_secs(60));
    }
    drop(tell);
    assert!(words["pending"] <= MAX_WAITING + AT_ONCE, "{words:?}");
    assert!(words["fetch-budget"] > 0, "{words:?}");
    rig.settle();
}

#[test]
fn certificates_are_bounded_in_memory_and_on_the_disk() {
    let server = Server::start();
    let rig = Rig::with(&server, |settings| {
        settings.max_certificates = NonZeroUsize::new(3).expect("not zero");
    });
    let added = server.url("/added");
    rig.cache.add(&added, certificate("added").into(), rig.now()).expect("added");
    for at in 0..5 {
        server.seen.reply(&format!("/{at}"), Reply::ok(certificate("a")));
        assert_eq!(rig.prefetch(&server.url(&format!("/{at}"))), "valid");
    }
    let urls: Vec<_> =
        rig.cache.list(rig.now()).into_iter().map(|(listed, _)| listed.url).collect();
    assert_eq!(urls, [server.url("/3"), server.url("/4"), added]);
    assert_eq!(rig.files().len(), 3);
    assert_eq!(rig.count("evicted"), 3);
}

#[test]
fn certificates_in_use_do_not_go_for_a_strangers() {
    let server = Server::start();
    let rig = Rig::with(&server, |settings| {
        settings.max_certificates = NonZeroUsize::new(10).expect("not zero");
    });
    server.seen.reply("/carrier", Reply::ok(certificate("carrier")));
    assert_eq!(rig.prefetch(&server.url("/carrier")), "valid");
    for _ in 0..3 {
        assert_eq!(rig.find(&server.url("/carrier")), "present");
    }
    for at in 0..50 {
        let path = format!("/{at}");
        server.seen.reply(&path, Reply::ok(certificate("stranger")));
        assert_eq!(rig.prefetch(&server.url(&path)), "valid");
        assert_eq!(rig.find(&server.url(&path)), "present");
    }
    assert_eq!(rig.find(&server.url("/carrier")), "present");
    assert_eq!((server.seen.asked("/carrier"), rig.files().len()), (1, 10));
}
