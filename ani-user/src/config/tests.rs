//! The sample against the defaults, and each thing that can be wrong against what is said of it.

use ani_ebpf::{abi::list::Action, dial_plan::DialPlan};

use super::*;
use crate::answer::Answer;

fn parsed(text: &str) -> Config {
    Config::parse(text, "ani.toml").unwrap_or_else(|error| panic!("{error}"))
}

fn refused(text: &str) -> String {
    Config::parse(text, "ani.toml").expect_err(text).to_string()
}

#[test]
fn the_sample_holds_the_defaults() {
    assert_eq!(parsed(""), Config::default());
    assert_eq!(parsed(SAMPLE), Config::default());
    assert_eq!(Config::default().emergency.numbers.len(), 8);
}

#[test]
fn the_sample_names_every_key() {
    // An unset key would parse to the default too: each must be there and hold it itself.
    for key in [
        "interfaces",
        "sip_ports",
        "mode",
        "pin",
        "on_exit",
        "ring_bytes",
        "window",
        "hep",
        "hep_sources",
        "hep_key",
        "socket",
        "read_socket",
        "read_group",
        "metrics",
        "path",
        "per_caller",
        "max_entries",
        "max_limited",
        "max_attempts",
        "answer",
        "per_source",
        "overall",
        "retry_after",
        "redress",
        "card",
        "enabled",
        "share",
        "callers",
        "rest",
        "max_known",
        "numbers",
        "verify",
        "anchors",
        "crls",
        "max_age",
        "fetch",
        "fetch_crls",
        "local",
        "roots",
        "allow_addresses",
        "threads",
        "queue",
        "max_certificates",
        "max_callers",
    ] {
        let line = format!("{key} = ");
        assert!(SAMPLE.lines().any(|text| text.starts_with(&line)), "{key}");
    }
}

#[test]
fn the_program_is_kept_in_a_folder_or_not_at_all() {
    assert_eq!(parsed("capture.pin = ''").capture.pin, None);
    let kept = parsed("capture = { pin = '/sys/fs/bpf/two', on_exit = 'detach' }").capture;
    assert_eq!(kept.pin.as_deref(), Some(Path::new("/sys/fs/bpf/two")));
    assert_eq!(kept.on_exit, OnExit::Detach);
    for path in ["ani", "/", "/sys/fs/bpf/.."] {
        let error = refused(&format!("capture.pin = '{path}'"));
        assert!(error.contains("capture.pin") && error.contains("/sys/fs/bpf/ani"), "{error}");
    }
    assert!(refused("capture.on_exit = 'stay'").contains("keep"));
}

#[test]
fn the_samples_trunk_is_an_example_that_works() {
    let text: Vec<_> = SAMPLE
        .lines()
        .skip_while(|line| *line != "# [[trunk]]")
        .take_while(|line| line.starts_with('#'))
        .map(|line| line.trim_start_matches('#').strip_prefix(' ').unwrap_or(""))
        .collect();
    let config = parsed(&text.join("\n"));
    let [trunk] = &config.trunks[..] else { panic!("{:?}", config.trunks) };
    assert_eq!(trunk.name, "carrier-a");
    assert_eq!(trunk.sources.len(), 2);
    assert_eq!(trunk.country.as_deref(), Some("US"));
    // The optional keys stand at their defaults.
    let short =
        parsed("[[trunk]]\nname = 'carrier-a'\nsources = ['203.0.113.0/24']\ncountry = 'us'");
    assert_eq!(trunk, &Trunk { sources: trunk.sources.clone(), ..short.trunks[0].clone() });
}

