//! Revocation lists from where certificates say they are: fetched, kept, and never a call's fault.

use std::{
    fs,
    num::NonZeroUsize,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use ani_user::{
    stir::{
        Call, Credential, Trust,
        authority::{Authority, Leaf, NOW, Signer},
        bench::{self, Bench},
        cache::{Cache, Found, Settings},
        call::Party,
        disk,
        lists::{self, Lists, MAX_URLS, Report},
        trust::Watch,
    },
    time::Timestamp,
};
use tokio::runtime::Runtime;

use crate::{
    rig::until,
    server::{Reply, Server},
};

const X5U: &str = "https://cert.example/1.pem";
const A: &str = "12155550100";
const B: &str = "12155550199";
const MINUTE: Duration = Duration::from_secs(60);
/// The serial number of [`Leaf`].
const SP: &[u8] = b"SP";

/// What of the daemon has to do with certificates.
struct Desk {
    folder: tempfile::TempDir,
    clock: Arc<AtomicI64>,
    settings: Settings,
    running: Option<Running>,
}

struct Running {
    lists: Arc<Lists>,
    watch: Watch,
    bench: Bench,
    _runtime: Runtime,
}

impl Desk {
    fn new(server: &Server, root: &Authority) -> Self {
        Self::with(server, root, |_| ())
    }

    fn with(server: &Server, root: &Authority, change: impl FnOnce(&mut Settings)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let roots = folder.path().join("roots.pem");
        fs::write(&roots, &server.authority).expect("written");
        for name in ["anchors", "lists"] {
            fs::create_dir(folder.path().join(name)).expect("a folder");
        }
        fs::write(folder.path().join("anchors/root.pem"), root.pem()).expect("written");
        let mut settings = Settings {
            fetch: true,
            roots: Some(roots),
            allow: vec!["127.0.0.0/8".parse().expect("a network")],
            local: None,
            folder: Some(folder.path().join(disk::FOLDER)),
            max_certificates: NonZeroUsize::new(100).expect("not zero"),
        };
        change(&mut settings);
        let clock = Arc::new(AtomicI64::new(Timestamp::new(NOW, 0).0));
        let mut desk = Self { folder, clock, settings, running: None };
        desk.restart();
        desk
    }

    /// Ends it and starts it again with the same store.
    fn restart(&mut self) {
        drop(self.running.take());
        let lists = Lists::open(&self.path(lists::FOLDER), self.now()).expect("a folder");
        let lists = Arc::new(lists);
        let (anchors, crls) = (self.path("anchors"), self.path("lists"));
        let watch = Watch::new(Some(&anchors), Some(&crls), Some(Arc::clone(&lists)));
        let reader = bench::reader(Arc::clone(watch.trust()), Some(Arc::clone(&lists)));
        let (cache, requests) =
            Cache::new(self.settings.clone(), reader, self.now()).expect("a cache");
        let bench = Bench::new(Arc::clone(&cache), watch.trust(), MINUTE);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("runtime");
        let fetcher = requests.expect("it fetches").fetcher();
        let clock = Arc::clone(&self.clock);
        runtime.spawn(Arc::clone(&lists).serve(
            fetcher,
            move |url, now| cache.permits(url, now),
            move || Timestamp(clock.load(Ordering::SeqCst)),
        ));
        self.running = Some(Running { lists, watch, bench, _runtime: runtime });
    }

    fn running(&self) -> &Running {
        self.running.as_ref().expect("running")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn now(&self) -> Timestamp {
        Timestamp(self.clock.load(Ordering::SeqCst))
    }

    fn advance(&self, span: Duration) {
        let span = i64::try_from(span.as_nanos()).expect("a short time");
        self.clock.fetch_add(span, Ordering::SeqCst);
    }

    /// Looks at the folders and at what was fetched, as the daemon does every ten seconds.
    fn look(&mut self) {
        let running = self.running.as_mut().expect("running");
        if let Some(trust) = running.watch.poll().expect("readable") {
            running.bench.trust(trust, Some(Arc::clone(&running.lists)));
        }
    }

    /// A certificate is at hand.
    fn add(&self, url: &str, signer: &Signer) {
        let chain = signer.chain().into_bytes();
        self.running().bench.cache().add(url, chain.into(), self.now()).expect("added");
    }

    /// What the certificate is worth.
    fn word(&self, url: &str) -> &'static str {
        match self.running().bench.cache().find(url, self.now()) {
            Found::Present(credential) => {
                credential.check(NOW).map_or_else(|outcome| outcome.as_str(), |()| "valid")
            }
            other => panic!("{other:?}"),
        }
    }

    /// What a call is worth that it signed.
    fn call(&self, signer: &Signer) -> &'static str {
        let token = signer.shaken(X5U, A, B, 'A', self.now().seconds());
        let value = Signer::identity(&token, X5U, "shaken");
        let call = Call {
            identity: &[value.as_bytes()],
            cut: false,
            caller: Some(Party::Tn(A.into())),
            called: [Some(Party::Tn(B.into())), None],
            date: None,
            resource_priority: None,
            attempt: 1,
            now: self.now(),
        };
        self.running().bench.judge(&call, self.now()).outcome.as_str()
    }

    fn report(&self) -> Report {
        self.running().lists.report()
    }

    /// How the last fetch of a list ended.
    fn state(&self, url: &str) -> &'static str {
        let lists = self.report().lists;
        lists.iter().find(|list| list.url == url).map_or("none", |list| list.state)
    }

    fn fetches(&self) -> u64 {
        self.report().fetches.values().sum()
    }

    fn wait(&self, url: &str, state: &str) {
        until(&format!("{url} is {state}"), || self.state(url) == state);
    }

    /// Time passes, and all that is due is fetched.
    fn pass(&mut self, span: Duration) {
        let before = self.fetches();
        self.advance(span);
        until("it is fetched again", || self.fetches() > before);
        self.look();
    }
}

