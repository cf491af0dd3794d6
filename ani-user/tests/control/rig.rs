//! The server on a socket of its own, with an `Enforce` and a clock made here.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    os::unix::net::UnixStream,
    process::Command,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use ani_ebpf::{
    abi::{
        counter::Counters,
        limit::{Limit, Spender},
        list::Rule,
    },
    lists::Found,
};
use ani_user::{
    answer::{Answers, Stopped},
    capture::{Reach, Transport},
    config::{Config, Rate},
    control::{Clock, Daemon, metrics, socket::Socket},
    invite::{AniStatus, Attestation, Invite, Kernel},
    policy::{
        BLOCK, Enforce, Holding, Interface, Listing, Verdict,
        lists::Span,
        settle::{Held, Settled},
    },
    store::Store,
    telemetry::habits::Habits,
    time::Timestamp,
};
use serde_json::Value;
use tokio::sync::watch;

/// A clock that stands still unless it is told.
pub(crate) struct TestClock(AtomicI64);

impl TestClock {
    pub(crate) fn time(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }

    pub(crate) fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1_000_000_000, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        self.time()
    }

    fn uptime(&self) -> Duration {
        Duration::from_secs(90)
    }
}

/// The kernel's maps as maps.
pub(crate) struct Memory {
    listed: Mutex<BTreeMap<Key, Listing>>,
    rules: Mutex<BTreeMap<u8, Rule>>,
    relists: AtomicUsize,
    limits: Mutex<Vec<Limit>>,
    counters: Mutex<Counters>,
    fails: AtomicUsize,
}

impl Memory {
    fn new() -> Self {
        Self {
            listed: Mutex::default(),
            rules: Mutex::default(),
            relists: AtomicUsize::new(0),
            limits: Mutex::default(),
            counters: Mutex::new(Counters::ZERO),
            fails: AtomicUsize::new(0),
        }
    }

    /// The next changes fail half-way, this many.
    pub(crate) fn fail(&self, count: usize) {
        self.fails.store(count, Ordering::SeqCst);
    }

    /// Sets each counter to its index plus one.
    pub(crate) fn count(&self) {
        let mut counters = self.counters.lock().expect("lock");
        for (index, value) in counters.values.iter_mut().enumerate() {
            *value = index as u64 + 1;
        }
    }

    /// What of a change happens: all, or the first half of one that fails.
    fn done<'a, T>(&self, all: &'a [T], result: &anyhow::Result<()>) -> &'a [T] {
        let count = if result.is_ok() { all.len() } else { all.len().div_ceil(2) };
        &all[..count]
    }

    fn result(&self) -> anyhow::Result<()> {
        let less = |left: usize| left.checked_sub(1);
        match self.fails.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less) {
            Ok(_) => anyhow::bail!("the map is gone"),
            Err(_) => Ok(()),
        }
    }
}

impl Enforce for Memory {
    fn set_rules(&self, rules: &[(u8, Rule)]) -> anyhow::Result<()> {
        self.result()?;
        self.rules.lock().expect("lock").extend(rules.iter().copied());
        Ok(())
    }

    fn list(&self, listings: &[Listing]) -> anyhow::Result<()> {
        let result = self.result();
        let done = self.done(listings, &result).iter();
        self.listed.lock().expect("lock").extend(done.map(|listing| (key(listing), *listing)));
        result
    }

    fn unlist(&self, listings: &[Listing]) -> anyhow::Result<()> {
        let result = self.result();
        let mut listed = self.listed.lock().expect("lock");
        let done = self.done(listings, &result).iter();
        done.for_each(|listing| _ = listed.remove(&key(listing)));
        result
    }

