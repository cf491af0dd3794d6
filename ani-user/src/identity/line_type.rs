//! What kind of line a number or its network names.

use std::fmt;

/// A kind of line: from the number, or as the network says it (OLI).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LineType {
    /// Fixed line.
    Fixed,
    /// Mobile.
    Mobile,
    /// One of the two; the numbers do not tell, as in North America.
    FixedOrMobile,
    /// Free for the caller.
    TollFree,
    /// The caller pays the called, too.
    Premium,
    /// Caller and called pay.
    SharedCost,
    /// Voice over IP.
    Voip,
    /// Personal number: follows a person to any line.
    Personal,
    /// Pager.
    Pager,
    /// Universal access number: a company's one number for many places.
    Uan,
    /// Voicemail access.
    Voicemail,
    /// Payphone; only the network knows.
    Payphone,
    /// Prison; only the network knows.
    Prison,
    /// Hotel or motel; only the network knows.
    Hotel,
    /// None of them for sure.
    Unknown,
}

impl LineType {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fixed => "fixed",
            Self::Mobile => "mobile",
            Self::FixedOrMobile => "fixed-or-mobile",
            Self::TollFree => "toll-free",
            Self::Premium => "premium",
            Self::SharedCost => "shared-cost",
            Self::Voip => "voip",
            Self::Personal => "personal",
            Self::Pager => "pager",
            Self::Uan => "uan",
            Self::Voicemail => "voicemail",
            Self::Payphone => "payphone",
            Self::Prison => "prison",
            Self::Hotel => "hotel",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for LineType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl serde::Serialize for LineType {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
