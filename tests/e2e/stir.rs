//! Signatures: what came of them is known, and no call waits for it.

/// A caller that signs.
mod caller;
/// Whoever has the certificates.
mod server;
/// Calls that are refused for their signatures.
mod refuse;

use std::{
    net::TcpListener,
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use ani_tests::{frame::Frame, invite::Invite};
use ani_user::stir::authority::{Authority, Leaf, Signer};
use serde_json::{Value, json};
use xtask::lab::{
    CARRIER_V4, Lab, SBC_V4,
    daemon::{Daemon, Settings},
    process::wait_for,
    sbc::Sbc,
    uac::{Callers, Plan, Uac},
};

use self::{
    caller::{CALLED, Caller},
    server::Server,
};
use crate::{
    rig::{Rig, SETTLE, ani},
    wire::Wire,
};

/// A certificate that lies in the local folder.
const LOCAL: &str = "https://certs.example.org/1.pem";

/// Port of the carrier's certificates.
const HTTPS: u16 = 8_443;

/// What the daemon may grow by under a flood of URLs: the queue, the calls that wait, the results, and
/// what the allocator keeps.
const MEMORY: u64 = 64 << 20;

/// The lab, who signs in it, and where certificates lie.
struct Ground {
    rig: Rig,
    signer: Signer,
}

impl Ground {
    /// A daemon with the authority's certificate as its anchor and the signer's in the local folder.
    fn new(fetch: bool, prepare: impl FnOnce(&Lab)) -> Self {
        Self::with(Settings::default(), fetch, prepare)
    }

    /// The same with these settings.
    fn with(settings: Settings, fetch: bool, prepare: impl FnOnce(&Lab)) -> Self {
        let ani = ani();
        let lab = Lab::new().expect("lab");
        let root = Authority::root("Lab root");
        let signer = root.issue(Leaf::spc("709J"));
        for folder in ["anchors", "certs/certs.example.org"] {
            std::fs::create_dir_all(lab.path(folder)).expect("a folder");
        }
        lab.write("anchors/root.pem", &root.pem()).expect("the anchor");
        lab.write("certs/certs.example.org/1.pem", &signer.chain()).expect("the certificate");
        prepare(&lab);
        let roots = lab.path("https.pem");
        let roots = if roots.exists() { roots.display().to_string() } else { String::new() };
        let stir = format!(
            "anchors = {:?}\nlocal = {:?}\nfetch = {fetch}\nroots = {roots:?}\n\
             allow_addresses = [\"{CARRIER_V4}\"]",
            lab.path("anchors").display().to_string(),
            lab.path("certs").display().to_string(),
        );
        let sbc = Sbc::start(&lab).expect("SBC");
        let settings = Settings { stir, ..settings };
        let daemon = Daemon::start(&lab, ani, &settings).expect("daemon");
        Self { rig: Rig { daemon, sbc, lab }, signer }
    }

    /// A SHAKEN header, made `ago` seconds ago.
    fn identity(&self, url: &str, orig: &str, ago: i64) -> String {
        let token = self.signer.shaken(url, orig, CALLED, 'A', now() - ago);
        Signer::identity(&token, url, "shaken")
    }

    fn stir(&self) -> Value {
        self.rig.daemon.status().expect("status")["stir"].clone()
    }

    /// Waits until so many calls have been verified to the end.
    fn wait_for_verified(&self, calls: u64, limit: Duration) -> Value {
        let come = wait_for("verified calls", limit, || verified(&self.stir()) >= calls);
        let stir = self.stir();
        assert!(come.is_ok() && verified(&stir) == calls, "{calls} calls: {stir}");
        stir
    }

    fn seen(&self, caller: &str) -> Value {
        let text = self.rig.daemon.cli(&["caller", caller, "--json"]).expect("caller");
        serde_json::from_str::<Value>(&text).expect("JSON")["seen"].clone()
    }
}

fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock");
    i64::try_from(now.as_secs()).expect("a time")
}

