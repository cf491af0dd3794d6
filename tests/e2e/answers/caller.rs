//! Callers that await a refusal: sipp takes it, acknowledges it, and counts what it sent again.

use std::{
    collections::BTreeMap,
    fs,
    net::SocketAddr,
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use xtask::lab::{Lab, process::Process, uac::Route};

/// What became of calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) placed: u64,
    /// Refused as was expected, and nothing came after that.
    pub(super) taken: u64,
    /// INVITEs sent again.
    pub(super) again: u64,
}

/// How long after the refusal nothing may come any more.
const AFTER_MS: u32 = 700;

/// Places calls from a route's address to `to` that are to be refused with a code.
pub(super) fn refused(
    lab: &Lab,
    route: Route,
    to: SocketAddr,
    caller: &str,
    code: &str,
    calls: u64,
) -> Refused {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    let name = format!("refused-{}", RUNS.fetch_add(1, Ordering::Relaxed));
    let scenario = lab.write(&format!("{name}.xml"), &scenario(caller, code)).expect("a file");
    let statistics = lab.path(&format!("{name}.stat"));
    // What goes to a proxy goes to it where it listens.
    let from = if to.ip() == route.to().ip() { route.from() } else { to.ip() };
    let mut command = Command::new("sipp");
    command
        .arg(to.to_string())
        .arg("-sf")
        .arg(scenario)
        .args(["-i", &from.to_string(), "-t", "u1"])
        .args(["-m", &calls.to_string(), "-r", "20", "-l", &calls.to_string()])
        .args(["-default_behaviors", "none", "-nostdin", "-timeout", "30s", "-timeout_error"])
        .args(["-trace_stat", "-fd", "1", "-stf"])
        .arg(&statistics)
        .args(["-trace_err", "-error_file"])
        .arg(lab.path(&format!("{name}-errors.log")))
        .current_dir(lab.directory());
    let log = lab.path(&format!("{name}.out"));
    let mut process = Process::spawn(&lab.carrier, "sipp", command, &log).expect("sipp");
    process.wait(Duration::from_secs(40)).expect("sipp ends");
    let text = fs::read_to_string(&statistics).unwrap_or_else(|error| {
        panic!("{}: {error}; {}", statistics.display(), process.log_tail())
    });
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let names = lines.next().expect("names");
    let last = lines.next_back().expect("figures");
    let row: BTreeMap<&str, &str> = names.split(';').zip(last.split(';')).collect();
    let count = |name| row.get(name).and_then(|text| text.trim().parse().ok()).expect(name);
    Refused {
        placed: count("TotalCallCreated"),
        taken: count("SuccessfulCall(C)"),
        again: count("Retransmissions(C)"),
    }
}

/// INVITE, the refusal, its ACK with the same Via, and silence. The transaction's branch is sipp's own
/// for that message, as it is for the ACK of a refusal (RFC 3261 §17.1.1.3).
fn scenario(caller: &str, code: &str) -> String {
    let from = format!("<sip:{caller}@carrier.example.com>;tag=[pid]-[call_number]");
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\" ?>\n\
         <!DOCTYPE scenario SYSTEM \"sipp.dtd\">\n\
         <scenario name=\"refused\">\n\
         <send retrans=\"500\"><![CDATA[\n\
         INVITE sip:+12025550100@[remote_ip]:[remote_port] SIP/2.0\n\
         Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]\n\
         Max-Forwards: 70\n\
         From: {from}\n\
         To: <sip:+12025550100@sbc.example.com>\n\
         Call-ID: [call_id]\n\
         CSeq: 1 INVITE\n\
         Contact: <sip:lab@[local_ip]:[local_port]>\n\
         P-Asserted-Identity: <sip:{caller}@carrier.example.com>\n\
         Content-Length: 0\n\
         \n\
         ]]></send>\n\
         <recv response=\"100\" optional=\"true\" timeout=\"8000\"/>\n\
         <recv response=\"{code}\" timeout=\"8000\"/>\n\
         <send><![CDATA[\n\
         ACK sip:+12025550100@[remote_ip]:[remote_port] SIP/2.0\n\
         [last_Via:]\n\
         Max-Forwards: 70\n\
         From: {from}\n\
         [last_To:]\n\
         Call-ID: [call_id]\n\
         CSeq: 1 ACK\n\
         Content-Length: 0\n\
         \n\
         ]]></send>\n\
         <pause milliseconds=\"{AFTER_MS}\"/>\n\
         </scenario>\n"
    )
}
