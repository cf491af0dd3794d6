//! What a daemon takes over from the one before it, whose program is still on the interfaces: what the
//! traffic wrote, as far as it means the same to both.
//!
//! What the daemon says (settings, lists, trunks, ports, programs) is never shared: the new one fills maps
//! of its own, and they are in force in one step with its program.

use std::path::PathBuf;

use ani_ebpf::abi::{ABI_VERSION, attempt::AttemptKeys, limit::BucketKeys, settings::Settings};
use anyhow::{Context as _, Result, ensure};
use aws_lc_rs::digest;
use aya::maps::{Array, Map, MapData, MapInfo, RingBuf};

use super::{
    object::{Shape, Shapes},
    pins::Generation,
};
use crate::config::Config;

/// Maps that the program writes and looks up by what the traffic says alone.
const PLAIN: [&str; 3] = ["COUNTERS", "FRAGMENTED", "STOPPED_AT"];

/// Those it looks up by hashes, under keys of the settings, of what trunks and limits have as numbers; or
/// that hold such numbers.
const NUMBERED: [&str; 2] = ["ATTEMPTS", "BUCKETS"];

/// What is taken over; by default nothing.
#[derive(Default)]
pub(super) struct Estate {
    /// Maps by their names, and where they are kept.
    pub(super) maps: Vec<(&'static str, PathBuf)>,
    /// What attempts and buckets are hashed under; none where they are not taken over.
    pub(super) keys: Option<(AttemptKeys, BucketKeys)>,
    /// Ring buffers with records that nobody has read.
    pub(super) rings: Vec<RingBuf<MapData>>,
}

impl Estate {
    /// Of a generation, for an object with maps of these shapes and a configuration of these
    /// [`numbers`]. What cannot be taken over is said in the log.
    pub(super) fn of(before: &Generation, shapes: &Shapes, numbers: &str) -> Self {
        if before.abi != ABI_VERSION {
            tracing::warn!(
                "the program on the interfaces speaks ABI {}, this one {ABI_VERSION}: it is replaced, and \
                 counters, budgets and sticky verdicts start anew",
                before.abi
            );
            return Self::default();
        }
        let mut estate = Self::default();
        for name in PLAIN {
            estate.take(before, shapes, name);
        }
        if before.numbers().as_deref() != Some(numbers) {
            tracing::warn!(
                "trunks, lists or limits are others or in another order than before: budgets, sticky \
                 verdicts and what was not read start anew"
            );
            return estate;
        }
        match settings(before) {
            Ok(settings) => {
                estate.keys = Some((settings.attempt_keys, settings.bucket_keys));
                for name in NUMBERED {
                    estate.take(before, shapes, name);
                }
            }
            Err(error) => tracing::warn!("budgets and sticky verdicts start anew: {error:#}"),
        }
        for path in before.rings() {
            match ring(&path) {
                Ok(ring) => estate.rings.push(ring),
                Err(error) => tracing::warn!("what {} holds is lost: {error:#}", path.display()),
            }
        }
        estate
    }

    fn take(&mut self, before: &Generation, shapes: &Shapes, name: &'static str) {
        let path = before.pin(name);
        match fits(&path, shapes.get(name)) {
            Ok(()) => self.maps.push((name, path)),
            Err(error) => tracing::warn!("{name} starts anew: {error:#}"),
        }
    }
}

fn fits(path: &PathBuf, now: Option<&Shape>) -> Result<()> {
    let info = MapInfo::from_pin(path).context("it is not kept")?;
    let then = Shape {
        kind: info.map_type()? as u32,
        key: info.key_size(),
        value: info.value_size(),
        entries: info.max_entries(),
    };
    let now = now.context("the program has it no more")?;
    ensure!(then == *now, "it was {then}, and now is {now}");
    Ok(())
}

fn settings(before: &Generation) -> Result<Settings> {
    let map = MapData::from_pin(before.pin("SETTINGS")).context("no settings are kept")?;
    let map = Array::<_, Settings>::try_from(Map::from_map_data(map)?)?;
    map.get(&0, 0).context("cannot read the settings that are kept")
}

fn ring(path: &PathBuf) -> Result<RingBuf<MapData>> {
    Ok(RingBuf::try_from(Map::from_map_data(MapData::from_pin(path)?)?)?)
}

/// A hash of which trunk, list and limit has which number.
pub(super) fn numbers(config: &Config) -> String {
    let mut lines = Vec::new();
    let mut add = |kind: &str, number: usize, name: &str| {
        lines.push(format!("{kind} {number} {name}\n"));
    };
    for (number, trunk) in config.trunks.numbered() {
        add("trunk", number.into(), &trunk.name);
    }
    for (number, list) in config.list.numbered() {
        add("list", number.into(), &list.name);
    }
    for (number, limit) in config.limits.named.numbered() {
        add("limit", number.into(), &limit.name);
    }
    // Where it stands in the file is nothing to a number.
    lines.sort_unstable();
    let hash = digest::digest(&digest::SHA256, lines.concat().as_bytes());
    hash.as_ref()[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(trunks: &[&str]) -> Config {
        let trunk = |(at, name)| {
            format!("[[trunk]]\nname = '{name}'\nsources = ['192.0.2.{at}']\ncountry = 'US'\n")
        };
        let text: String = trunks.iter().enumerate().map(trunk).collect();
        Config::parse(&text, "test").expect("a configuration")
    }

    #[test]
    fn numbers_are_the_same_while_names_keep_theirs() {
        let (one, other) = (config(&["a", "b"]), config(&["b", "a"]));
        assert_eq!(numbers(&one), numbers(&config(&["a", "b"])));
        assert_ne!(numbers(&one), numbers(&other));
        assert_eq!(numbers(&one), numbers(&other.after(&one).expect("numbers")));
        assert_ne!(numbers(&one), numbers(&config(&["a", "b", "c"])));
    }
}