/// A header with another letter in the middle of its signature.
fn changed(mut identity: String) -> String {
    let at = identity.find(';').expect("parameters") - 40;
    let letter = if identity.as_bytes()[at] == b'A' { "B" } else { "A" };
    identity.replace_range(at..=at, letter);
    identity
}

/// Calls that have an outcome.
fn verified(stir: &Value) -> u64 {
    stir["outcomes"].as_object().into_iter().flatten().filter_map(|(_, count)| count.as_u64()).sum()
}

/// The middle one of some times.
fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

#[test]
fn what_a_signature_is_worth_is_known_of_each_call() {
    let ground = Ground::new(false, |_| ());
    let mut caller = Caller::new(&ground.rig.lab);
    let good = ground.identity(LOCAL, "12015550101", 0);
    let wrong = changed(ground.identity(LOCAL, "12015550102", 0));
    for (from, identity, word) in [
        ("+12015550101", Some(good.clone()), "valid"),
        ("+12015550102", Some(wrong), "signature-invalid"),
        ("+12015550103", Some(ground.identity(LOCAL, "12015550103", 90)), "stale"),
        ("+12015550104", Some(ground.identity(LOCAL, "12015550999", 0)), "orig-mismatch"),
        ("+12015550105", Some(good), "orig-mismatch"),
        (
            "+12015550106",
            Some(ground.identity("https://certs.example.org/2.pem", "12015550106", 0)),
            "fetch-off",
        ),
        (
            "+12015550107",
            Some(ground.identity("http://certs.example.org/1.pem", "12015550107", 0)),
            "url-refused",
        ),
        ("+12015550108", None, ""),
    ] {
        caller.call(from, identity.as_deref());
        let ended = wait_for(from, SETTLE, || {
            let status = ground.rig.daemon.try_cli(&["caller", from, "--json"]);
            // Nothing is known of him at first.
            status.is_ok_and(|output| output.status.success()) && {
                let counts = ground.seen(from)["signature"].clone();
                let counts = counts.as_object().into_iter().flatten();
                counts.filter_map(|(_, count)| count.as_u64()).sum::<u64>() == 1
            }
        });
        let seen = ground.seen(from);
        assert!(ended.is_ok(), "{seen}");
        assert_eq!(seen["last_verification"].as_str().unwrap_or(""), word, "{seen}");
        let signature = match word {
            "valid" => "valid",
            "fetch-off" => "unverified",
            "" => "absent",
            _ => "invalid",
        };
        assert_eq!(seen["signature"][signature], 1, "{seen}");
        // What is claimed is what is claimed.
        assert_eq!(seen["attestation"][if word.is_empty() { "none" } else { "A" }], 1, "{seen}");
    }

    let stir = ground.stir();
    let expected = json!({
        "valid": 1, "signature-invalid": 1, "stale": 1, "orig-mismatch": 2, "fetch-off": 1,
        "url-refused": 1,
    });
    assert_eq!(stir["outcomes"], expected);
    let skew = stir["clock_skew_s"].as_f64().expect("of the valid one");
    assert!((0.0..3.0).contains(&skew), "{skew} s on one host");
    let metrics = ground.rig.daemon.metrics(&ground.rig.lab).expect("metrics");
    for (series, count) in [
        ("ani_verifications_total{class=\"passed\",outcome=\"valid\"}", 1),
        ("ani_verifications_total{class=\"failed\",outcome=\"orig-mismatch\"}", 2),
        ("ani_verifications_total{class=\"unable\",outcome=\"fetch-off\"}", 1),
        ("ani_signatures_total{trunk=\"carrier-a\",signature=\"valid\"}", 1),
        ("ani_signatures_total{trunk=\"carrier-a\",signature=\"absent\"}", 1),
        ("ani_trust_anchors", 1),
    ] {
        assert_eq!(metrics.value(series), Some(count), "{series}");
    }
    // And in words.
    let text = ground.rig.daemon.cli(&["status"]).expect("status");
    assert!(
        text.contains("signatures  valid 1, invalid 5, unverified 1; 1 trust anchor"),
        "{text}"
    );
}