fn list(list: String) -> Reply {
    Reply::Whole("200 OK\r\ncontent-type: application/pkix-crl", list.into())
}

#[test]
fn a_list_revokes_and_survives_a_restart_without_its_host() {
    let server = Server::start();
    let root = Authority::root("Root");
    let issuing = root.below("Issuing");
    let url = server.url("/all.crl");
    let signer = issuing.issue(Leaf::spc("709J").listed(&url));
    server.seen.reply("/all.crl", list(issuing.crl(&[b"other"])));
    let mut desk = Desk::new(&server, &root);
    desk.add(X5U, &signer);
    desk.wait(&url, "current");
    desk.look();
    assert_eq!((desk.word(X5U), desk.call(&signer)), ("valid", "valid"));
    assert_eq!(desk.report().lists[0].fetched, Some(desk.now()));

    server.seen.reply("/all.crl", list(issuing.crl(&[b"other", SP])));
    desk.pass(60 * MINUTE);
    assert_eq!(
        (desk.word(X5U), desk.call(&signer)),
        ("certificate-revoked", "certificate-revoked")
    );

    server.seen.reply("/all.crl", Reply::Whole("503 Busy", Vec::new()));
    desk.restart();
    assert_eq!(
        (desk.word(X5U), desk.call(&signer)),
        ("certificate-revoked", "certificate-revoked")
    );
    std::thread::sleep(Duration::from_millis(1_500));
    assert_eq!((desk.fetches(), desk.state(&url)), (0, "kept"), "it came within ten minutes");
    // The certificate is revoked, and its list is still asked for: by a start sooner than by a run.
    desk.pass(10 * MINUTE);
    assert_eq!((desk.state(&url), desk.word(X5U)), ("fetch-status", "certificate-revoked"));
    // Other commands read what is kept.
    let kept = Trust::read(Some(&desk.path("anchors")), Some(&desk.path(lists::FOLDER)));
    assert_eq!((kept.crls.len(), kept.warnings()), (1, &[][..]));
    let credential = Credential::read(signer.chain().as_bytes(), &kept).expect("a certificate");
    assert!(credential.check(NOW).is_err());
    // Nobody asked for it for a month.
    desk.advance(lists::LONGEST_KEPT);
    desk.restart();
    assert_eq!(fs::read_dir(desk.path(lists::FOLDER)).expect("a folder").count(), 0);
    assert_eq!(desk.word(X5U), "valid");
}

