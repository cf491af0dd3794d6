//! Values as the file writes them.

use std::{net::SocketAddr, num::NonZeroUsize, path::PathBuf, time::Duration};

use ani_ebpf::{
    abi::{list::Action, number::Number, trunk::TollFree},
    scan::AniHeader,
};
use ipnet::IpNet;

use crate::{
    answer::Answer,
    config::{Mode, OnExit, Rate},
    identity::profile::{Meaning, Outcome, Place, Source},
};

/// What can be shown on a line.
pub(super) trait Shown {
    /// As the file writes it, without quotes.
    fn shown(&self) -> String;
}

macro_rules! as_displayed {
    ($($type:ty),+) => {
        $(impl Shown for $type {
            fn shown(&self) -> String {
                self.to_string()
            }
        })+
    };
}

as_displayed!(
    &str,
    Answer,
    bool,
    u8,
    u16,
    u32,
    usize,
    NonZeroUsize,
    SocketAddr,
    IpNet,
    Rate,
    Number
);

macro_rules! as_words {
    ($($type:ty),+) => {
        $(impl Shown for $type {
            fn shown(&self) -> String {
                self.as_str().to_owned()
            }
        })+
    };
}

as_words!(Action, AniHeader, Outcome, Place, Source);

impl Shown for String {
    fn shown(&self) -> String {
        if self.is_empty() { "\"\"".to_owned() } else { self.clone() }
    }
}

impl Shown for PathBuf {
    fn shown(&self) -> String {
        self.display().to_string()
    }
}

impl Shown for Duration {
    fn shown(&self) -> String {
        humantime::format_duration(*self).to_string()
    }
}

impl Shown for Mode {
    fn shown(&self) -> String {
        match self {
            Self::Auto => "auto",
            Self::Generic => "generic",
            Self::Native => "native",
        }
        .to_owned()
    }
}

impl Shown for OnExit {
    fn shown(&self) -> String {
        match self {
            Self::Keep => "keep",
            Self::Detach => "detach",
        }
        .to_owned()
    }
}

/// What numbers begin with.
impl Shown for TollFree {
    fn shown(&self) -> String {
        // As a number: behind the digits are ones.
        format!("+{}", Number(self.value | !self.mask))
    }
}

impl Shown for (String, Meaning) {
    fn shown(&self) -> String {
        let (token, Meaning { outcome, level }) = self;
        match level {
            Some(level) => format!("{token} = {} {level}", outcome.as_str()),
            None => format!("{token} = {}", outcome.as_str()),
        }
    }
}

impl<T: Shown> Shown for Option<T> {
    fn shown(&self) -> String {
        self.as_ref().map_or_else(|| "none".to_owned(), Shown::shown)
    }
}
