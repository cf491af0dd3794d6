//! Habits of trunks: learned live, watched, and kept over a restart.

use std::{
    process::{Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use ani_user::{config::Config, invite::Invite, policy::Verdict, sip, telemetry::habits::Habits};
use serde_json::{Value, json};

use super::{config, rig, rig::Rig};

/// What a carrier sends that asserts its callers, and what one sends that does not.
const ASSERTED: &str = "P-Asserted-Identity: \
    <sip:+14155550001@carrier.example;verstat=TN-Validation-Passed>\r\n";
const NOT_ASSERTED: &str = "";

/// So many calls, a second apart.
fn call(rig: &Rig, count: u32, headers: &str) {
    let message = format!(
        "INVITE sip:+12025550100@h SIP/2.0\r\nFrom: <sip:+14155550001@h>;tag=1\r\n{headers}\r\n"
    );
    let parsed = sip::invite(message.as_bytes(), false).expect("an INVITE");
    for _ in 0..count {
        rig.clock.advance(1);
        let invite = rig::invite("+14155550001", Verdict::Pass, rig.clock.time());
        let invite = Invite { habits: Habits::of(&parsed, false), ..invite };
        rig.daemon().telemetry.record(&invite);
    }
}

#[test]
fn a_change_is_said_counted_and_kept() {
    let mut rig = Rig::new(&config("profile = 'telnyx'"));
    assert_eq!(rig.text(&["trunk", "lint"]), "carrier-a: nothing seen yet\n");
    call(&rig, 120, ASSERTED);
    assert_eq!(
        rig.text(&["trunk", "lint", "carrier-a"]),
        "carrier-a: 120 INVITEs that started a call, 2023-11-14 22:13:21 to 2023-11-14 22:15:20 UTC\n\
         \x20 no habit has changed\n\
         \x20 and all of it goes with the profile\n"
    );
    assert_eq!(rig.daemon().tell_habits(), 0);
    call(&rig, 130, NOT_ASSERTED);
    // Told once, and it is in force for whoever asks afterwards.
    assert_eq!((rig.daemon().tell_habits(), rig.daemon().tell_habits()), (2, 0));
    let said = rig.text(&["trunk", "lint"]);
    assert!(
        said.contains(
            "  changed since 2023-11-14 22:15:21 UTC:\n\
             \x20   INVITEs that have P-Asserted-Identity: 100 of 100 before, 0 of 100 since\n"
        ),
        "{said}"
    );
    assert!(said.contains("which the trunk's order names first"), "{said}");
    let json = rig.json(&["trunk", "lint"]);
    let habits: Vec<_> = json["trunks"][0]["changes"]
        .as_array()
        .expect("changes")
        .iter()
        .map(|change| change["habit"].as_str().expect("a habit"))
        .collect();
    assert_eq!(habits, ["p-asserted-identity", "verstat"]);
    let (_, metrics) = rig::exchange(
        std::net::TcpStream::connect(rig.metrics()).expect("metrics"),
        "GET",
        "/metrics",
        b"",
    );
    let expected = "ani_trunk_habit_changes_total{trunk=\"carrier-a\"} 2\n";
    assert!(metrics.contains(expected), "{metrics}");

    assert_eq!(rig.daemon().keep_habits().expect("stored"), 1);
    assert_eq!(rig.daemon().keep_habits().expect("stored"), 0, "nothing came meanwhile");
    rig.restart();
    assert_eq!(rig.text(&["trunk", "lint"]), said);
    // It comes back, which the daemon of before did not see: the finding ends.
    call(&rig, 100, ASSERTED);
    let said = rig.text(&["trunk", "lint"]);
    assert!(said.contains("  was otherwise since 2023-11-14 22:15:21 UTC, until "), "{said}");
    assert!(!said.contains("  changed since"), "{said}");
}

#[test]
fn what_belongs_to_no_trunk_any_more_is_forgotten_at_the_start() {
    let mut rig = Rig::new(&config(""));
    call(&rig, 1, ASSERTED);
    rig.daemon().keep_habits().expect("stored");
    rig.restart_with("[[trunk]]\nname = 'carrier-b'\nsources = ['192.0.2.0/24']\n");
    assert_eq!(rig.text(&["trunk", "lint"]), "carrier-b: nothing seen yet\n");
    rig.restart_with(&config(""));
    assert_eq!(rig.text(&["trunk", "lint"]), "carrier-a: nothing seen yet\n");
}

/// Places calls until a command has ended.
fn meanwhile<T: Send>(rig: &Rig, command: impl FnOnce() -> T + Send) -> T {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let command = scope.spawn(|| {
            let done = command();
            over.store(true, Ordering::SeqCst);
            done
        });
        while !over.load(Ordering::SeqCst) {
            call(rig, 1, ASSERTED);
            // The clock of the rig stands still but for calls, and a lesson lasts for its time.
            thread::sleep(Duration::from_millis(20));
        }
        command.join().expect("the command")
    })
}

