//! sipp as the calling side: who calls, how often, how fast, and what became of it.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, bail};
use nix::sys::signal::Signal;

use super::{
    CARRIER_V4, CARRIER_V4_OTHER, CARRIER_V6, Lab, SBC_V4, SBC_V4_OTHER, SBC_V6, SOCKET_BUFFER,
    passport, process::Process, sbc::SIP_PORT, scenario,
};

/// Whom everybody calls.
pub const CALLED: &str = "12025550100";

/// Which way calls go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// The first carrier, IPv4.
    V4,
    /// The first carrier, IPv6.
    V6,
    /// The second carrier, IPv4.
    OtherV4,
}

impl Route {
    /// Where the calls come from.
    pub fn from(self) -> IpAddr {
        match self {
            Self::V4 => CARRIER_V4.into(),
            Self::V6 => CARRIER_V6.into(),
            Self::OtherV4 => CARRIER_V4_OTHER.into(),
        }
    }

    /// Where they go to.
    pub fn to(self) -> SocketAddr {
        let address: IpAddr = match self {
            Self::V4 => SBC_V4.into(),
            Self::V6 => SBC_V6.into(),
            Self::OtherV4 => SBC_V4_OTHER.into(),
        };
        SocketAddr::new(address, SIP_PORT)
    }
}

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Callers {
    /// E.164 numbers with `+`, in turn, attested `A`.
    Numbers(Vec<String>),
    /// The same, each with the PASSporT that signs his call to [`CALLED`].
    Signed(Vec<(String, String)>),
    /// Nobody who says so.
    Anonymous,
}

impl Callers {
    /// One caller.
    pub fn one(number: &str) -> Self {
        Self::Numbers(vec![number.to_owned()])
    }
}

/// What calls are carried over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// One connection for all calls.
    Tcp,
    /// A datagram a message.
    Udp,
}

/// What is called.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Who calls.
    pub callers: Callers,
    /// Which way.
    pub route: Route,
    /// Over what.
    pub transport: Transport,
    /// Bytes each INVITE has beside the usual ones, before the headers that name the caller.
    pub padding: usize,
    /// Header lines each INVITE has beside the usual ones.
    pub headers: Vec<String>,
    /// How many calls are placed.
    pub calls: u32,
    /// How many each second.
    pub per_second: u32,
    /// How long an answer is awaited.
    pub answer_within: Duration,
    /// Whether an INVITE without an answer is sent again.
    pub retransmit: bool,
}

impl Plan {
    /// Calls over IPv4 that wait 8 s for an answer and are sent again until then.
    pub fn new(callers: Callers, calls: u32, per_second: u32) -> Self {
        Self {
            callers,
            route: Route::V4,
            transport: Transport::Udp,
            padding: 0,
            headers: Vec::new(),
            calls,
            per_second,
            answer_within: Duration::from_secs(8),
            retransmit: true,
        }
    }

    /// The same calls another way.
    #[must_use]
    pub fn over(self, route: Route) -> Self {
        Self { route, ..self }
    }

    /// The same calls over one TCP connection.
    #[must_use]
    pub fn tcp(self) -> Self {
        Self { transport: Transport::Tcp, ..self }
    }

    /// The same calls with INVITEs that many bytes longer.
    #[must_use]
    pub fn padded(self, padding: usize) -> Self {
        Self { padding, ..self }
    }

    /// The same calls with INVITEs of one more header line.
    #[must_use]
    pub fn with(mut self, header: &str) -> Self {
        self.headers.push(header.to_owned());
        self
    }

    /// The same calls, each with one INVITE and `answer_within` to answer it.
    #[must_use]
    pub fn once(self, answer_within: Duration) -> Self {
        Self { retransmit: false, answer_within, ..self }
    }
}

/// What became of the calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Calls placed.
    pub placed: u64,
    /// Calls answered and ended in order.
    pub completed: u64,
    /// Calls that were not.
    pub failed: u64,
    /// Requests sent again, INVITEs and others.
    pub retransmitted: u64,
    /// Calls placed each second; 0 where all were within the first one.
    pub per_second: u64,
}

/// Calls under way.
#[derive(Debug)]
pub struct Uac {
    process: Process,
    statistics: PathBuf,
    longest: Duration,
}

impl Uac {
    /// Starts placing calls.
    ///
    /// # Errors
    ///
    /// When sipp cannot be started.
    pub fn start(lab: &Lab, plan: &Plan) -> anyhow::Result<Self> {
        static RUNS: AtomicU32 = AtomicU32::new(0);
        let name = format!("calls-{}", RUNS.fetch_add(1, Ordering::Relaxed));
        let identity = match plan.callers {
            Callers::Numbers(_) | Callers::Signed(_) => scenario::Identity::Asserted,
            Callers::Anonymous => scenario::Identity::Anonymous,
        };
        let answer_ms = u64::try_from(plan.answer_within.as_millis())?;
        let scenario = lab.write(
            &format!("{name}.xml"),
            &scenario::calling(identity, answer_ms, plan.retransmit, plan.padding, &plan.headers),
        )?;
        let callers = lab.write(&format!("{name}.csv"), &injected(&plan.callers)?)?;
        let statistics = lab.path(&format!("{name}.stat"));
        // Calls are placed, answered or not, and end.
        let longest = Duration::from_secs(u64::from(plan.calls / plan.per_second.max(1)))
            + plan.answer_within
            + Duration::from_secs(15);

        let mut command = Command::new("sipp");
        command
            .arg(plan.route.to().to_string())
            .arg("-sf")
            .arg(scenario)
            .arg("-inf")
            .arg(callers)
            // A port of the system's choice, so that several can run at once.
            .args(["-i", &plan.route.from().to_string()])
            .args(["-m", &plan.calls.to_string(), "-r", &plan.per_second.to_string()])
            .args(["-l", &plan.calls.to_string()])
            .args([
                "-t",
                match plan.transport {
                    Transport::Tcp => "t1",
                    Transport::Udp => "u1",
                },
            ])
            .args(["-buff_size", SOCKET_BUFFER])
            .args(["-default_behaviors", "none", "-nostdin", "-timeout_error"])
            .args(["-timeout", &format!("{}s", longest.as_secs())])
            .args(["-trace_stat", "-fd", "1", "-stf"])
            .arg(&statistics)
            .args(["-trace_err", "-error_file"])
            .arg(lab.path(&format!("{name}-errors.log")))
            .current_dir(lab.directory());
        let process =
            Process::spawn(&lab.carrier, "sipp", command, &lab.path(&format!("{name}.out")))?;
        Ok(Self { process, statistics, longest })
    }