#[test]
fn the_file_of_the_issue() {
    let config = parsed(
        r#"
[capture]
interfaces = ["eth0"]
sip_ports  = [5060]
mode       = "auto"            # native | generic | auto

[control]
socket  = "/run/ani/ani.sock"
metrics = "127.0.0.1:9464"     # empty: none

[store]
path = "/var/lib/ani"          # lists survive a restart

[[trunk]]
name    = "carrier-a"
sources = ["203.0.113.0/24", "2001:db8:1::/48"]
country = "US"                 # to complete national numbers
ani     = ["p-asserted-identity", "remote-party-id", "from"]

[limits]
per_caller = { calls = 10, within = "1m" }   # empty: none
"#,
    );
    assert_eq!(config.capture.interfaces, ["eth0"]);
    let rate = config.limits.per_caller.expect("a limit");
    assert_eq!((rate.calls, rate.within), (10, Duration::from_secs(60)));
    assert_eq!(config.trunks[0].dial_plan.country.to_string(), "1");
}

#[test]
fn what_may_be_left_empty() {
    assert_eq!(parsed("limits.per_caller = {}").limits.per_caller, None);
    assert_eq!(parsed("control.metrics = ''").control.metrics, None);
    assert_eq!(parsed("control.read_socket = ''").control.read_socket, None);
    assert_eq!(parsed("control.read_group = ''").control.read_group, None);
    assert!(parsed("emergency.numbers = []").emergency.numbers.is_empty());
}

#[test]
fn the_socket_for_looking_stands_beside_the_other_one() {
    let control = |text: &str| parsed(&format!("[control]\n{text}")).control;
    let beside = Some(PathBuf::from("/tmp/a/read.sock"));
    assert_eq!(control("socket = '/tmp/a/s'").read_socket, beside);
    let apart = control("socket = '/tmp/a/s'\nread_socket = '/tmp/b'\nread_group = 'noc'");
    assert_eq!(apart.read_group.as_deref(), Some("noc"));
    assert_eq!(apart.at(Path::new("/x/s")).read_socket, Some(PathBuf::from("/tmp/b")));
    assert_eq!(control("").at(Path::new("/tmp/a/s")).read_socket, beside);
    assert_eq!(control("read_socket = ''").at(Path::new("/tmp/a/s")).read_socket, None);
}

#[test]
fn an_address_is_a_network_of_one() {
    let config = parsed("[[trunk]]\nname='a'\nsources=['192.0.2.1', '2001:db8::1']");
    let sources: Vec<_> = config.trunks[0].sources.iter().map(ToString::to_string).collect();
    assert_eq!(sources, ["192.0.2.1/32", "2001:db8::1/128"]);
    assert_eq!(config.trunks[0].dial_plan, DialPlan::NONE);
}

