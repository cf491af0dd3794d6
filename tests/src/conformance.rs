//! What is read, against what others read or what is written that it must be:
//! `cargo xtask conformance`.
//!
//! A row is an INVITE or a message. It agrees, or the difference is known and explained ([`known`]),
//! or this fails; so it does when a difference is no more, and when the rows of a set that agree are
//! fewer or more than it is known to have.

/// Captures against what tshark reads of them.
mod captures;
/// Rows in which the two differ, and why; how many agree.
pub mod known;
/// How carriers tell what they know of the caller, and what is made of it.
mod dialects;
/// Single messages against what tshark reads of them.
mod messages;
/// Example numbers of every country by its dial plan.
mod numbers;
/// One INVITE a built-in profile.
mod profiles;
/// One message through the pipeline.
mod reading;
/// One row of tshark's against one record of ours.
mod row;
/// Header values out of other projects' reports.
mod samples;
/// PASSporTs and signed INVITEs of other projects.
mod stir;
/// The messages of RFC 4475 and RFC 5118 against the RFCs' own words.
mod torture;

use std::{collections::BTreeMap, path::Path};

use anyhow::Result;

use crate::data;

/// The table of what tshark reads.
const ORACLE: &str = "oracle_a.tsv";

/// Captures or messages of one kind.
#[derive(Clone, Debug, Default)]
pub struct Set {
    /// Its name: `pcap/udp`, `derived/frag4`, `torture`.
    pub name: String,
    /// INVITEs that tshark reads, and those that only we do; or messages.
    pub rows: usize,
    /// Those of which all that is compared is the same.
    pub agree: usize,
    /// Those of which it is not, and it is known why.
    pub known_differences: usize,
    /// What should not be.
    pub failures: Vec<String>,
}

/// Differences that are known and were not met yet, and how often each stands in the table.
type Known = BTreeMap<known::Place, usize>;

/// Compares all there is below `folder`, and what is written here.
///
/// # Errors
///
/// When a capture cannot be replayed at all.
pub fn sets(folder: &Path) -> Result<Vec<Set>> {
    let table = data::table(&folder.join(ORACLE));
    let mut sets = BTreeMap::new();
    let mut known = Known::default();
    for place in known::rows() {
        *known.entry(place).or_default() += 1;
    }
    captures::sets(folder, &table, &mut known, &mut sets)?;
    for (name, set) in [
        ("messages", messages::set(folder, "messages", &table, &mut known)),
        ("sipp", messages::set(folder, "sipp", &table, &mut known)),
        ("header-samples", samples::set(folder, &mut known)),
        ("torture", torture::set(folder, "torture/", &mut known)),
        ("profiles", profiles::set(&mut known)),
        ("dialects", dialects::set(&mut known)),
        ("stir", stir::set(folder, &mut known)),
        ("rfc5118", torture::set(folder, "rfc5118/", &mut known)),
    ] {
        sets.insert(name.to_owned(), set);
    }
    for (name, set) in numbers::sets(folder, &mut known) {
        sets.insert(name.to_owned(), set);
    }
    let gone = known.into_iter().filter(|(_, left)| *left > 0);
    let gone = gone.map(|((capture, frame, column), _)| {
        format!("{capture} {frame} {column}: the known difference is no more")
    });
    sets.entry("table".to_owned()).or_default().failures.extend(gone);
    for (name, set) in &mut sets {
        set.name.clone_from(name);
        set.compare_counts();
    }
    sets.retain(|_, set| set.rows > 0 || !set.failures.is_empty());
    Ok(sets.into_values().collect())
}

/// All sets as one.
pub fn total(sets: &[Set]) -> Set {
    let mut total = Set { name: "total".to_owned(), ..Set::default() };
    for set in sets {
        total.rows += set.rows;
        total.agree += set.agree;
        total.known_differences += set.known_differences;
    }
    total
}

impl Set {
    fn compare_counts(&mut self) {
        let known = known::COUNTS.iter().find(|(name, ..)| *name == self.name);
        let (rows, agree) = known.map_or((0, 0), |(_, rows, agree)| (*rows, *agree));
        if (self.rows, self.agree) != (rows, agree) {
            self.failures.push(format!(
                "{}: {} of {} rows agree, and not {agree} of {rows}",
                self.name, self.agree, self.rows
            ));
        }
    }
}

impl Set {
    fn take(
        &mut self,
        capture: &str,
        frame: u64,
        differences: Vec<(&'static str, String)>,
        known: &mut Known,
    ) {
        self.rows += 1;
        if differences.is_empty() {
            self.agree += 1;
            return;
        }
        let before = self.failures.len();
        for (column, what) in differences {
            let place = (capture.to_owned(), frame, column);
            if let Some(left) = known.get_mut(&place).filter(|left| **left > 0) {
                *left -= 1;
            } else {
                self.failures.push(format!("{capture} {frame} {column}: {what}"));
            }
        }
        self.known_differences += usize::from(self.failures.len() == before);
    }
}
