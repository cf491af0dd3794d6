//! `ani status`: what the daemon listens on, what it counted, what is in force.

use std::time::Duration;

use ani_ebpf::abi::counter::{self, Counters};
use serde_json::Value;

use super::{
    Globals, breaker,
    client::Client,
    limit,
    output::{self, NOTHING, Side, Table, count, items, shown},
    top,
};
use crate::{
    control,
    stir::{Class, Outcome},
    telemetry::{Definition, Sort, TALLIES},
};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Show counters that are zero too
    #[arg(long)]
    all: bool,
}

pub(super) fn run(args: &Args, globals: &Globals) -> anyhow::Result<()> {
    let answer = Client::new(globals).get("/v1/status")?;
    if globals.json {
        return output::print_json(answer.bytes());
    }
    output::print(text(&answer.json()?, args.all))
}

fn text(status: &Value, all: bool) -> String {
    let interfaces: Vec<_> = items(&status["interfaces"]).iter().map(interface).collect();
    let interfaces = if interfaces.is_empty() { NOTHING.to_owned() } else { interfaces.join(", ") };
    let mirrored = match &status["hep"] {
        Value::Null => String::new(),
        address => format!("mirrored    HEP on {}; such calls are only observed\n", shown(address)),
    };
    let uptime = Duration::from_secs(status["uptime_s"].as_u64().unwrap_or(0));
    let mut text = format!(
        "ani {}, up {}\n\
         interfaces  {interfaces}\n\
         {mirrored}\
         holding     {}\n\
         limit       {}\n\
         block list  {} of {}\n\
         callers     {} of {} tracked\n\
         breaker     {}\n\
         signatures  {}\n{}\n",
        shown(&status["version"]),
        humantime::format_duration(uptime),
        holding(&status["holding"]),
        limit::sentence(&status["limits"]),
        count(&status["block_list"]["entries"], "number"),
        shown(&status["block_list"]["max_entries"]),
        shown(&status["daemon"]["callers_tracked"]),
        shown(&status["daemon"]["max_callers"]),
        breaker::sentence(&status["breaker"]),
        signatures(&status["stir"]),
        refusals(&status["stir"]),
    );
    text.push_str(&counters(status, all).text());
    if let Some(table) = outcomes(&status["stir"]) {
        text.push('\n');
        text.push_str(&table.text());
    }
    text.push('\n');
    text.push_str(&losses(status));
    if !items(&status["trunks"]).is_empty() {
        text.push('\n');
        text.push_str(&top::trunk_table(&status["trunks"]).text());
    }
    text
}

/// Whether INVITEs are held for the daemon to decide; if not, why.
fn holding(holding: &Value) -> String {
    match holding["state"].as_str() {
        Some("on") => "on".to_owned(),
        Some("off") => "off".to_owned(),
        Some("idle") => "off: no list and no limit could be against a call".to_owned(),
        Some("tags_lost") => {
            let interfaces: Vec<_> = items(&holding["interfaces"]).iter().map(shown).collect();
            format!(
                "OFF: VLAN tags would be lost on {}; `ani doctor` says more",
                interfaces.join(", ")
            )
        }
        Some("tags_unknown") => "OFF: VLAN tags may be lost; `ani doctor` says more".to_owned(),
        _ => NOTHING.to_owned(),
    }
}

/// An interface, how it is attached, and what is wrong with it.
fn interface(interface: &Value) -> String {
    let (name, configured) = (&interface["name"], &interface["configured"]);
    let how = match &interface["trouble"] {
        Value::Null => shown(&interface["mode"]),
        trouble => format!("NOT ATTACHED: {}", shown(trouble)),
    };
    let before = if configured == name || configured.is_null() {
        String::new()
    } else {
        format!(", configured as {}", shown(configured))
    };
    format!("{} ({how}{before})", shown(name))
}

/// Calls by what came of verifying them, and what it means; none before the first.
fn outcomes(stir: &Value) -> Option<Table> {
    let mut table =
        Table::new(&[("signature", Side::Left), ("calls", Side::Right), ("", Side::Left)]);
    let mut any = false;
    for outcome in Outcome::ALL {
        let value = &stir["outcomes"][outcome.as_str()];
        if value.as_u64().is_some_and(|count| count > 0) {
            any = true;
            table.row([outcome.as_str().to_owned(), shown(value), outcome.cause().to_owned()]);
        }
    }
    any.then_some(table)
}

/// For what calls were refused by their signatures, and for what they would have been: a line, or
/// nothing.
fn refusals(stir: &Value) -> String {
    let words = |key: &str| -> Vec<String> {
        let counts = stir[key].as_object().into_iter().flatten();
        counts.map(|(word, count)| format!("{} {}", output::plain(word), shown(count))).collect()
    };
    let (refused, would) = (words("refused"), words("would_refuse"));
    let mut parts = Vec::new();
    if !refused.is_empty() {
        parts.push(refused.join(", "));
    }
    if !would.is_empty() {
        parts.push(format!("only observed: {}", would.join(", ")));
    }
    if parts.is_empty() {
        return String::new();
    }
    format!("refused     {}\n", parts.join("; "))
}