#[test]
fn each_mistake_is_named_with_its_line_value_and_remedy() {
    for (text, expected) in [
        (
            "[capture]\n\ninterfaces = ['eth0', 'eth 1']",
            "ani.toml:3: capture.interfaces: `eth 1` is no interface name; `ip link` lists them",
        ),
        (
            "[capture]\ninterfaces = [\n  'eth0',\n  'eth0',\n]",
            "ani.toml:4: capture.interfaces: `eth0` is named twice; name it once",
        ),
        (
            "[capture]\nsip_ports = [5060, 0]",
            "ani.toml:2: capture.sip_ports: 0 is no port; write a number from 1 to 65535",
        ),
        (
            "[capture]\nsip_ports = [70000]",
            "ani.toml:2: capture.sip_ports: 70000 is no port; write a number from 1 to 65535",
        ),
        (
            "[capture]\nsip_ports = [5060, 5060]",
            "ani.toml:2: capture.sip_ports: 5060 is named twice; name it once",
        ),
        (
            "[capture]\nsip_ports = []",
            "ani.toml:2: capture.sip_ports: no port; name at least one, such as 5060",
        ),
        (
            "[capture]\nring_bytes = 5000",
            "ani.toml:2: capture.ring_bytes: 5000 cannot be the ring's size; write a power of two \
             from 4096 to 1073741824, such as 4194304, or 0 for what fits the number of CPUs",
        ),
        (
            "[capture]\nmode = 'fast'",
            "ani.toml:2: capture.mode: unknown variant `fast`, expected one of `auto`, `generic`, \
             `native`",
        ),
        (
            "[capture]\nsip_ports = '5060'",
            "ani.toml:2: capture.sip_ports: invalid type: string \"5060\", expected a sequence",
        ),
        (
            "[capture]\nhep = '9060'",
            "ani.toml:2: capture.hep: `9060` is no address and port; write one such as \
             0.0.0.0:9060, or \"\" for none",
        ),
        (
            "[capture]\nhep_sources = []",
            "ani.toml:2: capture.hep_sources: 0 networks; name 1 to 256 that may mirror, or set \
             capture.hep to \"\" for none",
        ),
        (
            "[capture]\nhep_sources = [\n'192.0.2.1',\n'192.0.2.7/24']",
            "ani.toml:4: capture.hep_sources: `192.0.2.7/24` has bits set behind its prefix; write \
             192.0.2.0/24 for the network or 192.0.2.7 for the one address",
        ),
        (
            "[capture]\nhep_sources = ['sbc']",
            "ani.toml:2: capture.hep_sources: `sbc` is no network; write one such as \
             203.0.113.0/24 or 2001:db8::/32, or an address",
        ),
        (
            "[control]\nsocket = ''",
            "ani.toml:2: control.socket: the path is empty; write one, or leave the key out for \
             the default",
        ),
        (
            "[control]\nread_socket = '/run/ani/ani.sock'",
            "ani.toml:2: control.read_socket: `/run/ani/ani.sock` is control.socket too; write another \
             path, or \"\" for none",
        ),
        (
            "[control]\nsocket = '/x/read.sock'",
            "ani.toml:2: control.read_socket: `/x/read.sock` is control.socket too; write another path, or \
             \"\" for none",
        ),
        (
            "[control]\nread_group = 'a b'",
            "ani.toml:2: control.read_group: \"a b\" is no name of a group; write one such as \
             \"ani-read\", or \"\" for the daemon's own",
        ),
        (
            "[control]\nmetrics = '9464'",
            "ani.toml:2: control.metrics: `9464` is no address and port; write one such as \
             127.0.0.1:9464, or \"\" for no metrics",
        ),
        (
            "[store]\npath = ''",
            "ani.toml:2: store.path: the path is empty; write one, or leave the key out for the \
             default",
        ),
        ("[store]\npaht = '/tmp'", "ani.toml:2: unknown field `paht`, expected `path`"),
        (
            "\n[[trunk]]\nsources = ['192.0.2.1']",
            "ani.toml:2: trunk.name: missing; give each trunk a name",
        ),
        (
            "[[trunk]]\nname = ' '\nsources = ['192.0.2.1']",
            "ani.toml:2: trunk.name: ` ` is no name; write one such as \"carrier-a\"",
        ),
        (
            "[[trunk]]\nname = 'a'",
            "ani.toml:1: trunk.sources: missing for trunk `a`; name the networks its INVITEs come \
             from",
        ),
        (
            "[[trunk]]\nname = 'a'\nsources = []",
            "ani.toml:3: trunk.sources: none for trunk `a`; name the networks its INVITEs come from",
        ),
        (
            "[[trunk]]\nname = 'a'\nsources = ['192.0.2.1']\n[[trunk]]\nname = 'a'\nsources = ['192.0.2.2']",
            "ani.toml:5: trunk.name: `a` is the name of two trunks; name each differently",
        ),
        (
            "[[trunk]]\nname = 'a'\nsources = ['192.0.2.1']\n[[trunk]]\nname = 'b'\nsources = [\n'192.0.2.1/32']",
            "ani.toml:7: trunk.sources: `192.0.2.1/32` is a source of trunk `a` already; give it \
             to one trunk only, once",
        ),
        (
            "[[trunk]]\nname = 'a'\nsources = ['192.0.2.0/33']",
            "ani.toml:3: trunk.sources: `192.0.2.0/33` is no network; write one such as \
             203.0.113.0/24 or 2001:db8::/32, or an address",
        ),
        (
            "[[trunk]]\nname = 'a'\nsources = ['192.0.2.7/24']",
            "ani.toml:3: trunk.sources: `192.0.2.7/24` has bits set behind its prefix; write \
             192.0.2.0/24 for the network or 192.0.2.7 for the one address",
        ),
        (
            "[[trunk]]\nname = 'a'\nsources = ['192.0.2.1']\nani = ['from', 'pai']",
            "ani.toml:4: trunk.ani: `pai` is no header a caller is read from; write one of \
             p-asserted-identity, remote-party-id, from, p-charge-info, p-preferred-identity, \
             p-dcs-billing-info, passport",
        ),
        (
            "[[trunk]]\nname = 'a'\nsources = ['192.0.2.1']\nani = ['from', 'From']",
            "ani.toml:4: trunk.ani: `From` is named twice; name it once",
        ),
        (
            "[[trunk]]\nname = 'a'\nsources = ['192.0.2.1']\nani = []",
            "ani.toml:4: trunk.ani: no header; name one to 8 of p-asserted-identity, \
             remote-party-id, from, p-charge-info, p-preferred-identity, p-dcs-billing-info, \
             passport",
        ),
        (
            "[[trunk]]\nname = 'a'\nsources = ['192.0.2.1']\nmax_digits = 17",
            "ani.toml:4: trunk.max_digits: 17 is out of range; write a number from 7 to 16",
        ),
        (
            "[limits]\nper_caller = { calls = 0, within = '1m' }",
            "ani.toml:2: limits.per_caller.calls: 0 calls cannot be a limit; write at least 1, or \
             {} for no limit",
        ),
        (
            "[limits]\nper_caller = { calls = 10, within = 'a while' }",
            "ani.toml:2: limits.per_caller.within: `a while` is no span of time; write one such \
             as `30s`, `1m` or `1h 30m`",
        ),
        (
            "[limits]\nper_caller = { within = '1m' }",
            "ani.toml:2: limits.per_caller.calls: missing; write { calls = 10, within = \"1m\" }, \
             or {} for no limit",
        ),
        (
            "[limits]\nper_caller = { calls = 10 }",
            "ani.toml:2: limits.per_caller.within: missing; write { calls = 10, within = \"1m\" \
             }, or {} for no limit",
        ),
        (
            "\n[trunk]\nname = 'a'",
            "ani.toml:2: trunk: one table where there can be several; write [[trunk]]",
        ),
        (
            "[telemetry]\nmax_callers = 'many'",
            "ani.toml:2: telemetry.max_callers: invalid type: string \"many\", expected a whole \
             number",
        ),
        (
            "[capture]\nwindow = 65536",
            "ani.toml:2: capture.window: 65536 is out of range; write a number from 1024 to 16384",
        ),
        ("[capture]\nmode = 'auto'\nmode = 'auto'", "ani.toml:3: capture.mode: duplicate key"),
        (
            "[limits]\nper_caller = 10",
            "ani.toml:2: limits.per_caller: invalid type: integer `10`, expected { calls = 10, \
             within = \"1m\" }",
        ),
        (
            "[lists]\nmax_entries = 0",
            "ani.toml:2: lists.max_entries: 0 is out of range; write a number from 1 to 64000000",
        ),
        (
            "[telemetry]\nmax_callers = -5",
            "ani.toml:2: telemetry.max_callers: -5 is out of range; write a number from 1 to \
             10000000",
        ),
        (
            "[breaker]\nshare = 100",
            "ani.toml:2: breaker.share: 100 is out of range; write a number from 1 to 99",
        ),
        (
            "[breaker]\nshare = 0",
            "ani.toml:2: breaker.share: 0 is out of range; write a number from 1 to 99",
        ),
        (
            "[breaker]\n\ncallers = 4",
            "ani.toml:3: breaker.callers: 4 is out of range; write a number from 5 to 8192",
        ),
        (
            "[breaker]\ncallers = 8193",
            "ani.toml:2: breaker.callers: 8193 is out of range; write a number from 5 to 8192",
        ),
        (
            "[breaker]\nrest = '0s'",
            "ani.toml:2: breaker.rest: `0s` cannot be the rest; write whole seconds from `1s` to \
             `1day`, such as `10m`",
        ),
        (
            "[breaker]\nenabled = true\nrest = 'a while'",
            "ani.toml:3: breaker.rest: `a while` cannot be the rest; write whole seconds from `1s` \
             to `1day`, such as `10m`",
        ),
        (
            "[breaker]\nmax_known = 0",
            "ani.toml:2: breaker.max_known: 0 is out of range; write a number from 1000 to 10000000",
        ),
        (
            "[breaker]\nenabled = 'no'",
            "ani.toml:2: breaker.enabled: invalid type: string \"no\", expected a boolean",
        ),
        (
            "[stir]\nmax_age = '0s'",
            "ani.toml:2: stir.max_age: `0s` cannot be the age; write whole seconds from `1s` to \
             `1day`, such as `60s`",
        ),
        (
            "[stir]\nverify = true\nmax_age = 'a minute'",
            "ani.toml:3: stir.max_age: `a minute` cannot be the age; write whole seconds from `1s` \
             to `1day`, such as `60s`",
        ),
        (
            "[stir]\nthreads = 0",
            "ani.toml:2: stir.threads: 0 is out of range; write a number from 1 to 64",
        ),
        (
            "[stir]\nqueue = 0",
            "ani.toml:2: stir.queue: 0 is out of range; write a number from 1 to 1000000",
        ),
        (
            "[stir]\nmax_certificates = 1000000",
            "ani.toml:2: stir.max_certificates: 1000000 is out of range; write a number from 1 to \
             100000",
        ),
        (
            "[stir]\nallow_addresses = [\n'10.0.0.1/8']",
            "ani.toml:3: stir.allow_addresses: `10.0.0.1/8` has bits set behind its prefix; write \
             10.0.0.0/8 for the network or 10.0.0.1 for the one address",
        ),
        (
            "[stir]\nverify = 'yes'",
            "ani.toml:2: stir.verify: invalid type: string \"yes\", expected a boolean",
        ),
        (
            "[emergency]\nnumbers = ['112', '+911']",
            "ani.toml:2: emergency.numbers: `+911` is no number as it is dialled; write 1 to 16 \
             digits",
        ),
        (
            "[emergency]\nnumbers = ['1','2','3','4','5','6','7','8','9']",
            "ani.toml:2: emergency.numbers: 9 numbers; name at most 8",
        ),
    ] {
        assert_eq!(refused(text), expected, "{text}");
    }
}

