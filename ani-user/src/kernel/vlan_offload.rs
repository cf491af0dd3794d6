//! Network cards that take VLAN tags out of frames, and the interfaces where that matters.
//!
//! Such a card leaves the tag beside the frame, where XDP does not see it. What passes keeps its tag; a
//! frame that is held and released comes without, and is the interface's own instead of the VLAN's.

/// VLAN devices among the links of this network namespace.
mod links;

use std::{fmt, io};

use anyhow::{Context as _, Result};

use self::links::Link;
use super::preflight::ethtool;

/// `ETHTOOL_GFLAGS` of `linux/ethtool.h`.
const ETHTOOL_GFLAGS: u32 = 0x25;

/// `ETH_FLAG_RXVLAN` of `linux/ethtool.h`: 802.1Q tags are taken out of what is received.
const ETH_FLAG_RXVLAN: u32 = 1 << 8;

/// `struct ethtool_value`.
#[repr(C)]
struct Value {
    command: u32,
    data: u32,
}

/// What becomes of the VLAN tags of an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tags {
    /// Its name.
    pub interface: String,
    /// Whether tags are taken out before XDP sees the frame.
    pub stripped: bool,
    /// A VLAN device that frames with tags are for; none where no tag matters.
    pub device: Option<String>,
}

impl Tags {
    /// Whether frames lose their tag when they are held.
    pub fn are_lost(&self) -> bool {
        self.stripped && self.device.is_some()
    }
}

impl fmt::Display for Tags {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { interface, stripped, device } = self;
        match (stripped, device) {
            (false, _) => write!(to, "rxvlan of {interface} is off: tags stay in the frames"),
            (true, None) => write!(to, "no VLAN device stands on {interface}"),
            (true, Some(device)) => write!(
                to,
                "{device} stands on {interface}, whose card takes VLAN tags out of frames: what is held \
                 would lose them, so nothing is; `ethtool -K {interface} rxvlan off` keeps them"
            ),
        }
    }
}

/// What becomes of VLAN tags of frames that are held, on all interfaces together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum VlanTags {
    /// They stay in the frame, or none matters.
    Kept,
    /// They are lost on these.
    Lost(Vec<Tags>),
    /// The kernel does not say, but why.
    Unknown(String),
}

impl VlanTags {
    pub(super) fn of(tags: Result<Vec<Tags>>) -> Self {
        match tags.map(|tags| tags.into_iter().filter(Tags::are_lost).collect::<Vec<_>>()) {
            Ok(tags) if tags.is_empty() => Self::Kept,
            Ok(tags) => Self::Lost(tags),
            Err(error) => Self::Unknown(format!("{error:#}")),
        }
    }

    /// Says it in the log.
    pub(super) fn tell(&self) {
        match self {
            Self::Kept => tracing::info!("no VLAN tag would be lost: INVITEs can be held"),
            Self::Lost(tags) => {
                for tags in tags {
                    tracing::warn!("{tags}");
                }
            }
            Self::Unknown(why) => {
                tracing::warn!("VLAN tags may be lost, so no INVITE is held: {why}");
            }
        }
    }
}

/// Those of interfaces of this thread's network namespace; one that is not there is left out.
///
/// A VLAN device in another namespace is not seen.
///
/// # Errors
///
/// When the kernel does not answer.
pub fn of<'a>(interfaces: impl IntoIterator<Item = &'a str>) -> Result<Vec<Tags>> {
    let links = links::all().context("cannot look for VLAN devices")?;
    let mut all = Vec::new();
    for interface in interfaces {
        let Some(link) = links.iter().find(|link| link.name == interface) else { continue };
        let stripped = match are_stripped(interface) {
            Ok(stripped) => stripped,
            // Gone meanwhile.
            Err(error) if error.raw_os_error() == Some(libc::ENODEV) => continue,
            Err(error) if error.raw_os_error() == Some(libc::EOPNOTSUPP) => false,
            Err(error) => {
                return Err(error)
                    .with_context(|| format!("cannot ask {interface} for its offloads"));
            }
        };
        let device = device_on(&links, link).map(str::to_owned);
        all.push(Tags { interface: interface.to_owned(), stripped, device });
    }
    Ok(all)
}

fn are_stripped(interface: &str) -> io::Result<bool> {
    let mut value = Value { command: ETHTOOL_GFLAGS, data: 0 };
    ethtool(interface, &mut value)?;
    Ok(value.data & ETH_FLAG_RXVLAN != 0)
}

/// A VLAN device that stands on a link, or on the bond or bridge it is a part of.
fn device_on<'a>(links: &'a [Link], link: &Link) -> Option<&'a str> {
    let lower = |other: &Link| other.is_vlan && other.lower.is_some();
    let is_on = |other: &Link| other.lower == Some(link.index) || other.lower == link.controller;
    links.iter().find(|other| lower(other) && is_on(other)).map(|other| other.name.as_str())
}

const _: () = assert!(size_of::<Value>() == 8);

#[cfg(test)]
mod tests;
