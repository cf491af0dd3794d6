//! Limits with names: in the kernel, by command, over a restart.

use ani_ebpf::abi::limit::Limit;
use ani_user::{capture::By, config::Config};

use crate::{
    config,
    metrics::{samples, scrape},
    rig::Rig,
};

const NAMED: &str = "[limits]\nper_caller = { calls = 5, within = '30s' }\n\
     [[limit]]\nname = 'prefixes'\ncalls = 100\nwithin = '1m'\nper = ['prefix:7']\n\
     [[limit]]\nname = 'trunks'\ncalls = 10\nwithin = '1s'\nper = ['trunk']\nmode = 'enforce'\n\
     callers = 'gray'\n";

#[test]
fn named_limits_follow_that_of_each_caller() {
    let mut rig = Rig::new(&config(NAMED));
    let [per_caller, prefixes, trunks] = rig.limits()[..] else { panic!("three limits") };
    assert_eq!((per_caller.id, per_caller.observed, per_caller.gray), (1, 0, 0));
    let nothing = Limit { interval_ns: 0, tolerance_ns: 0, ..Limit::NONE };
    assert_eq!(
        Limit { interval_ns: 0, tolerance_ns: 0, ..prefixes },
        // What a caller's number begins with can be forged: trunk and attestation count too.
        Limit {
            caller: 0xffff_fff0_0000_0000,
            trunk: u16::MAX,
            attestation: u8::MAX,
            id: 2,
            observed: 1,
            ..nothing
        }
    );
    assert_eq!(prefixes.interval_ns, 600_000_000);
    assert_eq!(
        Limit { interval_ns: 0, tolerance_ns: 0, ..trunks },
        Limit { trunk: u16::MAX, id: 3, gray: 1, ..nothing }
    );
    assert_eq!(
        rig.text(&["limit", "list"]),
        "limit       calls       per                       callers  mode     set by\n\
         per-caller  5 per 30s   caller trunk attestation  all      enforce  configuration\n\
         prefixes    100 per 1m  prefix:7                  all      observe  configuration\n\
         trunks      10 per 1s   trunk                     gray     enforce  configuration\n"
    );
    rig.text(&["limit", "mode", "prefixes", "enforce"]);
    rig.text(&["limit", "set", "trunks", "20", "per", "1s"]);
    rig.text(&["limit", "set", "none"]);
    rig.restart();
    let [prefixes, trunks] = rig.limits()[..] else { panic!("two limits") };
    assert_eq!((prefixes.id, prefixes.observed), (2, 0));
    assert_eq!((trunks.id, trunks.interval_ns), (3, 50_000_000));
    rig.text(&["limit", "set", "trunks", "none"]);
    assert_eq!(rig.limits().len(), 1);
    for arguments in
        [&["limit", "reset", "trunks"][..], &["limit", "reset", "prefixes"], &["limit", "reset"]]
    {
        rig.text(arguments);
    }
    assert_eq!(
        rig.limits(),
        [
            per_caller,
            Limit { observed: 1, ..prefixes },
            Limit { interval_ns: 100_000_000, tolerance_ns: 900_000_000, ..trunks }
        ]
    );
}

#[test]
fn what_is_wrong_with_a_limit_changes_nothing() {
    let rig = Rig::new(&config(NAMED));
    let before = rig.limits();
    let unknown = rig.ani(&["limit", "set", "trnks", "10", "per", "1s"]);
    assert_eq!(unknown.code, 1);
    assert!(unknown.stderr.starts_with("ani: no limit is named `trnks`; `ani limit list` shows"));
    assert_eq!(rig.ani(&["limit", "set", "trunks", "ten"]).code, 2);
    assert_eq!(rig.ani(&["limit", "mode", "trunks", "sometimes"]).code, 2);
    rig.enforce.fail(1);
    assert_eq!(rig.ani(&["limit", "mode", "prefixes", "enforce"]).code, 1);
    assert_eq!(rig.limits(), before);
    assert_eq!(rig.json(&["limit", "list"])["limits"][1]["mode"], "observe");
    // A reload that a list refuses leaves the limits too.
    let broken = "[[list]]\nname = 'feed'\naction = 'block'\nfile = '/nowhere/feed.csv'\n";
    let config = Config::parse(&config(broken), "ani.toml").expect("a configuration");
    let error = rig.daemon().reload(config).expect_err("no such file").to_string();
    assert!(error.starts_with("list `feed`: /nowhere/feed.csv: cannot be read"), "{error}");
    assert_eq!(rig.limits(), before);
}

#[test]
fn a_limit_keeps_its_id_when_others_go_and_come() {
    let rig = Rig::new(&config(NAMED));
    let reload = |text: &str| {
        let config = Config::parse(&config(text), "ani.toml").expect("a configuration");
        rig.daemon().reload(config).expect("reloaded");
    };
    let ids = || rig.limits().iter().map(|limit| limit.id).collect::<Vec<_>>();
    let decided = || {
        let samples = samples(&scrape(&rig, "GET", "/metrics").1);
        let of = |name: &str| {
            let series = format!("ani_rule_decided_total{{kind=\"limit\",name=\"{name}\"}}");
            samples.get(&series).copied()
        };
        ["prefixes", "trunks", "new"].map(of)
    };
    assert_eq!(ids(), [1, 2, 3]);
    for limit in [2, 3, 3] {
        rig.daemon().tallies.spoken.count(&By { limit, ..By::default() });
    }
    rig.text(&["limit", "mode", "trunks", "observe"]);
    assert_eq!(decided(), [Some(1.0), Some(2.0), None]);

    let (per_caller, prefixes) = NAMED.split_once("[[limit]]").expect("limits");
    let (_, trunks) = prefixes.split_once("[[limit]]").expect("two");
    reload(&format!("{per_caller}[[limit]]{trunks}"));
    assert_eq!(ids(), [1, 3]);
    assert_eq!(rig.limits()[1].observed, 1);
    assert_eq!(decided(), [None, Some(2.0), None]);

    let new = "[[limit]]\nname = 'new'\ncalls = 1\nwithin = '1s'\nper = ['called']\n";
    reload(&format!("{per_caller}{new}[[limit]]{trunks}"));
    assert_eq!(ids(), [1, 4, 3], "looked at in the order of the file");
    assert_eq!(decided(), [None, Some(2.0), Some(0.0)]);
    reload(NAMED);
    assert_eq!(ids(), [1, 2, 3]);
    assert_eq!(decided(), [Some(0.0), Some(2.0), None]);
}
