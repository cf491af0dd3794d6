//! The control server, driven by the real `ani` binary; the kernel is a map in memory.

/// The server on a socket of its own, with an `Enforce` and a clock made here.
#[path = "control/rig.rs"]
mod rig;
/// Lists and limits at rest.
#[path = "control/breaker.rs"]
mod breaker;
/// Certificates of signers.
#[path = "control/certificates.rs"]
mod certificates;
/// Habits of trunks.
#[path = "control/habits.rs"]
mod habits;
/// Limits with names.
#[path = "control/limits.rs"]
mod limits;
/// Lists beside the block list.
#[path = "control/lists.rs"]
mod lists;
/// What is logged.
#[path = "control/log.rs"]
mod log;
/// The metrics endpoint against the status document, and against OpenMetrics.
#[path = "control/metrics.rs"]
mod metrics;
/// Calls that are mirrored and only observed.
#[path = "control/mirrored.rs"]
mod mirrored;
/// What is refused, and how it is said.
#[path = "control/refusals.rs"]
mod refusals;
/// The configuration, read again.
#[path = "control/reload.rs"]
mod reload;
/// What signatures came to.
#[path = "control/signatures.rs"]
mod signatures;
/// Two sockets, and who may do what.
#[path = "control/sockets.rs"]
mod sockets;

use std::{
    fs,
    io::Write as _,
    os::unix::{
        fs::PermissionsExt,
        net::{UnixListener, UnixStream},
    },
    path::Path,
};

use ani_user::{control::socket, policy::Verdict, time::Timestamp};
use rig::Rig;
use serde_json::{Value, json};

fn config(text: &str) -> String {
    format!("[[trunk]]\nname = 'carrier-a'\nsources = ['192.0.2.0/24']\ncountry = 'US'\n{text}")
}

#[test]
fn a_number_is_blocked_listed_looked_up_and_removed() {
    let rig = Rig::new(&config(""));
    let added = rig.json(&["block", "add", "+14155550001", "--ttl", "1h", "--reason", "wangiri"]);
    assert_eq!((&added["new"], &added["total"]), (&json!(1), &json!(1)));
    // In force when the command returns.
    assert_eq!(rig.enforced(), ["14155550001"]);
    let entry = json!({
        "number": "+14155550001", "reason": "wangiri",
        "added": "2023-11-14T22:13:20.000000Z", "expires": "2023-11-14T23:13:20.000000Z",
    });
    assert_eq!(rig.json(&["block", "list"]), json!({"entries": [entry], "next": null, "total": 1}));
    let caller = rig.json(&["caller", "+14155550001"]);
    assert_eq!((&caller["blocked"], &caller["seen"]), (&entry, &Value::Null));
    let number = json!({
        "region": "US", "region_name": "United States", "line_type": "fixed-or-mobile", "valid": true,
    });
    assert_eq!(caller["number"], number);
    assert_eq!(
        rig.text(&["caller", "+1 415 555 0001"]),
        "caller         +14155550001\n\
         region         United States (US)\n\
         line type      fixed-or-mobile\n\
         blocked        since 2023-11-14 22:13:20 UTC, until 2023-11-14 23:13:20 UTC\n\
         reason         wangiri\n\
         limit          none (set by configuration)\n\
         seen           never\n"
    );
    assert_eq!(
        rig.text(&["block", "list"]),
        "number        added (UTC)          expires (UTC)        reason\n\
         +14155550001  2023-11-14 22:13:20  2023-11-14 23:13:20  wangiri\n"
    );
    assert_eq!(
        rig.text(&["block", "rm", "+14155550001", "+14155550009"]),
        "removed +14155550001\nnot on the list: +14155550009\n"
    );
    assert!(rig.enforced().is_empty());
    let gone = rig.ani(&["caller", "+14155550001"]);
    assert_eq!(gone.code, 1);
    assert_eq!(
        gone.stderr,
        "ani: nothing is known of +14155550001: no INVITE seen, and on no list\n"
    );
}

