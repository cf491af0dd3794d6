//! What it costs to see an INVITE's habits and to count them on its trunk, nanoseconds an INVITE.

use std::{hint::black_box, time::Instant};

use ani_user::{
    sip,
    telemetry::habits::{Habits, Record, Watch},
    time::Timestamp,
};
use anyhow::{Context as _, Result};

use crate::{
    frames::invite,
    pin,
    report::{Case, Report},
};

/// Bytes of an INVITE: those of one with a PASSporT.
const INVITE_LEN: usize = 1_050;

/// Different messages, so that no branch is learned by heart.
const MESSAGES: usize = 256;

/// Times each is looked at in a sample.
const TURNS: usize = 400;

/// Samples; odd, so that there is a median.
const SAMPLES: usize = 11;

/// What seeing may take: a small part of what parsing does.
const MOST_SEEN_NS: u64 = 100;

/// What counting may take beside it.
const MOST_COUNTED_NS: u64 = 150;

/// Measures the group.
pub(crate) fn run(report: &mut Report) -> Result<()> {
    pin(0);
    let messages: Vec<_> = (0..MESSAGES)
        .map(|id| invite(INVITE_LEN, &format!("1202{:07}", 2_000_000 + id), id as u64))
        .collect();
    let parsed: Vec<_> = messages
        .iter()
        .map(|message| sip::invite(message, false).context("no INVITE"))
        .collect::<Result<_>>()?;
    let seen = samples(|| {
        for invite in &parsed {
            black_box(Habits::of(black_box(invite), false));
        }
    });
    let habits: Vec<_> = parsed.iter().map(|invite| Habits::of(invite, false)).collect();
    let (mut record, mut watch, mut second) = (Record::default(), Watch::default(), 0);
    let counted = samples(|| {
        for habits in &habits {
            second += 1;
            let ts = Timestamp::new(second, 0);
            record.add(habits, ts);
            black_box(watch.add(habits.traits, ts));
        }
    });
    report.add(Case::at_most("habits", "seen", &seen, "none", &[], Some(MOST_SEEN_NS)));
    report.add(Case::at_most(
        "habits",
        "counted and watched",
        &counted,
        "none",
        &[],
        Some(MOST_COUNTED_NS),
    ));
    Ok(())
}

/// Nanoseconds a message, of several runs over all of them.
fn samples(mut run: impl FnMut()) -> Vec<u64> {
    let mut sample = || {
        let start = Instant::now();
        (0..TURNS).for_each(|_| run());
        start.elapsed().as_nanos() as u64 / (TURNS * MESSAGES) as u64
    };
    sample();
    (0..SAMPLES).map(|_| sample()).collect()
}