#[test]
fn an_invite_that_is_sent_again_is_not_verified_again() {
    let ground = Ground::new(false, |_| ());
    let mut caller = Caller::new(&ground.rig.lab);
    let from = "+12015550101";
    let identity = ground.identity(LOCAL, "12015550101", 0);
    let invite = caller.invite(from, Some(&identity));
    caller.place(&invite);
    ground.wait_for_verified(1, SETTLE);
    for _ in 0..3 {
        caller.place(&invite);
    }
    let come = wait_for("the repetitions", SETTLE, || ground.stir()["repeated"] == 3);
    assert!(come.is_ok(), "{}", ground.stir());
    assert_eq!(ground.stir()["outcomes"], json!({"valid": 1}));

    // The same signature with another call is a replay.
    caller.call(from, Some(&identity));
    let stir = ground.wait_for_verified(2, SETTLE);
    assert_eq!(stir["outcomes"], json!({"valid": 1, "replayed": 1}));
}

#[test]
fn a_stranger_is_neither_verified_nor_fetched_for() {
    let ground = Ground::new(true, |_| ());
    let wire = Wire::new(&ground.rig.lab);
    let url = format!("https://{CARRIER_V4}:{HTTPS}/1.pem");
    let invite = Invite::from("+12015550101")
        .line(&format!("Identity: {}", ground.identity(&url, "12015550101", 0)))
        .text();
    let stranger = "192.0.2.77".parse().expect("an address");
    let frame = Frame { destination: SBC_V4.into(), ..Frame::new(stranger, invite.as_bytes()) };
    wire.send(frame.bytes());
    let stir = ground.wait_for_verified(1, SETTLE);
    assert_eq!(stir["outcomes"], json!({"off": 1}));
    assert_eq!(stir["certificates"]["misses"], 0, "{stir}");
}

/// Takes connections and says nothing.
fn silence(lab: &Lab) {
    let listener = lab.carrier.enter(|| Ok(TcpListener::bind((CARRIER_V4, HTTPS))?));
    let listener = listener.expect("a port");
    thread::spawn(move || {
        let held: Vec<_> = listener.incoming().collect();
        drop(held);
    });
}

#[test]
fn calls_do_not_wait_for_certificates() {
    const CALLS: usize = 60;

    let ground = Ground::new(true, silence);
    let mut caller = Caller::new(&ground.rig.lab);
    caller.call("+12015550100", None);
    let without: Vec<_> = (0..CALLS).map(|_| caller.call("+12015550101", None)).collect();
    let with: Vec<_> = (0..CALLS)
        .map(|at| {
            let url = format!("https://{CARRIER_V4}:{HTTPS}/{at}.pem");
            let identity = ground.identity(&url, "12015550102", 0);
            caller.call("+12015550102", Some(&identity))
        })
        .collect();
    let longest = with.iter().max().copied().unwrap_or_default();
    let (without, with) = (median(without), median(with));
    println!(
        "INVITE to 200: {without:?} without a signature, {with:?} with one, {longest:?} at most"
    );
    // A fetch takes 2 s here, and ends with nothing: no call has waited for one.
    assert!(longest < Duration::from_millis(500), "{longest:?}");
    assert!(with < without * 2 + Duration::from_millis(2), "{with:?}, {without:?}");

    let stir = ground.wait_for_verified(CALLS as u64, Duration::from_secs(40));
    let outcomes = stir["outcomes"].as_object().expect("outcomes");
    let known = |word: &&String| matches!(word.as_str(), "fetch-timeout" | "fetch-budget");
    assert!(outcomes.keys().all(|word| known(&word)), "{stir}");
    assert!(outcomes["fetch-timeout"].as_u64() >= Some(5), "{stir}");
    assert_eq!(ground.seen("+12015550102")["signature"]["unverified"], CALLS);
}