#[test]
fn a_national_number_needs_its_country_and_the_answer_says_what_it_became() {
    let rig = Rig::new(&config(""));
    let refused = rig.ani(&["block", "add", "4155550001"]);
    assert_eq!(refused.code, 2);
    assert!(refused.stderr.starts_with("ani: `4155550001` has no +; write the whole number"));
    assert_eq!(
        rig.text(&["block", "add", "4155550001", "+442079460000", "--country", "US"]),
        "blocked +14155550001 (4155550001)\nblocked +442079460000\n"
    );
    assert_eq!(rig.enforced(), ["14155550001", "442079460000"]);
    // One wrong number, and none is taken.
    assert_eq!(rig.ani(&["block", "add", "+14155550002", "bob"]).code, 2);
    assert_eq!(rig.enforced().len(), 2);
    assert_eq!(rig.ani(&["block", "add", "1", "--country", "XX"]).code, 2);
}

#[test]
fn lists_and_limits_survive_a_restart() {
    let mut rig = Rig::new(&config("[limits]\nper_caller = { calls = 5, within = '30s' }"));
    assert_eq!(rig.limit().as_deref(), Some("5 per 30s"));
    assert_eq!(
        rig.json(&["limit", "show"]),
        json!({"per_caller": {"calls": 5, "within": "30s"}, "set_by": "configuration"})
    );
    rig.text(&["block", "add", "+14155550001"]);
    rig.text(&["block", "add", "+14155550002", "--ttl", "10s"]);
    assert_eq!(
        rig.text(&["limit", "set", "10", "per", "1m"]),
        "10 calls per 1m for each caller (set by command)\n"
    );
    assert_eq!(rig.limit().as_deref(), Some("10 per 1m"));
    rig.clock.advance(11);
    rig.restart();
    assert_eq!(rig.limit().as_deref(), Some("10 per 1m"));
    assert_eq!(rig.enforced(), ["14155550001"], "the other one has expired");
    assert_eq!(rig.text(&["limit", "set", "none"]), "none (set by command)\n");
    assert_eq!(rig.limit(), None);
    rig.restart();
    assert_eq!(rig.limit(), None);
    assert_eq!(rig.json(&["limit", "reset"])["set_by"], "configuration");
    assert_eq!(rig.limit().as_deref(), Some("5 per 30s"));
    assert_eq!(rig.ani(&["limit", "set", "ten"]).code, 2);
    assert_eq!(rig.limit().as_deref(), Some("5 per 30s"));
}

#[test]
fn an_export_imports_again() {
    let rig = Rig::new(&config(""));
    let file = rig.path("list.csv");
    fs::write(&file, "# spam\n+14155550001\n\n+14155550002,\"says \"\"bank\"\", is none\"\n")
        .expect("write");
    let imported = rig.json(&["block", "import", &file, "--reason", "spam", "--ttl", "1d"]);
    assert_eq!(imported, json!({"read": 2, "new": 2, "replaced": 0, "expired": 0, "total": 2}));
    let exported = rig.text(&["block", "export"]);
    assert_eq!(
        exported,
        "number,expires,reason,added\n\
         +14155550001,2023-11-15T22:13:20.000000Z,spam,2023-11-14T22:13:20.000000Z\n\
         +14155550002,2023-11-15T22:13:20.000000Z,\"says \"\"bank\"\", is none\",2023-11-14T22:13:20.000000Z\n"
    );
    rig.text(&["block", "rm", "+14155550001", "+14155550002"]);
    fs::write(&file, &exported).expect("write");
    assert_eq!(
        rig.text(&["block", "import", &file]),
        "imported 2 numbers: 2 new, 0 replaced; 2 numbers on the list\n"
    );
    assert_eq!(rig.text(&["block", "export"]), exported);
    let copy = rig.path("copy.csv");
    assert_eq!(rig.text(&["block", "export", "--output", &copy]), "");
    assert_eq!(fs::read_to_string(copy).expect("written"), exported);
    assert_eq!(rig.json(&["block", "export"])["entries"][1]["number"], "+14155550002");
}