#[test]
fn what_is_no_list_fails_no_call_and_is_counted() {
    let server = Server::start();
    let root = Authority::root("Root");
    let other = Authority::root("Root");
    let good = root.crl(&[]);
    let mut desk = Desk::new(&server, &root);
    let ends = [
        ("/404", Reply::Whole("404 Not Found", Vec::new()), "fetch-status"),
        ("/garbage", Reply::ok(vec![0xa5; 3000]), "malformed"),
        ("/half", list(good[..good.len() / 2].to_owned()), "malformed"),
        ("/two", list(good.repeat(2)), "malformed"),
        ("/empty", Reply::ok(""), "fetch-empty"),
        ("/hang", Reply::Hang, "fetch-timeout"),
        ("/endless", Reply::Endless(None), "fetch-too-large"),
        // The same name, another key.
        ("/foreign", list(other.crl(&[SP])), "foreign"),
        ("/old", list(root.crl_with(&[b"other"], (NOW - 100, NOW - 1))), "outdated"),
    ];
    for (at, (path, reply, _)) in ends.iter().enumerate() {
        server.seen.reply(path, reply.clone());
        let signer = root.issue(Leaf::spc("709J").listed(&server.url(path)));
        desk.add(&format!("https://cert.example/{at}.pem"), &signer);
    }
    for (at, (path, _, state)) in ends.iter().enumerate() {
        desk.wait(&server.url(path), state);
        desk.look();
        assert_eq!(desk.word(&format!("https://cert.example/{at}.pem")), "valid", "{path}");
    }
    let report = desk.report();
    assert_eq!((report.fetches["malformed"], report.fetches.values().sum()), (3, 9_u64));
    for list in report.lists {
        // One that is too old still names what is revoked.
        assert_eq!(list.fetched.is_some(), list.state == "outdated", "{list:?}");
        assert!(list.detail.is_some(), "{list:?}");
    }
    assert_eq!(server.seen.open(), 0);
}

#[test]
fn a_list_at_hand_stays_until_a_newer_one_comes() {
    let server = Server::start();
    let root = Authority::root("Root");
    let url = server.url("/all.crl");
    let signer = root.issue(Leaf::spc("709J").listed(&url));
    server.seen.reply("/all.crl", list(root.crl_with(&[SP], (NOW - 100, NOW + 1_000_000))));
    let mut desk = Desk::new(&server, &root);
    desk.add(X5U, &signer);
    desk.wait(&url, "current");
    desk.look();
    assert_eq!(desk.word(X5U), "certificate-revoked");
    let older = root.crl_with(&[], (NOW - 200, NOW + 1_000_000));
    let foreign = Authority::root("Root").crl(&[]);
    for (reply, state) in [
        (Reply::ok("garbage"), "malformed"),
        (list(foreign), "foreign"),
        (list(older), "older"),
        (Reply::Raw(b""), "fetch-http"),
    ] {
        server.seen.reply("/all.crl", reply);
        desk.pass(60 * MINUTE);
        assert_eq!((desk.state(&url), desk.word(X5U)), (state, "certificate-revoked"));
    }
    server.seen.reply("/all.crl", list(root.crl_with(&[], (NOW, NOW + 1_000_000))));
    desk.pass(10 * MINUTE);
    assert_eq!((desk.state(&url), desk.word(X5U)), ("current", "valid"), "no longer revoked");
}

#[test]
fn a_list_is_asked_for_every_hour_or_as_http_says() {
    let server = Server::start();
    let root = Authority::root("Root");
    for (path, header, minutes) in [
        ("/none", "", 60),
        ("/day", "\r\ncache-control: max-age=86400", 60),
        ("/half", "\r\ncache-control: max-age=1800", 30),
        ("/never", "\r\ncache-control: no-store, max-age=0", 10),
    ] {
        let head: &'static str = Box::leak(format!("200 OK{header}").into());
        server.seen.reply(path, Reply::Whole(head, root.crl(&[]).into()));
        let mut desk = Desk::new(&server, &root);
        desk.add(X5U, &root.issue(Leaf::spc("709J").listed(&server.url(path))));
        desk.wait(&server.url(path), "current");
        desk.advance(minutes * MINUTE - Duration::from_secs(1));
        // Longer than it takes to look.
        std::thread::sleep(Duration::from_millis(1_500));
        assert_eq!(server.seen.asked(path), 1, "{path}");
        desk.pass(Duration::from_secs(1));
        assert_eq!(server.seen.asked(path), 2, "{path}");
    }
}

