//! What the daemon sees meanwhile.

use std::{
    io::{self, IsTerminal as _, Write as _},
    time::Duration,
};

use anyhow::Context as _;
use hyper::Method;
use ipnet::IpNet;
use serde_json::json;
use tokio::{
    signal::unix::{SignalKind, signal},
    time::{Instant, sleep, sleep_until},
};

use crate::{
    cli::{Globals, client::Client},
    telemetry::habits::Lesson,
};

/// Between two looks at how far it has come.
const BETWEEN: Duration = Duration::from_secs(2);

/// To the start of the line, and all behind it away.
const ERASE: &str = "\r\x1b[K";

/// Learns for so long, or until Ctrl-C.
pub(super) fn learn(
    within: Duration,
    source: Option<IpNet>,
    trunk: Option<&str>,
    globals: &Globals,
) -> anyhow::Result<Lesson> {
    let client = Client::new(globals);
    let within_text = humantime::format_duration(within).to_string();
    let body = json!({
        "within": within_text,
        "source": source.map(|source| source.to_string()),
        "trunk": trunk,
    });
    let begun = client.send(Method::POST, "/v1/habits/lessons", &body)?.json()?;
    let id = begun["id"].as_u64().context("the daemon gave the lesson no number")?;
    let path = format!("/v1/habits/lessons/{id}");
    let lesson = |method| -> anyhow::Result<Lesson> {
        let answer = client.request(method, &path, hyper::body::Bytes::new())?;
        serde_json::from_slice(answer.bytes()).context("the daemon's answer is no lesson")
    };
    let mut shown = false;
    let looked = wait(within, |left| {
        if !io::stderr().is_terminal() {
            return Ok(());
        }
        let so_far = lesson(Method::GET)?;
        let invites: u64 = so_far.records.values().map(|record| record.invites).sum();
        let left = humantime::format_duration(Duration::from_secs(left.as_secs()));
        shown = true;
        write!(
            io::stderr(),
            "{ERASE}{invites} INVITEs of {} sources; {left} to go, Ctrl-C ends it early",
            so_far.records.len()
        )?;
        Ok(())
    });
    if shown {
        write!(io::stderr(), "{ERASE}")?;
    }
    looked?;
    lesson(Method::DELETE)
}

/// Calls `look` now and then, with the time that is left, until it is over or Ctrl-C.
fn wait(
    within: Duration,
    mut look: impl FnMut(Duration) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let end = Instant::now() + within;
    // One for all of the time: what is pressed during a look is not lost.
    let mut pressed = runtime.block_on(async { signal(SignalKind::interrupt()) })?;
    let mut again = true;
    while again {
        again = runtime.block_on(async {
            tokio::select! {
                _ = pressed.recv() => false,
                () = sleep_until(end) => false,
                () = sleep(BETWEEN) => true,
            }
        });
        if again {
            look(end.saturating_duration_since(Instant::now()))?;
        }
    }
    Ok(())
}