#[test]
fn an_import_with_a_wrong_line_changes_nothing() {
    let rig = Rig::new(&config("[lists]\nmax_entries = 2"));
    let file = rig.path("list.txt");
    fs::write(&file, "+14155550001\n4155550002\n+14155550003\n").expect("write");
    let refused = rig.ani(&["block", "import", &file]);
    assert_eq!(refused.code, 2);
    assert!(
        refused.stderr.starts_with(
            "ani: nothing was imported: 1 line is wrong\nline 2: `4155550002` has no +"
        ),
        "{}",
        refused.stderr
    );
    assert!(rig.enforced().is_empty());
    // Three numbers do not fit in two places.
    let full = rig.ani(&["block", "import", &file, "--country", "US"]);
    assert_eq!(full.code, 1);
    assert!(full.stderr.contains("has no room for 3 more"), "{}", full.stderr);
    assert!(rig.enforced().is_empty());
    assert_eq!(rig.ani(&["block", "import", &rig.path("nowhere")]).code, 2);
    // A reload makes no room: the kernel's map is as large as it was made.
    let larger = ani_user::config::Config::parse("lists.max_entries = 10", "ani.toml");
    rig.daemon().reload(larger.expect("a configuration")).expect("reload");
    assert_eq!(rig.ani(&["block", "import", &file, "--country", "US"]).code, 1);
    assert_eq!(rig.json(&["status"])["block_list"]["max_entries"], 2);
}

#[test]
fn a_long_list_is_paged() {
    let rig = Rig::new(&config(""));
    let file = rig.path("list.txt");
    let numbers: String = (5_550_000..5_575_000).map(|n| format!("+1415{n}\n")).collect();
    fs::write(&file, &numbers).expect("write");
    assert_eq!(rig.json(&["block", "import", &file])["new"], 25_000);
    assert_eq!(rig.enforced().len(), 25_000);
    let page = rig.text(&["block", "list", "-n", "2"]);
    assert!(page.ends_with("25000 numbers in all; more with --after +14155550001\n"), "{page}");
    let page = rig.json(&["block", "list", "-n", "1", "--after", "+14155550001"]);
    assert_eq!(page["entries"][0]["number"], "+14155550002");
    let all = rig.json(&["block", "export"]);
    assert_eq!(all["entries"].as_array().map(Vec::len), Some(25_000));
}

#[test]
fn what_the_kernel_refuses_is_not_kept() {
    let rig = Rig::new(&config(""));
    rig.text(&["block", "add", "+14155550001", "--reason", "old"]);
    for arguments in [
        &["block", "add", "+14155550002", "+14155550001", "+14155550003", "--ttl", "1h"][..],
        &["block", "rm", "+14155550001"],
        &["limit", "set", "1 per 1s"],
    ] {
        rig.enforce.fail(1);
        let refused = rig.ani(arguments);
        assert_eq!(refused.code, 1, "{arguments:?}");
        assert_eq!(
            refused.stderr,
            "ani: the kernel did not take the change, so it was not made: the map is gone\n"
        );
        assert_eq!(rig.enforced(), ["14155550001"]);
        assert_eq!(rig.enforced_ends(), [false], "the old one");
        // When the way back fails too, it is said.
        rig.enforce.fail(2);
        let torn = rig.ani(arguments);
        assert_eq!(torn.code, 1, "{arguments:?}");
        assert!(torn.stderr.contains("(the map is gone) and taking it back failed"), "{torn:?}");
        rig.enforce.fail(0);
        assert_eq!(rig.limit(), None);
        rig.text(&["block", "add", "+14155550001", "--reason", "old"]);
    }
    let list = rig.json(&["block", "list"]);
    assert_eq!((&list["total"], &list["entries"][0]["reason"]), (&json!(1), &json!("old")));
    assert_eq!(rig.json(&["limit", "show"])["per_caller"], Value::Null);
}