    fn relist(
        &self,
        listings: &mut dyn Iterator<Item = anyhow::Result<Listing>>,
    ) -> anyhow::Result<()> {
        let all = listings.collect::<anyhow::Result<Vec<_>>>()?;
        self.result()?;
        let all = all.iter().map(|listing| (key(listing), *listing)).collect();
        *self.listed.lock().expect("lock") = all;
        self.relists.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    fn set_limits(&self, limits: &[Limit]) -> anyhow::Result<()> {
        self.result()?;
        *self.limits.lock().expect("lock") = limits.to_vec();
        Ok(())
    }

    fn find(&self, _call: &Spender, _now: Timestamp) -> Option<Found> {
        None
    }

    fn settle(&self, _call: &Held<'_>, _now: Timestamp) -> anyhow::Result<Settled> {
        anyhow::bail!("no call is held")
    }

    fn counters(&self) -> anyhow::Result<Counters> {
        Ok(*self.counters.lock().expect("lock"))
    }

    fn interfaces(&self) -> Vec<Interface> {
        vec![Interface {
            name: "eth0".to_owned(),
            configured: "eth0".to_owned(),
            mode: "native",
            trouble: None,
        }]
    }

    fn holding(&self) -> Holding {
        Holding::Idle
    }
}

/// What tells a listing from others: list, span, trunk, attestations.
type Key = (u8, Span, Option<u16>, u8);

fn key(listing: &Listing) -> Key {
    (listing.list, listing.span, listing.trunk, listing.attestations)
}

/// A running daemon without its kernel half.
pub(crate) struct Rig {
    directory: tempfile::TempDir,
    config: Config,
    pub(crate) enforce: Arc<Memory>,
    pub(crate) clock: Arc<TestClock>,
    running: Option<Running>,
}

struct Running {
    daemon: Arc<Daemon>,
    metrics: SocketAddr,
    stop: watch::Sender<bool>,
    thread: JoinHandle<()>,
}

impl Rig {
    /// Starts with a configuration; socket, store and metrics are the rig's own.
    pub(crate) fn new(text: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let mut config = Config::parse(text, "ani.toml").expect("a configuration");
        config.control = config.control.at(&directory.path().join("ani.sock"));
        config.store.path = directory.path().join("store");
        let clock = Arc::new(TestClock(AtomicI64::new(Timestamp::new(1_700_000_000, 0).0)));
        let mut rig =
            Self { directory, config, enforce: Arc::new(Memory::new()), clock, running: None };
        rig.restart();
        rig
    }

    /// The same with another configuration.
    pub(crate) fn restart_with(&mut self, text: &str) {
        let Config { control, store, .. } = self.config.clone();
        self.config =
            Config { control, store, ..Config::parse(text, "ani.toml").expect("a configuration") };
        self.restart();
    }