#[test]
fn mirrored_messages_come_from_the_loopback_unless_told_otherwise() {
    let hep = parsed("capture.hep = '0.0.0.0:9060'").capture.hep;
    assert_eq!(hep.listen, Some(SocketAddr::from(([0, 0, 0, 0], 9060))));
    let sources: Vec<_> = hep.sources.iter().map(ToString::to_string).collect();
    assert_eq!(sources, ["127.0.0.0/8", "::1/128"]);
    let hep = parsed("[capture]\nhep = '[::]:9060'\nhep_sources = ['192.0.2.1']\nhep_key = 'k'");
    assert_eq!((hep.capture.hep.sources.len(), hep.capture.hep.key.as_str()), (1, "k"));
    for text in ["[capture]\nhep_key = 123456", "[capture]\nhep_key = ['123456']"] {
        let error = refused(text);
        assert_eq!(error, "ani.toml:2: capture.hep_key: this is no text; write it in quotes");
    }
    assert!(!refused("capture = { hep_key = 123456 }").contains("123456"));
    let long = "k".repeat(257);
    assert_eq!(
        refused(&format!("[capture]\nhep_key = '{long}'")),
        "ani.toml:2: capture.hep_key: 257 bytes; write at most 256, or \"\" for no key"
    );
}

#[test]
fn signatures_are_verified_by_what_the_file_names() {
    let stir = parsed(
        "[stir]\nanchors = '/etc/ani/anchors'\nlocal = ''\nmax_age = '5m'\nfetch = false\n\
         allow_addresses = ['192.0.2.1', '2001:db8::/32']\nthreads = 4\nqueue = 9\n\
         max_certificates = 7",
    )
    .stir;
    assert_eq!(
        stir,
        Stir {
            anchors: Some(PathBuf::from("/etc/ani/anchors")),
            max_age: Duration::from_secs(300),
            fetch: false,
            allow_addresses: vec![
                "192.0.2.1/32".parse().expect("network"),
                "2001:db8::/32".parse().expect("network"),
            ],
            threads: 4,
            queue: 9,
            max_certificates: NonZeroUsize::new(7).expect("not zero"),
            ..Stir::default()
        }
    );
    assert!(stir.verify);
    let error = refused(&format!("[stir]\nallow_addresses = {:?}", ["192.0.2.1"; 257]));
    assert_eq!(error, "ani.toml:2: stir.allow_addresses: 257 networks; name at most 256");
}