#[test]
fn the_record_is_completed_when_the_certificate_arrives() {
    let mut late = None;
    let delay = Duration::from_secs(1);
    let ground = Ground::new(true, |lab| late = Some(Server::start(lab, delay)));
    let mut caller = Caller::new(&ground.rig.lab);
    let url = format!("https://{CARRIER_V4}:{HTTPS}/1.pem");
    let from = "+12015550101";
    caller.call("+12015550100", None);
    let took = caller.call(from, Some(&ground.identity(&url, "12015550101", 0)));
    assert!(took < Duration::from_millis(500), "{took:?}");
    wait_for("a call that waits", SETTLE, || ground.stir()["waiting_for_certificate"] == 1)
        .expect("pending");
    let stir = ground.wait_for_verified(1, SETTLE);
    assert_eq!(stir["outcomes"], json!({"valid": 1}), "{stir}");
    assert_eq!(stir["waiting_for_certificate"], 0);
    assert_eq!(stir["signers"][0]["signer"], "709J");
    assert_eq!(ground.seen(from)["last_verification"], "valid");
    // The next one finds it at hand.
    caller.call(from, Some(&ground.identity(&url, "12015550101", 0)));
    let stir = ground.wait_for_verified(2, SETTLE);
    assert_eq!(stir["outcomes"], json!({"valid": 2}), "{stir}");
    assert_eq!(stir["certificates"]["misses"], 1, "{stir}");
    drop(late);
}

#[test]
fn a_burst_of_urls_fills_nothing_and_calls_go_on() {
    const URLS: u32 = 10_000;
    const CALLS: u32 = 20;

    let ground = Ground::new(true, silence);
    let rig = &ground.rig;
    // The burst ends at the NIC, so that it does not wear down the SBC; the daemon sees all of it.
    rig.daemon.cli(&["block", "add", "+12015550102"]).expect("block add");
    rig.assert_reachable("+12015550101");
    let wire = Wire::new(&rig.lab);
    let before = rig.daemon.memory().expect("memory");
    let calls = Uac::start(&rig.lab, &Plan::new(Callers::one("+12015550103"), CALLS, 4));
    let calls = calls.expect("calls");
    for number in 0..URLS {
        let url = format!("https://{CARRIER_V4}:{HTTPS}/{number}/{:0>200}.pem", number);
        let invite = Invite::from("+12015550102")
            .pai("+12015550102")
            .line(&format!("Identity: {}", ground.identity(&url, "12015550102", 0)))
            .text()
            .replace("Call-ID: 1@", &format!("Call-ID: {number}@"))
            .replace("branch=z9hG4bK1", &format!("branch=z9hG4bK{number}"));
        let frame = Frame {
            destination: SBC_V4.into(),
            ..Frame::new(CARRIER_V4.into(), invite.as_bytes())
        };
        wire.send(frame.bytes());
        if number % 100 == 0 {
            thread::sleep(Duration::from_millis(20));
        }
    }
    let outcome = calls.finish().expect("calls");
    assert!(outcome.all_completed(CALLS), "{outcome:?}: {}", ground.stir());

    let grown = rig.daemon.memory().expect("memory").saturating_sub(before);
    println!("{URLS} URLs: {} KiB more", grown >> 10);
    assert!(grown < MEMORY, "{grown} bytes more: {}", ground.stir());
    // Each of them ends in a word that says why nothing is known; the other calls' words are others.
    let ended = || {
        let stir = ground.stir();
        let of = |word: &&str| stir["outcomes"][word].as_u64().unwrap_or(0);
        ["fetch-timeout", "fetch-budget", "pool-full"].iter().map(of).sum::<u64>()
    };
    let come = wait_for("all of them", Duration::from_secs(60), || ended() >= u64::from(URLS));
    let status = rig.daemon.status().expect("status");
    assert!(come.is_ok(), "{status}");
    assert_eq!(ended(), u64::from(URLS), "{status}");
}