    /// Ends the daemon and starts another one with an empty kernel and the same store.
    pub(crate) fn restart(&mut self) {
        self.stop();
        self.enforce = Arc::new(Memory::new());
        let store = Store::open(&self.config.store.path).expect("the store");
        let enforce = Arc::clone(&self.enforce) as Arc<dyn Enforce>;
        let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
        let daemon = Arc::new(Daemon::new(self.config.clone(), enforce, store, clock));
        daemon.restore().expect("restore");
        let (stop, stopped) = watch::channel(false);
        let (ready, started) = std::sync::mpsc::channel();
        let served = Arc::clone(&daemon);
        let control = self.config.control.clone();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()
                .expect("runtime");
            runtime.block_on(async {
                let socket = Socket::bind(&control.socket).await.expect("socket");
                let read = Socket::bind_read(&control).await.expect("socket").expect("configured");
                let listener =
                    metrics::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.expect("metrics");
                ready.send(listener.local_addr().expect("address")).expect("the rig");
                let signal = |mut stopped: watch::Receiver<bool>| async move {
                    let _stopped = stopped.wait_for(|stopped| *stopped).await;
                };
                let (api, looked, metrics) = tokio::join!(
                    socket.serve(Arc::clone(&served), signal(stopped.clone())),
                    read.serve(Arc::clone(&served), signal(stopped.clone())),
                    metrics::serve(listener, served, signal(stopped)),
                );
                api.expect("the API");
                looked.expect("what of it looks");
                metrics.expect("the metrics");
            });
        });
        let metrics = started.recv().expect("the server started");
        self.running = Some(Running { daemon, metrics, stop, thread });
    }

    /// Ends the daemon; its store is free afterwards.
    pub(crate) fn stop(&mut self) {
        if let Some(Running { daemon, stop, thread, .. }) = self.running.take() {
            stop.send(true).expect("the server");
            thread.join().expect("the server ended well");
            assert_eq!(Arc::strong_count(&daemon), 1, "nothing holds the daemon any more");
        }
    }

    pub(crate) fn daemon(&self) -> &Daemon {
        &self.running.as_ref().expect("running").daemon
    }

    pub(crate) fn metrics(&self) -> SocketAddr {
        self.running.as_ref().expect("running").metrics
    }

    /// Numbers on the kernel's block list, whatever their calls.
    pub(crate) fn enforced(&self) -> Vec<String> {
        let listed = self.enforce.listed.lock().expect("lock");
        let number = |(list, span, trunk, attestations): &Key| match span {
            Span::Number(number) if (*list, *trunk, *attestations) == (BLOCK, None, 15) => {
                number.to_string()
            }
            _ => panic!("{list} {span} {trunk:?} {attestations} is no blocked number"),
        };
        listed.keys().map(number).collect()
    }

    /// Whether the kernel's entries end.
    pub(crate) fn enforced_ends(&self) -> Vec<bool> {
        let listed = self.enforce.listed.lock().expect("lock");
        listed.values().map(|listing| listing.expires.is_some()).collect()
    }

    /// The kernel's entries: list, span, index of the trunk, attestations.
    pub(crate) fn listed(&self) -> Vec<String> {
        let listed = self.enforce.listed.lock().expect("lock");
        let shown = |(list, span, trunk, attestations): &Key| {
            let trunk = trunk.map_or_else(|| "-".to_owned(), |trunk| trunk.to_string());
            format!("{list} {span} {trunk} {attestations}")
        };
        listed.keys().map(shown).collect()
    }

    /// The code of what a call is told that a list stopped.
    pub(crate) fn says(&self, call: &Stopped) -> Option<u16> {
        let mut answers = Answers::new(&self.daemon().config());
        answers.hear(self.daemon().answers());
        answers.of_list(call).map(|answer| answer.code)
    }

    /// What a list does in the kernel.
    pub(crate) fn rule(&self, list: u8) -> Rule {
        self.enforce.rules.lock().expect("lock").get(&list).copied().unwrap_or(Rule::NONE)
    }

    /// How often all lists were made others.
    pub(crate) fn relists(&self) -> usize {
        self.enforce.relists.load(Ordering::SeqCst)
    }

    /// The kernel's limits.
    pub(crate) fn limits(&self) -> Vec<Limit> {
        self.enforce.limits.lock().expect("lock").clone()
    }

    /// The kernel's limit.
    pub(crate) fn limit(&self) -> Option<String> {
        let limit = *self.limits().first()?;
        let calls = limit.tolerance_ns / limit.interval_ns + 1;
        // The interval is rounded down, by less than a nanosecond a call.
        let within = Duration::from_micros((limit.interval_ns * calls).div_ceil(1_000));
        Some(Rate { calls, within }.to_string())
    }

    /// Whether the kernel's limit only observes.
    pub(crate) fn limit_observes(&self) -> bool {
        self.limits().first().is_some_and(|limit| limit.observed != 0)
    }

    /// Whether a list only observes; none where its rule was never written.
    pub(crate) fn list_observes(&self, list: u8) -> Option<bool> {
        self.enforce.rules.lock().expect("lock").get(&list).map(|rule| rule.is_observed())
    }

    /// A path in the rig's directory.
    pub(crate) fn path(&self, name: &str) -> String {
        self.directory.path().join(name).to_str().expect("UTF-8").to_owned()
    }

    /// Runs a command against this daemon.
    pub(crate) fn ani(&self, arguments: &[&str]) -> Done {
        let socket = self.path("ani.sock");
        ani(&[&["--socket", &socket][..], arguments].concat())
    }

    /// What a command that works prints.
    pub(crate) fn text(&self, arguments: &[&str]) -> String {
        let done = self.ani(arguments);
        assert_eq!((done.code, done.stderr.as_str()), (0, ""), "{arguments:?}");
        done.stdout
    }

    /// What a command that works prints with `--json`.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let text = self.text(&[arguments, &["--json"]].concat());
        assert_eq!(text.lines().count(), 1);
        serde_json::from_str(&text).expect("json")
    }

    /// A request as any HTTP client makes it: status and body of the answer.
    pub(crate) fn request(&self, method: &str, path: &str, body: &[u8]) -> (u16, String) {
        let stream = UnixStream::connect(&self.config.control.socket).expect("connect");
        exchange(stream, method, path, body)
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.stop();
        }
    }
}