#[test]
fn so_many_lists_and_no_more() {
    let server = Server::start();
    let root = Authority::root("Root");
    let desk = Desk::new(&server, &root);
    let more = 3;
    for at in 0..MAX_URLS + more {
        let path = format!("/{at}.crl");
        server.seen.reply(&path, list(root.crl(&[])));
        let signer = root.issue(Leaf::spc("709J").listed(&server.url(&path)));
        desk.add(&format!("https://cert.example/{at}.pem"), &signer);
    }
    for refused in ["http://h/a.crl", "https://h:444/a.crl", "ldap://h/a"] {
        desk.add(
            refused_certificate(refused).as_str(),
            &root.issue(Leaf::spc("1").listed(refused)),
        );
    }
    // The host's budget is that of certificates: it fills as time passes.
    until("all are fetched", || {
        if desk.now().seconds() < NOW + 600 {
            desk.advance(Duration::from_secs(2));
        }
        desk.report().fetches.get("current") == Some(&(MAX_URLS as u64))
    });
    let report = desk.report();
    assert_eq!((report.lists.len(), report.no_room, report.refused), (MAX_URLS, more, 3));
    assert_eq!(server.seen.connections.load(Ordering::SeqCst), MAX_URLS);
    let files = fs::read_dir(desk.path(lists::FOLDER)).expect("a folder").count();
    assert_eq!(files, MAX_URLS);
    assert_eq!(desk.word("https://cert.example/18.pem"), "valid", "without a list");
}

fn refused_certificate(list: &str) -> String {
    format!("https://cert.example/{}.pem", list.len())
}

#[test]
fn only_a_chain_to_an_anchor_names_lists() {
    let server = Server::start();
    let (root, stranger) = (Authority::root("Root"), Authority::root("Stranger"));
    let desk = Desk::new(&server, &root);
    let junk = stranger.issue(Leaf::spc("2").listed(&server.url("/junk.crl")));
    desk.add("https://cert.example/2.pem", &junk);
    assert_eq!(desk.word("https://cert.example/2.pem"), "certificate-incomplete");
    // Beside one that is trusted.
    let good = root.issue(Leaf::spc("709J"));
    let both = [good.chain(), junk.chain()].concat();
    desk.running().bench.cache().add(X5U, both.into(), desk.now()).expect("added");
    assert_eq!((desk.word(X5U), desk.report()), ("valid", Report::default()));
    assert_eq!(server.seen.connections.load(Ordering::SeqCst), 0);
}

#[test]
fn a_list_is_not_asked_for_at_an_address_of_ones_own() {
    let server = Server::start();
    let root = Authority::root("Root");
    let desk = Desk::with(&server, &root, |settings| settings.allow.clear());
    let url = server.url("/all.crl");
    desk.add(X5U, &root.issue(Leaf::spc("709J").listed(&url)));
    desk.wait(&url, "fetch-address");
    assert_eq!(server.seen.connections.load(Ordering::SeqCst), 0);
    assert_eq!(desk.word(X5U), "valid");
}

/// SHAKEN's list is the STI-PA's, for all authorities. Who that is says the operator alone, not who
/// serves it.
#[test]
fn an_indirect_list_is_taken_of_one_whose_certificate_the_operator_has() {
    let server = Server::start();
    let (root, pa) = (Authority::root("Root"), Authority::root("STI-PA"));
    let url = server.url("/download/v1/crl");
    let signer = root.issue(Leaf::spc("709J").listed(&url));
    let revoked = pa.indirect_crl(&[(&root, SP)]);
    server.seen.reply("/download/v1/crl", list([pa.pem(), revoked].concat()));
    let mut desk = Desk::new(&server, &root);
    desk.add(X5U, &signer);
    desk.wait(&url, "foreign");
    desk.look();
    assert_eq!(desk.word(X5U), "valid");
    fs::write(desk.path("lists/sti-pa.pem"), pa.pem()).expect("written");
    desk.look();
    desk.wait(&url, "current");
    desk.look();
    assert_eq!(desk.word(X5U), "certificate-revoked");
    desk.restart();
    assert_eq!(desk.word(X5U), "certificate-revoked");
}
