//! The metrics endpoint against the status document, and against OpenMetrics 1.0.

use std::{collections::BTreeMap, net::TcpStream};

use ani_user::policy::Verdict;

use crate::rig::{self, Rig};

pub(crate) fn scrape(rig: &Rig, method: &str, path: &str) -> (u16, String) {
    rig::exchange(TcpStream::connect(rig.metrics()).expect("connect"), method, path, b"")
}

/// Samples by name and labels; panics on text that is not conformant.
pub(crate) fn samples(text: &str) -> BTreeMap<String, f64> {
    let (text, rest) = text.split_once("# EOF\n").expect("an end");
    assert_eq!(rest, "", "nothing stands behind the end");
    let (mut types, mut helps, mut samples) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    let mut family = "";
    for line in text.lines() {
        let words: Vec<_> = line.splitn(4, ' ').collect();
        match words[..] {
            ["#", "HELP", name, help] => {
                assert!(helps.insert(name, help).is_none(), "{name} is described twice");
                assert!(help.ends_with('.') && !help.ends_with(".."), "{line}");
                family = name;
            }
            ["#", "TYPE", name, kind] => {
                assert_eq!(name, family, "type and help stand together");
                assert!(types.insert(name, kind).is_none(), "{name} has two types");
            }
            ["#", "UNIT", name, unit] => assert!(name.ends_with(unit), "{line}"),
            _ => {
                let (series, value) = line.rsplit_once(' ').expect("name and value, no timestamp");
                let name = series.split('{').next().expect("a name");
                assert!(!series.trim_end_matches(|c| c != '}').contains("} "), "{line}");
                let suffix = match types.get(family).copied().expect("a type comes first") {
                    "counter" => "_total",
                    "info" => "_info",
                    "gauge" => "",
                    other => panic!("{other}: {line}"),
                };
                assert_eq!(name, format!("{family}{suffix}"), "{line}");
                assert!(
                    name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'),
                    "{name}"
                );
                let value = value.parse().expect("a number");
                assert!(
                    samples.insert(series.to_owned(), value).is_none(),
                    "{series} stands twice"
                );
            }
        }
    }
    assert_eq!(types.len(), helps.len());
    samples
}

#[test]
fn the_metrics_are_the_status_documents_counters() {
    let rig = Rig::new("[[trunk]]\nname = 'a \"b\"'\nsources = ['192.0.2.1']");
    rig.enforce.count();
    rig.text(&["block", "add", "+14155550001", "+14155550002"]);
    for (ani, verdict) in
        [("+14155550001", Verdict::Drop), ("+14155550003", Verdict::Pass), ("bob", Verdict::Pass)]
    {
        rig.daemon().telemetry.record(&rig::invite(ani, verdict, rig.clock.time()));
    }
    let (status, text) = scrape(&rig, "GET", "/metrics");
    assert_eq!(status, 200);
    let samples = samples(&text);
    let document = rig.json(&["status"]);
    let counters = document["counters"].as_object().expect("counters");
    assert!(counters.len() > 20);
    for (name, value) in counters {
        assert_eq!(samples.get(&format!("ani_{name}_total")).copied(), value.as_f64(), "{name}");
    }
    for (name, value) in document["daemon"].as_object().expect("daemon") {
        let metric = match name.as_str() {
            "callers_tracked" => "ani_callers_tracked".to_owned(),
            "max_callers" => continue,
            name => format!("ani_daemon_{name}_total"),
        };
        assert_eq!(samples.get(&metric).copied(), value.as_f64(), "{name}");
    }
    for (series, value) in [
        ("ani_info{version=\"0.1.0\"}", 1.0),
        ("ani_uptime_seconds", 90.0),
        ("ani_block_list_entries", 2.0),
        ("ani_callers_tracked", 3.0),
        ("ani_trunk_invites_total{trunk=\"carrier-a\",verdict=\"pass\"}", 2.0),
        ("ani_trunk_invites_total{trunk=\"carrier-a\",verdict=\"drop\"}", 1.0),
        ("ani_attestation_total{trunk=\"carrier-a\",level=\"A\"}", 3.0),
        ("ani_attestation_total{trunk=\"carrier-a\",level=\"none\"}", 0.0),
        ("ani_header_source_total{trunk=\"carrier-a\",header=\"from\"}", 3.0),
        ("ani_header_source_total{trunk=\"carrier-a\",header=\"p-asserted-identity\"}", 0.0),
        ("ani_caller_id_mismatches_total{trunk=\"carrier-a\"}", 0.0),
    ] {
        assert_eq!(samples.get(series), Some(&value), "{series}\n{text}");
    }
    assert!(!text.contains("4155550"), "no telephone number is a label");
}

#[test]
fn only_metrics_are_served_there() {
    let rig = Rig::new("");
    assert_eq!(scrape(&rig, "GET", "/").0, 404);
    assert_eq!(scrape(&rig, "POST", "/metrics").0, 405);
    assert_eq!(scrape(&rig, "GET", "/v1/status").0, 404);
    // Connections that never ask do not keep others out for good, nor stop the daemon from ending.
    let idle: Vec<_> =
        (0..16).map(|_| TcpStream::connect(rig.metrics()).expect("connect")).collect();
    drop(idle);
    let served = (0..200).any(|_| {
        let stream = TcpStream::connect(rig.metrics()).expect("connect");
        stream.peer_addr().is_ok() && scrape_quietly(stream)
    });
    assert!(served);
}

/// Whether a scrape is answered; a connection that is turned away is not.
fn scrape_quietly(mut stream: TcpStream) -> bool {
    use std::io::{Read as _, Write as _};
    let mut answer = String::new();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").is_ok()
        && stream.read_to_string(&mut answer).is_ok()
        && answer.starts_with("HTTP/1.1 200")
}