#[test]
fn a_breaker_of_ones_own() {
    let breaker = parsed(
        "[breaker]\nenabled = false\nshare = 50\ncallers = 100\nrest = '1h'\nmax_known = 5000",
    )
    .breaker;
    let rest = Duration::from_secs(3_600);
    let own = Breaker { enabled: false, share: 50, callers: 100, rest, max_known: 5_000 };
    assert_eq!(breaker, own);
    assert_eq!(parsed("breaker.share = 99").breaker, Breaker { share: 99, ..Breaker::default() });
}

#[test]
fn a_country_that_is_not_known_lists_those_that_are() {
    let error = refused("[[trunk]]\nname = 'a'\nsources = ['192.0.2.1']\ncountry = 'USA'");
    assert!(error.starts_with("ani.toml:4: trunk.country: `USA` is not known; write one of AC AD"));
    assert!(error.contains(" US "));
}

#[test]
fn what_is_no_toml_names_its_line() {
    assert!(
        refused("[capture]\nmode = ").starts_with("ani.toml:2: "),
        "{}",
        refused("[capture]\nmode = ")
    );
    assert!(refused("[capture\n").starts_with("ani.toml:1: "));
    assert!(
        refused("\n\ncolour = 1")
            .starts_with("ani.toml:3: unknown field `colour`, expected one of")
    );
}