/// How many calls' signatures held, and what keeps them from being verified.
fn signatures(stir: &Value) -> String {
    if stir["verify"] == false {
        return "not verified: stir.verify is false".to_owned();
    }
    if stir["anchors"].as_u64().unwrap_or(0) == 0 {
        return "not verified: no trust anchor, see stir.anchors".to_owned();
    }
    let mut classes = [0_u64; 3];
    for (word, value) in stir["outcomes"].as_object().into_iter().flatten() {
        let class = Outcome::find(word).map_or(Class::Unable, Outcome::class);
        if let Some(sum) = classes.get_mut(class as usize) {
            *sum += value.as_u64().unwrap_or(0);
        }
    }
    let [valid, invalid, unverified] = classes;
    let mut text = format!(
        "valid {valid}, invalid {invalid}, unverified {unverified}; {}",
        count(&stir["anchors"], "trust anchor"),
    );
    for (key, what) in
        [("queued", "wait for a thread"), ("waiting_for_certificate", "wait for a certificate")]
    {
        if stir[key].as_u64().is_some_and(|count| count > 0) {
            text.push_str(&format!(", {} {what}", shown(&stir[key])));
        }
    }
    if let Some(skew) = stir["clock_skew_s"].as_f64() {
        text.push_str(&format!("\nclock       {skew:+.1} s against the signers"));
    }
    if let Some(wrong) = stir["clock_wrong_s"].as_f64() {
        text.push_str(&format!(
            "\nclock       WRONG by {wrong:+.0} s: most calls are stale or future for that alone; set \
             this host's time"
        ));
    }
    text + &revocation(&stir["crls"])
}

/// Revocation lists that are fetched: how many are in force, and each that is in trouble.
fn revocation(crls: &Value) -> String {
    let lists = items(&crls["lists"]);
    let no_room = crls["no_room"].as_u64().unwrap_or(0);
    if lists.is_empty() {
        return String::new();
    }
    let in_force = lists.iter().filter(|list| !list["fetched"].is_null()).count();
    let mut text = format!("\ncrls        {in_force} of {} fetched are in force", lists.len());
    if no_room > 0 {
        text.push_str(&format!("; for {no_room} more there is no room"));
    }
    let is_well = |list: &&Value| list["state"] == "current" || list["state"] == "kept";
    for list in lists.iter().filter(|list| !is_well(list)) {
        text.push_str(&format!(
            "\n            {} is {}",
            shown(&list["url"]),
            shown(&list["state"])
        ));
        if !list["detail"].is_null() {
            text.push_str(&format!(": {}", shown(&list["detail"])));
        }
    }
    text
}

/// The kernel's counters in their order, then the daemon's; without losses.
fn counters(status: &Value, all: bool) -> Table {
    /// Shown at zero too: they say that it works, or that it does not.
    const ALWAYS: [&str; 6] = ["packets", "sip", "invites", "passed", "dropped", "captured"];
    let mut table = Table::new(&[("counter", Side::Left), ("count", Side::Right)]);
    let lost: Vec<_> = lost_by_kernel().map(|row| row.name).collect();
    for known in control::counts(&Counters::ZERO) {
        let value = &status["counters"][known.name];
        if lost.contains(&known.name) {
            continue;
        }
        if all || ALWAYS.contains(&known.name) || value.as_u64() != Some(0) {
            table.row([known.name.to_owned(), shown(value)]);
        }
    }
    for (name, value) in status["daemon"].as_object().into_iter().flatten() {
        let size = matches!(name.as_str(), "callers_tracked" | "max_callers");
        let loss = lost_by_daemon().any(|row| row.name == name);
        if !size && !loss && (all || value.as_u64() != Some(0)) {
            table.row([format!("daemon.{name}"), shown(value)]);
        }
    }
    table
}

/// What was not seen, or not whole, and why: the kernel's losses, then the daemon's.
fn losses(status: &Value) -> String {
    let mut table = Table::new(&[("loss", Side::Left), ("count", Side::Right), ("", Side::Left)]);
    let kernel = lost_by_kernel().map(|row| (row.name.to_owned(), "counters", row.name, row.help));
    let daemon =
        lost_by_daemon().map(|row| (format!("daemon.{}", row.name), "daemon", row.name, row.help));
    let mut any = false;
    for (shown_name, group, name, help) in kernel.chain(daemon) {
        let value = &status[group][name];
        if value.as_u64().is_some_and(|count| count > 0) {
            any = true;
            table.row([shown_name, shown(value), help.to_owned()]);
        }
    }
    if any { table.text() } else { "nothing lost\n".to_owned() }
}

fn lost_by_kernel() -> impl Iterator<Item = &'static counter::Definition> {
    counter::TABLE.iter().filter(|row| row.kind == counter::Kind::Loss)
}

fn lost_by_daemon() -> impl Iterator<Item = &'static Definition> {
    TALLIES.iter().filter(|row| row.sort == Sort::Loss)
}