#[test]
fn a_trunk_is_learned_from_what_the_daemon_sees() {
    let rig = Rig::new(&config("profile = 'telnyx'"));
    let learn = ["trunk", "learn", "--live", "2m", "--source", "192.0.2.0/24"];
    // Two minutes of the rig's clock, which go by faster; Ctrl-C ends it early.
    let socket = rig.path("ani.sock");
    let output = meanwhile(&rig, || {
        let child = Command::new(env!("CARGO_BIN_EXE_ani"))
            .args([&["--socket", &socket][..], &learn].concat())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("ani runs");
        thread::sleep(Duration::from_secs(2));
        let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
        assert!(killed.expect("kill").success());
        child.wait_with_output().expect("its end")
    });
    let (text, errors) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!((output.status.code(), errors.as_ref()), (Some(0), ""));
    let proposed = Config::parse(&text, "proposal").expect(&text);
    let [trunk] = &proposed.trunks[..] else { panic!("one trunk: {text}") };
    assert_eq!(trunk.sources, ["192.0.2.0/24".parse().expect("a network")]);
    assert_eq!((trunk.profile.name.as_str(), trunk.country.as_deref()), ("telnyx", Some("US")));

    let by_trunk = meanwhile(&rig, || {
        rig.text(&["trunk", "learn", "--live", "1s", "--trunk", "carrier-a", "--json"])
    });
    let by_trunk: Value = serde_json::from_str(&by_trunk).expect("json");
    let proposal = &by_trunk["proposals"][0];
    assert_eq!(
        (&proposal["source"], &proposal["profile"]),
        (&json!("carrier-a"), &json!("telnyx"))
    );
    assert!(proposal["evidence"]["invites"].as_u64().expect("a count") > 0, "{proposal}");

    let nobody = rig.ani(&["trunk", "learn", "--live", "1s", "--source", "198.51.100.1"]);
    assert_eq!(nobody.code, 1);
    assert_eq!(nobody.stderr, "ani: no INVITE that starts a call came\n");
}

#[test]
fn what_is_asked_wrongly_is_refused() {
    let rig = Rig::new(&config(""));
    for (arguments, code, said) in [
        (&["learn", "--live", "0s"][..], 2, "is not between 1s and 24h"),
        (&["learn", "--live", "2d"], 2, "is not between 1s and 24h"),
        (&["learn", "--live", "1s", "--trunk", "nobody"], 2, "there is no trunk `nobody`"),
        (&["learn", "--live", "soon"], 2, "invalid value 'soon'"),
        (&["learn"], 2, "the following required arguments"),
        (&["learn", "--trunk", "carrier-a", "x.pcap"], 2, "cannot be used with"),
        (&["lint", "nobody"], 1, "there is no trunk `nobody`; name one of carrier-a"),
        (&["lint", "--file", "x.pcap"], 2, "--config <FILE>"),
    ] {
        let done = rig.ani(&[&["trunk"][..], arguments].concat());
        assert_eq!(done.code, code, "{arguments:?}: {}", done.stderr);
        assert!(done.stderr.contains(said), "{arguments:?}: {}", done.stderr);
    }
    let learn = || rig.request("POST", "/v1/habits/lessons", br#"{"within": "10m"}"#);
    let ids: Vec<_> = (0..4).map(|_| learn()).collect();
    assert!(ids.iter().all(|(status, _)| *status == 200), "{ids:?}");
    let (status, said) = learn();
    assert_eq!(status, 409);
    assert_eq!(said, r#"{"error":"4 learn already; wait until one of them is done"}"#);
    let (status, _) = rig.request("DELETE", "/v1/habits/lessons/1", b"");
    assert_eq!((status, learn().0), (200, 200));
    assert_eq!(rig.request("GET", "/v1/habits/lessons/1", b"").0, 404);
    assert_eq!(rig.request("GET", "/v1/habits/lessons/x", b"").0, 400);
    // Nobody asked for them: they are over when their time is, and make room.
    rig.clock.advance(3_600);
    assert_eq!(learn().0, 200);
}