#[test]
fn as_many_trunks_as_the_kernel_knows_and_no_more() {
    let trunks = |count: u32| {
        (0..count)
            .map(|index| {
                let (high, low) = (index >> 8, index & 0xff);
                format!("[[trunk]]\nname = 't{index}'\nsources = ['10.0.{high}.{low}']\n")
            })
            .collect::<String>()
    };
    assert_eq!(parsed(&trunks(1_024)).trunks.len(), 1_024);
    assert_eq!(
        refused(&trunks(1_025)),
        "ani.toml:3073: trunk: more than 1024 trunks; put the sources of some together"
    );
}

#[test]
fn a_file_that_is_not_there_says_where_to_start() {
    let error = Config::load(Path::new("/nonexistent/ani.toml")).expect_err("no file");
    assert_eq!(
        error.to_string(),
        "/nonexistent/ani.toml: no such file; `ani check-config --sample` prints one to start from"
    );
}

proptest::proptest! {
    /// Lines of the sample and of an example, some of them damaged.
    #[test]
    fn a_damaged_file_is_refused_in_one_line_or_read(
        edits in proptest::collection::vec((0_usize..4_000, "[ -~\n]{0,6}"), 1..6),
    ) {
        let mut text = format!("{SAMPLE}\n[[trunk]]\nname = 'a'\nsources = ['192.0.2.1']\n");
        for (at, insert) in edits {
            let at = at % text.len();
            let end = (at + insert.len()).min(text.len());
            text.replace_range(at..end, &insert);
        }
        if let Err(error) = Config::parse(&text, "ani.toml") {
            let error = error.to_string();
            proptest::prop_assert_eq!(error.lines().count(), 1, "{}", error);
            proptest::prop_assert!(error.starts_with("ani.toml:"), "{}", error);
        }
    }
}

