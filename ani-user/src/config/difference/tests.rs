//! Every key against its line, and what only a restart takes against what a reload makes of it.

use std::collections::BTreeSet;

use super::*;
use crate::config::SAMPLE;

/// What all configurations here have.
const BASE: &str = "[[profile]]\nname = 'own'\nbase = 'generic'\n\
    [[trunk]]\nname = 'a'\nsources = ['192.0.2.0/24']\ncountry = 'US'\n\
    [[trunk]]\nname = 'b'\nsources = ['198.51.100.0/24']\nprofile = 'own'\n\
    [[list]]\nname = 'spam'\naction = 'gray'\n[[list]]\nname = 'vip'\naction = 'allow'\n\
    [[list]]\nname = 'stop'\naction = 'block'\n\
    [[limit]]\nname = 'prefixes'\ncalls = 100\nwithin = '1m'\nper = ['prefix:7']\n";

fn parsed(text: &str) -> Config {
    Config::parse(text, "ani.toml").unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn lines(old: &str, new: &str) -> Vec<String> {
    let changes = parsed(new).over(&parsed(old)).changes;
    changes.iter().map(ToString::to_string).collect()
}

/// The base with something else in place of `from`, or with more behind it.
fn changed(from: &str, to: &str) -> String {
    if from.is_empty() {
        return format!("{BASE}{to}\n");
    }
    assert_eq!(BASE.matches(from).count(), 1, "{from}");
    BASE.replace(from, to)
}

const A: &str = "country = 'US'\n";
const OWN: &str = "base = 'generic'\n";
const SPAM: &str = "action = 'gray'\n";
const LIMIT: &str = "per = ['prefix:7']\n";

/// What stands in the base, what instead, and the line; those only a restart takes say so.
const KEYS: &[(&str, &str, &str)] = &[
    (
        "",
        "[capture]\ninterfaces = ['eth0', 'eth1']",
        "capture.interfaces: + eth0, eth1 (needs a restart)",
    ),
    ("", "[capture]\nsip_ports = [5061, 5080]", "capture.sip_ports: + 5061, 5080 - 5060"),
    ("", "[capture]\nmode = 'native'", "capture.mode: auto -> native (needs a restart)"),
    ("", "[capture]\nring_bytes = 65536", "capture.ring_bytes: 0 -> 65536 (needs a restart)"),
    ("", "[capture]\nwindow = 2048", "capture.window: 16384 -> 2048 (needs a restart)"),
    ("", "[capture]\nhep = '[::]:9060'", "capture.hep: none -> [::]:9060 (needs a restart)"),
    (
        "",
        "[capture]\nhep_sources = ['127.0.0.0/8', '10.0.0.0/8']",
        "capture.hep_sources: + 10.0.0.0/8 - ::1/128 (needs a restart)",
    ),
    (
        "",
        "[capture]\nhep_key = 'tell nobody'",
        "capture.hep_key: another one, which is not shown (needs a restart)",
    ),
    (
        "",
        "[control]\nsocket = '/s'\nread_socket = '/run/ani/read.sock'",
        "control.socket: /run/ani/ani.sock -> /s (needs a restart)",
    ),
    (
        "",
        "[control]\nread_socket = ''",
        "control.read_socket: /run/ani/read.sock -> none (needs a restart)",
    ),
    ("", "[control]\nread_group = 'noc'", "control.read_group: none -> noc (needs a restart)"),
    ("", "[control]\nmetrics = ''", "control.metrics: 127.0.0.1:9464 -> none (needs a restart)"),
    ("", "[store]\npath = '/s'", "store.path: /var/lib/ani -> /s (needs a restart)"),
    (
        "'192.0.2.0/24'",
        "'192.0.2.0/25', '203.0.113.1'",
        "trunk a: sources: + 192.0.2.0/25, 203.0.113.1/32 - 192.0.2.0/24",
    ),
    (A, "country = 'US'\nprofile = 'own'\n", "trunk a: profile: generic -> own"),
    (A, "country = 'CA'\n", "trunk a: country: US -> CA"),
    (
        A,
        "country = 'US'\nani = ['from']\nani_toll_free = ['p-charge-info', 'p-asserted-identity', 'remote-party-id', 'from']\n",
        "trunk a: ani: p-asserted-identity, remote-party-id, from -> from",
    ),
    (
        A,
        "country = 'US'\nani_toll_free = []\n",
        "trunk a: ani_toll_free: p-charge-info, p-asserted-identity, remote-party-id, from -> none",
    ),
    (A, "country = 'US'\nmax_digits = 16\n", "trunk a: max_digits: 15 -> 16"),
    (
        A,
        "country = 'US'\nrefuse = ['no-identity', 'failed']\n",
        "trunk a: refuse: + failed, no-identity",
    ),
    (A, "country = 'US'\nrefuse_mode = 'enforce'\n", "trunk a: refuse_mode: observe -> enforce"),
    (
        A,
        "country = 'US'\ntoll_free = ['+1800', '+44800']\n",
        "trunk a: toll_free: + +44800 - +1822, +1833, +1844, +1855, +1866, +1877, +1888, +800",
    ),
    (
        OWN,
        "base = 'generic'\nabout = 'ours'\n",
        "profile own: about: a carrier that keeps to the standards -> ours",
    ),
    (
        OWN,
        "base = 'generic'\nattestation = ['verstat', 'identity']\n",
        "profile own: attestation: identity, verstat, header -> verstat, identity",
    ),
    (OWN, "base = 'generic'\nverstat = ['uri']\n", "profile own: verstat: - user, header"),
    (
        OWN,
        "base = 'generic'\nverstat_headers = ['from']\n",
        "profile own: verstat_headers: p-asserted-identity, from -> from",
    ),
    (
        OWN,
        "base = 'generic'\nlevel_parameters = ['x']\n",
        "profile own: level_parameters: + x - attest",
    ),
    (
        OWN,
        "base = 'generic'\norigination_parameters = []\n",
        "profile own: origination_parameters: - origid",
    ),
    (OWN, "base = 'generic'\nstatus_headers = ['X']\n", "profile own: status_headers: + x"),
    (
        OWN,
        "base = 'generic'\nlevel_headers = ['Attestation-Info', 'P-Attestation-Info']\n",
        "profile own: level_headers: - p-attestation-indicator",
    ),
    (
        OWN,
        "base = 'generic'\norigination_headers = ['X', 'Origination-ID', 'P-Origination-ID']\n",
        "profile own: origination_headers: + x",
    ),
    (OWN, "base = 'generic'\nbypass_headers = ['X']\n", "profile own: bypass_headers: + x"),
    (
        OWN,
        "base = 'generic'\ntokens = { TN-Validation-Passed = 'passed A', TN-Validation-Failed = 'failed', No-TN-Validation = 'none' }\n",
        "profile own: tokens: + TN-Validation-Passed = passed A - TN-Validation-Passed = passed",
    ),
    (OWN, "base = 'generic'\nabsent = 'failed'\n", "profile own: absent: unknown -> failed"),
    (
        "",
        "[limits]\nper_caller = { calls = 20, within = '1m' }",
        "limits.per_caller: none -> 20 per 1m",
    ),
    ("calls = 100\n", "calls = 20\n", "limit prefixes: calls: 100 per 1m -> 20 per 1m"),
    ("within = '1m'\n", "within = '2m'\n", "limit prefixes: calls: 100 per 1m -> 100 per 2m"),
    (LIMIT, "per = ['prefix:7', 'called']\n", "limit prefixes: per: + called"),
    (LIMIT, "per = ['prefix:7']\ncallers = 'gray'\n", "limit prefixes: callers: all -> gray"),
    (LIMIT, "per = ['prefix:7']\nmode = 'enforce'\n", "limit prefixes: mode: observe -> enforce"),
    ("", "[lists]\nmax_entries = 7", "lists.max_entries: 10000000 -> 7 (needs a restart)"),
    ("", "[lists]\nmax_limited = 7", "lists.max_limited: 100000 -> 7 (needs a restart)"),
    ("", "[lists]\nmax_attempts = 0", "lists.max_attempts: 262144 -> 0 (needs a restart)"),
    (SPAM, "action = 'block'\n", "list spam: action: gray -> block"),
    (SPAM, "action = 'gray'\nmode = 'enforce'\n", "list spam: mode: observe -> enforce"),
    (SPAM, "action = 'gray'\nfile = '/f'\n", "list spam: file: none -> /f"),
    ("", "[limits]\nper_caller = { answer = '480' }", "limits.per_caller.answer: drop -> 480"),
    ("", "[lists]\nanswer = '603'", "lists.answer: drop -> 603"),
    ("action = 'block'\n", "action = 'block'\nanswer = '607'\n", "list stop: answer: drop -> 607"),
    (LIMIT, "per = ['prefix:7']\nanswer = '486'\n", "limit prefixes: answer: drop -> 486"),
    ("", "[answers]\nper_source = '7 per 1s'", "answers.per_source: 100 per 1s -> 7 per 1s"),
    ("", "[answers]\noverall = '7 per 1s'", "answers.overall: 10000 per 1s -> 7 per 1s"),
    ("", "[answers]\nretry_after = '7s'", "answers.retry_after: 30s -> 7s"),
    (
        "",
        "[answers]\nredress = { url = 'https://a.example/' }",
        "answers.redress.url: none -> https://a.example/",
    ),
    (
        "",
        "[answers]\nredress = { tel = '+12025550100' }",
        "answers.redress.tel: none -> +12025550100",
    ),
    (
        "",
        "[answers]\nredress = { email = 'a@a.example' }",
        "answers.redress.email: none -> a@a.example",
    ),
    ("", "[answers]\nredress = { location = 'TN' }", "answers.redress.location: none -> TN"),
    ("", "[answers]\ncard = 'https://a.example/c'", "answers.card: none -> https://a.example/c"),
    ("", "[capture]\npin = '/p'", "capture.pin: /sys/fs/bpf/ani -> /p (needs a restart)"),
    ("", "[capture]\non_exit = 'detach'", "capture.on_exit: keep -> detach (needs a restart)"),
    ("", "[hold]\nnot_plain = false", "hold.not_plain: true -> false"),
    ("", "[hold]\ndeadline = '70ms'", "hold.deadline: 50ms -> 70ms"),
    ("", "[hold]\nmax = 77", "hold.max: 1024 -> 77"),
    ("", "[breaker]\nenabled = false", "breaker.enabled: true -> false"),
    ("", "[breaker]\nshare = 7", "breaker.share: 30 -> 7"),
    ("", "[breaker]\ncallers = 7", "breaker.callers: 20 -> 7"),
    ("", "[breaker]\nrest = '1h'", "breaker.rest: 10m -> 1h"),
    ("", "[breaker]\nmax_known = 7777", "breaker.max_known: 100000 -> 7777"),
    (
        "",
        "[emergency]\nnumbers = ['112', '000', '911', '999', '111', '110', '119', '100']",
        "emergency.numbers: + 100 - 933",
    ),
    ("", "[stir]\nverify = false", "stir.verify: true -> false"),
    ("", "[stir]\nanchors = '/a'", "stir.anchors: none -> /a (needs a restart)"),
    ("", "[stir]\ncrls = '/a'", "stir.crls: none -> /a (needs a restart)"),
    ("", "[stir]\nmax_age = '5m'", "stir.max_age: 1m -> 5m"),
    ("", "[stir]\nfetch = false", "stir.fetch: true -> false (needs a restart)"),
    ("", "[stir]\nfetch_crls = false", "stir.fetch_crls: true -> false (needs a restart)"),
    ("", "[stir]\nlocal = '/a'", "stir.local: none -> /a (needs a restart)"),
    ("", "[stir]\nroots = '/a'", "stir.roots: none -> /a (needs a restart)"),
    (
        "",
        "[stir]\nallow_addresses = ['10.0.0.0/8']",
        "stir.allow_addresses: + 10.0.0.0/8 (needs a restart)",
    ),
    ("", "[stir]\nthreads = 2", "stir.threads: 1 -> 2 (needs a restart)"),
    ("", "[stir]\nqueue = 2", "stir.queue: 1024 -> 2 (needs a restart)"),
    ("", "[stir]\nmax_certificates = 2", "stir.max_certificates: 1000 -> 2 (needs a restart)"),
    ("", "[telemetry]\nmax_callers = 2", "telemetry.max_callers: 100000 -> 2 (needs a restart)"),
];

#[test]
fn each_key_has_its_line_and_what_a_restart_takes_stays() {
    let old = parsed(BASE);
    assert_eq!(parsed(BASE).over(&old), Difference { changes: Vec::new(), taken: old.clone() });
    assert_eq!(lines("", SAMPLE), [""; 0], "defaults that are written out");
    for (from, to, line) in KEYS {
        let new = parsed(&changed(from, to));
        let Difference { changes, taken } = new.clone().over(&old);
        let mut lines: Vec<_> = changes.iter().map(ToString::to_string).collect();
        // Trunk b's profile is another one too.
        lines.retain(|line| line != "trunk b: profile: own, which says something else now");
        assert_eq!(lines, [*line]);
        let restart = line.ends_with("(needs a restart)");
        assert_eq!(taken, if restart { old.clone() } else { new.clone() }, "{line}");
        // What is pending is said again, and what was taken is not.
        assert_eq!(new.over(&taken).changes.is_empty(), !restart, "{line}");
    }
}

#[test]
fn no_key_of_the_file_is_left_out() {
    let told: BTreeSet<_> = KEYS
        .iter()
        .map(|(_, to, line)| {
            let key = line.rsplit_once(": ").map_or(*line, |(keys, _)| keys);
            let key = match key.split_once(": ") {
                Some((table, key)) => format!("{}.{key}", table.split(' ').next().unwrap_or("")),
                None => key.to_owned(),
            };
            // Both are one rate.
            if to.starts_with("within") { "limit.within".to_owned() } else { key }
        })
        .collect();
    for table in [
        "capture",
        "control",
        "store",
        "[trunk]",
        "[profile]",
        "limits",
        "[limit]",
        "lists",
        "[list]",
        "hold",
        "breaker",
        "emergency",
        "stir",
        "telemetry",
    ] {
        let error = Config::parse(&format!("[{table}]\nno_such_key = 1"), "ani.toml");
        let error = error.expect_err("an unknown key").to_string();
        let (_, keys) = error.split_once("expected ").expect("the keys there are");
        let keys = keys.split('`').skip(1).step_by(2);
        let table = table.trim_matches(['[', ']']);
        // Neither is kept: a name is who it is, and a base is where a profile began.
        for key in keys.filter(|key| !["name", "base"].contains(key)) {
            // A profile has these in common with a trunk.
            let common = ["ani", "ani_toll_free", "country", "max_digits"].contains(&key);
            let table = if table == "profile" && common { "trunk" } else { table };
            assert!(told.contains(&format!("{table}.{key}")), "{table}.{key}: {told:?}");
        }
    }
}

#[test]
fn a_profiles_keys_in_common_with_a_trunk_are_told_too() {
    for (to, line) in [
        ("country = 'FR'", "profile own: country: none -> FR"),
        ("max_digits = 16", "profile own: max_digits: none -> 16"),
        (
            "ani_toll_free = []",
            "profile own: ani_toll_free: p-charge-info, p-asserted-identity, remote-party-id, from -> none",
        ),
        ("ani = ['from']", "profile own: ani: p-asserted-identity, remote-party-id, from -> from"),
    ] {
        let lines = lines(BASE, &changed(OWN, &format!("{OWN}{to}\n")));
        assert!(lines.contains(&line.to_owned()), "{lines:?}");
        // And what follows of it for the trunk.
        assert!(lines.iter().any(|line| line.starts_with("trunk b: ")), "{lines:?}");
    }
}

#[test]
fn what_comes_goes_and_moves() {
    let (spam, vip) = (
        "[[list]]\nname = 'spam'\naction = 'gray'\n",
        "[[list]]\nname = 'vip'\naction = 'allow'\n",
    );
    let (wangiri, limit) = (
        "[[list]]\nname = 'wangiri'\naction = 'block'\nmode = 'enforce'\nfile = '/w.csv'\n",
        "[[limit]]\nname = 'trunks'\ncalls = 9\nwithin = '1m'\nper = ['trunk', 'called']\n",
    );
    assert_eq!(lines(&format!("{spam}{vip}"), &format!("{vip}{spam}")), ["list: in another order"]);
    assert_eq!(
        lines(&format!("{spam}{vip}"), &format!("{limit}{wangiri}{spam}")),
        [
            "limit trunks: new: 9 per 1m for each called trunk; callers all; observe",
            "list vip: gone",
            "list wangiri: new: block; enforce; file /w.csv",
        ]
    );
    let trunk = "[[trunk]]\nname = 'c'\nsources = ['203.0.113.0/24']\n";
    assert_eq!(
        lines("", trunk),
        ["trunk c: new: sources 203.0.113.0/24; country none; profile generic"]
    );
    assert_eq!(lines(trunk, ""), ["trunk c: gone"]);
    let reordered = "[capture]\nsip_ports = [5062, 5060]\n";
    assert_eq!(
        lines("[capture]\nsip_ports = [5060, 5062]\n", reordered),
        ["capture.sip_ports: in another order"]
    );
}

#[test]
fn many_members_are_counted_and_none_is_left_out_of_the_document() {
    let sources: Vec<_> = (1..=100).map(|host| format!("'192.0.2.{host}'")).collect();
    let trunk =
        |sources: &[String]| format!("[[trunk]]\nname = 'a'\nsources = [{}]\n", sources.join(", "));
    let new = parsed(&trunk(&sources));
    let changes = new.over(&parsed(&trunk(&sources[..1]))).changes;
    assert_eq!(
        changes[0].to_string(),
        "trunk a: sources: + 192.0.2.2/32, 192.0.2.3/32, 192.0.2.4/32, 192.0.2.5/32, 192.0.2.6/32, \
         192.0.2.7/32, 192.0.2.8/32, 192.0.2.9/32 and 91 more"
    );
    let document = serde_json::json!(changes[0]);
    assert_eq!(document["added"].as_array().map(Vec::len), Some(99));
    assert_eq!((&document["of"], &document["name"]), (&"trunk".into(), &"a".into()));
    assert_eq!((&document["key"], &document["restart"]), (&"sources".into(), &false.into()));
}

#[test]
fn a_secret_is_shown_nowhere() {
    let key = |key: &str| format!("[capture]\nhep_key = '{key}'\n");
    let changes = parsed(&key("new-secret")).over(&parsed(&key("old-secret"))).changes;
    assert_eq!(changes.len(), 1);
    let shown = format!("{} {changes:?} {}", changes[0], serde_json::json!(changes));
    assert!(!shown.contains("old-secret") && !shown.contains("new-secret"), "{shown}");
}
