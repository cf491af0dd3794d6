//! The table and the summary for people.

use std::io::{self, Write};

use super::Summary;
use crate::{
    invite::Invite,
    policy::Verdict,
    telemetry::{Sort, TALLIES, Tally},
};

pub(super) fn header(output: &mut dyn Write) -> io::Result<()> {
    line(output, ["TIME", "SOURCE", "ANI", "STATUS", "DNIS", "ATTEST", "VERDICT", "CALL-ID"])
}

pub(super) fn row(output: &mut dyn Write, invite: &Invite<'_>) -> io::Result<()> {
    let status = serde_json::to_value(invite.ani_status).ok();
    let verdict = match (invite.verdict, invite.rule) {
        (Verdict::Answer, rule) => {
            let code = invite.answer.unwrap_or_default();
            format!("answer {code} {}", rule.unwrap_or_default())
        }
        (Verdict::Drop, Some(rule)) => format!("drop {rule}"),
        (Verdict::Drop, None) => "drop".to_owned(),
        (Verdict::Pass, _) => "pass".to_owned(),
    };
    line(
        output,
        [
            &invite.ts.to_string(),
            &invite.src.to_string(),
            &printable(invite.ani.as_deref()),
            status.as_ref().and_then(|status| status.as_str()).unwrap_or("-"),
            &printable(invite.dnis.as_deref()),
            invite.attestation.level,
            &verdict,
            &printable(invite.call_id.as_deref()),
        ],
    )
}

pub(super) fn summary(output: &mut dyn Write, summary: &Summary) -> io::Result<()> {
    let count = |tally| summary.tallies.value(tally);
    writeln!(
        output,
        "\n{} records, {} INVITEs ({} repeated, {} dropped)",
        summary.records,
        count(Tally::Invites),
        summary.retransmissions,
        summary.dropped
    )?;
    writeln!(
        output,
        "put together: {} packets from {} IP fragments, {} messages from {} TCP segments",
        count(Tally::FragmentsWhole),
        count(Tally::Fragments),
        count(Tally::TcpMessages),
        count(Tally::TcpSegments)
    )?;
    writeln!(
        output,
        "no INVITE: {} other messages, {} keep-alives, {} other transports, {} not IP, \
         {} of unknown link types",
        count(Tally::NotInvite),
        count(Tally::Keepalives),
        count(Tally::OtherTransport),
        count(Tally::NotIp),
        summary.unsupported
    )?;
    let losses: Vec<_> = TALLIES
        .iter()
        .filter(|row| row.sort == Sort::Loss && count(row.tally) > 0)
        .map(|row| format!("{} {}", count(row.tally), row.name.replace('_', " ")))
        .collect();
    if losses.is_empty() {
        return Ok(());
    }
    writeln!(output, "lost: {}", losses.join(", "))
}

fn line(output: &mut dyn Write, columns: [&str; 8]) -> io::Result<()> {
    let [time, source, ani, status, dnis, attest, verdict, call_id] = columns;
    writeln!(
        output,
        "{time:<27}  {source:<21}  {ani:<16}  {status:<12}  {dnis:<16}  {attest:<6}  \
         {verdict:<22}  {call_id}"
    )
}

/// A stranger's text on an operator's terminal: no control characters.
pub(super) fn printable(text: Option<&str>) -> String {
    match text {
        None | Some("") => "-".to_owned(),
        Some(text) => text
            .chars()
            .map(|character| if character.is_control() { '\u{fffd}' } else { character })
            .collect(),
    }
}