#[test]
fn named_lists_are_read() {
    let config = parsed(
        "[[list]]\nname = 'spam'\naction = 'block'\nfile = 'spam.csv'\n\
         [[list]]\nname = 'friends'\naction = 'allow'\nmode = 'enforce'\n",
    );
    let file = Some(PathBuf::from("spam.csv"));
    assert_eq!(
        config.list[..],
        [
            List {
                name: "spam".to_owned(),
                action: Action::Block,
                observed: true,
                file,
                answer: Answer::Drop
            },
            List {
                name: "friends".to_owned(),
                action: Action::Allow,
                observed: false,
                file: None,
                answer: Answer::Drop
            },
        ]
    );
    for (text, expected) in [
        ("", "ani.toml:1: list.name: missing; give each list a name"),
        ("name = 'gray'", "ani.toml:2: list.name: `gray` is a list that is always there"),
        (
            "name = 'mode'",
            "ani.toml:2: list.name: `mode` is a list that is always there, or a word",
        ),
        ("name = 'x'", "ani.toml:1: list.action: missing for list `x`; write \"allow\""),
        ("name = 'x'\naction = 'stop'", "ani.toml:3: list.action: `stop` is nothing a list does"),
        ("name = 'x'\naction = 'gray'\nmode = 'on'", "ani.toml:4: list.mode: `on` is no mode"),
        ("name = 'x'\naction = 'gray'\nfile = ''", "ani.toml:4: list.file: the path is empty"),
        (
            "name = 'x'\naction = 'gray'\n[[list]]\nname = 'x'",
            "ani.toml:5: list.name: `x` is the name of two lists",
        ),
    ] {
        let error = refused(&format!("[[list]]\n{text}"));
        assert!(error.starts_with(expected), "{error}");
    }
    let many: String =
        (0..253).map(|n| format!("[[list]]\nname = 'l{n}'\naction = 'gray'\n")).collect();
    assert!(refused(&many).contains("list: more than 252 lists"));
}

#[test]
fn named_limits_are_read() {
    let limit = "[[limit]]\nname = 'x'\ncalls = 10\nwithin = '1m'\n";
    let [read] = &parsed(&format!("{limit}per = ['called', 'prefix:7']")).limits.named[..] else {
        panic!("a limit")
    };
    assert_eq!(read.per, Per { caller: 7, called: true, ..Per::default() });
    assert_eq!(read.per.words(), ["prefix:7", "called"]);
    assert!(read.observed && !read.gray);
    for (text, expected) in [
        (String::from("[[limit]]"), "ani.toml:1: limit.name: missing; give each limit a name"),
        (limit.to_owned(), "ani.toml:1: limit: calls, within or per is missing for limit `x`"),
        (format!("{limit}per = []"), "ani.toml:5: limit.per: nothing that calls have in common"),
        (format!("{limit}per = ['colour']"), "ani.toml:5: limit.per: `colour` is unknown"),
        (format!("{limit}per = ['prefix:16']"), "ani.toml:5: limit.per: `prefix:16` is unknown"),
        (
            format!("{limit}per = ['caller', 'prefix:3']"),
            "ani.toml:5: limit.per: `prefix:3` is unknown, or beside another of the caller",
        ),
        (
            format!("{limit}per = ['trunk']\ncallers = 'some'"),
            "ani.toml:6: limit.callers: `some` are none; write \"all\" or \"gray\"",
        ),
        (
            limit.replace("'x'", "'per-caller'"),
            "ani.toml:2: limit.name: `per-caller` is the name of another limit",
        ),
        (
            format!("{}per = ['trunk']", limit.replace("10", "0")),
            "ani.toml:3: limit.calls: 0 calls cannot be a limit",
        ),
    ] {
        let error = refused(&text);
        assert!(error.starts_with(expected), "{error}");
    }
    let many: String = (0..8)
        .map(|n| format!("{}per = ['trunk']\n", limit.replace("'x'", &format!("'l{n}'"))))
        .collect();
    assert!(refused(&many).contains("limit: more than 7 limits beside limits.per_caller"));
}

