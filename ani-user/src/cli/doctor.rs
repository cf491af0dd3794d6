//! `ani doctor`: what this machine needs to run the daemon, and what to do where it is missing.

use std::{
    net::{SocketAddr, TcpListener, UdpSocket},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use serde::Serialize;

use super::{
    Globals,
    exit::{Code, Failure},
    load_config,
    output::{self, Side, Table},
};
use crate::{
    config::{Config, DEFAULT_FILE},
    control::socket,
    kernel::{
        owner::Owner,
        pins::{self, Look},
        preflight,
        transmit::Transmitter,
        vlan_offload, xdp_state,
    },
};

/// Checks kernel, privileges, BPF file system, clock, and each interface: its driver and what is
/// attached to it
///
/// Nothing is loaded or changed. Ends with 1 when the daemon could not run.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The configuration whose interfaces are looked at
    #[arg(long, default_value = DEFAULT_FILE, value_name = "FILE")]
    config: PathBuf,
    /// Look at these interfaces instead; may be given several times
    #[arg(long = "interface", value_name = "NAME")]
    interfaces: Vec<String>,
}

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Outcome {
    Ok,
    /// The daemon runs, with less.
    Warn,
    /// The daemon does not run.
    Fail,
}

#[derive(Debug, Serialize)]
struct Check {
    check: String,
    outcome: Outcome,
    detail: String,
}

pub(super) fn run(args: &Args, globals: &Globals) -> anyhow::Result<()> {
    let checks = checks(args);
    if globals.json {
        output::print(format!("{}\n", serde_json::json!({ "checks": checks })))?;
    } else {
        let mut table = Table::new(&[("", Side::Left), ("check", Side::Left), ("", Side::Left)]);
        for check in &checks {
            let mark = match check.outcome {
                Outcome::Ok => "ok",
                Outcome::Warn => "warn",
                Outcome::Fail => "FAIL",
            };
            table.row([mark.to_owned(), check.check.clone(), check.detail.clone()]);
        }
        output::print(table.text())?;
    }
    match checks.iter().filter(|check| check.outcome == Outcome::Fail).count() {
        0 => Ok(()),
        1 => Err(Failure::say(Code::Failed, "1 check failed: the daemon would not run")),
        failed => Err(Failure::say(
            Code::Failed,
            format_args!("{failed} checks failed: the daemon would not run"),
        )),
    }
}

fn checks(args: &Args) -> Vec<Check> {
    let mut checks = vec![
        check("kernel", Outcome::Fail, preflight::kernel()),
        check(
            "privileges",
            Outcome::Fail,
            preflight::privileges().map(|()| "all there".to_owned()),
        ),
        check(
            "answers",
            Outcome::Warn,
            Transmitter::open().map(|_| "stopped calls can be answered".to_owned()),
        ),
        check("clock", Outcome::Warn, preflight::clock().map(|()| "synchronised".to_owned())),
    ];
    let mut pin = Config::default().capture.pin;
    let interfaces = if args.interfaces.is_empty() {
        match load_config(&args.config) {
            Ok(Config { capture, control, .. }) => {
                checks.push(check(
                    "configuration",
                    Outcome::Fail,
                    Ok(args.config.display().to_string()),
                ));
                pin = capture.pin.clone();
                if capture.is_empty() {
                    let none = anyhow::anyhow!(
                        "capture.interfaces is empty: name one, or set capture.hep"
                    );
                    checks.push(check("interfaces", Outcome::Fail, Err(none)));
                }
                if let Some(group) = &control.read_group {
                    let found = socket::read_group(&control).map(|_| group.clone());
                    checks.push(check("read group", Outcome::Fail, found.map_err(Into::into)));
                }
                if let Some(address) = capture.hep.listen {
                    checks.push(check("HEP", Outcome::Fail, listens(address)));
                }
                capture.interfaces
            }
            Err(error) => {
                checks.push(check("configuration", Outcome::Fail, Err(error)));
                Vec::new()
            }
        }
    } else {
        args.interfaces.clone()
    };
    checks.push(check("BPF file system", Outcome::Warn, keeps(pin.as_deref())));
    for name in interfaces {
        let name_of_check = format!("interface {name}");
        checks.push(check(&name_of_check, Outcome::Fail, interface(&name, pin.as_deref())));
        checks.extend(tags(&name));
    }
    checks
}

/// Whether calls can be held on an interface; none where it is not there.
fn tags(interface: &str) -> Option<Check> {
    let found = vlan_offload::of([interface]).map(|mut tags| tags.pop()).transpose()?;
    let detail = found.and_then(|tags| match tags.are_lost() {
        true => Err(anyhow::anyhow!("{tags}")),
        false => Ok(tags.to_string()),
    });
    Some(check(&format!("VLAN tags {interface}"), Outcome::Warn, detail))
}

/// Whether something can be kept when the daemon goes, and what is.
fn keeps(pin: Option<&Path>) -> anyhow::Result<String> {
    let Some(path) = pin else {
        return Ok("not used: capture.pin is empty, the program goes with the daemon".to_owned());
    };
    let at = path.display();
    match pins::look(path).context("lists and limits end with the daemon")? {
        Some(Look { holder: Some(holder), .. }) => Ok(format!("{at}: {holder} has it")),
        Some(Look { interfaces, .. }) if interfaces.is_empty() => {
            Ok(format!("{at}: nothing is kept"))
        }
        Some(Look { interfaces, .. }) => Ok(format!(
            "{at}: no daemon runs, and the program stays on {}: `ani run` takes over, `ani detach` takes \
             it off",
            interfaces.join(", ")
        )),
        None => {
            preflight::bpf_file_system(path.parent().unwrap_or(path))
                .context("lists and limits end with the daemon")?;
            Ok(format!("{at} is made by the first daemon, where its user may"))
        }
    }
}

/// Whether the daemon can attach to an interface, or has.
fn interface(name: &str, pin: Option<&Path>) -> anyhow::Result<String> {
    let seen = xdp_state::named(name)?;
    let driver = preflight::driver(name);
    let Some(attached) = seen.attached else { return Ok(driver) };
    let owner = Owner::of(seen.index, attached.program, pin);
    let mode = attached.mode;
    if pin.is_some_and(|pin| owner.is_kept_in(pin)) {
        return Ok(format!("{driver}; has it already ({mode}): {owner}"));
    }
    anyhow::bail!(
        "{driver}; has an XDP program ({mode}), which ani does not replace: {owner}; {}",
        owner.remedy(name)
    )
}

/// Whether mirrored messages can be taken at an address.
fn listens(address: SocketAddr) -> anyhow::Result<String> {
    UdpSocket::bind(address)
        .and_then(|_udp| TcpListener::bind(address))
        .map(|_tcp| format!("{address} is free"))
        .map_err(|error| {
            anyhow::anyhow!(
                "{address}: {error}: taken by ani itself if the daemon runs (`ani status`), else \
                 choose another capture.hep"
            )
        })
}

/// A check that ends with `otherwise` when it does not end well.
fn check(name: &str, otherwise: Outcome, result: anyhow::Result<String>) -> Check {
    let (outcome, detail) = match result {
        Ok(detail) => (Outcome::Ok, detail),
        Err(error) => (otherwise, format!("{error:#}")),
    };
    Check { check: name.to_owned(), outcome, detail }
}