    /// Places no more calls, however many were planned.
    ///
    /// # Errors
    ///
    /// When sipp is gone: it has placed all of them.
    pub fn enough(&self) -> anyhow::Result<()> {
        self.process.signal(Signal::SIGUSR1)
    }

    /// Waits for the last call's end.
    ///
    /// # Errors
    ///
    /// When sipp does not end in time, ends without having called, or wrote no statistics.
    pub fn finish(mut self) -> anyhow::Result<Outcome> {
        let status = self.process.wait(self.longest + Duration::from_secs(5))?;
        // 0: all calls completed; 1: at least one did not.
        if !matches!(status.code(), Some(0 | 1)) {
            bail!("sipp placed no calls ({status}); {}", self.process.log_tail());
        }
        let text = std::fs::read_to_string(&self.statistics)
            .with_context(|| format!("cannot read {}", self.statistics.display()))?;
        Outcome::read(&text)
            .with_context(|| format!("cannot understand {}", self.statistics.display()))
    }
}

/// Places calls and waits for the last one's end.
///
/// # Errors
///
/// Those of [`Uac::start`] and [`Uac::finish`].
pub fn call(lab: &Lab, plan: &Plan) -> anyhow::Result<Outcome> {
    Uac::start(lab, plan)?.finish()
}

impl Outcome {
    /// Whether as many calls completed as were asked for.
    pub fn all_completed(&self, calls: u32) -> bool {
        self.placed == u64::from(calls) && self.completed == self.placed
    }

    /// Out of the last line of sipp's statistics.
    fn read(text: &str) -> Option<Self> {
        let mut lines = text.lines().filter(|line| !line.trim().is_empty());
        let names = lines.next()?;
        let rows: Vec<BTreeMap<&str, &str>> =
            lines.map(|line| names.split(';').zip(line.split(';')).collect()).collect();
        let last = rows.last()?;
        let count = |name| last.get(name)?.trim().parse().ok();
        let placed = count("TotalCallCreated")?;
        // What follows the last call that was placed is waiting.
        let rate = rows.iter().rev().find_map(|row| {
            let of = |name| row.get(name)?.trim().parse::<f64>().ok();
            (of("TotalCallCreated")? < placed as f64).then(|| of("CallRate(C)"))?
        });
        Some(Self {
            placed,
            completed: count("SuccessfulCall(C)")?,
            failed: count("FailedCall(C)")?,
            retransmitted: count("Retransmissions(C)")?,
            per_second: rate.unwrap_or(0.0).round() as u64,
        })
    }
}

fn injected(callers: &Callers) -> anyhow::Result<String> {
    let mut text = String::from("SEQUENTIAL\n");
    match callers {
        Callers::Anonymous => writeln!(text, "anonymous;+{CALLED};none")?,
        Callers::Signed(callers) => {
            for (number, token) in callers {
                writeln!(text, "{number};+{CALLED};{token}")?;
            }
        }
        Callers::Numbers(numbers) => {
            let iat = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
            for number in numbers {
                let token = passport::compact('A', number.trim_start_matches('+'), CALLED, iat);
                writeln!(text, "{number};+{CALLED};{token}")?;
            }
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_of_the_statistics_counts() {
        let text = "TotalCallCreated;SuccessfulCall(C);FailedCall(C);Retransmissions(C);CallRate(C);\n\
                    3;0;0;0;3.0;\n11;0;0;0;5.6;\n12;2;0;0;4.0;\n12;5;7;2;3.0;\n";
        assert_eq!(
            Outcome::read(text),
            Some(Outcome { placed: 12, completed: 5, failed: 7, retransmitted: 2, per_second: 6 })
        );
        assert_eq!(Outcome::read("TotalCallCreated;\n"), None);
        assert_eq!(Outcome::read(""), None);
    }

    #[test]
    fn each_caller_has_a_line() {
        let callers = Callers::Numbers(vec!["+12015550101".into(), "+12015550102".into()]);
        let text = injected(&callers).expect("now is after 1970");
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "SEQUENTIAL");
        assert!(lines[1].starts_with("+12015550101;+12025550100;eyJ"), "{}", lines[1]);
        assert!(lines[2].starts_with("+12015550102;"), "{}", lines[2]);
        assert_eq!(lines.len(), 3);
    }
}
