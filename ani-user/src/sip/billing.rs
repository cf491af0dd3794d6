//! P-DCS-Billing-Info (RFC 5503 §7): `correlation-id/FEID *(;name="URI")`.

use super::{NameAddr, Uri, list, list::Parameters, trim};

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
            let uri = if uri.contains(&b'<') { NameAddr::read(uri) } else { alone(uri) };
            read.faulty |= uri.faulty || slot.is_some();
            *slot = slot.or(Some(uri));
        }
        read.faulty |= parameters.faulty();
        read
    }
}

/// An `addr-spec` with nothing around it: its semicolons are its own.
fn alone(uri: &[u8]) -> NameAddr<'_> {
    let uri = Uri::read(trim(uri));
    NameAddr { display: None, quoted: false, uri, parameters: &[], faulty: uri.faulty }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn users(value: &[u8]) -> (Option<&[u8]>, Option<&[u8]>, bool) {
        let read = BillingInfo::read(value);
        let calling = read.calling.and_then(|name| name.uri.user);
        (calling, read.charge.and_then(|name| name.uri.user), read.faulty)
    }

    #[test]
    fn the_caller_and_who_pays() {
        let (caller, payer): (&[u8], &[u8]) = (b"+12125550100", b"+13125550100");
        for value in [
            "49BC/5.6.7.8:3000;calling=\"sip:+12125550100@h\";charge=\"tel:+13125550100\"",
            "1@h/2@h ; Charge = \"<sip:+13125550100@h>\" ; CALLING=\"sip:+12125550100;x=y@h\";called=\"sip:9@h\"",
        ] {
            assert_eq!(users(value.as_bytes()), (Some(caller), Some(payer), false), "{value}");
        }
        assert_eq!(users(b"1/2;rksgroup=1"), (None, None, false));
    }

    #[test]
    fn what_is_wrong_is_said_and_the_rest_read() {
        let caller: &[u8] = b"+1";
        assert_eq!(users(b"1;calling=\"tel:+1\""), (Some(caller), None, true));
        assert_eq!(users(b"1/2;calling=\"tel:+1\";calling=\"tel:+2\""), (Some(caller), None, true));
        assert_eq!(users(b"1/2;calling=\"+1\""), (None, None, true));
        assert_eq!(users(b""), (None, None, true));
    }
}
