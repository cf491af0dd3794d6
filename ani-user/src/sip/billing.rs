//! P-DCS-Billing-Info (RFC 5503 §7): `correlation-id/FEID *(;name="URI")`.

use super::{NameAddr, list, list::Parameters};

/// Who is calling and who pays, as a PacketCable network tells its own.
#[derive(Clone, Copy, Debug)]
pub struct BillingInfo<'a> {
    /// `calling`: the caller.
    pub calling: Option<NameAddr<'a>>,
    /// `charge`: the number that pays.
    pub charge: Option<NameAddr<'a>>,
    /// Whether it does not keep to the grammar.
    pub faulty: bool,
}

impl<'a> BillingInfo<'a> {
    /// Reads a value, whatever it holds.
    pub fn read(value: &'a [u8]) -> Self {
        let (head, parameters) = list::head(value);
        let mut read = Self { calling: None, charge: None, faulty: !head.contains(&b'/') };
        let mut parameters = Parameters::new(parameters);
        for parameter in parameters.by_ref() {
            let slot = if parameter.name.eq_ignore_ascii_case(b"calling") {
                &mut read.calling
            } else if parameter.name.eq_ignore_ascii_case(b"charge") {
                &mut read.charge
            } else {
                continue;
            };
            let quoted = parameter.value.unwrap_or_default();
            // No escapes are meant within: a URI has none of the kind.
            let uri = match quoted {
                [b'"', inner @ .., b'"'] => inner,
                bare => bare,
            };
            let uri = NameAddr::read(uri);
            read.faulty |= uri.faulty || slot.is_some();
            *slot = slot.or(Some(uri));
        }
        read.faulty |= parameters.faulty();
        read
    }
}
