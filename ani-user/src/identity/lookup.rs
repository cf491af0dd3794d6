//! Region and line type of a number, from libphonenumber's metadata.
//!
//! By `rlibphonenumber`. Of the 634 published example numbers it finds the line type of 633 (Botswana
//! has moved the other one) and takes all for valid; `phonenumber` finds 618 and refuses four, for it
//! loses zeros at the start of national numbers, and takes six times as long (0.2 ms a number,
//! unoptimised). Both are Apache-2.0 and follow the metadata's releases. The price is a compiler for
//! its protocol buffers, in Rust, at build time: half a minute on two cores.
//!
//! A number costs tens of microseconds: never on the way of an INVITE, only where somebody asks.

use std::{
    num::NonZeroUsize,
    sync::{Mutex, PoisonError},
};

use ani_ebpf::abi::number::Number;
use lru::LruCache;
use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberType};

use super::LineType;
use crate::config::countries::{self, Country};

/// Numbers remembered, about 100 bytes each.
const MAX_REMEMBERED: NonZeroUsize = NonZeroUsize::new(16_384).unwrap();

/// What is known of an E.164 number without asking anybody.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// Whose number it is; none when its country code is nobody's, or a network's of no country.
    pub region: Option<&'static Country>,
    /// The kind of line.
    pub line_type: LineType,
    /// Whether the numbering plan of its region has such a number.
    pub valid: bool,
}

impl Known {
    /// Nothing.
    const NOTHING: Self = Self { region: None, line_type: LineType::Unknown, valid: false };
}

/// As it stands in the API's answers.
impl serde::Serialize for Known {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct as _;
        let mut known = serializer.serialize_struct("Known", 4)?;
        known.serialize_field("region", &self.region.map(|region| region.code))?;
        known.serialize_field("region_name", &self.region.map(|region| region.name))?;
        known.serialize_field("line_type", &self.line_type)?;
        known.serialize_field("valid", &self.valid)?;
        known.end()
    }
}

/// Looks numbers up, and remembers what it found.
#[derive(Debug)]
pub struct Lookup {
    remembered: Mutex<LruCache<Number, Known>>,
}

impl Lookup {
    /// Remembers nothing yet.
    pub fn new() -> Self {
        Self { remembered: Mutex::new(LruCache::new(MAX_REMEMBERED)) }
    }

    /// What is known of an E.164 number.
    pub fn find(&self, number: Number) -> Known {
        let remembered = || self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = remembered().get(&number) {
            return *known;
        }
        let known = read(number);
        remembered().put(number, known);
        known
    }
}

impl Default for Lookup {
    fn default() -> Self {
        Self::new()
    }
}

fn read(number: Number) -> Known {
    let Ok(number) = PHONE_NUMBER_UTIL.parse(format!("+{number}"), None) else {
        return Known::NOTHING;
    };
    let region = number.get_region_code();
    Known {
        region: region.and_then(|region| countries::find(&region.as_region_str())),
        line_type: match number.get_type() {
            PhoneNumberType::FixedLine => LineType::Fixed,
            PhoneNumberType::Mobile => LineType::Mobile,
            PhoneNumberType::FixedLineOrMobile => LineType::FixedOrMobile,
            PhoneNumberType::TollFree => LineType::TollFree,
            PhoneNumberType::PremiumRate => LineType::Premium,
            PhoneNumberType::SharedCost => LineType::SharedCost,
            PhoneNumberType::VoIP => LineType::Voip,
            PhoneNumberType::PersonalNumber => LineType::Personal,
            PhoneNumberType::Pager => LineType::Pager,
            PhoneNumberType::UAN => LineType::Uan,
            PhoneNumberType::VoiceMail => LineType::Voicemail,
            PhoneNumberType::Unknown => LineType::Unknown,
        },
        valid: number.is_valid(),
    }
}

#[cfg(test)]
mod tests;
