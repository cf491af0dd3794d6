//! The ring buffers that INVITEs come through: one for each CPU that is online at start.

use anyhow::{Context as _, Result, anyhow};
use aya::{
    Ebpf,
    maps::{ArrayOfMaps, Map, MapData, RingBuf},
    util::{nr_cpus, online_cpus},
};
use aya_obj::generated::bpf_map_type::BPF_MAP_TYPE_RINGBUF;

/// Size of a ring where the configuration names none, bytes: more outgrows the caches.
const USUAL_BYTES: u32 = 4 << 20;

/// Most bytes of all rings together where the configuration names no size: with more CPUs than have
/// room in it each gets less.
const MOST_BYTES: u64 = 128 << 20;

/// Least bytes of a ring where the configuration names no size: four of the longest records.
const LEAST_BYTES: u32 = 256 << 10;

/// The rings, and how large each is.
pub struct Made {
    /// In the order of the CPUs they are for.
    pub buffers: Vec<RingBuf<MapData>>,
    /// Bytes of each.
    pub bytes_each: u32,
}

/// CPUs that there may ever be.
///
/// # Errors
///
/// When the kernel does not say.
pub fn possible_cpus() -> Result<u32> {
    let cpus = nr_cpus().map_err(|(path, error)| anyhow!(error).context(path))?;
    Ok(u32::try_from(cpus)?)
}

/// Makes a ring for each CPU that is online and puts them where the program looks for them.
///
/// # Errors
///
/// When the kernel does not make them: they are locked in memory.
pub fn make(ebpf: &mut Ebpf, configured: Option<u32>) -> Result<Made> {
    let online = online_cpus().map_err(|(path, error)| anyhow!(error).context(path))?;
    make_for(ebpf, &online, configured)
}

/// Makes a ring for each of some CPUs. The others share them: those that come online later.
///
/// # Errors
///
/// As for [`make`].
pub fn make_for(ebpf: &mut Ebpf, cpus: &[u32], configured: Option<u32>) -> Result<Made> {
    let bytes_each = configured.unwrap_or_else(|| usual_bytes(cpus.len()));
    let buffers: Vec<_> =
        cpus.iter().map(|cpu| ring(*cpu, bytes_each)).collect::<Result<_>>().with_context(
            || {
                format!(
                    "cannot make ring buffers of {bytes_each} bytes for {} CPUs: write a smaller \
                 capture.ring_bytes",
                    cpus.len()
                )
            },
        )?;

    let map = ebpf.take_map("INVITES").context("the object has no map INVITES")?;
    let mut places = ArrayOfMaps::<MapData, RingBuf<MapData>>::try_from(map)
        .context("the map INVITES is of another kind")?;
    for place in 0..places.len() {
        let own = cpus.iter().position(|cpu| *cpu == place);
        let ring = own.unwrap_or_else(|| place as usize % buffers.len().max(1));
        if let Some(ring) = buffers.get(ring) {
            places.set(place, ring, 0).context("cannot write the map of ring buffers")?;
        }
    }
    Ok(Made { buffers, bytes_each })
}

fn ring(cpu: u32, bytes: u32) -> Result<RingBuf<MapData>> {
    let definition = aya_obj::Map::new_from_params(BPF_MAP_TYPE_RINGBUF as u32, 0, 0, bytes, 0);
    let map = MapData::create(definition, &format!("INVITES_{cpu}"), None)?;
    Ok(RingBuf::try_from(Map::RingBuf(map))?)
}

/// Bytes of each ring on a host of so many CPUs.
fn usual_bytes(cpus: usize) -> u32 {
    let mut bytes = USUAL_BYTES;
    while bytes > LEAST_BYTES && u64::from(bytes) * cpus as u64 > MOST_BYTES {
        bytes /= 2;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_cpus_share_the_memory() {
        let mib = [1, 2, 32, 33, 64, 65, 256].map(|cpus| usual_bytes(cpus) as f64 / 1_048_576.0);
        assert_eq!(mib, [4.0, 4.0, 4.0, 2.0, 2.0, 1.0, 0.5]);
        assert_eq!(usual_bytes(8_192), LEAST_BYTES);
    }
}