#[test]
fn what_was_counted_is_shown() {
    let rig = Rig::new(&config(""));
    for (ani, verdict, count) in [
        ("+14155550001", Verdict::Drop, 3),
        ("+14155550002", Verdict::Pass, 5),
        ("bob\u{1b}[2J", Verdict::Pass, 1),
    ] {
        for _ in 0..count {
            rig.daemon().telemetry.record(&rig::invite(ani, verdict, rig.clock.time()));
        }
    }
    assert_eq!(
        rig.text(&["top", "callers", "-n", "2"]),
        "caller        calls  passed  dropped  A/B/C/none  trunk      last called   last seen (UTC)\n\
         +14155550002      5       5        0     5/0/0/0  carrier-a  +18005551234  2023-11-14 22:13:20\n\
         +14155550001      3       0        3     3/0/0/0  carrier-a  +18005551234  2023-11-14 22:13:20\n"
    );
    let top = rig.json(&["top", "callers", "--by", "dropped", "-n", "1"]);
    assert_eq!(top["callers"][0]["caller"], "+14155550001");
    assert_eq!(top["callers"][0]["last_rule"], "list:block");
    assert_eq!(
        rig.text(&["top", "trunks"]),
        "trunk      calls  INVITEs  passed  dropped  A/B/C/none  anonymous  no number\n\
         carrier-a      9        9       6        3     9/0/0/0          0          1\n"
    );
    let none = rig::invite("+14155550007", Verdict::Pass, rig.clock.time());
    rig.daemon().telemetry.record(&ani_user::invite::Invite { trunk: None, ..none });
    let trunks = |arguments: &[&str]| {
        let document = rig.json(&[&["top", "trunks"], arguments].concat());
        let names = document["trunks"].as_array().expect("trunks").iter();
        names.map(|trunk| trunk["name"].as_str().unwrap_or("?").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(trunks(&["--by", "invites"]), ["carrier-a", "-"]);
    assert_eq!(trunks(&["-n", "1"]), ["carrier-a"]);
    let caller = rig.text(&["caller", "4155550001", "--country", "us"]);
    assert!(caller.contains("last verdict   drop (list:block)\n"), "{caller}");
    let spoofed = rig::invite("+14155550001", Verdict::Pass, rig.clock.time());
    rig.daemon().telemetry.record(&ani_user::invite::Invite { trunk: None, ..spoofed });
    let caller = rig.json(&["caller", "+14155550001"]);
    assert_eq!(
        (&caller["seen"]["invites"], &caller["seen_untrusted"]["invites"]),
        (&json!(3), &json!(1))
    );
    // Nothing a caller calls himself may steer a terminal.
    assert!(!rig.text(&["top", "callers"]).contains('\u{1b}'));
    let bob = rig.json(&["caller", "bob\u{1b}[2J"]);
    assert_eq!((&bob["seen"]["calls"], &bob["number"]), (&json!(1), &Value::Null));
}

#[test]
fn the_status_document_has_its_shape() {
    let rig = Rig::new(&config(""));
    rig.enforce.count();
    rig.text(&["block", "add", "+14155550001"]);
    let status = rig.json(&["status"]);
    assert_eq!(status["version"], env!("CARGO_PKG_VERSION"));
    let interface =
        json!({"name": "eth0", "configured": "eth0", "mode": "native", "trouble": null});
    assert_eq!(status["interfaces"], json!([interface]));
    assert_eq!(status["holding"], json!({"state": "idle"}));
    assert_eq!(status["uptime_s"], 90);
    assert_eq!(status["block_list"], json!({"entries": 1, "max_entries": 10_000_000}));
    assert_eq!(status["trunks"][0]["name"], "carrier-a");
    let counter =
        |name: &str| status["counters"][name].as_u64().unwrap_or_else(|| panic!("{name}"));
    // Each of the program's counters stands at its index plus one.
    assert_eq!(counter("packets"), 1);
    assert_eq!(counter("invites"), counter("passed") + counter("dropped") + counter("held"));
    let dropped = ["dropped_blocked", "dropped_limited", "dropped_repeated"].map(counter);
    assert_eq!(counter("dropped"), dropped.iter().sum::<u64>());
    let no_invites = ["not_invite", "keepalive", "dropped_follow_up"].map(counter);
    assert_eq!(counter("sip"), counter("invites") + no_invites.iter().sum::<u64>());
    assert!(counter("captured") > 0 && counter("lost") > 0);
    for loss in ["record_bad", "queue_full", "message_bad", "callers_evicted"] {
        assert_eq!(status["daemon"][loss], 0, "{loss}");
    }
    let text = rig.text(&["status"]);
    assert!(text.starts_with("ani 0.1.0, up 1m 30s\ninterfaces  eth0 (native)\n"), "{text}");
    assert!(text.lines().all(|line| line.len() <= 120));
    let loss = text.lines().find(|line| line.starts_with("lost_parts ")).expect("a loss by name");
    assert!(loss.ends_with("because the ring buffer was half full"), "{loss}");
    assert_eq!(text.matches("lost_parts").count(), 1, "{text}");
}

#[test]
fn the_socket_belongs_to_one_daemon_and_its_group() {
    let mut rig = Rig::new(&config(""));
    let path = rig.path("ani.sock");
    assert_eq!(fs::metadata(&path).expect("socket").permissions().mode() & 0o777, 0o660);
    let bind = |path: &str| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("runtime").block_on(socket::Socket::bind(Path::new(path)))
    };
    let refused = bind(&path).expect_err("in use").to_string();
    assert!(refused.contains(&format!("(pid {})", std::process::id())), "{refused}");
    rig.stop();
    assert!(!Path::new(&path).exists(), "the file goes with the daemon");
    // What a daemon that was killed leaves behind.
    drop(UnixListener::bind(&path).expect("bind"));
    assert!(Path::new(&path).exists());
    bind(&path).expect("replaced");
    let file = rig.path("file");
    fs::write(&file, "").expect("write");
    assert!(matches!(bind(&file), Err(socket::Error::NoSocket { .. })));
}

#[test]
fn clients_that_do_not_finish_do_not_keep_the_daemon() {
    let mut rig = Rig::new(&config(""));
    let connect = || UnixStream::connect(rig.path("ani.sock")).expect("connect");
    let (_silent, mut broken) = (connect(), connect());
    broken.write_all(b"POST /v1/block HTTP/1.1\r\ncontent-length: 9\r\n\r\n{").expect("write");
    rig.text(&["status"]);
    rig.stop();
}

#[test]
fn what_has_expired_leaves_the_list_and_the_kernel() {
    let rig = Rig::new(&config(""));
    rig.text(&["block", "add", "+14155550001", "--ttl", "10s"]);
    rig.text(&["block", "add", "+14155550002"]);
    assert_eq!(rig.daemon().expire(rig.clock.time()).expect("expire"), 0);
    rig.clock.advance(10);
    assert_eq!(rig.daemon().expire(rig.clock.time()).expect("expire"), 1);
    assert_eq!(rig.enforced(), ["14155550002"]);
    assert_eq!(rig.json(&["block", "list"])["total"], 1);
}

#[test]
fn a_reload_changes_the_configured_limit_only() {
    let rig = Rig::new(&config(""));
    let reload = |text: &str| {
        let config = ani_user::config::Config::parse(text, "ani.toml").expect("a configuration");
        let changes = rig.daemon().reload(config).expect("reload").changes;
        let pending = changes.into_iter().filter(|change| change.restart);
        pending.filter_map(|change| change.key).collect::<Vec<_>>()
    };
    // The rig's sockets and store are others and stay: that is said each time.
    const OWN: [&str; 3] = ["control.socket", "control.read_socket", "store.path"];
    let limited = "[limits]\nper_caller = { calls = 3, within = '1s' }\n";
    assert_eq!(reload(&config(limited)), OWN);
    assert_eq!(rig.limit().as_deref(), Some("3 per 1s"));
    assert_eq!(reload(limited), OWN);
    rig.text(&["limit", "set", "7 per 1h"]);
    reload("");
    assert_eq!(rig.limit().as_deref(), Some("7 per 1h"));
    rig.text(&["limit", "reset"]);
    assert_eq!(rig.limit(), None);
    for _ in 0..2 {
        let pending = reload("[lists]\nmax_limited = 7");
        assert_eq!(pending, [&OWN[..], &["lists.max_limited"]].concat());
    }
    assert_eq!(Timestamp::new(1_700_000_000, 0), rig.clock.time());
}