#[test]
fn answers_are_read() {
    let config = parsed(
        "[lists]\nanswer = '603'\n\
         [limits]\nper_caller = { calls = 1, within = '1m', answer = '480' }\n\
         [answers]\nper_source = '5 per 1s'\nretry_after = '2m'\nredress = { tel = '+12025550123' }\n\
         [[list]]\nname = 'spam'\naction = 'block'\nanswer = '603 Network Blocked'\n\
         [[limit]]\nname = 'tight'\ncalls = 1\nwithin = '1m'\nper = ['called']\nanswer = '503'\n",
    );
    let shown = [&config.answers.block, &config.answers.per_caller, &config.list[0].answer];
    assert_eq!(shown.map(Answer::to_string), ["603", "480", "603 Network Blocked"]);
    assert_eq!(config.limits.named[0].answer.to_string(), "503");
    assert_eq!(config.answers.retry_after, Duration::from_secs(120));
    assert_eq!(
        config.answers.redress.reason(),
        "SIP;cause=603;text=\"v=analytics1;tel=+12025550123\";location=RLN"
    );
    let alone = parsed("[limits]\nper_caller = { answer = '486' }\n");
    assert_eq!(
        (alone.limits.per_caller, alone.answers.per_caller.to_string()),
        (None, "486".into())
    );
}

#[test]
fn answers_that_cannot_be_given_say_why() {
    for (text, expected) in [
        (
            "[lists]\nanswer = '404'",
            "ani.toml:2: lists.answer: `404` is no answer; write \"drop\" or one of",
        ),
        (
            "[lists]\nanswer = '603 Network Blocked'",
            "ani.toml:2: lists.answer: 603 Network Blocked tells the caller whom to turn to",
        ),
        (
            "[[list]]\nname = 'x'\naction = 'allow'\nanswer = '603'",
            "ani.toml:4: list.answer: list `x` stops nobody",
        ),
        (
            "[answers]\nper_source = 'none'",
            "ani.toml:2: answers.per_source: answers without a limit",
        ),
        ("[answers]\noverall = '5'", "ani.toml:2: answers.overall: `5` is no limit"),
        (
            "[answers]\nretry_after = '1ms'",
            "ani.toml:2: answers.retry_after: `1ms` cannot be asked for",
        ),
        (
            "[answers]\nredress = { url = 'https://a/\"\\r\\nX: y' }",
            "ani.toml:2: answers.redress.url:",
        ),
        ("[answers]\nredress = { email = 'nobody' }", "ani.toml:2: answers.redress.email:"),
        ("[answers]\nredress = { tel = 'call me' }", "ani.toml:2: answers.redress.tel:"),
        ("[answers]\nredress = { location = 'here' }", "ani.toml:2: answers.redress.location:"),
        ("[answers]\ncard = 'ftp://a/b'", "ani.toml:2: answers.card:"),
    ] {
        let error = refused(text);
        assert!(error.starts_with(expected), "{error}");
    }
}
