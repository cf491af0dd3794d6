//! What is printed: one line a case, for people or as JSON.

use std::{fs, time::Duration};

use serde_json::json;

/// A case, measured.
pub(crate) struct Case {
    group: &'static str,
    name: String,
    median_ns: u64,
    min_ns: u64,
    max_ns: u64,
    baseline: String,
    baseline_ns: u64,
    target: String,
    met: Option<bool>,
    /// How many of how many, where that is the figure and not a time.
    count: Option<(u64, u64)>,
}

impl Case {
    /// Samples against those of a baseline; `over_ns` is how much more the median may be.
    pub(crate) fn against(
        group: &'static str,
        name: &str,
        samples: &[u64],
        baseline: &str,
        base: &[u64],
        over_ns: Option<u64>,
    ) -> Self {
        let (median_ns, baseline_ns) = (median(samples), median(base));
        Self {
            group,
            name: name.to_owned(),
            median_ns,
            min_ns: samples.iter().copied().min().unwrap_or(0),
            max_ns: samples.iter().copied().max().unwrap_or(0),
            baseline: baseline.to_owned(),
            baseline_ns,
            target: over_ns.map_or_else(String::new, |ns| format!("at most {ns} ns over it")),
            met: over_ns.map(|ns| median_ns.saturating_sub(baseline_ns) <= ns),
            count: None,
        }
    }

    /// Samples against a bound, beside those of another program; there may be none of those.
    pub(crate) fn at_most(
        group: &'static str,
        name: &str,
        samples: &[u64],
        baseline: &str,
        base: &[u64],
        most_ns: Option<u64>,
    ) -> Self {
        let mut case = Self::against(group, name, samples, baseline, base, None);
        case.target = most_ns.map_or_else(String::new, |ns| format!("at most {ns} ns"));
        case.met = most_ns.map(|ns| case.median_ns <= ns);
        case
    }

    /// Samples against those of a baseline; `most` is how many times its median the median may be.
    pub(crate) fn times(
        group: &'static str,
        name: &str,
        samples: &[u64],
        baseline: &str,
        base: &[u64],
        most: Option<f64>,
    ) -> Self {
        let mut case = Self::against(group, name, samples, baseline, base, None);
        case.target = most.map_or_else(String::new, |most| format!("at most {most} x {baseline}"));
        case.met = most.map(|most| case.median_ns as f64 <= most * case.baseline_ns as f64);
        case
    }

    /// How many of how many; what they should be is the caller's to say.
    pub(crate) fn count(
        group: &'static str,
        name: &str,
        count: u64,
        of: u64,
        target: Option<(&str, bool)>,
    ) -> Self {
        let mut case = Self::against(group, name, &[], "none", &[], None);
        case.target = target.map_or_else(String::new, |(target, _)| target.to_owned());
        case.met = target.map(|(_, met)| met);
        case.count = Some((count, of));
        case
    }

    /// One time against a bound.
    pub(crate) fn absolute(
        group: &'static str,
        name: &str,
        took: Duration,
        bound: Duration,
    ) -> Self {
        let ns = took.as_nanos() as u64;
        Self {
            group,
            name: name.to_owned(),
            median_ns: ns,
            min_ns: ns,
            max_ns: ns,
            baseline: "none".to_owned(),
            baseline_ns: 0,
            target: format!("under {bound:?}"),
            met: Some(took < bound),
            count: None,
        }
    }
}

fn median(samples: &[u64]) -> u64 {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().unwrap_or(0)
}

/// Prints cases as they come and remembers whether one missed its target.
pub(crate) struct Report {
    json: bool,
    missed: usize,
}

impl Report {
    pub(crate) fn new(json: bool) -> Self {
        Self { json, missed: 0 }
    }

    /// The machine's figures; not part of the JSON.
    pub(crate) fn machine(&self) {
        if self.json {
            return;
        }
        let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = cpu
            .lines()
            .find_map(|line| line.strip_prefix("model name"))
            .map_or("unknown", |rest| rest.trim_start_matches([' ', '\t', ':']));
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let cpus = std::thread::available_parallelism().map_or(0, usize::from);
        println!("{model}, {cpus} CPUs, Linux {}", kernel.trim());
        println!(
            "{:<42} {:>9} {:>9} {:>9}  {:>8} {:>6}  target",
            "case", "median ns", "min", "max", "over ns", "ratio"
        );
    }

    pub(crate) fn add(&mut self, case: Case) {
        self.missed += usize::from(case.met == Some(false));
        let (part, whole) = case.count.unwrap_or((case.median_ns, case.baseline_ns));
        let ratio = (whole > 0).then(|| part as f64 / whole as f64);
        if self.json {
            let time = |ns: u64| case.count.is_none().then_some(ns);
            println!(
                "{}",
                json!({
                    "group": case.group, "case": case.name, "median_ns": time(case.median_ns),
                    "min_ns": time(case.min_ns), "max_ns": time(case.max_ns),
                    "baseline": case.baseline, "baseline_ns": time(case.baseline_ns),
                    "ratio": ratio, "target": case.target,
                    "met": case.met, "count": case.count.map(|(count, _)| count),
                    "of": case.count.map(|(_, of)| of),
                })
            );
            return;
        }
        let verdict = match case.met {
            Some(true) => "met",
            Some(false) => "MISSED",
            None => "",
        };
        if let Some((count, of)) = case.count {
            println!("{:<42} {count:>9} of {of:>9}  {} {verdict}", case.name, case.target);
            return;
        }
        println!(
            "{:<42} {:>9} {:>9} {:>9}  {:>8} {:>6}  {} {verdict}",
            case.name,
            case.median_ns,
            case.min_ns,
            case.max_ns,
            if case.baseline_ns > 0 {
                case.median_ns.saturating_sub(case.baseline_ns).to_string()
            } else {
                "-".to_owned()
            },
            ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}")),
            case.target,
        );
    }

    /// Whether all targets were met.
    pub(crate) fn finish(&self) -> bool {
        if self.missed > 0 {
            eprintln!("bench: {} targets were missed", self.missed);
        }
        self.missed == 0
    }
}