/// One HTTP exchange on a fresh connection.
pub(crate) fn exchange(
    mut stream: impl std::io::Read + std::io::Write,
    method: &str,
    path: &str,
    body: &[u8],
) -> (u16, String) {
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: ani\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).expect("write");
    // A server that refuses a large body may close before it has all of it.
    let _ = stream.write_all(body);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8(answer).expect("UTF-8");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    (status, body.to_owned())
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs the binary.
pub(crate) fn ani(arguments: &[&str]) -> Done {
    let output =
        Command::new(env!("CARGO_BIN_EXE_ani")).args(arguments).output().expect("ani runs");
    Done {
        code: output.status.code().expect("no signal"),
        stdout: String::from_utf8(output.stdout).expect("UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

/// A call of a caller over the trunk, attested A.
pub(crate) fn invite(ani: &str, verdict: Verdict, ts: Timestamp) -> Invite<'_> {
    let address = SocketAddr::from(([192, 0, 2, 1], 5060));
    Invite {
        frame: 1,
        ts,
        src: address,
        dst: address,
        transport: Transport::Udp,
        reach: Reach::Answer,
        vlan: Vec::new(),
        fragments: 1,
        trunk: Some("carrier-a".into()),
        call_id: Some("1@192.0.2.1".into()),
        cseq: Some(1),
        from_tag: None,
        to_tag: None,
        retransmission: false,
        request_uri: "sip:+18005551234@198.51.100.20".into(),
        request_user: None,
        from_user: None,
        from_display: None,
        to_user: None,
        p_asserted_identity: Vec::new(),
        remote_party_id: Vec::new(),
        p_charge_info: None,
        diversion: Vec::new(),
        privacy: Vec::new(),
        ani: Some(ani.into()),
        ani_source: Some("from"),
        ani_status: if ani.starts_with('+') { AniStatus::Ok } else { AniStatus::NotANumber },
        ani_form: "e164",
        oli: None,
        caller_id: None,
        caller_id_matches: None,
        display_matches: None,
        dnis: Some("+18005551234".into()),
        toll_free: true,
        candidates: Vec::new(),
        attestation: Attestation {
            level: "A",
            source: Some("identity"),
            signature: "unverified",
            ..Attestation::NONE
        },
        kernel: Kernel {
            plain: true,
            not_plain: None,
            ani: None,
            attestation: "A",
            lists: None,
            rule: None,
        },
        held: None,
        hold: None,
        verdict,
        answer: None,
        rule: (verdict == Verdict::Drop).then_some("list:block"),
        observed: Vec::new(),
        malformed: Vec::new(),
        habits: Habits::default(),
        attempt: None,
        reply: None,
    }
}
