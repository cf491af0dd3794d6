//! The maps by name and type.

use std::net::IpAddr;

use ani_ebpf::abi::{counter::Counters, list::Line, settings::Settings, trunk::Trunk};
use anyhow::{Context as _, Result};
use aya::{
    Ebpf,
    maps::{Array, ArrayOfMaps, LpmTrie, Map, MapData, MapError, PerCpuArray, lpm_trie::Key},
};
use ipnet::IpNet;

/// Network of a trunk as the kernel compares it: an IPv6 prefix, IPv4 behind `::ffff:0:0/96`, the
/// words in the address's own byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceKey {
    prefix_len: u32,
    address: [u32; 4],
}

/// The maps the daemon writes and reads, except the ring.
pub struct Maps {
    settings: Array<MapData, Settings>,
    sip_ports: Array<MapData, u64>,
    trunks: LpmTrie<MapData, [u32; 4], Trunk>,
    lists: ArrayOfMaps<MapData, Array<MapData, Line>>,
    counters: PerCpuArray<MapData, Counters>,
}

impl Maps {
    /// Takes them out of a loaded object.
    pub fn take(ebpf: &mut Ebpf) -> Result<Self> {
        Ok(Self {
            lists: take(ebpf, "LISTS")?,
            settings: take(ebpf, "SETTINGS")?,
            sip_ports: take(ebpf, "SIP_PORTS")?,
            trunks: take(ebpf, "TRUNKS")?,
            counters: take(ebpf, "COUNTERS")?,
        })
    }

    /// Writes the settings.
    pub fn set_settings(&mut self, settings: &Settings) -> Result<()> {
        self.settings.set(0, settings, 0).context("cannot write the settings map")
    }

    /// Makes `ports` the SIP ports; `before` is what they were.
    pub fn set_ports(&mut self, ports: &[u16], before: &[u16]) -> Result<()> {
        let mut words: Vec<u32> =
            ports.iter().chain(before).map(|port| u32::from(port >> 6)).collect();
        words.sort_unstable();
        words.dedup();
        for word in words {
            let bits = ports
                .iter()
                .filter(|port| u32::from(**port >> 6) == word)
                .fold(0u64, |bits, port| bits | 1 << (port & 63));
            self.sip_ports.set(word, bits, 0).context("cannot write the map of SIP ports")?;
        }
        Ok(())
    }

    /// Puts a source network to a trunk.
    pub fn set_source(&mut self, key: &SourceKey, trunk: &Trunk) -> Result<()> {
        self.trunks
            .insert(&Key::new(key.prefix_len, key.address), trunk, 0)
            .context("cannot write the map of trunks")
    }

    /// Takes a source network out; none there is no error.
    pub fn remove_source(&mut self, key: &SourceKey) -> Result<()> {
        gone(self.trunks.remove(&Key::new(key.prefix_len, key.address)))
            .context("cannot write the map of trunks")
    }

    /// Points a place of the map of lists at an image.
    pub(super) fn set_image(&mut self, at: u32, image: &Array<MapData, Line>) -> Result<()> {
        self.lists.set(at, image, 0).context("cannot write the map of lists")
    }

    /// All CPUs' counters together.
    pub fn counters(&self) -> Result<Counters> {
        let mut sum = Counters::ZERO;
        let values = self.counters.get(&0, 0).context("cannot read the counters")?;
        for counters in values.iter() {
            sum.add(counters);
        }
        Ok(sum)
    }
}

/// The flag the ring's reader sets before it sleeps.
pub struct ReaderAsleep(Array<MapData, u32>);

impl ReaderAsleep {
    /// Takes it out of a loaded object.
    pub fn take(ebpf: &mut Ebpf) -> Result<Self> {
        Ok(Self(take(ebpf, "READER_ASLEEP")?))
    }

    /// Says whether the next record must wake the reader.
    pub fn set(&mut self, asleep: bool) -> Result<()> {
        self.0.set(0, u32::from(asleep), 0).context("cannot write the reader's flag")
    }
}

/// The daemon's signs of life.
pub struct Heartbeat(Array<MapData, u64>);

impl Heartbeat {
    /// Takes it out of a loaded object.
    pub fn take(ebpf: &mut Ebpf) -> Result<Self> {
        Ok(Self(take(ebpf, "HEARTBEAT")?))
    }

    /// Gives one at a time of CLOCK_MONOTONIC, nanoseconds; 0 for none.
    pub fn set(&mut self, now_ns: u64) -> Result<()> {
        self.0.set(0, now_ns, 0).context("cannot give a sign of life")
    }
}

/// The key behind which a network's trunk stands.
pub fn source_key(network: &IpNet) -> SourceKey {
    let (address, prefix_len) = match network.network() {
        IpAddr::V4(address) => (address.to_ipv6_mapped(), 96 + u32::from(network.prefix_len())),
        IpAddr::V6(address) => (address, u32::from(network.prefix_len())),
    };
    let mut words = [0; 4];
    for (word, bytes) in words.iter_mut().zip(address.octets().chunks_exact(4)) {
        *word = u32::from_ne_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    }
    SourceKey { prefix_len, address: words }
}

fn take<T: TryFrom<Map, Error = MapError>>(ebpf: &mut Ebpf, name: &str) -> Result<T> {
    let map = ebpf.take_map(name).with_context(|| format!("the object has no map {name}"))?;
    T::try_from(map).with_context(|| format!("the map {name} is of another kind"))
}

fn gone(result: Result<(), MapError>) -> Result<(), MapError> {
    match result {
        Err(MapError::KeyNotFound) => Ok(()),
        Err(MapError::SyscallError(error))
            if error.io_error.raw_os_error() == Some(libc::ENOENT) =>
        {
            Ok(())
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ipv4_networks_are_mapped() {
        let key = source_key(&"203.0.113.0/24".parse().expect("network"));
        assert_eq!(key.prefix_len, 120);
        assert_eq!(key.address[2].to_ne_bytes(), [0, 0, 0xff, 0xff]);
        assert_eq!(key.address[3].to_ne_bytes(), [203, 0, 113, 0]);
    }

    #[test]
    fn host_bits_are_cleared() {
        let one = source_key(&"2001:db8:1::5/48".parse().expect("network"));
        let other = source_key(&"2001:db8:1::/48".parse().expect("network"));
        assert_eq!(one, other);
    }
}
