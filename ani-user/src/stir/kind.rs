//! Kinds of PASSporTs: `ppt`.

/// What a PASSporT is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// No `ppt`: who calls whom (RFC 8225).
    Plain,
    /// How far the signer vouches for the caller (RFC 8588).
    Shaken,
    /// A call was diverted (RFC 8946 §3).
    Div,
    /// The same, with the PASSporT before it in it (RFC 8946 §5).
    DivO,
    /// What priority the call may have (RFC 8443).
    Rph,
    /// The caller's name and more (RFC 9795).
    Rcd,
}

impl Kind {
    /// By its `ppt`, in any case; none for one that is not known.
    pub(super) fn find(ppt: &[u8]) -> Option<Self> {
        let all = [Self::Shaken, Self::Div, Self::DivO, Self::Rph, Self::Rcd];
        all.into_iter().find(|kind| {
            kind.as_str().is_some_and(|name| ppt.eq_ignore_ascii_case(name.as_bytes()))
        })
    }

    /// As it is written; none for [`Kind::Plain`].
    pub(super) const fn as_str(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Shaken => Some("shaken"),
            Self::Div => Some("div"),
            Self::DivO => Some("div-o"),
            Self::Rph => Some("rph"),
            Self::Rcd => Some("rcd"),
        }
    }

    /// Whether it says that a call was diverted.
    pub(super) const fn diverts(self) -> bool {
        matches!(self, Self::Div | Self::DivO)
    }

    /// Whether it can be the first of a chain of diversions, and vouches for the caller.
    pub(super) const fn vouches(self) -> bool {
        matches!(self, Self::Shaken | Self::Plain | Self::Rcd)
    }
}
